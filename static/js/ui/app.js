/** The frame: which panes stand where, the dialogs over them, the keys that work everywhere, the title of the page. */

import { html, nothing } from "lit";

import { roomTitle } from "../chat/selectors.js";
import { app, openDialog, requests, router } from "./context.js";
import { explain } from "./format.js";
import { icon, mark } from "./icons.js";
import { nothingOpen } from "./room-pane.js";
import { stepRoom, unreadRooms } from "./room-list.js";
import { membersPath, roomPath } from "./router.js";
import { View } from "./view.js";

/** @typedef {import("./context.js").DialogRequest} DialogRequest */

/** From here on the people stand beside the timeline; below, they are a place of their own. */
const WIDE = "(min-width: 1100px)";
/** Below this only one pane stands on the screen. */
const NARROW = "(max-width: 759.98px)";
const PANEL_KEY = "parley:people";

/** @type {Record<string, (data: Record<string, any>) => unknown>} */
const DIALOGS = {
  "add-people": (data) => html`<parley-add-people .data=${data}></parley-add-people>`,
  confirm: (data) => html`<parley-confirm .data=${data}></parley-confirm>`,
  create: (data) => html`<parley-create-room .data=${data}></parley-create-room>`,
  help: (data) => html`<parley-help .data=${data}></parley-help>`,
  invite: (data) => html`<parley-invite .data=${data}></parley-invite>`,
  member: (data) => html`<parley-member .data=${data}></parley-member>`,
  profile: (data) => html`<parley-profile .data=${data}></parley-profile>`,
  room: (data) => html`<parley-room-settings .data=${data}></parley-room-settings>`,
  switcher: (data) => html`<parley-switcher .data=${data}></parley-switcher>`,
};

class ParleyApp extends View {
  constructor() {
    super();
    this.status = this.watch((state) => state.status);
    this.rooms = this.watch((state) => state.rooms);
    this.wide = window.matchMedia(WIDE);
    this.narrow = window.matchMedia(NARROW);
    this.people = readPanel();
    /** @type {DialogRequest | null} */
    this.dialog = null;
    /** @type {string | null} what the engine was last asked to open; null after the address changed */
    this.opening = null;
    this.onWide = () => this.requestUpdate();
    this.onRoute = () => this.arrive();
    this.onDialog = (/** @type {Event} */ event) => this.ask(/** @type {CustomEvent<DialogRequest>} */ (event).detail);
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.key(event);
  }

  connectedCallback() {
    super.connectedCallback();
    this.wide.addEventListener("change", this.onWide);
    this.narrow.addEventListener("change", this.onWide);
    router().addEventListener("change", this.onRoute);
    requests.addEventListener("dialog", this.onDialog);
    document.addEventListener("keydown", this.onKey);
    this.arrive();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.wide.removeEventListener("change", this.onWide);
    this.narrow.removeEventListener("change", this.onWide);
    router().removeEventListener("change", this.onRoute);
    requests.removeEventListener("dialog", this.onDialog);
    document.removeEventListener("keydown", this.onKey);
  }

  /** The address says another place: open what it names. */
  arrive() {
    this.opening = null;
    this.requestUpdate();
  }

  /** Have the engine open the room that the address names: once, and again when it comes back after it was gone. */
  openNamed() {
    const { route } = router();
    const state = app().store.getState();
    if (state.status !== "ready") return;
    const roomId = route.name === "room" ? route.roomId : null;
    if (roomId === null) {
      if (state.openRoomId !== null) app().closeRoom();
      return;
    }
    const known = roomId in state.rooms;
    const wanted = `${roomId} ${known ? "known" : "unknown"}`;
    const cameBack = known && this.opening === `${roomId} unknown`;
    if (roomId !== state.openRoomId && (this.opening === null || cameBack)) app().openRoom(roomId).catch(() => undefined);
    this.opening = wanted;
  }

  /** @param {DialogRequest} request */
  ask(request) {
    if (app().store.getState().status !== "ready") return;
    this.dialog = request;
    this.requestUpdate();
  }

  render() {
    const { status, error } = app().store.getState();
    if (status === "error") return failed(explain(error));
    if (status !== "ready") return starting();
    const { route } = router();
    const beside = this.wide.matches && this.people;
    const panel = route.name === "room" && (route.panel || beside) && Boolean(this.rooms.value[route.roomId]?.my_role);
    return html`<a class="skip" href="#main" @click=${this.toMain}>To the messages</a>
      <div class="frame" data-place=${place(route)} data-panel=${panel}>
        <parley-room-list class="frame-list" role=${this.narrow.matches && place(route) === "list" ? "main" : nothing}></parley-room-list>
        <div class="frame-main" @toggle-panel=${this.togglePanel}>${this.renderMain()}</div>
        ${panel && route.name === "room"
          ? html`<parley-members class="frame-panel" .roomId=${route.roomId} .alone=${this.narrow.matches} @toggle-panel=${this.togglePanel}></parley-members>`
          : nothing}
      </div>
      ${this.renderDialog()} <parley-notices></parley-notices> <parley-announcer></parley-announcer>`;
  }

