/**
 * Where the unread divider stands, and when a room counts as read.
 *
 * The divider is frozen: it stays where it was when the room was opened, or where the first message came that one was not
 * there to see, until the room is left or one writes oneself. Pure, but for `present`.
 */

/** @typedef {import("../chat/types.js").Room} Room */

/** The page is in front of somebody. @param {Document} document */
export const present = (document) => document.visibilityState === "visible" && document.hasFocus();

export class Reading {
  constructor() {
    /** @type {number | null} messages past this number stand below the divider */
    this.readSeq = null;
    /** how many they were when it was set */
    this.count = 0;
    /** the bar that offers the jump was used, or the divider was seen */
    this.seen = false;
    this.opened = false;
    this.wasUnread = 0;
  }

  /** Another room is entered. */
  reset() {
    Object.assign(this, new Reading());
  }

  /**
   * The room stands on the screen for the first time. Answers whether it has something unread.
   *
   * @param {Room} room
   * @param {number} unread
   */
  open(room, unread) {
    this.opened = true;
    this.wasUnread = unread;
    if (unread > 0) this.#freeze(room.read_seq, unread);
    return unread > 0;
  }

  /**
   * The room changed. A first unread message that one does not see move the divider to it.
   *
   * @param {Room} room
   * @param {number} unread
   * @param {boolean} watching at the foot of the timeline, in front of somebody
   */
  change(room, unread, watching) {
    if (this.wasUnread === 0 && unread > 0 && !watching) this.#freeze(room.read_seq, unread);
    this.wasUnread = unread;
  }

  /** One has written: everything above is old now. */
  clear() {
    this.readSeq = null;
    this.count = 0;
  }

  /** @param {number} readSeq @param {number} unread */
  #freeze(readSeq, unread) {
    this.readSeq = readSeq;
    this.count = unread;
    this.seen = false;
  }
}
