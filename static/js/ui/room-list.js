/** The list of one's rooms: newest first, unread ones bold, with a filter. */

import { html, nothing } from "lit";

import { roomTitle, sortedRooms, unreadCount } from "../chat/selectors.js";
import { author, roomFace } from "./avatar.js";
import { MINUTE, Ticks } from "./clock.js";
import { app, openDialog, router } from "./context.js";
import { badge, explain, oneLine, shortTime } from "./format.js";
import { icon, mark } from "./icons.js";
import { roomPath } from "./router.js";
import { View } from "./view.js";

/** @typedef {import("../chat/types.js").Room} Room */

export const ROW_HEIGHT = 68;

/** The other person of a direct room. @param {Room} room @param {string | undefined} me */
export function otherPerson(room, me) {
  const members = room.members ?? [];
  return (members.find((member) => member.user.id !== me) ?? members[0])?.user ?? null;
}

/** @param {string} text */
export const foldCase = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** One line about the newest message. @param {Room} room @param {string | undefined} me */
function preview(room, me) {
  const last = room.last_message;
  if (!last) return "Nothing said yet";
  const text = last.is_deleted ? "Message recalled" : oneLine(last.content, 120);
  if (last.sender_id === me) return `You: ${text}`;
  return room.kind === "direct" ? text : `${author(last).display_name}: ${text}`;
}

class RoomList extends View {
  constructor() {
    super();
    this.rooms = this.watch((state) => state.rooms);
    this.status = this.watch((state) => state.roomsStatus);
    this.me = this.watch((state) => state.me);
    this.outbox = this.watch((state) => state.outbox);
    this.open = this.watch((state) => state.openRoomId);
    this.ticks = new Ticks(this, MINUTE);
    this.filter = "";
    this.unreadOnly = false;
    /** @type {Room[]} the rows as they stand */
    this.shown = [];
    this.shownRoom = "";
    this.onRoute = () => this.requestUpdate();
  }

  connectedCallback() {
    super.connectedCallback();
    router().addEventListener("change", this.onRoute);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    router().removeEventListener("change", this.onRoute);
  }

  render() {
    const me = this.me.value;
    const all = sortedRooms(app().store.getState());
    const unread = all.filter((room) => unreadCount(room) > 0).length;
    return html`<nav class="side" aria-label="Conversations">
      <h1 class="hidden-text">Conversations</h1>
      <header class="side-head">
        <a class="wordmark" href="/" aria-label="Parley, home">${mark(26)}<span>Parley</span></a>
        <parley-connection></parley-connection>
      </header>
      <div class="side-tools">
        <div class="search">
          ${icon("search", 18)}
          <input class="input" type="search" placeholder="Find a room" aria-label="Find a room" .value=${this.filter} @input=${this.onFilter} @keydown=${this.onFilterKey} />
        </div>
        <button class="icon-button" aria-label="New conversation" title="New conversation" @click=${() => openDialog("create")}>${icon("plus")}</button>
      </div>
      <div class="side-filter" role="group" aria-label="Filter">
        <button class="filter" aria-pressed=${!this.unreadOnly} @click=${() => this.show(false)}>All</button>
        <button class="filter" aria-pressed=${this.unreadOnly} @click=${() => this.show(true)}>
          Unread${unread > 0 ? html` <span class="number">${badge(unread)}</span>` : nothing}
        </button>
        <a class="filter" href="/directory" aria-current=${router().route.name === "directory" ? "page" : "false"}>Directory</a>
      </div>
      ${this.renderRows(all)}
      <footer class="side-foot">
        <button class="side-me" @click=${() => openDialog("profile")}>
          ${me ? html`${roomFace(/** @type {Room} */ ({ kind: "direct" }), "", me)}<span class="ellipsis"><bdi>${me.display_name}</bdi></span>` : nothing}
          <span class="hidden-text">Your profile and settings</span>
        </button>
        <button class="icon-button" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" @click=${() => openDialog("help")}>${icon("help")}</button>
      </footer>
    </nav>`;
  }

  /** @param {Room[]} all */
  renderRows(all) {
    const state = app().store.getState();
    if (this.status.value === "error" && all.length === 0) {
      return html`<div class="state" role="alert">
        <p>The rooms could not be loaded. ${state.error ? explain(state.error) : ""}</p>
        <button class="button primary" @click=${() => void app().start()}>Try again</button>
      </div>`;
    }
    if (this.status.value !== "ready" && all.length === 0) return loadingRows();
    if (all.length === 0) return noRooms();
    const wanted = foldCase(this.filter.trim());
    const rooms = all.filter(
      (room) => (!this.unreadOnly || unreadCount(room) > 0 || room.id === this.open.value) && foldCase(roomTitle(state, room)).includes(wanted),
    );
    this.shown = rooms;
    if (rooms.length === 0) return this.renderNoMatch();
    return html`<parley-virtual-list
      class="side-rows"
      .items=${rooms}
      .rowHeight=${ROW_HEIGHT}
      .keyOf=${(/** @type {Room} */ room) => room.id}
      .label=${"Rooms"}
      .renderItem=${(/** @type {Room} */ room) => this.renderRow(room)}
      @keydown=${this.onListKey}
    ></parley-virtual-list>`;
  }

