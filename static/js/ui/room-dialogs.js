/** Dialogs about one room: add people, invitation link, name and topic, one member. */

import { html, nothing } from "lit";

import { userFace } from "./avatar.js";
import { app, notify, openDialog, router } from "./context.js";
import { DialogView } from "./dialog.js";
import { explain, plural } from "./format.js";
import { rolesToGive, writeTo } from "./members.js";
import { copyText } from "./message-actions.js";

/** @typedef {import("../chat/types.js").UserCard} UserCard */

class AddPeople extends DialogView {
  constructor() {
    super();
    /** @type {UserCard[]} */
    this.people = [];
  }

  render() {
    const members = app().store.getState().members[this.data.roomId]?.items ?? [];
    const body = html`<parley-people-picker
      .without=${new Set(members.map((member) => member.user.id))}
      .label=${"Whom do you want to add?"}
      @picked=${this.onPicked}
    ></parley-people-picker>`;
    const foot = html`<button class="button" @click=${this.close}>Cancel</button>
      <button class="button primary" ?disabled=${this.people.length === 0 || this.busy} @click=${this.submit}>
        ${this.people.length > 1 ? `Add ${plural(this.people.length, "person", "people")}` : "Add"}
      </button>`;
    return this.frame("Add people", body, foot);
  }

  /** @param {CustomEvent<UserCard[]>} event */
  onPicked(event) {
    this.people = event.detail;
    this.requestUpdate();
  }

  submit() {
    void this.act(() => app().addMembers(this.data.roomId, this.people.map((user) => user.id)));
  }
}

class Invite extends DialogView {
  constructor() {
    super();
    this.url = "";
  }

  firstUpdated() {
    super.firstUpdated();
    void this.act(
      async () => {
        const { code } = await app().createInvite(this.data.roomId);
        this.url = new URL(`/invites/${code}`, window.location.origin).href;
      },
      { close: false },
    );
  }

  render() {
    const body = html`<p class="small">Whoever has this link and an account here may join the room.</p>
      ${this.url
        ? html`<div class="field">
            <label for="invite-url">Link</label>
            <input id="invite-url" class="input" readonly .value=${this.url} @focus=${this.selectAll} />
          </div>`
        : html`<p class="small faint" role="status">${this.busy ? "Making a link…" : ""}</p>`}`;
    const foot = html`<button class="button" @click=${this.close}>Done</button>
      <button class="button primary" ?disabled=${!this.url} @click=${() => void copyText(this.url)}>Copy the link</button>`;
    return this.frame("Invitation link", body, foot);
  }

  /** @param {FocusEvent} event */
  selectAll(event) {
    /** @type {HTMLInputElement} */ (event.target).select();
  }
}

class RoomSettings extends DialogView {
  render() {
    const room = app().store.getState().rooms[this.data.roomId];
    if (!room) return nothing;
    const body = html`<form id="room-settings" class="form" @submit=${this.submit}>
      <div class="field">
        <label for="settings-name">Name</label>
        <input id="settings-name" name="name" class="input" dir="auto" autocomplete="off" required maxlength="120" value=${room.name ?? ""} />
      </div>
      <div class="field">
        <label for="settings-topic">Topic</label>
        <input id="settings-topic" name="topic" class="input" dir="auto" autocomplete="off" maxlength="300" value=${room.topic ?? ""} />
      </div>
    </form>`;
    const remove = room.my_role === "owner" ? html`<button class="button plain danger dialog-left" @click=${this.confirmDelete}>Delete the room</button>` : nothing;
    const foot = html`${remove}<button class="button" @click=${this.close}>Cancel</button>
      <button class="button primary" form="room-settings" ?disabled=${this.busy}>Save</button>`;
    return this.frame("Name and topic", body, foot);
  }

  /** @param {SubmitEvent} event */
  submit(event) {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const name = String(fields.get("name") ?? "").trim();
    const topic = String(fields.get("topic") ?? "").trim();
    void this.act(() => app().updateRoom(this.data.roomId, { name, topic }));
  }

  confirmDelete() {
    const { roomId } = this.data;
    this.close();
    openDialog("confirm", {
      title: "Delete this room?",
      text: "The room and everything that was said in it go, for everyone. This cannot be undone.",
      label: "Delete the room",
      run: async () => {
        try {
          await app().deleteRoom(roomId);
          router().go("/", { replace: true });
        } catch (error) {
          notify(explain(error), "error");
        }
      },
    });
  }
}

class MemberDialog extends DialogView {
  render() {
    const state = app().store.getState();
    const room = state.rooms[this.data.roomId];
    const member = state.members[this.data.roomId]?.items.find((one) => one.user.id === this.data.userId);
    if (!room || !member) return nothing;
    const roles = rolesToGive(room, member);
    const { user } = member;
    const body = html`<div class="panel-about">${userFace(user, "large")}<h3><bdi>${user.display_name}</bdi></h3><p class="small faint">${member.role}</p></div>
      ${roles.length > 0
        ? html`<div class="field">
            <label for="member-role">Role</label>
            <select id="member-role" class="input" @change=${this.changeRole}>
              ${roles.map((role) => html`<option value=${role} ?selected=${role === member.role}>${role}</option>`)}
            </select>
          </div>`
        : nothing}`;
    const remove = roles.length > 0 ? html`<button class="button plain danger dialog-left" ?disabled=${this.busy} @click=${this.remove}>Remove from the room</button>` : nothing;
    const foot = html`${remove}<button class="button primary" @click=${this.write}>Write to them</button>`;
    return this.frame("Member", body, foot);
  }

  /** @param {Event} event */
  changeRole(event) {
    const role = /** @type {HTMLSelectElement} */ (event.target).value;
    void this.act(() => app().changeRole(this.data.roomId, this.data.userId, role), { close: false });
  }

  remove() {
    void this.act(async () => {
      await app().removeMember(this.data.roomId, this.data.userId);
      notify("Removed.");
    });
  }

  write() {
    this.close();
    void writeTo(this.data.userId);
  }
}

customElements.define("parley-add-people", AddPeople);
customElements.define("parley-invite", Invite);
customElements.define("parley-room-settings", RoomSettings);
customElements.define("parley-member", MemberDialog);
