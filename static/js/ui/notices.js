/** Short words at the foot of the page: done, or why not. */

import { html, nothing } from "lit";

import { requests } from "./context.js";
import { icon } from "./icons.js";
import { View } from "./view.js";

/** @typedef {import("./context.js").Notice} Notice */

/** An error stays long enough to be read twice. ms */
const SHOWN = { info: 3_000, error: 8_000 };

class Notices extends View {
  constructor() {
    super();
    /** @type {Notice | null} */
    this.notice = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.onNotice = (/** @type {Event} */ event) => this.show(/** @type {CustomEvent<Notice>} */ (event).detail);
  }

  connectedCallback() {
    super.connectedCallback();
    requests.addEventListener("notice", this.onNotice);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    requests.removeEventListener("notice", this.onNotice);
    clearTimeout(this.timer);
  }

  /** @param {Notice | null} notice */
  show(notice) {
    clearTimeout(this.timer);
    this.notice = notice;
    if (notice) this.timer = setTimeout(() => this.show(null), SHOWN[notice.kind]);
    this.requestUpdate();
  }

  render() {
    const { notice } = this;
    const error = notice?.kind === "error";
    const box = notice
      ? html`<div class="notice ${notice.kind}">
          ${icon(error ? "alert" : "check", 18)}<span>${notice.text}</span>
          <button class="icon-button" aria-label="Close the note" @click=${() => this.show(null)}>${icon("close", 18)}</button>
        </div>`
      : nothing;
    return html`<div class="notices" role="status">${error ? nothing : box}</div>
      <div class="notices" role="alert">${error ? box : nothing}</div>`;
  }
}

customElements.define("parley-notices", Notices);
