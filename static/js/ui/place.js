/**
 * Where one is in a timeline: which items are drawn, what the view holds on to, what is above and below the fold, and
 * what counts as read because of it. The timeline asks; this decides and asks it to draw again.
 */

import { hasMoreBefore, timelineItems, unreadCount } from "../chat/selectors.js";
import { app } from "./context.js";
import { present, Reading } from "./reading.js";
import { ScrollKeeper } from "./scroll-keeper.js";
import { firstUnread } from "./timeline-rows.js";
import { around, earlier, later, latest } from "./timeline-window.js";

/** @typedef {import("../chat/types.js").TimelineItem} TimelineItem */

/**
 * @typedef {object} Host the timeline component
 * @property {string} roomId
 * @property {TimelineItem[]} items
 * @property {HTMLElement | null} scroller
 * @property {() => void} requestUpdate
 * @property {Promise<boolean>} updateComplete
 */

/** Earlier messages are fetched when less than this is left above. Screens */
const AHEAD = 1.5;
/** Where a line stands after a jump, as a share of the height. */
const JUMP_AT = 0.2;
/** One jump to the first unread message loads at most this many pages. */
const MAX_JUMP_PAGES = 40;

export class Place {
  /** @param {Host} host */
  constructor(host) {
    this.host = host;
    this.keeper = new ScrollKeeper(() => host.scroller);
    this.reading = new Reading();
    this.frame = latest();
    this.seenSeq = 0;
    this.far = false;
    this.dividerAbove = false;
    this.jumping = false;
    this.placed = false;
    this.scheduled = 0;
    this.resizes = new ResizeObserver(() => this.keeper.restore());
  }

  /** Another room. */
  enter() {
    this.frame = latest();
    this.reading.reset();
    this.keeper.toFoot();
    this.seenSeq = 0;
    this.far = this.dividerAbove = this.placed = this.jumping = false;
  }

  leave() {
    this.resizes.disconnect();
    if (this.scheduled) cancelAnimationFrame(this.scheduled);
    this.scheduled = 0;
  }

