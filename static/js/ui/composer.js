/** Where one writes. It never waits for the network: sending hands the text to the outbox and is done. */

import { html, nothing } from "lit";

import { author } from "./avatar.js";
import { app } from "./context.js";
import { readDraft, writeDraft } from "./drafts.js";
import { byteLength, explain, number, oneLine } from "./format.js";
import { icon } from "./icons.js";
import { maySend } from "./message-actions.js";
import { View } from "./view.js";

/** @typedef {import("../chat/types.js").Message} Message */

/** Bytes of UTF-8, as on the server; the counter shows when less than a tenth is left. */
const MAX_BYTES = 100_000;
const COUNT_FROM = 90_000;
/** UTF-8 has at most three bytes for each unit of a JavaScript string: below this, counting is not needed. */
const SURELY_SHORT = COUNT_FROM / 3;

class Composer extends View {
  static properties = { roomId: { attribute: false }, roomName: { attribute: false } };

  constructor() {
    super();
    this.roomId = "";
    this.roomName = "";
    this.room = this.watch((state) => state.rooms[this.roomId]);
    this.me = this.watch((state) => state.me);
    /** @type {Message | null} */
    this.editing = null;
    /** @type {Message | null} */
    this.replyTo = null;
    this.saving = false;
    this.bytes = 0;
    this.empty = true;
    this.failure = "";
  }

  /** @returns {HTMLTextAreaElement | null} */
  get field() {
    return this.querySelector("textarea");
  }

  /** @param {import("lit").PropertyValues<this>} changed */
  updated(changed) {
    if (changed.has("roomId")) this.enterRoom();
  }

  enterRoom() {
    this.editing = this.replyTo = null;
    this.failure = "";
    this.put(readDraft(this.me.value?.id ?? "", this.roomId));
  }

  /** @param {string} text */
  put(text) {
    if (!this.field) return;
    this.field.value = text;
    this.measure();
  }

  measure() {
    const { field } = this;
    if (!field) return;
    const text = field.value;
    this.bytes = text.length > SURELY_SHORT ? byteLength(text) : 0;
    this.empty = text.trim() === "";
    if (!CSS.supports("field-sizing", "content")) {
      field.style.height = "auto";
      field.style.height = `${field.scrollHeight}px`;
    }
    this.requestUpdate();
  }

  render() {
    const room = this.room.value;
    if (room && !maySend(room)) return this.renderClosed(room);
    const over = this.bytes > MAX_BYTES;
    return html`<form class="composer" @submit=${this.onSubmit}>
      ${this.renderContext()}
      <div class="composer-field">
        <label class="hidden-text" for="composer-text">${this.editing ? "Edit your message" : `Message ${this.roomName}`}</label>
        <textarea
          id="composer-text"
          dir="auto"
          rows="1"
          enterkeyhint="send"
          autocomplete="off"
          placeholder=${this.editing ? "Edit your message" : `Message ${this.roomName}`}
          aria-describedby="composer-help"
          aria-invalid=${over ? "true" : "false"}
          @input=${this.onInput}
          @keydown=${this.onKey}
        ></textarea>
        <button class="icon-button composer-send" aria-label=${this.editing ? "Save the edit" : "Send"} title=${this.editing ? "Save (Enter)" : "Send (Enter)"} ?disabled=${this.empty || over || this.saving}>
          ${icon(this.editing ? "check" : "send", 22)}
        </button>
      </div>
      <span id="composer-help" class="hidden-text">Enter sends, Shift and Enter starts a new line.</span>
      ${this.bytes > COUNT_FROM ? this.renderCounter(over) : nothing}
      ${this.failure ? html`<p class="composer-note error-text" role="alert">${this.failure}</p>` : nothing}
    </form>`;
  }

  /** @param {import("../chat/types.js").Room} room */
  renderClosed(room) {
    const text = room.is_frozen ? "This room is frozen: nobody can write here for now." : "You can read here, but not write.";
    return html`<p class="composer-closed faint">${text}</p>`;
  }

