/**
 * What every component of the screen stands on: a Lit element without a shadow root, so that one set of style sheets,
 * labels that point across components, and the browser's own find all work.
 */

import { LitElement } from "lit";

import { app } from "./context.js";

/** @typedef {import("../chat/types.js").AppState} AppState */

export class View extends LitElement {
  createRenderRoot() {
    return this;
  }

  /**
   * Draw again whenever the selected part of the state is another one, for as long as the element is in the page.
   *
   * @template T
   * @param {(state: AppState) => T} select may read the element's own properties
   * @returns {Watch<T>}
   */
  watch(select) {
    return new Watch(this, select);
  }
}

/**
 * A part of the state that an element draws.
 *
 * @template T
 */
export class Watch {
  /**
   * @param {View} host
   * @param {(state: AppState) => T} select
   */
  constructor(host, select) {
    this.host = host;
    this.select = select;
    /** @type {(() => void) | null} */
    this.end = null;
    host.addController(this);
  }

  /** The part as it is now. */
  get value() {
    return this.select(app().store.getState());
  }

  hostConnected() {
    this.end = app().store.subscribe(this.select, () => this.host.requestUpdate());
  }

  hostDisconnected() {
    this.end?.();
    this.end = null;
  }
}