  /** The open room's row is in view when the room changes, however it was reached. */
  updated() {
    const { route } = router();
    const roomId = route.name === "room" ? route.roomId : "";
    const at = this.shown.findIndex((room) => room.id === roomId);
    if (roomId === this.shownRoom || at < 0) return;
    this.shownRoom = roomId;
    /** @type {any} */ (this.querySelector("parley-virtual-list"))?.show(at);
  }

  renderNoMatch() {
    if (this.filter.trim() === "") return html`<div class="state"><p>Everything is read.</p></div>`;
    return html`<div class="state">
      <p>No room of yours is called <bdi>“${this.filter.trim()}”</bdi>.</p>
      <a class="button" href="/directory">Look in the directory</a>
    </div>`;
  }

  /** @param {Room} room */
  renderRow(room) {
    const state = app().store.getState();
    const me = state.me?.id;
    const title = roomTitle(state, room);
    const unread = unreadCount(room);
    const route = router().route;
    const current = route.name === "room" && route.roomId === room.id;
    const when = room.last_message_at ? shortTime(room.last_message_at, Date.now()) : "";
    const failed = Object.values(this.outbox.value).some((entry) => entry.room_id === room.id && entry.status === "failed");
    const text = failed ? "A message of yours was not sent" : preview(room, me);
    return html`<a class="room ${unread > 0 ? "unread" : ""}" href=${roomPath(room.id)} aria-current=${current ? "page" : "false"} data-room=${room.id}>
      ${roomFace(room, title, otherPerson(room, me))}
      <span class="room-name ellipsis"><bdi>${title}</bdi>${unread > 0 ? html`<span class="hidden-text">, ${badge(unread)} unread, </span>` : nothing}</span>
      <span class="room-time tiny number">${when}</span>
      <span class="room-preview ellipsis small ${failed ? "error-text" : ""}"><bdi>${text}</bdi></span>
      ${unread > 0 ? html`<span class="badge number" aria-hidden="true">${badge(unread)}</span>` : nothing}
    </a>`;
  }

  /** @param {boolean} unreadOnly */
  show(unreadOnly) {
    this.unreadOnly = unreadOnly;
    this.requestUpdate();
  }

  /** @param {Event} event */
  onFilter(event) {
    this.filter = /** @type {HTMLInputElement} */ (event.target).value;
    this.requestUpdate();
  }

  /** @param {KeyboardEvent} event */
  onFilterKey(event) {
    if (event.isComposing || event.altKey) return;
    const first = /** @type {HTMLElement | null} */ (this.querySelector("a.room"));
    if (event.key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    }
    if (event.key === "Enter" && this.filter.trim() !== "") first?.click();
  }

  /** @param {KeyboardEvent} event */
  onListKey(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || event.altKey || !(event.target instanceof HTMLElement)) return;
    const rows = [.../** @type {NodeListOf<HTMLElement>} */ (this.querySelectorAll("a.room"))].sort(
      (a, b) => Number(a.parentElement?.dataset.at) - Number(b.parentElement?.dataset.at),
    );
    event.preventDefault();
    rows[rows.indexOf(event.target) + step]?.focus();
  }
}

const loadingRows = () => html`<div class="side-rows" role="status">
  <div class="skeleton rooms" aria-hidden="true">
    ${[54, 38, 62, 46, 70, 38].map((width) => html`<div class="skeleton-line"><i></i><b class="w-${width}"></b></div>`)}
  </div>
  <span class="hidden-text">Loading your rooms</span>
</div>`;

const noRooms = () => html`<div class="state">
  ${icon("talk", 32)}
  <h2>No conversations yet</h2>
  <p>Write to somebody, or join a room that is open to all.</p>
  <button class="button primary" @click=${() => openDialog("create")}>New conversation</button>
  <a class="button" href="/directory">Look in the directory</a>
</div>`;

/** Rooms in the order of the list: for the keys that go up and down in it. @returns {Room[]} */
export const roomsInOrder = () => sortedRooms(app().store.getState());

/** @param {number} step */
export function stepRoom(step) {
  const rooms = roomsInOrder();
  const route = router().route;
  const at = route.name === "room" ? rooms.findIndex((room) => room.id === route.roomId) : -1;
  const next = at < 0 ? rooms[0] : rooms[at + step];
  if (next) router().go(roomPath(next.id));
}

/** How many rooms have something unread, for the title of the page. */
export const unreadRooms = () => roomsInOrder().filter((room) => unreadCount(room) > 0).length;


customElements.define("parley-room-list", RoomList);