  /** @param {boolean} over */
  renderCounter(over) {
    const text = `${number(this.bytes)} of ${number(MAX_BYTES)} bytes`;
    return html`<p class="composer-note tiny number ${over ? "error-text" : "faint"}" role="status">
      ${over ? `${text}: too long to send. Shorten it or send it in parts.` : text}
    </p>`;
  }

  renderContext() {
    const message = this.editing ?? this.replyTo;
    if (!message) return nothing;
    const what = this.editing ? "Editing" : html`Reply to <bdi>${author(message).display_name}</bdi>`;
    return html`<div class="composer-context">
      ${icon(this.editing ? "edit" : "reply", 16)}
      <span class="composer-what">${what}</span>
      <span class="ellipsis faint" dir="auto">${oneLine(message.content)}</span>
      <button type="button" class="icon-button" aria-label="Cancel" title="Cancel (Esc)" @click=${this.cancel}>${icon("close", 18)}</button>
    </div>`;
  }

  onInput() {
    this.failure = "";
    this.measure();
    if (this.editing) return;
    writeDraft(this.me.value?.id ?? "", this.roomId, this.field?.value ?? "");
    app().typing(this.roomId, !this.empty);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    // While an input method composes (Chinese, Japanese, Korean), Enter chooses a word. Safari ends the composition before
    // it reports the key, and marks it with 229.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "ArrowUp" && this.empty && !this.editing) {
      if (this.editLast()) event.preventDefault();
    } else if (event.key === "Escape" && (this.editing || this.replyTo)) {
      event.preventDefault();
      event.stopPropagation();
      this.cancel();
    }
  }

  /** @param {Event} event */
  onSubmit(event) {
    event.preventDefault();
    this.submit();
  }

  submit() {
    const text = this.field?.value ?? "";
    if (this.empty || this.bytes > MAX_BYTES || this.saving) return;
    if (this.editing) {
      void this.saveEdit(this.editing, text);
      return;
    }
    app().send(this.roomId, text, this.replyTo ? { replyTo: this.replyTo.id } : {});
    app().typing(this.roomId, false);
    writeDraft(this.me.value?.id ?? "", this.roomId, "");
    this.replyTo = null;
    this.put("");
    this.field?.focus();
    this.dispatchEvent(new CustomEvent("sent", { bubbles: true }));
  }

  /** @param {Message} message @param {string} text */
  async saveEdit(message, text) {
    const { roomId } = this;
    if (text === message.content) {
      this.cancel();
      return;
    }
    this.saving = true;
    this.requestUpdate();
    try {
      await app().edit(message.id, text);
      if (this.roomId === roomId) this.cancel();
    } catch (error) {
      const { code } = /** @type {{code?: string}} */ (error);
      this.failure = code === "version_conflict"
        ? "This message was changed meanwhile. Your text is kept: look at the new one above, then save again."
        : explain(error);
    } finally {
      this.saving = false;
      this.requestUpdate();
    }
  }

  /** @type {() => void} */
  cancel = () => {
    const wasEditing = this.editing !== null;
    this.editing = this.replyTo = null;
    this.failure = "";
    if (wasEditing) this.put(readDraft(this.me.value?.id ?? "", this.roomId));
    this.requestUpdate();
    this.field?.focus();
  };

  /** @param {Message} message */
  edit(message) {
    this.editing = message;
    this.replyTo = null;
    this.put(message.content);
    this.field?.focus();
  }

  /** @param {Message} message */
  reply(message) {
    if (this.editing) this.cancel();
    this.replyTo = message;
    this.requestUpdate();
    this.field?.focus();
  }

  /** The newest of one's own; false when there is none. */
  editLast() {
    const { timelines, me } = app().store.getState();
    const messages = timelines[this.roomId]?.messages ?? [];
    const last = messages.findLast((message) => message.sender_id === me?.id && !message.is_deleted);
    if (last) this.edit(last);
    return last !== undefined;
  }

  /** Typing anywhere on the page goes here. */
  focusField() {
    this.field?.focus();
  }
}

customElements.define("parley-composer", Composer);
