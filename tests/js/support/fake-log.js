/**
 * The truth of a Parley server in memory: people, rooms, messages, and the change log of rooms and users. Changes name
 * objects; readers get them as they are now, and erased ones are left out (decisions, H).
 */

const EXCERPT = 140;
const clone = (value) => structuredClone(value);

export class FakeLog {
  #now = Date.parse("2026-11-22T08:00:00Z");
  #ids = 0;

  constructor({ epoch = "e1" } = {}) {
    this.epoch = epoch;
    this.users = new Map();
    this.rooms = new Map();
    this.messages = new Map();
    /** stream key → changes, the nth having offset n */
    this.streams = new Map();
    /** called after each change with (stream key, change) */
    this.onChange = () => {};
  }

  id(prefix) {
    this.#ids += 1;
    return `${prefix}-${String(this.#ids).padStart(5, "0")}`;
  }

  time() {
    this.#now += 1;
    return new Date(this.#now).toISOString();
  }

  addUser(name) {
    const user = { id: this.id("user"), username: name, display_name: name, avatar: "", role: "user" };
    this.users.set(user.id, user);
    return user;
  }

  addRoom(kind, name, memberIds) {
    const room = {
      id: this.id("room"),
      kind,
      name: kind === "direct" ? null : name,
      topic: "",
      created_at: this.time(),
      last_message_at: null,
      seq: 0,
      members: new Map(),
      read: new Map(),
      is_frozen: false,
    };
    this.rooms.set(room.id, room);
    memberIds.forEach((id, index) => this.addMember(room.id, id, index === 0 ? "owner" : "member"));
    return room;
  }

  addMember(roomId, userId, role = "member") {
    const room = this.rooms.get(roomId);
    room.members.set(userId, role);
    room.read.set(userId, room.seq);
    this.#append(`room:${roomId}`, "member:joined", { user: userId, role });
    this.#append(`user:${userId}`, "room:added", { room: roomId });
  }

  removeMember(roomId, userId, reason = "removed") {
    const room = this.rooms.get(roomId);
    const role = room.members.get(userId);
    room.members.delete(userId);
    this.#append(`room:${roomId}`, "member:left", { user: userId, role });
    this.#append(`user:${userId}`, "room:removed", { room: roomId, reason });
  }

  changeRole(roomId, userId, role) {
    this.rooms.get(roomId).members.set(userId, role);
    this.#append(`room:${roomId}`, "member:changed", { user: userId, role });
  }

  rename(roomId, name) {
    this.rooms.get(roomId).name = name;
    this.#append(`room:${roomId}`, "room:changed", { room: roomId });
  }

  send(roomId, senderId, content, { clientId = null, replyTo = null } = {}) {
    const known = [...this.messages.values()].find(
      (message) => clientId && message.client_id === clientId && message.room_id === roomId && message.sender_id === senderId,
    );
    if (known) return { message: this.messagePayload(known.id), created: false };
    const room = this.rooms.get(roomId);
    room.seq += 1;
    const message = {
      id: this.id("message"),
      room_id: roomId,
      conversation_id: roomId,
      seq: room.seq,
      offset: this.head(`room:${roomId}`) + 1,
      sender_id: senderId,
      type: "text",
      content,
      html: content,
      client_id: clientId,
      reply_id: replyTo,
      forwarded_from: null,
      attachments: [],
      reactions: [],
      created_at: this.time(),
      edited_at: null,
      deleted_at: null,
      is_deleted: false,
      version: 1,
    };
    this.messages.set(message.id, message);
    room.last_message_at = message.created_at;
    room.last_id = message.id;
    this.#append(`room:${roomId}`, "message:created", { message: message.id });
    this.read(roomId, senderId, room.seq);
    return { message: this.messagePayload(message.id), created: true };
  }

  edit(messageId, content) {
    const message = this.messages.get(messageId);
    Object.assign(message, { content, html: content, version: message.version + 1, edited_at: this.time() });
    this.#touch(message, "message:edited", { message: messageId });
    return this.messagePayload(messageId);
  }

  recall(messageId) {
    const message = this.messages.get(messageId);
    if (message.is_deleted) return;
    Object.assign(message, { content: "", html: "", reactions: [], is_deleted: true, deleted_at: this.time() });
    this.#touch(message, "message:recalled", { message: messageId });
  }

  react(messageId, userId, emoji, on) {
    const message = this.messages.get(messageId);
    const people = new Map(message.reactions.map((item) => [item.emoji, item.user_ids]));
    const ids = (people.get(emoji) ?? []).filter((id) => id !== userId);
    people.set(emoji, on ? [...ids, userId] : ids);
    message.reactions = [...people]
      .filter(([, list]) => list.length)
      .map(([name, list]) => ({ emoji: name, count: list.length, user_ids: list }));
    this.#touch(message, "reaction:changed", { message: messageId });
  }

  /** Take a change's object away, as erasing a message does: the change stays without anything to show. */
  erase(messageId) {
    this.messages.delete(messageId);
  }

  endSession(userId, deviceId) {
    this.#append(`user:${userId}`, "session:ended", { device: deviceId });
  }

  read(roomId, userId, seq) {
    const room = this.rooms.get(roomId);
    if (!room.members.has(userId) || room.read.get(userId) >= seq) return;
    room.read.set(userId, seq);
    this.#append(`user:${userId}`, "conversation:changed", { room: roomId });
  }

  head(stream) {
    return this.streams.get(stream)?.length ?? 0;
  }

  changes(stream, after, limit) {
    const all = this.streams.get(stream) ?? [];
    const found = all.slice(after, after + limit);
    const shown = found.map((change) => this.change(stream, change)).filter((change) => change.payload !== null);
    return { changes: shown, offset: all.length, epoch: this.epoch, has_more: after + found.length < all.length };
  }

  change(stream, { offset, event, ids }) {
    return { offset, event, payload: this.#payload(stream, event, ids) };
  }

  #payload(stream, event, ids) {
    if (event.startsWith("message:")) {
      return this.messages.has(ids.message) ? { message: this.messagePayload(ids.message) } : null;
    }
    if (event === "reaction:changed") {
      const message = this.messages.get(ids.message);
      return message ? { message_id: message.id, reactions: clone(message.reactions) } : null;
    }
    if (event.startsWith("member:")) {
      const now = this.rooms.get(stream.slice(5)).members.get(ids.user);
      return { member: { user: this.card(ids.user), role: event === "member:left" ? ids.role : (now ?? ids.role) } };
    }
    if (event === "room:changed") return { room: this.roomPayload(ids.room) };
    if (event === "conversation:changed") {
      const seq = this.rooms.get(ids.room).read.get(stream.slice(5));
      return { conversation: { id: ids.room, read_seq: seq } };
    }
    if (event === "session:ended") return { device_id: ids.device, reason: "signed_out" };
    return { room_id: ids.room, ...(ids.reason ? { reason: ids.reason } : {}) };
  }

  card(userId) {
    const { id, display_name: name, avatar } = this.users.get(userId);
    return { id, display_name: name, avatar };
  }

  messagePayload(id) {
    const { reply_id: replyId, ...message } = this.messages.get(id);
    const quoted = replyId ? this.messages.get(replyId) : null;
    const reply = quoted && {
      id: quoted.id,
      sender_id: quoted.sender_id,
      sender_name: this.users.get(quoted.sender_id).display_name,
      excerpt: [...quoted.content].slice(0, EXCERPT).join(""),
    };
    return clone({ ...message, sender: this.card(message.sender_id), reply_to: reply });
  }

  roomPayload(id) {
    const room = this.rooms.get(id);
    return clone({
      id,
      kind: room.kind,
      name: room.name,
      topic: room.topic,
      created_at: room.created_at,
      last_message_at: room.last_message_at,
      last_message: room.last_id && this.messages.has(room.last_id) ? this.messagePayload(room.last_id) : null,
      seq: room.seq,
      offset: this.head(`room:${id}`),
      epoch: this.epoch,
      members_count: room.members.size,
      is_frozen: room.is_frozen,
    });
  }

  ownRoom(id, userId) {
    const room = this.rooms.get(id);
    const role = room.members.get(userId) ?? null;
    const readSeq = role ? room.read.get(userId) : room.seq;
    const own = { ...this.roomPayload(id), unread_count: Math.max(0, room.seq - readSeq), read_seq: readSeq, my_role: role };
    return room.kind === "direct" ? { ...own, members: this.members(id) } : own;
  }

  roomsOf(userId) {
    return [...this.rooms.values()].filter((room) => room.members.has(userId)).map((room) => this.ownRoom(room.id, userId));
  }

  members(roomId) {
    return [...this.rooms.get(roomId).members].map(([id, role]) => ({ user: this.card(id), role }));
  }

  messagesPage(roomId, { limit = 50, before } = {}) {
    const all = [...this.messages.values()].filter((message) => message.room_id === roomId).sort((a, b) => a.seq - b.seq);
    const end = before ? all.findIndex((message) => message.id === before) : all.length;
    const start = Math.max(0, end - limit);
    const messages = all.slice(start, end).map((message) => this.messagePayload(message.id));
    return { messages, has_more: start > 0, offset: this.head(`room:${roomId}`), epoch: this.epoch };
  }

  #touch(message, event, ids) {
    message.offset = this.head(`room:${message.room_id}`) + 1;
    this.#append(`room:${message.room_id}`, event, ids);
  }

  #append(stream, event, ids) {
    const changes = this.streams.get(stream) ?? [];
    const change = { offset: changes.length + 1, event, ids };
    this.streams.set(stream, [...changes, change]);
    this.onChange(stream, this.change(stream, change));
  }
}
