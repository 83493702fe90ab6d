/**
 * From what the store holds to what the timeline draws: days, groups of one author, the unread divider, holes. Pure.
 */

import { dayKey } from "./format.js";

/** @typedef {import("../chat/types.js").TimelineItem} TimelineItem */

/**
 * @typedef {{kind: "item", key: string, item: TimelineItem, head: boolean, own: boolean}
 *   | {kind: "unread", key: string}
 *   | {kind: "hole", key: string, item: Extract<TimelineItem, {kind: "hole"}>}} Row
 *   head: the first of a group, which shows face, name and time
 * @typedef {{key: string, at: number | string, rows: Row[]}} Day
 */

/** Messages of one author within this time stand under one name. ms */
const GROUP_SPAN = 5 * 60_000;

/** @param {TimelineItem} item @returns {string | number | null} when it was said */
function timeOf(item) {
  if (item.kind === "message") return item.message.created_at;
  return item.kind === "pending" ? item.entry.created_at : null;
}

/** @param {TimelineItem} item */
export function senderOf(item) {
  if (item.kind === "message") return item.message.sender_id;
  return item.kind === "pending" ? item.entry.user_id : null;
}

/**
 * The item before which the unread divider stands: the first of somebody else's past the frozen read position.
 *
 * @param {TimelineItem[]} items
 * @param {number | null} readSeq null: no divider
 * @param {string} me
 * @param {boolean} more earlier messages exist that are not loaded
 * @returns {string | null} its key; null also while it is not loaded
 */
export function firstUnread(items, readSeq, me, more) {
  if (readSeq === null) return null;
  const messages = items.filter((item) => item.kind === "message");
  const at = messages.findIndex(({ message }) => message.seq > readSeq && message.sender_id !== me);
  const first = messages[at];
  if (!first || (at === 0 && more && first.message.seq > readSeq + 1)) return null;
  return first.key;
}

/**
 * @param {TimelineItem[]} items in order
 * @param {{me: string, unreadKey: string | null}} options
 * @returns {Day[]}
 */
export function buildDays(items, { me, unreadKey }) {
  /** @type {Day[]} */
  const days = [];
  /** @type {{sender: string, at: number} | null} */
  let group = null;
  for (const item of items) {
    const at = timeOf(item);
    let day = days[days.length - 1];
    const key = at === null ? day?.key : dayKey(at);
    if (!day || (key !== undefined && day.key !== key)) {
      day = { key: key ?? "unknown", at: at ?? 0, rows: [] };
      days.push(day);
      group = null;
    }
    if (item.kind === "hole") {
      day.rows.push({ kind: "hole", key: item.key, item });
      group = null;
      continue;
    }
    if (item.key === unreadKey) {
      day.rows.push({ kind: "unread", key: "unread" });
      group = null;
    }
    const sender = senderOf(item) ?? "";
    const time = new Date(at ?? 0).getTime();
    const replying = item.kind === "message" ? item.message.reply_to !== null : item.entry.reply_to !== null;
    const head = group === null || group.sender !== sender || time - group.at > GROUP_SPAN || replying;
    if (head) group = { sender, at: time };
    day.rows.push({ kind: "item", key: item.key, item, head, own: sender === me });
  }
  return merged(days);
}

/**
 * A clock that went back (pending messages carry this machine's time) must not open a day a second time under the same
 * key; such a run stands under a key of its own.
 *
 * @param {Day[]} days
 */
function merged(days) {
  const seen = new Map();
  for (const day of days) {
    const times = seen.get(day.key) ?? 0;
    seen.set(day.key, times + 1);
    if (times > 0) day.key = `${day.key}/${times}`;
  }
  return days;
}

/** @param {string} key the key of a day @returns {string} the calendar day that it means */
export const plainDay = (key) => key.split("/")[0] ?? key;
