/**
 * @typedef {import("./types.js").Position} Position
 */

/**
 * Follows one stream of changes: knows up to where everything has arrived, what arrived past a gap, and what was only heard
 * of. Offsets of a stream rise by one, so a number that is left out is a change that is missing.
 */
export class PositionTracker {
  /** @type {Position|null} */
  #position = null;
  /** @type {Set<number>} */
  #ahead = new Set();
  #head = 0;

  /** Everything up to here has arrived; null before the first position is known. */
  get position() {
    return this.#position;
  }

  /**
   * What is known to exist and has not arrived.
   *
   * @returns {{after: number, head: number, epoch: string}|null} changes past `after`, at least up to `head`
   */
  get missing() {
    if (!this.#position || this.#head <= this.#position.offset) return null;
    return { after: this.#position.offset, head: this.#head, epoch: this.#position.epoch };
  }

  /**
   * Start anew from a position.
   *
   * @param {Position|null} position
   */
  reset(position) {
    this.#position = position;
    this.#ahead.clear();
    this.#head = position?.offset ?? 0;
  }

  /**
   * Everything up to `offset` was obtained by another way.
   *
   * @param {number} offset
   */
  advance(offset) {
    if (!this.#position || offset <= this.#position.offset) return;
    this.#position = { epoch: this.#position.epoch, offset };
    this.#absorb();
  }

  /**
   * A change has arrived.
   *
   * @param {number} offset
   * @param {string|undefined} epoch
   * @returns {"new"|"double"|"other-epoch"} "other-epoch": the log is another one now, all positions are lost
   */
  accept(offset, epoch) {
    if (!this.#position) {
      if (epoch !== undefined) this.reset({ epoch, offset });
      return "new";
    }
    if (epoch !== undefined && epoch !== this.#position.epoch) return "other-epoch";
    if (offset <= this.#position.offset || this.#ahead.has(offset)) return "double";
    this.#ahead.add(offset);
    this.#absorb();
    return "new";
  }

  /**
   * The stream is said to have reached `offset`.
   *
   * @param {number} offset
   */
  hear(offset) {
    if (offset > this.#head) this.#head = offset;
  }

  #absorb() {
    const position = /** @type {Position} */ (this.#position);
    let { offset } = position;
    for (const seen of this.#ahead) {
      this.hear(seen);
      if (seen <= offset) this.#ahead.delete(seen);
    }
    while (this.#ahead.delete(offset + 1)) offset += 1;
    this.#position = { epoch: position.epoch, offset };
    this.hear(offset);
  }
}
