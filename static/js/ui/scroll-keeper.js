/**
 * Keeps what one reads where it is. The scroller is laid out from its foot (column-reverse), so at the foot it stays there
 * by itself and earlier messages grow upwards without moving anything. Everything else that changes heights (new messages
 * while one reads further up, holes that fill, pictures, fonts) is made good here: the first visible line is remembered
 * and the scroller moved by as much as that line moved, always relatively.
 */

/** As good as at the foot. px */
const NEAR = 24;

export class ScrollKeeper {
  /** @param {() => HTMLElement | null} scroller */
  constructor(scroller) {
    this.find = scroller;
    /** @type {{key: string, top: number} | null} */
    this.anchor = null;
    this.following = true;
    /** a jump to the foot is decided and the next drawing makes it: what is in view now does not count */
    this.jumping = false;
  }

  /** px below the fold; 0 at the foot */
  get below() {
    const scroller = this.find();
    return scroller ? Math.abs(scroller.scrollTop) : 0;
  }

  /** px above the fold */
  get above() {
    const scroller = this.find();
    return scroller ? scroller.scrollHeight - scroller.clientHeight - Math.abs(scroller.scrollTop) : 0;
  }

  get atFoot() {
    return this.below <= NEAR;
  }

  /** Note what is at the top of the view now. */
  remember() {
    const scroller = this.find();
    if (!scroller || this.jumping) return;
    this.following = this.atFoot;
    if (this.following) {
      this.anchor = null;
      return;
    }
    const top = scroller.getBoundingClientRect().top;
    const row = this.#firstVisible(scroller, top);
    this.anchor = row ? { key: row.dataset.key ?? "", top: row.getBoundingClientRect().top - top } : null;
  }

  /** Bring it back to where it was. */
  restore() {
    const scroller = this.find();
    if (!scroller) return;
    this.jumping = false;
    if (this.following) {
      if (scroller.scrollTop !== 0) scroller.scrollTo({ top: 0, behavior: "instant" });
      return;
    }
    if (!this.anchor) return;
    const row = scroller.querySelector(`[data-key="${CSS.escape(this.anchor.key)}"]`);
    if (!row) return;
    const moved = row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - this.anchor.top;
    if (Math.abs(moved) >= 1) scroller.scrollBy({ top: moved, behavior: "instant" });
  }

  /** The view was just put where it shall be. */
  settle() {
    this.jumping = false;
    this.remember();
  }

  /** Let go of the line and be at the foot after the next drawing. */
  toFoot() {
    this.anchor = null;
    this.following = true;
    this.jumping = true;
  }

  /**
   * Rows stand in document order, so their feet are sorted: halving finds the first one in view.
   *
   * @param {HTMLElement} scroller
   * @param {number} top
   */
  #firstVisible(scroller, top) {
    const rows = /** @type {NodeListOf<HTMLElement>} */ (scroller.querySelectorAll("[data-key]"));
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = rows[middle];
      if (row && row.getBoundingClientRect().bottom > top + 1) high = middle;
      else low = middle + 1;
    }
    return rows[low] ?? null;
  }
}
