/**
 * What a screen reader is told without asking: new messages of the open room (only new ones: no history, no buttons, no
 * times that change), failed sends at once, the state of the connection, who writes.
 */

import { html } from "lit";
import { repeat } from "lit/directives/repeat.js";

import { spoken } from "./connection-text.js";
import { app } from "./context.js";
import { oneLine } from "./format.js";
import { spokenMessage } from "./message.js";
import { View } from "./view.js";

/** Said lines stay in the document for a while, so that slow readers find them. */
const KEPT = 6;

class Announcer extends View {
  constructor() {
    super();
    this.timeline = this.watch((state) => (state.openRoomId ? state.timelines[state.openRoomId] : undefined));
    this.outbox = this.watch((state) => state.outbox);
    this.connection = this.watch((state) => state.connection.state);
    /** @type {{key: string, text: string}[]} */
    this.said = [];
    /** @type {string | null} */
    this.roomId = null;
    /** @type {number | null} */
    this.lastSeq = null;
    /** @type {Set<string>} */
    this.failed = new Set();
    this.failure = "";
  }

  willUpdate() {
    const state = app().store.getState();
    if (state.openRoomId !== this.roomId) {
      this.roomId = state.openRoomId;
      this.lastSeq = null;
      this.said = [];
    }
    this.hear(state.me?.id);
    this.watchFailures();
  }

  /** @param {string | undefined} me */
  hear(me) {
    const timeline = this.timeline.value;
    if (timeline?.status !== "ready") return;
    const newest = timeline.messages[timeline.messages.length - 1]?.seq ?? 0;
    if (this.lastSeq !== null && newest > this.lastSeq) {
      const since = this.lastSeq;
      const fresh = timeline.messages.filter((message) => message.seq > since && message.sender_id !== me).slice(-KEPT);
      const lines = fresh.map((message) => ({ key: message.id, text: spokenMessage(message) }));
      this.said = [...this.said, ...lines].slice(-KEPT);
    }
    this.lastSeq = Math.max(newest, this.lastSeq ?? 0);
  }

  watchFailures() {
    const failed = Object.values(this.outbox.value).filter((entry) => entry.status === "failed");
    const fresh = failed.find((entry) => !this.failed.has(entry.client_id));
    if (fresh) this.failure = `Message not sent: ${oneLine(fresh.content, 80)}`;
    if (failed.length === 0) this.failure = "";
    this.failed = new Set(failed.map((entry) => entry.client_id));
  }

  render() {
    return html`<div class="hidden-text">
      <div role="log" aria-live="polite" aria-relevant="additions" aria-label="New messages" id="said">
        ${repeat(this.said, (said) => said.key, (said) => html`<p>${said.text}</p>`)}
      </div>
      <div role="status" id="spoken-connection">${spoken(this.connection.value)}</div>
      <div role="alert" id="spoken-failure">${this.failure}</div>
    </div>`;
  }
}

customElements.define("parley-announcer", Announcer);
