import { Timer } from "./timer.js";

/**
 * @typedef {import("./types.js").Clock} Clock
 * @typedef {{after: number, head: number, epoch: string}} Gap changes past `after` are missing, at least up to `head`
 */

/** How long missing changes may take to arrive by themselves, in ms: the server itself waits 50 ms for order. */
const GRACE = 500;

/** When to call again for changes that are still missing, in ms. */
const AGAIN = 5_000;

/**
 * Watches a stream's tracker and calls when changes stay missing. They get a moment to arrive by themselves, anew whenever
 * some of them do.
 */
export class GapWatch {
  /** Where the contiguous part ended when the missing changes were last waited for. */
  #after = -1;

  /**
   * @param {import("./position.js").PositionTracker} tracker
   * @param {(gap: Gap) => void} onGap
   * @param {Clock} clock
   */
  constructor(tracker, onGap, clock) {
    this.tracker = tracker;
    this.onGap = onGap;
    this.timer = new Timer(() => this.#persists(), (tries) => (tries === 1 ? GRACE : AGAIN), clock);
  }

  /** The tracker has moved. */
  look() {
    const gap = this.tracker.missing;
    if (gap?.after === this.#after) return;
    this.stop();
    if (!gap) return;
    this.#after = gap.after;
    this.timer.schedule();
  }

  stop() {
    this.timer.reset();
    this.#after = -1;
  }

  #persists() {
    const gap = this.tracker.missing;
    if (!gap) return;
    this.timer.schedule();
    this.onGap(gap);
  }
}
