/**
 * The small things said to a room: how far one has read, and that one is typing. Both are told sparingly.
 *
 * @typedef {import("../realtime/channel.js").RealtimeChannel} RealtimeChannel
 * @typedef {import("../realtime/types.js").Clock} Clock
 */
import { Timer } from "../realtime/timer.js";

/** Read positions are gathered for so long, in ms. */
const GATHER = 300;

/** A position that could not be told is told again after this, in ms. */
const AGAIN = 5_000;

/** "Is typing" is repeated this often while it lasts, in ms. */
const TYPING_EVERY = 3_000;

/** Tells read positions, the newest only. */
export class ReadMarks {
  /** @type {Map<string, number>} room → seq not told yet */
  #pending = new Map();
  #telling = false;

  /**
   * @param {(roomId: string, seq: number) => Promise<unknown>} tell
   * @param {Clock} clock
   */
  constructor(tell, clock) {
    this.tell = tell;
    this.timer = new Timer(() => void this.flush(), () => GATHER, clock);
  }

  /**
   * @param {string} roomId
   * @param {number} seq
   */
  mark(roomId, seq) {
    this.#pending.set(roomId, Math.max(seq, this.#pending.get(roomId) ?? 0));
    this.timer.schedule();
  }

  /** Tell what is pending now. */
  async flush() {
    this.timer.cancel();
    if (this.#telling) return;
    this.#telling = true;
    for (const [roomId, seq] of this.#pending) {
      try {
        await this.tell(roomId, seq);
        if (this.#pending.get(roomId) === seq) this.#pending.delete(roomId);
      } catch (error) {
        // Refused is refused; without an answer, later again.
        if (!(/** @type {any} */ (error)?.isPassing)) this.#pending.delete(roomId);
      }
    }
    this.#telling = false;
    if (this.#pending.size && this.timer.due === null) this.timer.scheduleIn(AGAIN);
  }

  stop() {
    this.timer.reset();
    this.#pending.clear();
  }
}

/** Says "is typing" once in a while, and "no more" once. */
export class TypingSigns {
  /** @type {string|null} */
  #roomId = null;
  #saidAt = -Infinity;

  /**
   * @param {(roomId: string) => RealtimeChannel|null} channelOf
   * @param {Clock} clock
   */
  constructor(channelOf, clock) {
    this.channelOf = channelOf;
    this.clock = clock;
  }

  /**
   * @param {string} roomId
   * @param {boolean} on
   */
  say(roomId, on) {
    if (this.#roomId !== null && (!on || this.#roomId !== roomId)) {
      this.#push(this.#roomId, false);
      this.#roomId = null;
      this.#saidAt = -Infinity;
    }
    if (!on || this.clock.now() - this.#saidAt < TYPING_EVERY) return;
    this.#roomId = roomId;
    this.#saidAt = this.clock.now();
    this.#push(roomId, true);
  }

  /**
   * @param {string} roomId
   * @param {boolean} on
   */
  #push(roomId, on) {
    // It is worth saying now or not at all.
    void this.channelOf(roomId)?.push("typing", { on }).catch(() => {});
  }
}
