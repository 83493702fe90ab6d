/** A new conversation: with one person, with some, or a room for all. */

import { html, nothing } from "lit";

import { app, router } from "./context.js";
import { DialogView } from "./dialog.js";
import { roomPath } from "./router.js";

/** @typedef {"direct" | "group" | "public"} Kind */

/** @type {{kind: Kind, name: string, text: string}[]} */
const KINDS = [
  { kind: "direct", name: "One person", text: "Only the two of you" },
  { kind: "group", name: "Group", text: "People whom you add or invite" },
  { kind: "public", name: "Public room", text: "Everybody here finds it and may join" },
];
const MAX_NAME = 120;

class CreateRoom extends DialogView {
  constructor() {
    super();
    /** @type {Kind} */
    this.kind = "direct";
    this.name = "";
    /** @type {import("../chat/types.js").UserCard[]} */
    this.people = [];
  }

  get ready() {
    return this.kind === "direct" ? this.people.length === 1 : this.name.trim() !== "";
  }

  render() {
    const me = app().store.getState().me?.id ?? "";
    const direct = this.kind === "direct";
    const body = html`<form id="create-room" class="form" @submit=${this.submit}>
      <fieldset class="kinds">
        <legend class="hidden-text">Kind of conversation</legend>
        ${KINDS.map(
          ({ kind, name, text }) => html`<label class="kind">
            <input type="radio" name="kind" value=${kind} .checked=${kind === this.kind} @change=${() => this.choose(kind)} />
            <span class="kind-name">${name}</span><span class="small faint">${text}</span>
          </label>`,
        )}
      </fieldset>
      ${direct
        ? nothing
        : html`<div class="field">
            <label for="room-name">Name</label>
            <input id="room-name" class="input" dir="auto" autocomplete="off" maxlength=${MAX_NAME} .value=${this.name} @input=${this.onName} />
          </div>`}
      <parley-people-picker
        .single=${direct}
        .without=${new Set([me])}
        .label=${direct ? "Whom do you want to write to?" : "Add people (you can do it later, too)"}
        @picked=${this.onPicked}
      ></parley-people-picker>
    </form>`;
    const foot = html`<button class="button" @click=${this.close}>Cancel</button>
      <button class="button primary" form="create-room" ?disabled=${!this.ready || this.busy}>${direct ? "Start writing" : "Create"}</button>`;
    return this.frame("New conversation", body, foot);
  }

  /** @param {Kind} kind */
  choose(kind) {
    this.kind = kind;
    this.requestUpdate();
  }

  /** @param {Event} event */
  onName(event) {
    this.name = /** @type {HTMLInputElement} */ (event.target).value;
    this.requestUpdate();
  }

  /** @param {CustomEvent<import("../chat/types.js").UserCard[]>} event */
  onPicked(event) {
    this.people = event.detail;
    this.requestUpdate();
  }

  /** @param {Event} event */
  submit(event) {
    event.preventDefault();
    if (!this.ready) return;
    void this.act(async () => {
      const ids = this.people.map((user) => user.id);
      const people = this.kind === "direct" ? ids.slice(0, 1) : ids;
      const name = this.kind === "direct" ? {} : { name: this.name.trim() };
      const room = await app().createRoom({ kind: this.kind, member_ids: people, ...name });
      router().go(roomPath(room.id));
    });
  }
}

customElements.define("parley-create-room", CreateRoom);