  get #state() {
    return app().store.getState();
  }

  get #timeline() {
    return this.#state.timelines[this.host.roomId];
  }

  /** Before the host draws. */
  before() {
    this.keeper.remember();
    const room = this.#state.rooms[this.host.roomId];
    if (!room || this.#timeline?.status !== "ready") return;
    const unread = unreadCount(room);
    if (this.reading.opened) this.reading.change(room, unread, this.watching);
    else this.reading.open(room, unread);
  }

  /** After the host has drawn. */
  after() {
    const { scroller } = this.host;
    if (!scroller) return;
    this.resizes.observe(scroller);
    if (scroller.firstElementChild) this.resizes.observe(scroller.firstElementChild);
    if (this.placed || this.#timeline?.status !== "ready") this.keeper.restore();
    else this.#placeFirst(scroller);
    this.#look(scroller);
  }

  /** One scrolls: look once a frame. */
  scrolled() {
    if (this.scheduled) return;
    this.scheduled = requestAnimationFrame(() => {
      this.scheduled = 0;
      const { scroller } = this.host;
      if (!scroller) return;
      this.keeper.remember();
      this.#look(scroller);
    });
  }

  /** At the foot, in front of somebody. */
  get watching() {
    return this.keeper.atFoot && this.frame.endKey === null && present(document);
  }

  /** What one sees at the foot is read. */
  read() {
    const room = this.#state.rooms[this.host.roomId];
    if (room && this.placed && this.watching && unreadCount(room) > 0) app().markRead(this.host.roomId);
  }

  /** How many of others arrived below while one reads further up. @returns {number} */
  get newBelow() {
    const me = this.#state.me?.id;
    let count = 0;
    if (this.seenSeq === 0) return 0;
    for (let i = this.host.items.length - 1; i >= 0; i -= 1) {
      const item = this.host.items[i];
      if (item?.kind !== "message") continue;
      if (item.message.seq <= this.seenSeq) break;
      if (item.message.sender_id !== me) count += 1;
    }
    return count;
  }

  /** Whether to offer the jump to the first unread message. @param {boolean} loaded it is among the items */
  offersUnread(loaded) {
    if (this.reading.readSeq === null || this.reading.seen || !this.placed) return false;
    return loaded ? this.dividerAbove : hasMoreBefore(this.#state, this.host.roomId);
  }

  /** The first look at a room: at the first unread message, else at the foot. @param {HTMLElement} scroller */
  #placeFirst(scroller) {
    this.placed = true;
    const divider = scroller.querySelector(".unread-divider");
    if (!divider) {
      this.keeper.restore();
      return;
    }
    const wanted = scroller.getBoundingClientRect().top + scroller.clientHeight * JUMP_AT;
    const moved = divider.getBoundingClientRect().top - wanted;
    if (moved < 0) scroller.scrollBy({ top: moved, behavior: "instant" });
    this.keeper.settle();
  }

  /** @param {HTMLElement} scroller */
  #look(scroller) {
    this.#measure(scroller);
    this.#fill(scroller);
    this.#fillHoles(scroller);
    this.read();
  }

  /** What depends on the place: the two jump buttons, and what counts as seen. @param {HTMLElement} scroller */
  #measure(scroller) {
    if (this.keeper.atFoot && this.frame.endKey === null) this.seenSeq = this.#lastSeq();
    const far = this.frame.endKey !== null || this.keeper.below > scroller.clientHeight;
    const divider = scroller.querySelector(".unread-divider");
    const edge = divider ? divider.getBoundingClientRect().bottom - scroller.getBoundingClientRect().top : 0;
    const dividerAbove = divider !== null && edge < 0;
    const seen = this.reading.seen || (divider !== null && edge >= 0);
    if (far === this.far && dividerAbove === this.dividerAbove && seen === this.reading.seen) return;
    this.far = far;
    this.dividerAbove = dividerAbove;
    this.reading.seen = seen;
    this.host.requestUpdate();
  }

  #lastSeq() {
    for (let i = this.host.items.length - 1; i >= 0; i -= 1) {
      const item = this.host.items[i];
      if (item?.kind === "message") return item.message.seq;
    }
    return 0;
  }

  /** Widen the window, or load, where one comes near an end of it. @param {HTMLElement} scroller */
  #fill(scroller) {
    if (!this.placed) return;
    const margin = scroller.clientHeight * AHEAD;
    let { frame } = this;
    if (this.keeper.above < margin) frame = earlier(this.host.items, frame);
    else if (this.keeper.below < margin) frame = later(this.host.items, frame);
    if (frame !== this.frame) {
      this.frame = frame;
      this.host.requestUpdate();
    } else if (this.keeper.above < margin) {
      this.#loadEarlier();
    }
  }

  /** A hole that comes near the view is filled; one that could not be waits for a person. @param {HTMLElement} scroller */
  #fillHoles(scroller) {
    const { top, bottom, height } = scroller.getBoundingClientRect();
    for (const hole of /** @type {NodeListOf<HTMLElement>} */ (scroller.querySelectorAll('.hole[data-status="idle"]'))) {
      const box = hole.getBoundingClientRect();
      const near = box.bottom > top - height && box.top < bottom + height;
      const before = hole.dataset.before;
      const status = before && this.#timeline?.filling[before];
      if (near && before && !status) void app().loadBefore(this.host.roomId, before).catch(() => undefined);
    }
  }

  #loadEarlier() {
    const timeline = this.#timeline;
    const first = timeline?.messages[0];
    if (!timeline || !first || timeline.status !== "ready" || timeline.filling[first.id]) return;
    if (hasMoreBefore(this.#state, this.host.roomId)) void app().loadEarlier(this.host.roomId).catch(() => undefined);
  }

  toLatest() {
    this.frame = latest();
    this.keeper.toFoot();
    this.host.requestUpdate();
  }

  /** To the first unread message, loading what lies between. */
  async toUnread() {
    const { roomId } = this.host;
    const { readSeq } = this.reading;
    if (readSeq === null || this.jumping) return;
    this.jumping = true;
    this.host.requestUpdate();
    for (let page = 0; page < MAX_JUMP_PAGES && this.host.roomId === roomId; page += 1) {
      const first = this.#timeline?.messages[0];
      if (!first || first.seq <= readSeq + 1 || !hasMoreBefore(this.#state, roomId)) break;
      await app().loadEarlier(roomId).catch(() => undefined);
      if (this.#timeline?.messages[0] === first) break;
    }
    if (this.host.roomId !== roomId) return;
    this.jumping = false;
    this.reading.seen = true;
    this.host.requestUpdate();
    await this.host.updateComplete;
    const key = firstUnread(timelineItems(this.#state, roomId), readSeq, this.#state.me?.id ?? "", hasMoreBefore(this.#state, roomId));
    if (key) await this.show(key);
  }

  /** Bring one item into view. @param {string} key @returns {Promise<HTMLElement | null>} its element */
  async show(key) {
    this.frame = around(this.host.items, key, this.frame);
    this.host.requestUpdate();
    await this.host.updateComplete;
    const { scroller } = this.host;
    const row = /** @type {HTMLElement | null} */ (scroller?.querySelector(`[data-key="${CSS.escape(key)}"]`) ?? null);
    if (!scroller || !row) return null;
    const wanted = scroller.getBoundingClientRect().top + scroller.clientHeight * JUMP_AT;
    scroller.scrollBy({ top: row.getBoundingClientRect().top - wanted, behavior: "instant" });
    this.keeper.settle();
    return row;
  }
}
