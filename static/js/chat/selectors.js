/**
 * Questions to the state. Answers are remembered while what they depend on is the same, so they may be asked at every draw.
 *
 * @typedef {import("./types.js").AppState} AppState
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").OutboxEntry} OutboxEntry
 * @typedef {import("./types.js").Room} Room
 * @typedef {import("./types.js").Timeline} Timeline
 * @typedef {import("./types.js").TimelineItem} TimelineItem
 * @typedef {import("./types.js").UserCard} UserCard
 */
import { waiting } from "./stream.js";

/**
 * Messages past one's own read position. One's own do not count: sending moves the position.
 *
 * @param {Room} room
 * @returns {number}
 */
export function unreadCount(room) {
  return Math.max(0, room.seq - room.read_seq);
}

/**
 * @param {AppState} state
 * @returns {number}
 */
export function totalUnread(state) {
  return Object.values(state.rooms).reduce((sum, room) => sum + unreadCount(room), 0);
}

/**
 * The other person of a direct room.
 *
 * @param {AppState} state
 * @param {Room} room
 * @returns {UserCard|null}
 */
export function otherPerson(state, room) {
  const card = room.members?.map((member) => member.user).find((user) => user.id !== state.me?.id);
  return card ? (state.users[card.id] ?? card) : null;
}

/**
 * @param {AppState} state
 * @param {Room} room
 * @returns {string}
 */
export function roomTitle(state, room) {
  return room.name || otherPerson(state, room)?.display_name || "";
}

/**
 * @template D, R
 * @param {(state: AppState) => D[]} depends
 * @param {(state: AppState) => R} compute
 * @returns {(state: AppState) => R}
 */
function remembered(depends, compute) {
  /** @type {D[]|null} */
  let last = null;
  /** @type {R} */
  let answer;
  return (state) => {
    const now = depends(state);
    if (!last?.every((item, index) => item === now[index])) answer = compute(state);
    last = now;
    return answer;
  };
}

/**
 * One's own rooms, newest activity first. (A public room that is only looked at is in the state too, without a role.)
 *
 * @type {(state: AppState) => Room[]}
 */
export const sortedRooms = remembered(
  (state) => [state.rooms],
  (state) =>
    Object.values(state.rooms)
      .filter((room) => room.my_role !== null)
      .sort((a, b) => later(a, b) || (a.id < b.id ? -1 : 1)),
);

/**
 * @param {Room} a
 * @param {Room} b
 */
function later(a, b) {
  const first = a.last_message_at ?? "";
  const second = b.last_message_at ?? "";
  if (first === second) return 0;
  return first > second ? -1 : 1;
}

/**
 * @param {AppState} state
 * @param {string} roomId
 * @returns {boolean} whether there is history before the first loaded message
 */
export function hasMoreBefore(state, roomId) {
  const timeline = state.timelines[roomId];
  const first = timeline?.messages[0];
  return first !== undefined && timeline?.holes[first.id] === true;
}

/**
 * What has not been confirmed yet of what was written in a room, in the order of writing.
 *
 * @param {AppState} state
 * @param {string} roomId
 * @returns {OutboxEntry[]}
 */
export function pendingEntries(state, roomId) {
  return Object.values(state.outbox)
    .filter((entry) => entry.room_id === roomId)
    .sort((a, b) => a.created_at - b.created_at || (a.client_id < b.client_id ? -1 : 1));
}

/** @type {Map<string, {timeline: Timeline|undefined, outbox: AppState["outbox"], me: AppState["me"], items: TimelineItem[]}>} */
const itemsOf = new Map();

/**
 * The lines of a room's timeline: what was received in its order, with holes where history is missing, then what is pending.
 *
 * @param {AppState} state
 * @param {string} roomId
 * @returns {TimelineItem[]}
 */
export function timelineItems(state, roomId) {
  const timeline = state.timelines[roomId];
  const { outbox, me } = state;
  const known = itemsOf.get(roomId);
  if (known && known.timeline === timeline && known.outbox === outbox && known.me === me) return known.items;
  const items = [...receivedItems(timeline, me?.id), ...pendingItems(state, roomId)];
  itemsOf.set(roomId, { timeline, outbox, me, items });
  return items;
}

/**
 * @param {Timeline|undefined} timeline
 * @param {string|undefined} myId
 * @returns {TimelineItem[]}
 */
function receivedItems(timeline, myId) {
  if (!timeline) return [];
  /** @type {TimelineItem[]} */
  const items = [];
  timeline.messages.forEach((message, index) => {
    if (index > 0 && timeline.holes[message.id]) {
      const status = timeline.filling[message.id] ?? "idle";
      items.push({ kind: "hole", key: `hole:${message.id}`, beforeId: message.id, status });
    }
    items.push(messageItem(timeline, message, myId));
  });
  const ahead = messagesAhead(timeline);
  if (ahead.length) items.push({ kind: "hole", key: "hole", beforeId: null, status: "loading" });
  for (const message of ahead) items.push(messageItem(timeline, message, myId));
  return items;
}

/**
 * Messages that arrived past a gap in the changes: shown behind a hole until it is filled.
 *
 * @param {Timeline} timeline
 * @returns {Message[]}
 */
function messagesAhead(timeline) {
  const loaded = new Set(timeline.messages.map(({ id }) => id));
  return waiting(timeline)
    .map((offset) => timeline.ahead[offset])
    .filter((event) => event?.event === "message:created")
    .map((event) => /** @type {Message} */ (event?.payload.message))
    .filter(({ id }) => timeline.status === "ready" && !loaded.has(id));
}

/**
 * @param {Timeline} timeline
 * @param {Message} message
 * @param {string|undefined} myId
 * @returns {TimelineItem}
 */
function messageItem(timeline, message, myId) {
  const mine = message.sender_id === myId && message.client_id;
  return { kind: "message", key: mine ? `own:${message.client_id}` : message.id, message, pinned: timeline.pins[message.id] === true };
}

/**
 * @param {AppState} state
 * @param {string} roomId
 * @returns {TimelineItem[]}
 */
function pendingItems(state, roomId) {
  const timeline = state.timelines[roomId];
  const shown = new Set(timeline ? messagesAhead(timeline).map(({ client_id: clientId }) => clientId) : []);
  return pendingEntries(state, roomId)
    .filter((entry) => !shown.has(entry.client_id))
    .map((entry) => ({ kind: "pending", key: `own:${entry.client_id}`, entry }));
}
