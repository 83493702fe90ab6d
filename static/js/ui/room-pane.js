/** The middle pane: the open room's head, timeline and composer, or why there is none. */

import { html, nothing } from "lit";

import { roomTitle } from "../chat/selectors.js";
import { roomFace } from "./avatar.js";
import { app, notify, openDialog, router } from "./context.js";
import { explain, plural } from "./format.js";
import { icon } from "./icons.js";
import { otherPerson } from "./room-list.js";
import { membersPath, roomPath } from "./router.js";
import { View } from "./view.js";

/** @typedef {import("../chat/types.js").Room} Room */

/** Why a room that was there is not: a heading, and what to do. @type {Record<string, [string, string]>} */
const GONE = {
  removed: ["You are no longer in this room", "Somebody took you off its list. Who is in it can add you again."],
  deleted: ["This room was deleted", "Its owner deleted it, with everything that was said in it."],
  left: ["You left this room", "Somebody in it can add you again or send you an invitation."],
};
/** @type {[string, string]} */
const NEVER = [
  "There is no such room for you",
  "It does not exist, or you are not a member of it. Somebody in it can add you or send you an invitation.",
];

class RoomPane extends View {
  static properties = { roomId: { attribute: false }, panel: { attribute: false } };

  constructor() {
    super();
    this.roomId = "";
    this.panel = false;
    this.room = this.watch((state) => state.rooms[this.roomId]);
    this.status = this.watch((state) => state.roomsStatus);
    this.missing = this.watch((state) => state.timelines[this.roomId]?.error ?? null);
    this.gone = this.watch((state) => state.gone[this.roomId]);
    this.busy = false;
  }

  render() {
    const room = this.room.value;
    if (!room) return this.renderMissing();
    const title = roomTitle(app().store.getState(), room);
    return html`<main class="pane" id="main" tabindex="-1">
      ${this.renderHead(room, title)}
      ${room.my_role === null ? this.renderOutside(room, title) : this.renderTalk(title)}
    </main>`;
  }

  /** @param {Room} room @param {string} title */
  renderHead(room, title) {
    const other = otherPerson(room, app().store.getState().me?.id);
    const members = room.kind === "direct" ? "" : plural(room.members_count, "member");
    const detail = [members, room.topic].filter(Boolean).join(" · ");
    return html`<header class="pane-head">
      <button class="icon-button back" aria-label="Back to the list" @click=${() => router().back("/")}>${icon("back", 22)}</button>
      <span class="pane-face">${roomFace(room, title, other)}</span>
      <div class="pane-title">
        <h1 class="ellipsis"><bdi>${title}</bdi></h1>
        ${detail ? html`<p class="ellipsis tiny faint"><bdi>${detail}</bdi></p>` : nothing}
      </div>
      <parley-connection class="pane-connection"></parley-connection>
      ${room.my_role === null ? nothing : this.renderPanelButton()}
    </header>`;
  }

  renderPanelButton() {
    const label = this.panel ? "Hide the people" : "Show the people";
    return html`<button class="icon-button" aria-expanded=${this.panel} aria-label=${label} title=${label} @click=${this.togglePanel}>${icon("people", 22)}</button>`;
  }

  togglePanel() {
    this.dispatchEvent(new CustomEvent("toggle-panel", { bubbles: true }));
  }

  /** @param {string} title */
  renderTalk(title) {
    return html`<parley-timeline .roomId=${this.roomId} @compose=${this.onCompose}></parley-timeline>
      <parley-typing .roomId=${this.roomId}></parley-typing>
      <parley-composer .roomId=${this.roomId} .roomName=${title} @sent=${this.onSent}></parley-composer>`;
  }

  /** @param {Room} room @param {string} title */
  renderOutside(room, title) {
    return html`<div class="state">
      ${icon("globe", 32)}
      <h2><bdi>${title}</bdi></h2>
      <p>${plural(room.members_count, "member")}. Join to read and write.</p>
      <button class="button primary" ?disabled=${this.busy} @click=${this.join}>Join the room</button>
    </div>`;
  }

  renderMissing() {
    const loading = this.status.value !== "ready" && this.status.value !== "error";
    if (loading) return html`<main class="pane" id="main" tabindex="-1"><div class="state"><span class="spinner" role="status" aria-label="Loading"></span></div></main>`;
    const unreachable = this.missing.value?.status === 0;
    const [heading, text] = unreachable
      ? ["This room could not be loaded", explain(this.missing.value)]
      : (GONE[this.gone.value ?? ""] ?? NEVER);
    return html`<main class="pane" id="main" tabindex="-1">
      <header class="pane-head">
        <button class="icon-button back" aria-label="Back to the list" @click=${() => router().back("/")}>${icon("back", 22)}</button>
      </header>
      <div class="state">
        ${icon(unreachable ? "offline" : "compass", 32)}
        <h1>${heading}</h1>
        <p>${text}</p>
        ${unreachable
          ? html`<button class="button primary" @click=${() => void app().openRoom(this.roomId).catch(() => undefined)}>Try again</button>`
          : html`<a class="button" href="/" data-replace>To your rooms</a>`}
      </div>
    </main>`;
  }

  async join() {
    this.busy = true;
    this.requestUpdate();
    try {
      await app().joinRoom(this.roomId);
      await app().openRoom(this.roomId);
    } catch (error) {
      notify(explain(error), "error");
    } finally {
      this.busy = false;
      this.requestUpdate();
    }
  }

  /** @param {CustomEvent<{command: "reply" | "edit", message: import("../chat/types.js").Message}>} event */
  onCompose(event) {
    const composer = /** @type {any} */ (this.querySelector("parley-composer"));
    composer?.[event.detail.command](event.detail.message);
  }

  onSent() {
    /** @type {any} */ (this.querySelector("parley-timeline"))?.followOwn();
  }
}

customElements.define("parley-room-pane", RoomPane);

/** The path that shows or hides the panel where it is a place of its own. @param {string} roomId @param {boolean} shown */
export const panelPath = (roomId, shown) => (shown ? membersPath(roomId) : roomPath(roomId));

/** What the app says in the middle when no room is open. */
export const nothingOpen = () => html`<main class="pane" id="main" tabindex="-1">
  <div class="state">
    ${icon("talk", 32)}
    <h2>Choose a conversation</h2>
    <p>Or press <kbd>Ctrl</kbd> <kbd>K</kbd> and type a name.</p>
    <button class="button" @click=${() => openDialog("create")}>New conversation</button>
  </div>
</main>`;
