/**
 * Durable and passing events of a room: name → (state, event) → state. Durable ones come here in order, each once.
 *
 * @typedef {import("./types.js").AppliedEvent} AppliedEvent
 * @typedef {import("./types.js").AppState} AppState
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Timeline} Timeline
 * @typedef {(state: AppState, event: AppliedEvent) => AppState} Handler
 */
import { changeMembers, changeRoom, rememberUsers, replaceRoom, withChangedMessage, withMember, withNewMessage } from "./rooms.js";
import { without } from "./state.js";
import { changeMessage, changeReactions, putMessage } from "./timeline.js";

/** How long a person counts as typing after the last sign of it, in ms. */
const TYPING_LASTS = 6_000;

/**
 * @param {AppliedEvent} event
 * @returns {string} the room that it belongs to
 */
function roomOf(event) {
  return /** @type {string} */ (event.stream).slice("room:".length);
}

/**
 * @param {AppState} state
 * @param {string} roomId
 * @param {(timeline: Timeline) => Timeline} change
 * @returns {AppState}
 */
export function changeTimeline(state, roomId, change) {
  const timeline = state.timelines[roomId];
  if (!timeline) return state;
  const changed = change(timeline);
  return changed === timeline ? state : { ...state, timelines: { ...state.timelines, [roomId]: changed } };
}

/** @type {Handler} */
function messageCreated(state, event) {
  const { message } = /** @type {{message: Message}} */ (event.payload);
  const roomId = roomOf(event);
  let next = changeTimeline(rememberUsers(state, [message.sender]), roomId, (timeline) => putMessage(timeline, message));
  const myId = state.me?.id;
  next = changeRoom(next, roomId, Number(event.offset), (room) => withNewMessage(room, message, myId));
  const mine = message.sender_id === myId;
  if (mine && message.client_id) next = { ...next, outbox: without(next.outbox, message.client_id) };
  return message.sender_id === null ? next : setTyping(next, roomId, message.sender_id, 0);
}

/** @type {Handler} */
function messageChanged(state, event) {
  const { message } = /** @type {{message: Message}} */ (event.payload);
  const roomId = roomOf(event);
  const next = changeTimeline(state, roomId, (timeline) => changeMessage(timeline, message));
  return changeRoom(next, roomId, Number(event.offset), (room) => withChangedMessage(room, message));
}

/** @type {Handler} */
function reactionChanged(state, event) {
  const { message_id: id, reactions } = event.payload;
  const offset = Number(event.offset);
  const next = changeTimeline(state, roomOf(event), (timeline) => changeReactions(timeline, id, reactions, offset));
  return changeRoom(next, roomOf(event), offset, (room) => {
    const { last_message: last } = room;
    return last && last.id === id ? { ...room, last_message: { ...last, reactions, offset } } : room;
  });
}

/** @type {Handler} */
function pinChanged(state, event) {
  const { message_id: id, pinned } = event.payload;
  const next = changeTimeline(state, roomOf(event), (timeline) => ({ ...timeline, pins: { ...timeline.pins, [id]: pinned } }));
  return changeRoom(next, roomOf(event), Number(event.offset), (room) => room);
}

/** @type {Handler} */
function memberChanged(state, event) {
  const roomId = roomOf(event);
  const { member } = event.payload;
  let next = rememberUsers(state, [member.user]);
  const list = next.members[roomId];
  if (list) {
    const log = list.status === "loading" ? [...list.log, event] : list.log;
    next = { ...next, members: { ...next.members, [roomId]: { ...changeMembers(list, event), log } } };
  }
  if (event.event === "member:left") next = setTyping(next, roomId, member.user.id, 0);
  return changeRoom(next, roomId, Number(event.offset), (room) => withMember(room, member, event.event, state.me?.id));
}

/** @type {Handler} */
function roomChanged(state, event) {
  return replaceRoom(state, event.payload.room, Number(event.offset));
}

/** @type {Handler} */
function typing(state, event) {
  const { user_id: userId, on } = event.payload;
  if (userId === state.me?.id) return state;
  return setTyping(state, roomOf(event), userId, on === false ? 0 : Number(event.at) + TYPING_LASTS);
}

/**
 * @param {AppState} state
 * @param {string} roomId
 * @param {string} userId
 * @param {number} until ms; 0: not any more
 * @returns {AppState}
 */
function setTyping(state, roomId, userId, until) {
  const inRoom = state.typing[roomId] ?? {};
  if (!until && !(userId in inRoom)) return state;
  const changed = until ? { ...inRoom, [userId]: until } : without(inRoom, userId);
  return { ...state, typing: { ...state.typing, [roomId]: changed } };
}

/** @type {Handler} */
function typingExpired(state, { at = 0 }) {
  const typingNow = Object.entries(state.typing).map(([roomId, people]) => {
    const current = Object.entries(people).filter(([, until]) => until > at);
    return /** @type {const} */ ([roomId, current.length === Object.keys(people).length ? people : Object.fromEntries(current)]);
  });
  return { ...state, typing: Object.fromEntries(typingNow) };
}

/** @type {Record<string, Handler>} */
export const ROOM_EVENTS = {
  "message:created": messageCreated,
  "message:edited": messageChanged,
  "message:recalled": messageChanged,
  "reaction:changed": reactionChanged,
  "pin:changed": pinChanged,
  "member:joined": memberChanged,
  "member:left": memberChanged,
  "member:changed": memberChanged,
  "room:changed": roomChanged,
  typing,
  "local:typing:expired": typingExpired,
};
