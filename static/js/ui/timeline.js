/** The timeline of the open room: draws the items of the store and answers to pointer and keys. */

import { html, nothing } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";

import { hasMoreBefore, roomTitle, timelineItems } from "../chat/selectors.js";
import { author } from "./avatar.js";
import { MINUTE, Ticks } from "./clock.js";
import { app } from "./context.js";
import { dayName, explain, oneLine, plural } from "./format.js";
import { icon } from "./icons.js";
import { actionsFor, confirmRecall, copyText } from "./message-actions.js";
import { line } from "./message.js";
import { Place } from "./place.js";
import { emptyTimeline, failedTimeline, holeRow, loadingTimeline, topRow } from "./timeline-parts.js";
import { buildDays, firstUnread } from "./timeline-rows.js";
import { bounds } from "./timeline-window.js";
import { View } from "./view.js";

/** @typedef {import("../chat/types.js").TimelineItem} TimelineItem */
/** @typedef {import("./message.js").ActionName | "jump" | "fold"} Command */

const FLASH_MS = 1_600;

class Timeline extends View {
  static properties = { roomId: { attribute: false } };

  constructor() {
    super();
    this.roomId = "";
    this.timeline = this.watch((state) => state.timelines[this.roomId]);
    this.room = this.watch((state) => state.rooms[this.roomId]);
    this.outbox = this.watch((state) => state.outbox);
    this.me = this.watch((state) => state.me);
    this.ticks = new Ticks(this, MINUTE);
    this.place = new Place(this);
    /** @type {TimelineItem[]} */
    this.items = [];
    /** @type {string | null} the line under the pointer or with the focus, which shows its actions */
    this.activeKey = null;
    /** @type {string | null} the line that Tab reaches */
    this.currentKey = null;
    /** @type {string | null} the line just jumped to */
    this.flashKey = null;
    /** @type {Set<string>} */
    this.unfolded = new Set();
    this.onAttention = () => this.place.read();
  }

  /** @returns {HTMLElement | null} */
  get scroller() {
    return this.querySelector(".timeline-scroll");
  }

  connectedCallback() {
    super.connectedCallback();
    window.addEventListener("focus", this.onAttention);
    document.addEventListener("visibilitychange", this.onAttention);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener("focus", this.onAttention);
    document.removeEventListener("visibilitychange", this.onAttention);
    this.place.leave();
  }

  /** @param {import("lit").PropertyValues<this>} changed */
  willUpdate(changed) {
    if (changed.has("roomId")) {
      this.place.enter();
      this.activeKey = this.currentKey = this.flashKey = null;
      this.unfolded = new Set();
    } else {
      this.place.before();
    }
    this.items = timelineItems(app().store.getState(), this.roomId);
  }

  updated() {
    this.place.after();
  }

  render() {
    const timeline = this.timeline.value;
    const room = this.room.value;
    const me = this.me.value;
    if (!timeline || !room || !me || (timeline.status === "loading" && this.items.length === 0)) return loadingTimeline();
    if (timeline.status === "error" && this.items.length === 0) {
      return failedTimeline(explain(timeline.error), () => void app().reloadRoom(this.roomId));
    }
    const title = roomTitle(app().store.getState(), room);
    if (this.items.length === 0) return emptyTimeline(room, title);
    const { start, end } = bounds(this.items, this.place.frame);
    const more = hasMoreBefore(app().store.getState(), this.roomId);
    const unreadKey = firstUnread(this.items, this.place.reading.readSeq, me.id, more);
    const days = buildDays(this.items.slice(start, end), { me: me.id, unreadKey });
    return html`<section class="timeline" aria-label=${`Messages in ${title}`}>
      <div
        class="timeline-scroll"
        @scroll=${() => this.place.scrolled()}
        @click=${this.onClick}
        @keydown=${this.onKey}
        @pointerover=${this.onPointer}
        @pointerleave=${() => this.activate(null)}
        @focusin=${this.onFocus}
      >
        <div class="timeline-content">
          ${start === 0 ? this.renderTop() : nothing} ${repeat(days, (day) => day.key, (day) => this.renderDay(day))}
        </div>
      </div>
      ${this.renderJumps(unreadKey)}
    </section>`;
  }

  renderTop() {
    const timeline = this.timeline.value;
    if (timeline?.status === "error") return topRow("error", () => void app().reloadRoom(this.roomId));
    const first = timeline?.messages[0];
    const filling = first && timeline?.filling[first.id];
    const begins = timeline?.status === "ready" && !hasMoreBefore(app().store.getState(), this.roomId);
    return topRow(begins ? "begins" : (filling ?? "loading"), () => void app().loadEarlier(this.roomId));
  }

  /** @param {import("./timeline-rows.js").Day} day */
  renderDay(day) {
    return html`<div class="day">
      <h2 class="day-name"><span>${dayName(day.at, Date.now())}</span></h2>
      ${repeat(day.rows, (row) => row.key, (row) => this.renderRow(row))}
    </div>`;
  }

  /** @param {import("./timeline-rows.js").Row} row */
  renderRow(row) {
    if (row.kind === "unread") return html`<div class="unread-divider" role="separator" aria-label="New messages"><span>New</span></div>`;
    if (row.kind === "hole") return holeRow(row.item, (beforeId) => void app().loadBefore(this.roomId, beforeId));
    const { item, key } = row;
    const me = this.me.value;
    if (item.kind === "hole" || !me) return nothing;
    const active = key === this.activeKey;
    const options = {
      key,
      head: row.head,
      own: row.own,
      active,
      current: key === (this.currentKey ?? this.items[this.items.length - 1]?.key),
      unfolded: this.unfolded.has(key),
      flash: key === this.flashKey,
      actions: active ? actionsFor(item, this.room.value, me) : [],
    };
    // A line is drawn anew only when something of it changed: a pointer that moves over many must cost little.
    const said = item.kind === "message" ? item.message : item.entry;
    const facts = [said, me, row.head, row.own, active, options.current, options.unfolded, options.flash, active && this.room.value];
    return guard(facts, () => line(item, options, { me, quoted: (entry) => this.quoted(entry.reply_to) }));
  }

