/** What all dialogs share: the browser's own dialog element, which keeps the focus inside and gives it back after. */

import { html, nothing } from "lit";

import { explain } from "./format.js";
import { icon } from "./icons.js";
import { View } from "./view.js";

export class DialogView extends View {
  static properties = { data: { attribute: false } };

  constructor() {
    super();
    /** @type {Record<string, any>} */
    this.data = {};
    this.busy = false;
    this.failure = "";
  }

  /** @returns {HTMLDialogElement | null} */
  get dialog() {
    return this.querySelector("dialog");
  }

  firstUpdated() {
    this.dialog?.showModal();
    // What is inside may be drawn a moment later; then the focus goes to where one begins.
    requestAnimationFrame(() => /** @type {HTMLElement | null} */ (this.querySelector("[autofocus]"))?.focus());
  }

  /** @type {() => void} */
  close = () => this.dialog?.close();

  /**
   * @param {string} title
   * @param {unknown} body
   * @param {unknown} [foot] buttons
   * @param {string} [className]
   */
  frame(title, body, foot = nothing, className = "") {
    return html`<dialog class="dialog ${className}" aria-labelledby="dialog-title" @close=${this.onClosed} @pointerdown=${this.onPointer}>
      <div class="dialog-head">
        <h2 id="dialog-title">${title}</h2>
        <button class="icon-button" aria-label="Close" title="Close (Esc)" @click=${this.close}>${icon("close", 22)}</button>
      </div>
      <div class="dialog-body">${body}</div>
      ${this.failure ? html`<p class="dialog-failure error-text" role="alert">${this.failure}</p>` : nothing}
      ${foot === nothing ? nothing : html`<div class="dialog-foot">${foot}</div>`}
    </dialog>`;
  }

  onClosed() {
    this.dispatchEvent(new CustomEvent("dialog-closed", { bubbles: true }));
  }

  /** A press on the veil closes. @param {PointerEvent} event */
  onPointer(event) {
    if (event.target === this.dialog) this.close();
  }

  /**
   * Run an act: its buttons rest meanwhile, and a failure stands in the dialog.
   *
   * @param {() => Promise<unknown>} work
   * @param {{close?: boolean}} [options]
   */
  async act(work, { close = true } = {}) {
    if (this.busy) return;
    this.busy = true;
    this.failure = "";
    this.requestUpdate();
    try {
      await work();
      if (close) this.close();
    } catch (error) {
      this.failure = explain(error);
    } finally {
      this.busy = false;
      this.requestUpdate();
    }
  }
}
