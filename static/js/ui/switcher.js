/** Go to a conversation by typing a few letters of its name. */

import { html, nothing } from "lit";

import { roomTitle, sortedRooms, unreadCount } from "../chat/selectors.js";
import { roomFace } from "./avatar.js";
import { app, router } from "./context.js";
import { DialogView } from "./dialog.js";
import { badge } from "./format.js";
import { icon } from "./icons.js";
import { foldCase, otherPerson } from "./room-list.js";
import { roomPath } from "./router.js";

const MAX_SHOWN = 8;

class Switcher extends DialogView {
  constructor() {
    super();
    this.query = "";
    this.at = 0;
  }

  get found() {
    const state = app().store.getState();
    const wanted = foldCase(this.query.trim());
    const rooms = sortedRooms(state).filter((room) => foldCase(roomTitle(state, room)).includes(wanted));
    const starts = (/** @type {import("../chat/types.js").Room} */ room) => (foldCase(roomTitle(state, room)).startsWith(wanted) ? 0 : 1);
    const unread = (/** @type {import("../chat/types.js").Room} */ room) => (unreadCount(room) > 0 ? 0 : 1);
    // Without letters: the unread ones first. With some: names that start with them.
    const rank = wanted === "" ? unread : starts;
    return rooms.sort((a, b) => rank(a) - rank(b)).slice(0, MAX_SHOWN);
  }

  render() {
    const state = app().store.getState();
    const rooms = this.found;
    const active = rooms[this.at] ? `switch-${this.at}` : nothing;
    const body = html`<div class="search">
        ${icon("search", 18)}
        <input
          class="input"
          type="text"
          role="combobox"
          aria-label="Name of a conversation"
          aria-expanded="true"
          aria-controls="switch-list"
          aria-autocomplete="list"
          aria-activedescendant=${active}
          autocomplete="off"
          autofocus
          placeholder="Go to…"
          @input=${this.onInput}
          @keydown=${this.onKey}
        />
      </div>
      <ul id="switch-list" role="listbox" aria-label="Conversations" class="switch-list">
        ${rooms.map((room, index) => {
          const title = roomTitle(state, room);
          const unread = unreadCount(room);
          return html`<li id=${`switch-${index}`} role="option" class="switch-row" aria-selected=${index === this.at} @click=${() => this.open(room.id)}>
            ${roomFace(room, title, otherPerson(room, state.me?.id))}<span class="ellipsis"><bdi>${title}</bdi></span>
            ${unread > 0 ? html`<span class="badge number">${badge(unread)}<span class="hidden-text"> unread</span></span>` : nothing}
          </li>`;
        })}
      </ul>
      ${rooms.length === 0 ? html`<p class="picker-note small faint" role="status">No conversation of yours has that in its name.</p>` : nothing}`;
    return this.frame("Go to a conversation", body, nothing, "switcher");
  }

  /** @param {Event} event */
  onInput(event) {
    this.query = /** @type {HTMLInputElement} */ (event.target).value;
    this.at = 0;
    this.requestUpdate();
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.isComposing) return;
    const rooms = this.found;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const room = rooms[this.at];
    if (step && rooms.length > 0) {
      event.preventDefault();
      this.at = (this.at + step + rooms.length) % rooms.length;
      this.requestUpdate();
    } else if (event.key === "Enter" && room) {
      event.preventDefault();
      this.open(room.id);
    }
  }

  /** @param {string} roomId */
  open(roomId) {
    this.close();
    router().go(roomPath(roomId));
  }
}

customElements.define("parley-switcher", Switcher);
