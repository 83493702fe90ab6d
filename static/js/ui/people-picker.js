/** Find people by name and choose some of them. */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";

import { userFace } from "./avatar.js";
import { app } from "./context.js";
import { explain } from "./format.js";
import { icon } from "./icons.js";
import { View } from "./view.js";

/** @typedef {import("../chat/types.js").UserCard} UserCard */

/** One asks the server when the typing rests for so long. ms */
const PAUSE = 200;

class PeoplePicker extends View {
  static properties = { single: { attribute: false }, without: { attribute: false }, label: { attribute: false } };

  constructor() {
    super();
    this.single = false;
    /** @type {Set<string>} ids that cannot be chosen */
    this.without = new Set();
    this.label = "People";
    /** @type {UserCard[]} */
    this.chosen = [];
    /** @type {UserCard[]} */
    this.found = [];
    this.query = "";
    /** @type {"idle" | "loading" | "ready" | "error"} */
    this.status = "idle";
    this.failure = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  firstUpdated() {
    void this.search();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  render() {
    const chosen = new Set(this.chosen.map((user) => user.id));
    const offered = this.found.filter((user) => !this.without.has(user.id) && !chosen.has(user.id));
    return html`<div class="field picker">
      <label for="picker-query">${this.label}</label>
      ${this.chosen.length > 0 ? this.renderChosen() : nothing}
      <div class="search">
        ${icon("search", 18)}
        <input id="picker-query" class="input" type="search" autocomplete="off" autofocus placeholder="Name or user name" .value=${this.query} @input=${this.onInput} @keydown=${this.onKey} />
      </div>
      ${this.renderFound(offered)}
    </div>`;
  }

  renderChosen() {
    return html`<ul class="picked" aria-label="Chosen">
      ${this.chosen.map(
        (user) => html`<li>
          <button type="button" class="picked-one" aria-label=${`Take ${user.display_name} off`} @click=${() => this.drop(user)}>
            <span class="ellipsis"><bdi>${user.display_name}</bdi></span> ${icon("close", 14)}
          </button>
        </li>`,
      )}
    </ul>`;
  }

  /** @param {UserCard[]} offered */
  renderFound(offered) {
    if (this.status === "error") return html`<p class="picker-note error-text" role="alert">${this.failure}</p>`;
    if (offered.length === 0) {
      const text = this.status === "ready" ? "Nobody found. Try another spelling." : "Looking…";
      return html`<p class="picker-note small faint" role="status">${text}</p>`;
    }
    return html`<ul class="picker-found" aria-label="Found">
      ${repeat(
        offered,
        (user) => user.id,
        (user) => html`<li>
          <button type="button" class="member" @click=${() => this.choose(user)}>${userFace(user)}<span class="member-name ellipsis"><bdi>${user.display_name}</bdi></span></button>
        </li>`,
      )}
    </ul>`;
  }

  /** @param {Event} event */
  onInput(event) {
    this.query = /** @type {HTMLInputElement} */ (event.target).value;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.search(), PAUSE);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.isComposing || event.key !== "Enter") return;
    event.preventDefault();
    /** @type {HTMLElement | null} */ (this.querySelector(".picker-found button"))?.click();
  }

  async search() {
    const query = this.query.trim();
    this.status = "loading";
    this.requestUpdate();
    try {
      const found = await app().searchUsers(query);
      if (query !== this.query.trim()) return;
      this.found = found;
      this.status = "ready";
    } catch (error) {
      this.status = "error";
      this.failure = explain(error);
    }
    this.requestUpdate();
  }

  /** @param {UserCard} user */
  choose(user) {
    this.chosen = this.single ? [user] : [...this.chosen, user];
    this.announce();
    /** @type {HTMLElement | null} */ (this.querySelector("#picker-query"))?.focus();
  }

  /** @param {UserCard} user */
  drop(user) {
    this.chosen = this.chosen.filter((other) => other.id !== user.id);
    this.announce();
  }

  announce() {
    this.requestUpdate();
    this.dispatchEvent(new CustomEvent("picked", { bubbles: true, detail: this.chosen }));
  }
}

customElements.define("parley-people-picker", PeoplePicker);
