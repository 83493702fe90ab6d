/**
 * The one store: WebSocket frames, polled changes, pages of history and what this client does all go through `apply`.
 *
 * @typedef {import("./types.js").AppliedEvent} AppliedEvent
 * @typedef {import("./types.js").AppState} AppState
 * @typedef {import("./types.js").Stream} Stream
 * @typedef {import("./types.js").Timeline} Timeline
 * @typedef {import("./events-room.js").Handler} Handler
 */
import { ROOM_EVENTS, changeTimeline } from "./events-room.js";
import { USER_EVENTS } from "./events-user.js";
import { markStale, rememberUsers } from "./rooms.js";
import { EMPTY_TIMELINE, without } from "./state.js";
import { UNKNOWN_STREAM, arrive, isBehind, passThrough, startAt } from "./stream.js";
import { addPageBefore, takeSnapshot } from "./timeline.js";

/**
 * @typedef {object} StreamRef how to reach a stream in the state
 * @property {(state: AppState) => Stream|undefined} get
 * @property {(state: AppState, stream: Stream, at: number) => AppState} set
 * @property {(state: AppState) => AppState} lose
 */

/**
 * @param {string} key `room:<id>` or `user:<id>`
 * @returns {StreamRef}
 */
function streamRef(key) {
  if (!key.startsWith("room:")) {
    return {
      get: (state) => state.stream,
      set: (state, stream) => ({ ...state, stream }),
      lose: (state) => ({ ...state, stream: UNKNOWN_STREAM }),
    };
  }
  const roomId = key.slice("room:".length);
  return {
    get: (state) => state.timelines[roomId],
    set: (state, stream, at) => changeTimeline(state, roomId, (timeline) => moved(timeline, stream, at)),
    lose: (state) => changeTimeline(state, roomId, lost),
  };
}

/**
 * @param {Timeline} timeline
 * @param {Stream} stream
 * @param {number} at ms
 * @returns {Timeline}
 */
function moved(timeline, stream, at) {
  const { offset, epoch, ahead, head_offset: headOffset } = stream;
  const next = { ...timeline, offset, epoch, ahead, head_offset: headOffset };
  next.behindSince = isBehind(next) ? (timeline.behindSince ?? at) : null;
  return next;
}

/**
 * The position means nothing any more; what is shown stays until the new snapshot is there.
 *
 * @param {Timeline} timeline
 * @returns {Timeline}
 */
function lost(timeline) {
  return { ...timeline, ...UNKNOWN_STREAM, status: timeline.status === "ready" ? "lost" : timeline.status, behindSince: null };
}

/**
 * @param {AppState} state
 * @param {import("./stream.js").Step<Stream>} step
 * @param {StreamRef} ref
 * @param {number} at
 * @returns {AppState}
 */
function take(state, step, ref, at) {
  let next = step.stream === ref.get(state) ? state : ref.set(state, step.stream, at);
  for (const event of step.ready) next = handle(next, event);
  return next;
}

/** @type {Handler} */
function durable(state, event) {
  const ref = streamRef(/** @type {string} */ (event.stream));
  const stream = ref.get(state);
  if (!stream) return state;
  const step = arrive(stream, event);
  if (!step.lost) return take(state, step, ref, event.at ?? 0);
  // Start to collect what the new log brings; the snapshot will say what of it is new.
  const next = ref.lose(state);
  const fresh = /** @type {Stream} */ (ref.get(next));
  return take(next, arrive(fresh, event), ref, event.at ?? 0);
}

/** @type {Handler} */
function streamThrough(state, event) {
  const ref = streamRef(/** @type {string} */ (event.stream));
  const stream = ref.get(state);
  if (!stream || (stream.epoch !== null && stream.epoch !== event.payload.epoch)) return state;
  const next = take(state, passThrough(stream, event.payload.offset), ref, event.at ?? 0);
  return settleOutbox(next, /** @type {string} */ (event.stream).slice("room:".length), []);
}

/** @type {Handler} */
function streamStart(state, event) {
  const ref = streamRef(/** @type {string} */ (event.stream));
  const stream = ref.get(state);
  if (!stream) return state;
  return take(state, startAt(stream, event.payload.offset, event.payload.epoch), ref, event.at ?? 0);
}

/** @type {Handler} */
function streamLost(state, event) {
  return streamRef(/** @type {string} */ (event.stream)).lose(state);
}

/** @type {Handler} */
function timelineLoading(state, { payload }) {
  const timeline = state.timelines[payload.room_id] ?? EMPTY_TIMELINE;
  const status = timeline.status === "error" ? "loading" : timeline.status;
  return { ...state, timelines: { ...state.timelines, [payload.room_id]: { ...timeline, status, error: null } } };
}

