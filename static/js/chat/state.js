/**
 * @typedef {import("./types.js").AppState} AppState
 * @typedef {import("./types.js").Timeline} Timeline
 */
import { UNKNOWN_STREAM } from "./stream.js";

/** @type {Timeline} */
export const EMPTY_TIMELINE = Object.freeze({
  ...UNKNOWN_STREAM,
  status: "loading",
  messages: [],
  holes: {},
  filling: {},
  behindSince: null,
  strays: {},
  pins: {},
  error: null,
});

/**
 * The state before anything is known.
 *
 * @param {number} [now] ms
 * @returns {AppState}
 */
export function initialState(now = 0) {
  return {
    status: "starting",
    signedOutReason: null,
    error: null,
    me: null,
    connection: { state: "idle", since: now, nextAttemptAt: null, attempting: false },
    rooms: {},
    roomsStatus: "idle",
    roomsLog: [],
    stream: UNKNOWN_STREAM,
    stale: {},
    gone: {},
    openRoomId: null,
    timelines: {},
    members: {},
    outbox: {},
    typing: {},
    users: {},
  };
}

/**
 * A record without one key; the same record when it has none.
 *
 * @template T
 * @param {Record<string, T>} record
 * @param {string} key
 * @returns {Record<string, T>}
 */
export function without(record, key) {
  if (!(key in record)) return record;
  const rest = { ...record };
  delete rest[key];
  return rest;
}
