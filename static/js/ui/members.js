/** The right pane: who is in the room, and what one may do about it. */

import { html, nothing } from "lit";

import { roomTitle } from "../chat/selectors.js";
import { roomFace, userFace } from "./avatar.js";
import { app, notify, openDialog, router } from "./context.js";
import { explain, number } from "./format.js";
import { icon } from "./icons.js";
import { foldCase, otherPerson } from "./room-list.js";
import { roomPath } from "./router.js";
import { View } from "./view.js";

/** @typedef {import("../chat/types.js").Room} Room */
/** @typedef {import("../chat/types.js").Member} Member */
/** @typedef {Member["role"]} Role */

const ROW_HEIGHT = 56;
const ROLES = /** @type {const} */ (["guest", "member", "admin", "owner"]);
/** A filter is of use from here on. */
const FILTER_FROM = 12;

/** @param {Role | null | undefined} role */
const rank = (role) => (role ? ROLES.indexOf(role) : -1);

/** Roles that one may give to somebody: below one's own, and only to people below oneself. @param {Room} room @param {Member} member @returns {Role[]} */
export function rolesToGive(room, member) {
  const mine = rank(room.my_role);
  if (room.kind === "direct" || mine < rank("admin") || rank(member.role) >= mine) return [];
  return ROLES.filter((role) => rank(role) < mine);
}

class Members extends View {
  static properties = { roomId: { attribute: false }, alone: { attribute: false } };

  constructor() {
    super();
    this.roomId = "";
    /** it is the only pane on the screen */
    this.alone = false;
    this.room = this.watch((state) => state.rooms[this.roomId]);
    this.list = this.watch((state) => state.members[this.roomId]);
    this.me = this.watch((state) => state.me);
    this.filter = "";
    this.requested = "";
  }

  willUpdate() {
    const room = this.room.value;
    if (!room || room.my_role === null || this.requested === this.roomId) return;
    this.requested = this.roomId;
    this.filter = "";
    queueMicrotask(() => this.load());
  }

  load() {
    app().loadMembers(this.roomId).catch(() => undefined);
  }

  render() {
    const room = this.room.value;
    if (!room || room.my_role === null) return nothing;
    const title = roomTitle(app().store.getState(), room);
    const other = otherPerson(room, this.me.value?.id);
    const heading = room.kind === "direct" ? "Conversation" : "About this room";
    return html`<section class="panel" role=${this.alone ? "main" : "complementary"} aria-label=${`People in ${title}`}>
      <header class="panel-head">
        <button class="icon-button" aria-label="Close" title="Close (Esc)" @click=${this.close}>${icon("close", 22)}</button>
        ${this.alone ? html`<h1 class="ellipsis">${heading}</h1>` : html`<h2 class="ellipsis">${heading}</h2>`}
      </header>
      <div class="panel-about">
        ${roomFace(room, title, other, "large")}
        <h2><bdi>${title}</bdi></h2>
        <p class="small faint">${this.kindText(room)}</p>
      </div>
      ${room.kind === "direct" ? nothing : this.renderActions(room)} ${room.kind === "direct" ? nothing : this.renderPeople(room)}
    </section>`;
  }

  /** @param {Room} room */
  kindText(room) {
    if (room.kind === "direct") return "Only the two of you";
    return room.kind === "public" ? "Public room: everybody here may join" : "Group: by invitation";
  }

  close() {
    this.dispatchEvent(new CustomEvent("toggle-panel", { bubbles: true }));
  }

  /** @param {Room} room */
  renderActions(room) {
    const invites = rank(room.my_role) >= rank("member");
    const admin = rank(room.my_role) >= rank("admin");
    return html`<div class="panel-actions">
      ${invites
        ? html`<button class="panel-action" @click=${() => openDialog("add-people", { roomId: room.id })}>${icon("addPerson")} Add people</button>
            <button class="panel-action" @click=${() => openDialog("invite", { roomId: room.id })}>${icon("link")} Invitation link</button>`
        : nothing}
      ${admin ? html`<button class="panel-action" @click=${() => openDialog("room", { roomId: room.id })}>${icon("edit")} Name and topic</button>` : nothing}
      <button class="panel-action danger" @click=${() => this.confirmLeave(room)}>${icon("leave")} Leave the room</button>
    </div>`;
  }

  /** @param {Room} room */
  renderPeople(room) {
    const list = this.list.value;
    const items = list?.items ?? [];
    if (list?.status === "error" && items.length === 0) {
      return html`<div class="state" role="alert">
        <p>The list of people could not be loaded.</p>
        <button class="button" @click=${this.load}>Try again</button>
      </div>`;
    }
    if (items.length === 0) return html`<div class="state"><span class="spinner" role="status" aria-label="Loading the people"></span></div>`;
    const wanted = foldCase(this.filter.trim());
    const shown = wanted ? items.filter((member) => foldCase(member.user.display_name).includes(wanted)) : items;
    return html`<h3 class="panel-count small">${number(Math.max(room.members_count, items.length))} ${room.members_count === 1 ? "person" : "people"}</h3>
      ${items.length >= FILTER_FROM
        ? html`<div class="search panel-search">
            ${icon("search", 18)}
            <input class="input" type="search" placeholder="Find a person" aria-label="Find a person" .value=${this.filter} @input=${this.onFilter} />
          </div>`
        : nothing}
      ${shown.length === 0 ? html`<p class="panel-none small faint">Nobody of that name${list?.status === "loading" ? " so far; still loading" : ""}.</p>` : nothing}
      <parley-virtual-list
        class="panel-rows"
        .items=${shown}
        .rowHeight=${ROW_HEIGHT}
        .keyOf=${(/** @type {Member} */ member) => member.user.id}
        .label=${"People"}
        .renderItem=${(/** @type {Member} */ member) => this.renderMember(room, member)}
      ></parley-virtual-list>`;
  }

  /** @param {Room} room @param {Member} member */
  renderMember(room, member) {
    const { user, role } = member;
    const self = user.id === this.me.value?.id;
    const acts = !self;
    const name = html`<span class="ellipsis"><bdi>${user.display_name}</bdi></span>${self ? html` <span class="faint small">you</span>` : nothing}`;
    const mark = role === "member" ? nothing : html`<span class="role tiny">${role}</span>`;
    if (!acts) return html`<div class="member">${userFace(user)}<span class="member-name">${name}</span>${mark}</div>`;
    return html`<button class="member" data-user=${user.id} title=${user.display_name} @click=${() => openDialog("member", { roomId: room.id, userId: user.id })}>
      ${userFace(user)}<span class="member-name">${name}</span>${mark}
    </button>`;
  }

  /** @param {Event} event */
  onFilter(event) {
    this.filter = /** @type {HTMLInputElement} */ (event.target).value;
    this.requestUpdate();
  }

  /** @param {Room} room */
  confirmLeave(room) {
    openDialog("confirm", {
      title: "Leave this room?",
      text: room.kind === "public" ? "You can join again at any time." : "To come back, somebody has to add you or invite you.",
      label: "Leave",
      run: async () => {
        try {
          await app().leaveRoom(room.id);
          router().go("/", { replace: true });
        } catch (error) {
          notify(explain(error), "error");
        }
      },
    });
  }
}

customElements.define("parley-members", Members);

/** @param {string} userId open the conversation of two */
export async function writeTo(userId) {
  try {
    const room = await app().createRoom({ kind: "direct", member_ids: [userId] });
    router().go(roomPath(room.id));
  } catch (error) {
    notify(explain(error), "error");
  }
}