  renderMain() {
    const { route } = router();
    const panel = route.name === "room" && (route.panel || (this.wide.matches && this.people));
    switch (route.name) {
      case "room":
        return html`<parley-room-pane .roomId=${route.roomId} .panel=${panel}></parley-room-pane>`;
      case "directory":
        return html`<parley-directory></parley-directory>`;
      case "invite":
        return html`<parley-invitation .code=${route.code}></parley-invitation>`;
      default:
        return nothingOpen();
    }
  }

  renderDialog() {
    const show = this.dialog ? DIALOGS[this.dialog.name] : undefined;
    if (!show || !this.dialog) return nothing;
    const { dialog } = this;
    return html`<div @dialog-closed=${() => this.closed(dialog)}>${show(dialog.data)}</div>`;
  }

  /** @param {DialogRequest} dialog */
  closed(dialog) {
    if (this.dialog !== dialog) return;
    this.dialog = null;
    this.requestUpdate();
  }

  updated() {
    document.title = this.pageTitle();
    this.openNamed();
  }

  pageTitle() {
    const state = app().store.getState();
    const { route } = router();
    const room = route.name === "room" ? state.rooms[route.roomId] : undefined;
    const unread = state.status === "ready" ? unreadRooms() : 0;
    const name = room ? `${roomTitle(state, room)} · Parley` : "Parley";
    return unread > 0 ? `(${unread}) ${name}` : name;
  }

  togglePanel() {
    const { route } = router();
    if (route.name !== "room") return;
    if (!this.wide.matches) {
      if (route.panel) router().back(roomPath(route.roomId));
      else router().go(membersPath(route.roomId));
      return;
    }
    const shown = !(route.panel || this.people);
    this.people = shown;
    writePanel(shown);
    if (route.panel && !shown) router().go(roomPath(route.roomId), { replace: true });
    this.requestUpdate();
  }

  /** @param {Event} event */
  toMain(event) {
    event.preventDefault();
    /** @type {HTMLElement | null} */ (this.querySelector("#composer-text") ?? this.querySelector("#main"))?.focus();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.isComposing || event.defaultPrevented || app().store.getState().status !== "ready") return;
    const target = event.target instanceof HTMLElement ? event.target : null;
    const writing = Boolean(target?.closest("input, textarea, select, [contenteditable]"));
    const inDialog = Boolean(target?.closest("dialog"));
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openDialog("switcher");
    } else if (inDialog || event.ctrlKey || event.metaKey) {
      return;
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      stepRoom(event.key === "ArrowUp" ? -1 : 1);
    } else if (event.key === "F6") {
      event.preventDefault();
      this.cycle(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      this.escape();
    } else if (!writing && event.key === "?") {
      event.preventDefault();
      openDialog("help");
    } else if (!writing && event.key.length === 1 && event.key !== " " && !event.altKey) {
      // Whoever starts to type means the composer.
      if (!target?.closest("article, a, button")) /** @type {HTMLElement | null} */ (this.querySelector("#composer-text"))?.focus();
    }
  }

  /** From the panel to the writing, from anywhere to the writing. */
  escape() {
    const { route } = router();
    if (route.name === "room" && route.panel) this.togglePanel();
    /** @type {HTMLElement | null} */ (this.querySelector("#composer-text"))?.focus();
  }

  /** The regions, one after the other. @param {number} step */
  cycle(step) {
    const regions = [".side-rows a.room, .side .input", ".timeline article[tabindex='0']", "#composer-text", ".panel button"]
      .map((selector) => /** @type {HTMLElement | null} */ (this.querySelector(selector)))
      .filter((element) => element !== null && element.checkVisibility());
    const inside = regions.findIndex((element) => regionOf(element) === regionOf(/** @type {HTMLElement | null} */ (document.activeElement)));
    const next = regions[(inside + step + regions.length) % regions.length];
    next?.focus();
  }
}

/** @param {HTMLElement | null} element */
const regionOf = (element) => element?.closest(".side, .timeline, .composer, .panel") ?? null;

/** What stands in the one pane of a narrow screen. @param {import("./router.js").Route} route */
function place(route) {
  if (route.name === "room") return route.panel ? "panel" : "main";
  return route.name === "home" || route.name === "unknown" ? "list" : "main";
}

function readPanel() {
  try {
    return localStorage.getItem(PANEL_KEY) !== "hidden";
  } catch {
    return true;
  }
}

/** @param {boolean} shown */
function writePanel(shown) {
  try {
    localStorage.setItem(PANEL_KEY, shown ? "shown" : "hidden");
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

const starting = () => html`<div class="starting" role="status">${mark(44)}<span class="spinner" aria-hidden="true"></span><span class="hidden-text">Parley is starting</span></div>`;

/** @param {string} text */
const failed = (text) => html`<main class="starting">
  <div class="state" role="alert">
    ${icon("offline", 32)}
    <h2>Parley cannot reach its server</h2>
    <p>${text}</p>
    <button class="button primary" @click=${() => void app().start()}>Try again</button>
  </div>
</main>`;

customElements.define("parley-app", ParleyApp);
