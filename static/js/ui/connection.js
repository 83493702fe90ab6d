/** The connection chip: what is true of the connection now, and what one can do about it. */

import { html, nothing } from "lit";

import { Ticks, SECOND } from "./clock.js";
import { describe } from "./connection-text.js";
import { app } from "./context.js";
import { clock, plural } from "./format.js";
import { View } from "./view.js";

class ConnectionChip extends View {
  constructor() {
    super();
    this.connection = this.watch((state) => state.connection);
    this.behind = this.watch((state) => (state.openRoomId ? (state.timelines[state.openRoomId]?.behindSince ?? null) : null));
    this.ticks = new Ticks(this, SECOND);
  }

  render() {
    const connection = this.connection.value;
    const behind = this.behind.value;
    this.ticks.run(connection.state === "reconnecting" || behind !== null);
    const chip = describe(connection, behind, Date.now());
    const since = connection.state === "polling" ? ` Since ${clock(connection.since)}.` : "";
    return html`<span class="chip ${chip.tone}" data-state=${connection.state} title=${chip.title + since}>
      <span class="chip-dot"></span><span class="number">${chip.text}</span>
      ${chip.retry ? this.renderRetry(connection) : nothing}
    </span>`;
  }

  /** @param {import("../chat/types.js").ConnectionInfo} connection */
  renderRetry(connection) {
    if (connection.attempting) return html`<span class="spinner chip-spinner" aria-hidden="true"></span>`;
    const next = connection.nextAttemptAt;
    const hint = next ? `Next try in ${plural(Math.max(1, Math.ceil((next - Date.now()) / 1000)), "second")}` : "Try to connect now";
    return html`<button class="chip-retry" title=${hint} @click=${() => app().tryNow()}>Try now</button>`;
  }
}

customElements.define("parley-connection", ConnectionChip);
