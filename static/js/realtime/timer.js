/**
 * @typedef {import("./types.js").Clock} Clock
 */

/**
 * Exponential backoff with jitter: the wait before the nth try (from 1) lies between half of and the whole of
 * `min(cap, base * 2^(n-1))`, so that clients that lost the server together do not come back together.
 * ("Equal jitter", Exponential Backoff And Jitter, AWS Architecture Blog 2015.)
 *
 * @param {{base: number, cap: number, random: () => number}} options ms
 * @returns {(tries: number) => number}
 */
export function backoff({ base, cap, random }) {
  return (tries) => {
    const ceiling = Math.min(cap, base * 2 ** Math.min(tries - 1, 30));
    return Math.round(ceiling / 2 + (ceiling / 2) * random());
  };
}

/**
 * One alarm at a time, with a count of tries.
 *
 * It is bound to the wall clock, not to a count of ticks: a machine that slept through many waits finds one alarm due, not
 * many, and `catchUp` on waking rings it at once.
 */
export class Timer {
  /** @type {any} */
  #handle = null;
  /** @type {number|null} */
  #due = null;
  #tries = 0;

  /**
   * @param {() => void} callback
   * @param {(tries: number) => number} delay ms before the nth try
   * @param {Clock} clock
   */
  constructor(callback, delay, clock) {
    this.callback = callback;
    this.delay = delay;
    this.clock = clock;
  }

  /** When it rings, in ms since 1970; null when it is not set. */
  get due() {
    return this.#due;
  }

  /** How often it was set since the last reset. */
  get tries() {
    return this.#tries;
  }

  /** Set it for the next try; a set one is left as it is. */
  schedule() {
    if (this.#due !== null) return;
    this.#tries += 1;
    this.#arm(this.delay(this.#tries));
  }

  /**
   * Set it to ring after `ms`, in place of any other time, without counting a try.
   *
   * @param {number} ms
   */
  scheduleIn(ms) {
    this.cancel();
    this.#arm(ms);
  }

  /** Ring now if it is set. */
  hasten() {
    if (this.#due !== null) this.#ring();
  }

  /** Ring now if its time has passed: after a sleep, in which the platform's timers stand still. */
  catchUp() {
    if (this.#due !== null && this.clock.now() >= this.#due) this.#ring();
  }

  /** Unset it and keep the count. */
  cancel() {
    this.clock.clearTimeout(this.#handle);
    this.#handle = null;
    this.#due = null;
  }

  /** Unset it and forget the count. */
  reset() {
    this.cancel();
    this.#tries = 0;
  }

  /** @param {number} ms */
  #arm(ms) {
    this.#due = this.clock.now() + ms;
    this.#handle = this.clock.setTimeout(() => this.#ring(), Math.max(0, ms));
  }

  #ring() {
    this.cancel();
    this.callback();
  }
}
