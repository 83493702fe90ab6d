/** The directory: rooms that are open to all, and an invitation that was followed. */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";

import { roomFace } from "./avatar.js";
import { app, notify, router } from "./context.js";
import { explain, plural } from "./format.js";
import { icon } from "./icons.js";
import { foldCase } from "./room-list.js";
import { roomPath } from "./router.js";
import { View } from "./view.js";

/** @typedef {import("../chat/types.js").Room} Room */

const backButton = () => html`<button class="icon-button back" aria-label="Back to the list" @click=${() => router().back("/")}>${icon("back", 22)}</button>`;

class Directory extends View {
  constructor() {
    super();
    /** @type {Room[]} */
    this.rooms = [];
    /** @type {"loading" | "ready" | "error"} */
    this.status = "loading";
    this.failure = "";
    this.filter = "";
    this.joining = "";
    this.mine = this.watch((state) => state.rooms);
  }

  firstUpdated() {
    void this.load();
  }

  async load() {
    this.status = "loading";
    this.requestUpdate();
    try {
      this.rooms = await app().listPublicRooms();
      this.status = "ready";
    } catch (error) {
      this.status = "error";
      this.failure = explain(error);
    }
    this.requestUpdate();
  }

  render() {
    return html`<main class="pane" id="main" tabindex="-1">
      <header class="pane-head">
        ${backButton()}
        <div class="pane-title"><h1>Directory</h1><p class="tiny faint">Rooms that everybody here may join</p></div>
        <parley-connection class="pane-connection"></parley-connection>
      </header>
      <div class="directory">${this.renderBody()}</div>
    </main>`;
  }

  renderBody() {
    if (this.status === "loading") return html`<div class="state"><span class="spinner" role="status" aria-label="Loading the directory"></span></div>`;
    if (this.status === "error") {
      return html`<div class="state" role="alert">
        ${icon("alert", 32)}
        <p>The directory could not be loaded. ${this.failure}</p>
        <button class="button primary" @click=${() => void this.load()}>Try again</button>
      </div>`;
    }
    if (this.rooms.length === 0) return html`<div class="state">${icon("globe", 32)}<h2>No public rooms yet</h2><p>Create one, and everybody finds it here.</p></div>`;
    const wanted = foldCase(this.filter.trim());
    const shown = this.rooms.filter((room) => foldCase(`${room.name ?? ""} ${room.topic ?? ""}`).includes(wanted));
    return html`<div class="search directory-search">
        ${icon("search", 18)}
        <input class="input" type="search" placeholder="Find a public room" aria-label="Find a public room" .value=${this.filter} @input=${this.onFilter} />
      </div>
      ${shown.length === 0 ? html`<div class="state"><p>No public room is called that.</p></div>` : nothing}
      <ul class="directory-rooms">${repeat(shown, (room) => room.id, (room) => this.renderRoom(room))}</ul>`;
  }

  /** @param {Room} room */
  renderRoom(room) {
    const joined = Boolean(this.mine.value[room.id]?.my_role);
    const name = room.name ?? "Room";
    return html`<li class="directory-room">
      ${roomFace(room, name, null)}
      <div class="directory-text">
        <h2 class="ellipsis"><bdi>${name}</bdi></h2>
        <p class="small faint ellipsis"><bdi>${[plural(room.members_count, "member"), room.topic].filter(Boolean).join(" · ")}</bdi></p>
      </div>
      ${joined
        ? html`<a class="button" href=${roomPath(room.id)} aria-label=${`Open ${name}`}>Open</a>`
        : html`<button class="button primary" aria-label=${`Join ${name}`} ?disabled=${this.joining === room.id} @click=${() => this.join(room.id)}>Join</button>`}
    </li>`;
  }

  /** @param {Event} event */
  onFilter(event) {
    this.filter = /** @type {HTMLInputElement} */ (event.target).value;
    this.requestUpdate();
  }

  /** @param {string} roomId */
  async join(roomId) {
    this.joining = roomId;
    this.requestUpdate();
    try {
      await app().joinRoom(roomId);
      router().go(roomPath(roomId));
    } catch (error) {
      notify(explain(error), "error");
    } finally {
      this.joining = "";
      this.requestUpdate();
    }
  }
}

class Invitation extends View {
  static properties = { code: { attribute: false } };

  constructor() {
    super();
    this.code = "";
    this.busy = false;
    this.failure = "";
  }

  render() {
    return html`<main class="pane" id="main" tabindex="-1">
      <header class="pane-head">${backButton()}</header>
      <div class="state">
        ${icon("link", 32)}
        <h1>You are invited to a room</h1>
        <p>Join it to read what is said there and to take part.</p>
        ${this.failure ? html`<p class="error-text" role="alert">${this.failure}</p>` : nothing}
        <button class="button primary" ?disabled=${this.busy} @click=${this.accept}>Join the room</button>
        <a class="button plain" href="/" data-replace>Not now</a>
      </div>
    </main>`;
  }

  async accept() {
    this.busy = true;
    this.failure = "";
    this.requestUpdate();
    try {
      const roomId = await app().redeemInvite(this.code);
      router().go(roomPath(roomId), { replace: true });
    } catch (error) {
      this.failure = explain(error);
    } finally {
      this.busy = false;
      this.requestUpdate();
    }
  }
}

customElements.define("parley-directory", Directory);
customElements.define("parley-invitation", Invitation);