  /** The quote over a reply that is still on its way. @param {string | null} id */
  quoted(id) {
    const message = id === null ? undefined : this.timeline.value?.messages.find((known) => known.id === id);
    if (!message) return null;
    return { id: message.id, sender_id: message.sender_id, sender_name: author(message).display_name, excerpt: oneLine(message.content) };
  }

  /** @param {string | null} unreadKey */
  renderJumps(unreadKey) {
    const { place } = this;
    const fresh = place.newBelow;
    const unread = place.offersUnread(unreadKey !== null)
      ? html`<button class="jump jump-unread" ?disabled=${place.jumping} @click=${() => void place.toUnread()}>
          ${place.jumping ? html`<span class="spinner" aria-hidden="true"></span>` : icon("up", 18)}
          <span class="number">${plural(place.reading.count, "new message")}</span>
        </button>`
      : nothing;
    const newest = place.far || fresh > 0
      ? html`<button class="jump jump-latest" @click=${() => place.toLatest()}>
          <span class="number">${fresh > 0 ? plural(fresh, "new message") : "Latest"}</span> ${icon("down", 18)}
        </button>`
      : nothing;
    return html`${unread}${newest}`;
  }

  /** One has written: the divider has done its work, and the eye goes to the foot. */
  followOwn() {
    this.place.reading.clear();
    this.place.toLatest();
  }

  /** Go to a message that is quoted; loaded ones only. @param {string} id */
  async showMessage(id) {
    const item = this.items.find((known) => known.kind === "message" && known.message.id === id);
    const row = item ? await this.place.show(item.key) : null;
    if (!item || !row) return;
    this.flashKey = this.currentKey = item.key;
    this.requestUpdate();
    row.focus({ preventScroll: true });
    setTimeout(() => {
      this.flashKey = null;
      this.requestUpdate();
    }, FLASH_MS);
  }

  /** @param {string | null} key */
  activate(key) {
    const focused = document.activeElement?.closest("article[data-key]");
    const next = key ?? (focused instanceof HTMLElement && this.contains(focused) ? (focused.dataset.key ?? null) : null);
    if (next === this.activeKey) return;
    this.activeKey = next;
    this.requestUpdate();
  }

  /** @param {Event} event @returns {HTMLElement | null} */
  lineOf(event) {
    const target = /** @type {Element | null} */ (event.target);
    return target?.closest("article[data-key]") ?? null;
  }

  /** @param {PointerEvent} event */
  onPointer(event) {
    if (event.pointerType === "mouse") this.activate(this.lineOf(event)?.dataset.key ?? null);
  }

  /** @param {FocusEvent} event */
  onFocus(event) {
    const key = this.lineOf(event)?.dataset.key ?? null;
    if (key === null) return;
    this.currentKey = key;
    this.activate(key);
  }

  /** @param {MouseEvent} event */
  onClick(event) {
    const target = /** @type {Element} */ (event.target);
    const button = /** @type {HTMLElement | null} */ (target.closest("[data-action]"));
    const row = this.lineOf(event);
    const item = this.items.find((known) => known.key === row?.dataset.key);
    if (!item) return;
    if (button) this.act(/** @type {Command} */ (button.dataset.action), item, button.dataset.target);
    else if (!target.closest("a, button") && !String(getSelection())) this.activate(item.key);
  }

  /** @param {Command} command @param {TimelineItem} item @param {string} [target] */
  act(command, item, target) {
    if (command === "jump" && target) void this.showMessage(target);
    if (command === "fold") this.toggleFold(item.key);
    if (item.kind === "pending") {
      const { client_id: clientId, content } = item.entry;
      if (command === "retry") app().retry(clientId);
      if (command === "discard") app().discard(clientId);
      if (command === "copy") void copyText(content);
    } else if (item.kind === "message") {
      if (command === "copy") void copyText(item.message.content);
      if (command === "recall") confirmRecall(item.message);
      if (command === "reply" || command === "edit") this.ask(command, item.message);
    }
  }

  /** The composer does these. @param {"reply" | "edit"} command @param {import("../chat/types.js").Message} message */
  ask(command, message) {
    this.dispatchEvent(new CustomEvent("compose", { bubbles: true, detail: { command, message } }));
  }

  /** @param {string} key */
  toggleFold(key) {
    if (!this.unfolded.delete(key)) this.unfolded.add(key);
    this.requestUpdate();
  }

  /** Up and down between messages, the first letters of the actions on them. @param {KeyboardEvent} event */
  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "End") {
      event.preventDefault();
      this.place.toLatest();
      return;
    }
    const row = this.lineOf(event);
    if (!row || event.target !== row) return;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      event.preventDefault();
      const lines = [.../** @type {NodeListOf<HTMLElement>} */ (this.querySelectorAll("article[data-key]"))];
      lines[lines.indexOf(row) + step]?.focus();
    }
    const command = /** @type {Record<string, Command>} */ ({ r: "reply", c: "copy", e: "edit" })[event.key];
    const item = this.items.find((known) => known.key === row.dataset.key);
    const allowed = item && command && actionsFor(item, this.room.value, this.me.value).some((action) => action.name === command);
    if (allowed) {
      event.preventDefault();
      this.act(command, item);
    }
  }
}

customElements.define("parley-timeline", Timeline);
