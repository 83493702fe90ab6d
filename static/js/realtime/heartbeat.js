import { Timer } from "./timer.js";

/**
 * @typedef {import("./types.js").Clock} Clock
 * @typedef {import("./types.js").HeartbeatStatus} HeartbeatStatus
 */

/** After a sleep the answer may wait in the same queue as the alarm: let it come first. In ms. */
const GRACE_AFTER_SLEEP = 2_000;

/**
 * Asks the server for a sign of life, one question at a time. The next one is scheduled from the answer to the last, so a
 * sleeping or throttled page sends one on waking and not all that it missed.
 */
export class Heartbeat {
  /** @type {string|null} */
  #pending = null;
  #sentAt = 0;
  #wait = 0;

  /**
   * @param {object} options
   * @param {number} options.interval ms from an answer to the next question
   * @param {number} options.timeout ms
   * @param {() => string} options.send sends one and returns its ref
   * @param {() => void} options.onTimeout the connection is dead
   * @param {(status: HeartbeatStatus, latency?: number) => void} options.onStatus
   * @param {Clock} options.clock
   */
  constructor({ interval, timeout, send, onTimeout, onStatus, clock }) {
    this.timeout = timeout;
    this.send = send;
    this.onTimeout = onTimeout;
    this.onStatus = onStatus;
    this.clock = clock;
    this.next = new Timer(() => this.check(), () => interval, clock);
    this.limit = new Timer(() => this.#late(), () => timeout, clock);
  }

  /** The connection is open. */
  start() {
    this.stop();
    this.next.schedule();
  }

  /** The connection is gone: a reply to come would belong to another one. */
  stop() {
    this.next.reset();
    this.limit.reset();
    this.#pending = null;
  }

  /**
   * Ask now, unless a question that would be late as soon is open already.
   *
   * @param {number} [timeout] ms
   */
  check(timeout = this.timeout) {
    const due = this.limit.due;
    if (this.#pending !== null && due !== null && due <= this.clock.now() + timeout) return;
    this.next.cancel();
    if (this.#pending === null) {
      this.#sentAt = this.clock.now();
      this.#pending = this.send();
      this.onStatus("sent");
    }
    this.#wait = timeout;
    this.limit.scheduleIn(timeout);
  }

  /**
   * A reply on the connection's topic.
   *
   * @param {string|null} ref
   * @param {boolean} ok
   */
  answered(ref, ok) {
    if (ref === null || ref !== this.#pending) return;
    this.#pending = null;
    this.limit.cancel();
    this.onStatus(ok ? "ok" : "error", this.clock.now() - this.#sentAt);
    this.next.cancel();
    this.next.schedule();
  }

  #late() {
    if (this.clock.now() - this.#sentAt > this.#wait * 2 + GRACE_AFTER_SLEEP) {
      this.#sentAt = this.clock.now();
      this.limit.scheduleIn(GRACE_AFTER_SLEEP);
      return;
    }
    this.stop();
    this.onStatus("timeout");
    this.onTimeout();
  }
}
