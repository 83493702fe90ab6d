/**
 * Durable events come in any order, twice, or not at all. This puts them in order: each stream of changes is applied offset
 * by offset; what arrives past a gap waits until the gap is filled.
 *
 * @typedef {import("./types.js").AppliedEvent} AppliedEvent
 * @typedef {import("./types.js").Stream} Stream
 */

/** @type {Stream} */
export const UNKNOWN_STREAM = Object.freeze({ offset: null, epoch: null, ahead: Object.freeze({}), head_offset: 0 });

/**
 * What is to be applied now, and the stream after it.
 *
 * @template {Stream} S
 * @typedef {{stream: S, ready: AppliedEvent[], lost?: boolean}} Step
 */

/**
 * An event of the stream has arrived.
 *
 * @template {Stream} S
 * @param {S} stream
 * @param {AppliedEvent} event with an offset
 * @returns {Step<S>} `lost`: it belongs to another log, so the position means nothing any more
 */
export function arrive(stream, event) {
  const offset = /** @type {number} */ (event.offset);
  if (stream.epoch !== null && event.epoch !== undefined && event.epoch !== stream.epoch) {
    return { stream, ready: [], lost: true };
  }
  if (stream.offset !== null && offset <= stream.offset) return { stream, ready: [] };
  if (stream.offset === null || offset > stream.offset + 1) {
    if (stream.ahead[offset]) return { stream, ready: [] };
    const ahead = { ...stream.ahead, [offset]: event };
    return { stream: { ...stream, ahead, head_offset: Math.max(stream.head_offset, offset) }, ready: [] };
  }
  return drain(stream, offset, [event]);
}

/**
 * Everything up to `through` has been told: what waits up to there is applied, and what is not there was erased.
 *
 * @template {Stream} S
 * @param {S} stream
 * @param {number} through
 * @returns {Step<S>}
 */
export function passThrough(stream, through) {
  if (stream.offset !== null && through <= stream.offset) return { stream, ready: [] };
  const known = waiting(stream).filter((offset) => offset <= through);
  return drain(stream, through, known.map((offset) => /** @type {AppliedEvent} */ (stream.ahead[offset])));
}

/**
 * Start at a position: a snapshot was taken there. What it holds already is forgotten, what came later is applied.
 *
 * @template {Stream} S
 * @param {S} stream
 * @param {number} offset
 * @param {string} epoch
 * @returns {Step<S>}
 */
export function startAt(stream, offset, epoch) {
  const same = Object.entries(stream.ahead).filter(([, event]) => event.epoch === undefined || event.epoch === epoch);
  return drain({ ...stream, epoch, ahead: Object.fromEntries(same), head_offset: offset }, offset, []);
}

/**
 * @param {Stream} stream
 * @returns {number[]} offsets that wait, in order
 */
export function waiting(stream) {
  return Object.keys(stream.ahead).map(Number).sort((a, b) => a - b);
}

/**
 * @param {Stream} stream
 * @returns {boolean} whether changes are known to be missing
 */
export function isBehind(stream) {
  return stream.offset !== null && stream.head_offset > stream.offset;
}

/**
 * @template {Stream} S
 * @param {S} stream
 * @param {number} reached
 * @param {AppliedEvent[]} ready
 * @returns {Step<S>}
 */
function drain(stream, reached, ready) {
  const ahead = { ...stream.ahead };
  let offset = reached;
  const applied = [...ready];
  for (const next of waiting(stream)) {
    if (next === offset + 1) {
      applied.push(/** @type {AppliedEvent} */ (ahead[next]));
      offset = next;
    }
    if (next <= offset) delete ahead[next];
  }
  return { stream: { ...stream, offset, ahead, head_offset: Math.max(stream.head_offset, offset) }, ready: applied };
}
