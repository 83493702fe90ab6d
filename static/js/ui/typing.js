/** Who is writing in the open room, while it is true. */

import { html, nothing } from "lit";

import { SECOND, Ticks } from "./clock.js";
import { app } from "./context.js";
import { listOf } from "./format.js";
import { View } from "./view.js";

/** More names than this are a crowd. */
const MAX_NAMES = 3;

class Typing extends View {
  static properties = { roomId: { attribute: false } };

  constructor() {
    super();
    this.roomId = "";
    this.typing = this.watch((state) => state.typing[this.roomId]);
    this.ticks = new Ticks(this, SECOND);
  }

  render() {
    const { users, me } = app().store.getState();
    const now = Date.now();
    const active = Object.entries(this.typing.value ?? {}).filter(([id, until]) => until > now && id !== me?.id);
    this.ticks.run(active.length > 0);
    const names = active.map(([id]) => users[id]?.display_name ?? "Someone");
    return html`<div class="typing tiny faint">${names.length > 0 ? html`<bdi>${sentence(names)}</bdi>` : nothing}</div>`;
  }
}

/** @param {string[]} names */
function sentence(names) {
  if (names.length > MAX_NAMES) return "Several people are writing…";
  return `${listOf(names)} ${names.length === 1 ? "is" : "are"} writing…`;
}

customElements.define("parley-typing", Typing);
