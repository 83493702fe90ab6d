/**
 * Which of the loaded items stand in the document. A room may hold thousands; at most `MAX` are drawn, and the window moves
 * as one scrolls. It hangs on the key of its last item, not on numbers, so that loading earlier messages does not move it.
 */

export const MAX = 300;
const START = 80;
const STEP = 60;

/**
 * @typedef {object} Frame
 * @property {string | null} endKey key of the last item drawn; null: the newest, whatever comes
 * @property {number} size
 */

/** @returns {Frame} the newest messages */
export const latest = () => ({ endKey: null, size: START });

/**
 * @template {{key: string}} T
 * @param {T[]} items
 * @param {Frame} frame
 * @returns {{start: number, end: number}}
 */
export function bounds(items, frame) {
  const at = frame.endKey === null ? -1 : items.findIndex((item) => item.key === frame.endKey);
  const end = at < 0 ? items.length : at + 1;
  return { start: Math.max(0, end - frame.size), end };
}

/**
 * One step towards earlier items; the same frame when all loaded ones are drawn.
 *
 * @template {{key: string}} T
 * @param {T[]} items
 * @param {Frame} frame
 * @returns {Frame}
 */
export function earlier(items, frame) {
  const { start, end } = bounds(items, frame);
  if (start === 0) return frame;
  const size = Math.min(end - start + STEP, end);
  if (size <= MAX) return { endKey: frame.endKey, size };
  const cut = end - (size - MAX);
  return { endKey: items[cut - 1]?.key ?? null, size: MAX };
}

/**
 * One step towards later items; the same frame when the newest is drawn.
 *
 * @template {{key: string}} T
 * @param {T[]} items
 * @param {Frame} frame
 * @returns {Frame}
 */
export function later(items, frame) {
  const { start, end } = bounds(items, frame);
  if (end >= items.length) return frame.endKey === null ? frame : { endKey: null, size: frame.size };
  const next = Math.min(end + STEP, items.length);
  const size = Math.min(next - start, MAX);
  return { endKey: next === items.length ? null : (items[next - 1]?.key ?? null), size };
}

/**
 * A frame with the item in its middle.
 *
 * @template {{key: string}} T
 * @param {T[]} items
 * @param {string} key
 * @param {Frame} frame
 * @returns {Frame}
 */
export function around(items, key, frame) {
  const at = items.findIndex((item) => item.key === key);
  if (at < 0) return frame;
  const { start, end } = bounds(items, frame);
  if (at >= start && at < end) return frame;
  const last = Math.min(items.length, at + START);
  return { endKey: last === items.length ? null : (items[last - 1]?.key ?? null), size: Math.min(last, START * 2) };
}
