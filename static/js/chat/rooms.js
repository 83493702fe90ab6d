/**
 * What the list knows of a room, and who is in it, as pure functions.
 *
 * A summary is exactly the room after the change `offset`. The next change moves it on; when changes were missed, or only
 * heard of, the room is marked stale and the engine fetches it.
 *
 * @typedef {import("./types.js").AppliedEvent} AppliedEvent
 * @typedef {import("./types.js").AppState} AppState
 * @typedef {import("./types.js").Member} Member
 * @typedef {import("./types.js").MemberList} MemberList
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Room} Room
 */
import { without } from "./state.js";
import { quoting } from "./timeline.js";

/**
 * A room as a GET of one's own answered, in the shape of the list.
 *
 * @param {any} wire
 * @returns {Room}
 */
export function roomFromWire(wire) {
  const { unread_count: unread, read_seq: readSeq, ...room } = wire;
  return { my_role: null, ...room, read_seq: readSeq ?? Math.max(0, room.seq - (unread ?? 0)) };
}

/**
 * Take an answer of one's own GET. An older one than what is known changes nothing.
 *
 * @param {AppState} state
 * @param {any} wire
 * @returns {AppState}
 */
export function putRoom(state, wire) {
  const room = roomFromWire(wire);
  const known = state.rooms[room.id];
  if (known && known.epoch === room.epoch && known.offset > room.offset) return state;
  // Reading moves another stream, so its newest position may be the one known here.
  const readSeq = Math.max(room.read_seq, known && known.epoch === room.epoch ? known.read_seq : 0);
  const heard = state.stale[room.id] ?? 0;
  return {
    ...rememberUsers(state, (room.members ?? []).map(({ user }) => user)),
    rooms: { ...state.rooms, [room.id]: { ...room, read_seq: readSeq } },
    stale: heard > room.offset ? state.stale : without(state.stale, room.id),
    gone: without(state.gone, room.id),
  };
}

/**
 * A change of an open room, applied in order to its timeline, is applied to its summary as well.
 *
 * @param {AppState} state
 * @param {string} roomId
 * @param {number} offset of the change
 * @param {(room: Room) => Room} change
 * @returns {AppState}
 */
export function changeRoom(state, roomId, offset, change) {
  const room = state.rooms[roomId];
  if (!room || offset <= room.offset) return state;
  if (offset > room.offset + 1) return markStale(state, roomId, offset);
  const changed = change(room);
  return { ...state, rooms: { ...state.rooms, [roomId]: { ...changed, offset: Math.max(offset, changed.offset) } } };
}

/**
 * The room itself, as an event carries it: whole, but for what is one's own.
 *
 * @param {AppState} state
 * @param {any} wire
 * @param {number} offset of the change
 * @returns {AppState}
 */
export function replaceRoom(state, wire, offset) {
  const room = state.rooms[wire.id];
  if (!room || offset <= room.offset) return state;
  const next = { ...room, ...wire, read_seq: room.read_seq, my_role: room.my_role };
  next.offset = Math.max(offset, wire.offset ?? 0);
  return { ...state, rooms: { ...state.rooms, [wire.id]: next } };
}

/**
 * The newest message of a room.
 *
 * @param {Room} room
 * @param {Message} message
 * @param {string|undefined} myId
 * @returns {Room}
 */
export function withNewMessage(room, message, myId) {
  const seq = Math.max(room.seq, message.seq);
  // Sending moves one's own read position.
  const readSeq = message.sender_id === myId ? Math.max(room.read_seq, message.seq) : room.read_seq;
  return { ...room, seq, read_seq: readSeq, last_message: message, last_message_at: message.created_at };
}

/**
 * @param {Room} room
 * @param {Message} message edited or recalled
 * @returns {Room}
 */
export function withChangedMessage(room, message) {
  const last = room.last_message;
  if (!last) return room;
  return { ...room, last_message: last.id === message.id ? message : quoting(last, message) };
}

/**
 * @param {Room} room
 * @param {Member} member
 * @param {string} event `member:joined`, `member:left` or `member:changed`
 * @param {string|undefined} myId
 * @returns {Room}
 */
export function withMember(room, member, event, myId) {
  // The summary moves change by change, so counting is exact; with a change missed it is fetched.
  const step = event === "member:joined" ? 1 : event === "member:left" ? -1 : 0;
  const role = member.user.id !== myId ? room.my_role : event === "member:left" ? null : member.role;
  return { ...room, members_count: room.members_count + step, my_role: role };
}

/**
 * @param {MemberList} list
 * @param {AppliedEvent} event `member:*`
 * @returns {MemberList}
 */
export function changeMembers(list, event) {
  const { member } = /** @type {{member: Member}} */ (event.payload);
  const others = list.items.filter(({ user }) => user.id !== member.user.id);
  const index = list.items.findIndex(({ user }) => user.id === member.user.id);
  const place = index < 0 ? others.length : index;
  const items = event.event === "member:left" ? others : others.toSpliced(place, 0, member);
  return { ...list, items };
}

/**
 * @param {AppState} state
 * @param {string} roomId
 * @param {number} offset the room is said to have reached
 * @returns {AppState}
 */
export function markStale(state, roomId, offset) {
  if ((state.stale[roomId] ?? -1) >= offset) return state;
  return { ...state, stale: { ...state.stale, [roomId]: offset } };
}

/**
 * A room went away, or we from it.
 *
 * @param {AppState} state
 * @param {string} roomId
 * @param {string} reason
 * @returns {AppState}
 */
export function dropRoom(state, roomId, reason) {
  const known = state.rooms[roomId] || state.openRoomId === roomId;
  return {
    ...state,
    rooms: without(state.rooms, roomId),
    timelines: without(state.timelines, roomId),
    members: without(state.members, roomId),
    typing: without(state.typing, roomId),
    stale: without(state.stale, roomId),
    gone: known ? { ...state.gone, [roomId]: reason } : state.gone,
  };
}

/**
 * Keep the newest name and picture of everybody seen.
 *
 * @param {AppState} state
 * @param {(import("./types.js").UserCard|null|undefined)[]} cards
 * @returns {AppState}
 */
export function rememberUsers(state, cards) {
  let { users } = state;
  for (const card of cards) {
    const known = card ? users[card.id] : undefined;
    if (!card || (known?.display_name === card.display_name && known.avatar === card.avatar)) continue;
    users = { ...users, [card.id]: { id: card.id, display_name: card.display_name, avatar: card.avatar } };
  }
  return users === state.users ? state : { ...state, users };
}