/** @type {Handler} */
function timelineSnapshot(state, event) {
  const { room_id: roomId, messages, has_more: hasMore, offset, epoch } = event.payload;
  const senders = messages.map((/** @type {any} */ message) => message.sender);
  let next = changeTimeline(rememberUsers(state, senders), roomId, (timeline) => takeSnapshot(timeline, messages, hasMore));
  const room = next.rooms[roomId];
  if (room && room.offset < offset) next = markStale(next, roomId, offset);
  next = streamStart(next, { ...event, stream: `room:${roomId}`, payload: { offset, epoch } });
  return settleOutbox(next, roomId, messages);
}

/** @type {Handler} */
function timelinePage(state, { payload }) {
  const { room_id: roomId, before_id: beforeId, messages, has_more: hasMore } = payload;
  const senders = messages.map((/** @type {any} */ message) => message.sender);
  const next = changeTimeline(rememberUsers(state, senders), roomId, (timeline) =>
    addPageBefore(timeline, beforeId, messages, hasMore),
  );
  return settleOutbox(next, roomId, messages);
}

/**
 * What was written here is confirmed when a page brings it, whatever became of the answer to the sending; and what was
 * answered is history once the stream has passed it.
 *
 * @param {AppState} state
 * @param {string} roomId
 * @param {import("./types.js").Message[]} messages
 * @returns {AppState}
 */
function settleOutbox(state, roomId, messages) {
  let { outbox } = state;
  for (const { client_id: clientId, sender_id: senderId } of messages) {
    if (clientId && senderId === state.me?.id) outbox = without(outbox, clientId);
  }
  const reached = state.timelines[roomId]?.offset ?? 0;
  for (const { client_id: clientId, room_id: id, message } of Object.values(outbox)) {
    if (id === roomId && message && message.offset <= reached) outbox = without(outbox, clientId);
  }
  return outbox === state.outbox ? state : { ...state, outbox };
}

/** @type {Handler} */
function timelineFilling(state, { payload }) {
  const { room_id: roomId, before_id: beforeId, status } = payload;
  return changeTimeline(state, roomId, (timeline) => ({ ...timeline, filling: { ...timeline.filling, [beforeId]: status } }));
}

/** @type {Handler} */
function timelineFailed(state, { payload }) {
  return changeTimeline(state, payload.room_id, (timeline) => ({
    ...timeline,
    status: timeline.messages.length ? timeline.status : "error",
    error: payload.error,
  }));
}

/** @type {Record<string, Handler>} */
export const HANDLERS = {
  ...ROOM_EVENTS,
  ...USER_EVENTS,
  "local:stream:through": streamThrough,
  "local:stream:start": streamStart,
  "local:stream:lost": streamLost,
  "local:open": (state, { payload }) => ({ ...state, openRoomId: payload.room_id }),
  "local:timeline:loading": timelineLoading,
  "local:timeline:snapshot": timelineSnapshot,
  "local:timeline:page": timelinePage,
  "local:timeline:filling": timelineFilling,
  "local:timeline:failed": timelineFailed,
  "local:timeline:drop": (state, { payload }) => ({ ...state, timelines: without(state.timelines, payload.room_id) }),
};

/** @type {Handler} */
function handle(state, event) {
  const handler = HANDLERS[event.event];
  return handler ? handler(state, event) : state;
}

/**
 * What the state is after an event. Durable events may come in any order and more than once.
 *
 * @param {AppState} state
 * @param {AppliedEvent} event
 * @returns {AppState}
 */
export function apply(state, event) {
  return event.stream !== undefined && event.offset !== undefined ? durable(state, event) : handle(state, event);
}

/**
 * A state that tells when parts of it change.
 *
 * @param {AppState} initial
 * @returns {import("./types.js").Store<AppState>}
 */
export function createStore(initial) {
  let state = initial;
  /** @type {Set<{select: (state: AppState) => any, listen: (value: any, previous: any) => void, value: any}>} */
  const subscriptions = new Set();
  return {
    getState: () => state,
    dispatch: (...events) => {
      const before = state;
      state = events.reduce(apply, state);
      if (state === before) return;
      for (const subscription of [...subscriptions]) {
        const previous = subscription.value;
        subscription.value = subscription.select(state);
        if (subscription.value !== previous && subscriptions.has(subscription)) subscription.listen(subscription.value, previous);
      }
    },
    subscribe: (select, listen) => {
      const subscription = { select, listen, value: select(state) };
      subscriptions.add(subscription);
      return () => subscriptions.delete(subscription);
    },
  };
}
