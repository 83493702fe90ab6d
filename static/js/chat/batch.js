/**
 * @typedef {import("../realtime/types.js").Clock} Clock
 * @typedef {import("./types.js").AppliedEvent} AppliedEvent
 */

/** Events that come within this of each other are shown together, in ms: one frame of the screen. */
const FRAME = 16;

/**
 * Hands events on: a lone one at once, the many of a recovery in groups, so that the screen is not drawn for each.
 */
export class Batch {
  /** @type {AppliedEvent[]} */
  #waiting = [];
  /** @type {any} */
  #timer = null;

  /**
   * @param {(...events: AppliedEvent[]) => void} deliver
   * @param {Clock} clock
   */
  constructor(deliver, clock) {
    this.deliver = deliver;
    this.clock = clock;
  }

  /** @param {AppliedEvent} event */
  add(event) {
    this.#waiting.push(event);
    if (this.#timer === null) this.flush();
  }

  /** Hand on what waits. */
  flush() {
    this.clock.clearTimeout(this.#timer);
    this.#timer = null;
    const events = this.#waiting.splice(0);
    if (!events.length) return;
    this.#timer = this.clock.setTimeout(() => {
      this.#timer = null;
      this.flush();
    }, FRAME);
    this.deliver(...events);
  }
}
