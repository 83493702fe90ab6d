/**
 * Events of one's own stream, of the list of rooms, and of this client's session: name → (state, event) → state.
 *
 * @typedef {import("./types.js").AppliedEvent} AppliedEvent
 * @typedef {import("./types.js").AppState} AppState
 * @typedef {import("./events-room.js").Handler} Handler
 */
import { changeMembers, dropRoom, markStale, putRoom, rememberUsers } from "./rooms.js";
import { initialState, without } from "./state.js";

/** @type {Handler} */
function roomAdded(state, { payload }) {
  return markStale(logged(state, "room:added", payload), payload.room_id, 0);
}

/** @type {Handler} */
function roomRemoved(state, { event, payload }) {
  const reason = event === "room:deleted" ? "deleted" : (payload.reason ?? "removed");
  return dropRoom(logged(state, event, payload), payload.room_id, reason);
}

/** @type {Handler} */
function conversationChanged(state, { event, payload }) {
  const { id, read_seq: readSeq } = payload.conversation;
  const room = state.rooms[id];
  const next = logged(state, event, payload);
  if (!room || typeof readSeq !== "number") return next;
  return { ...next, rooms: { ...next.rooms, [id]: { ...room, read_seq: readSeq } } };
}

/**
 * While the list is loading, what happens meanwhile is kept and applied over it again.
 *
 * @param {AppState} state
 * @param {string} event
 * @param {any} payload
 * @returns {AppState}
 */
function logged(state, event, payload) {
  if (state.roomsStatus !== "loading") return state;
  return { ...state, roomsLog: [...state.roomsLog, { event, payload }] };
}

/** @type {Handler} */
function head(state, { payload, at = 0 }) {
  const { room_id: roomId, room_offset: offset, seq } = payload;
  const room = state.rooms[roomId];
  if (!room) return state.gone[roomId] ? state : markStale(state, roomId, offset);
  if (offset <= room.offset) return state;
  let next = state;
  if (typeof seq === "number" && seq > room.seq) {
    next = { ...next, rooms: { ...next.rooms, [roomId]: { ...room, seq } } };
  }
  const timeline = next.timelines[roomId];
  if (roomId !== state.openRoomId || !timeline) return markStale(next, roomId, offset);
  // The open room's own changes are on their way; if not, the gap is filled.
  const headOffset = Math.max(timeline.head_offset, offset);
  const behind = timeline.offset !== null && headOffset > timeline.offset;
  const behindSince = behind ? (timeline.behindSince ?? at) : null;
  return { ...next, timelines: { ...next.timelines, [roomId]: { ...timeline, head_offset: headOffset, behindSince } } };
}

/** @type {Handler} */
function roomsLoading(state) {
  return { ...state, roomsStatus: "loading", roomsLog: [] };
}

/**
 * All rooms, in place of what was known: whoever is not among them is gone.
 *
 * @type {Handler}
 */
function roomsLoaded(state, { payload }) {
  const listed = new Set(payload.rooms.map((/** @type {any} */ room) => room.id));
  let next = state;
  for (const id of Object.keys(state.rooms)) {
    if (!listed.has(id) && state.rooms[id]?.my_role !== null) next = dropRoom(next, id, "removed");
  }
  for (const room of payload.rooms) next = putRoom(next, room);
  const log = next.roomsLog;
  next = { ...next, roomsStatus: "ready", roomsLog: [] };
  for (const event of log) next = /** @type {Handler} */ (USER_EVENTS[event.event])(next, event);
  return next;
}

/** @type {Handler} */
function membersLoaded(state, { payload }) {
  const { room_id: roomId, members } = payload;
  const list = state.members[roomId];
  if (!list) return state;
  let loaded = { ...list, status: /** @type {"ready"} */ ("ready"), items: members, log: [], error: null };
  for (const event of list.log) loaded = { ...loaded, items: changeMembers(loaded, event).items };
  const next = rememberUsers(state, members.map((/** @type {any} */ member) => member.user));
  return { ...next, members: { ...next.members, [roomId]: loaded } };
}

/** @type {Handler} */
function membersLoading(state, { payload }) {
  const list = state.members[payload.room_id] ?? { items: [], error: null };
  const loading = { ...list, status: /** @type {"loading"} */ ("loading"), log: [] };
  return { ...state, members: { ...state.members, [payload.room_id]: loading } };
}

/** @type {Handler} */
function membersFailed(state, { payload }) {
  const list = state.members[payload.room_id];
  if (!list) return state;
  const failed = { ...list, status: /** @type {"error"} */ ("error"), error: payload.error };
  return { ...state, members: { ...state.members, [payload.room_id]: failed } };
}

/** @type {Handler} */
function read(state, { payload }) {
  const room = state.rooms[payload.room_id];
  if (!room || room.read_seq >= payload.seq) return state;
  return { ...state, rooms: { ...state.rooms, [room.id]: { ...room, read_seq: payload.seq } } };
}

/** @type {Handler} */
function signedOut(state, { payload }) {
  const empty = initialState();
  return { ...empty, status: "signed-out", signedOutReason: payload.reason, connection: state.connection };
}

/** @type {Record<string, Handler>} */
export const USER_EVENTS = {
  // The list of devices is asked for when it is looked at: nothing of it stands in the state.
  "device:changed": (state) => state,
  "session:ended": (state) => state,
  "room:added": roomAdded,
  "room:removed": roomRemoved,
  "room:deleted": roomRemoved,
  "conversation:changed": conversationChanged,
  head,
  "local:rooms:loading": roomsLoading,
  "local:rooms:loaded": roomsLoaded,
  "local:rooms:failed": (state, { payload }) => ({ ...state, roomsStatus: "error", error: payload.error }),
  "local:room:loaded": (state, { payload }) => putRoom(state, payload.room),
  "local:room:gone": (state, { payload }) => dropRoom(state, payload.room_id, payload.reason),
  "local:members:loading": membersLoading,
  "local:members:loaded": membersLoaded,
  "local:members:failed": membersFailed,
  "local:read": read,
  "local:starting": (state) => ({ ...state, status: "starting", error: null, signedOutReason: null }),
  "local:me": (state, { payload }) => ({ ...rememberUsers(state, [payload.me]), me: payload.me }),
  "local:ready": (state) => ({ ...state, status: "ready", error: null }),
  "local:start-failed": (state, { payload }) => ({ ...state, status: "error", error: payload.error }),
  "local:signed-out": signedOut,
  "local:connection": (state, { payload }) => ({ ...state, connection: payload }),
  "local:outbox:put": (state, { payload }) => ({ ...state, outbox: { ...state.outbox, [payload.entry.client_id]: payload.entry } }),
  "local:outbox:remove": (state, { payload }) => ({ ...state, outbox: without(state.outbox, payload.client_id) }),
};
