import assert from "node:assert/strict";
import { test } from "node:test";

import { hasMoreBefore, roomTitle, sortedRooms, timelineItems, totalUnread, unreadCount } from "../../static/js/chat/selectors.js";
import { initialState } from "../../static/js/chat/state.js";
import { apply, createStore } from "../../static/js/chat/store.js";
import { seeded } from "./support/fake-clock.js";
import { FakeLog } from "./support/fake-log.js";

const PAGE = 20;

/** A client's state, with what a test does to it in short words. */
class Client {
  constructor(log, me) {
    this.log = log;
    this.me = me;
    this.stream = `user:${me.id}`;
    this.state = initialState();
    this.do("local:me", { me });
    this.loadRooms();
  }

  do(event, payload) {
    this.state = apply(this.state, { event, payload, at: 1 });
  }

  loadRooms() {
    const offset = this.log.head(this.stream);
    this.do("local:rooms:loading", {});
    this.do("local:rooms:loaded", { rooms: this.log.roomsOf(this.me.id) });
    this.state = apply(this.state, { event: "local:stream:start", stream: this.stream, payload: { offset, epoch: this.log.epoch } });
  }

  open(roomId) {
    this.do("local:open", { room_id: roomId });
    this.do("local:timeline:loading", { room_id: roomId });
    this.do("local:timeline:snapshot", { room_id: roomId, ...this.log.messagesPage(roomId, { limit: PAGE }) });
    this.refreshStale();
  }

  earlier(roomId) {
    const first = this.timeline(roomId).messages[0];
    if (!first || !hasMoreBefore(this.state, roomId)) return;
    const page = this.log.messagesPage(roomId, { limit: PAGE, before: first.id });
    this.do("local:timeline:page", { room_id: roomId, before_id: first.id, ...page });
  }

  hear(stream, { event, payload, offset }, epoch = this.log.epoch) {
    this.state = apply(this.state, { event, payload, stream, offset, epoch, at: 1 });
  }

  /** What the engine does about a gap. */
  fill(stream, limit = 7) {
    const position = () => (stream.startsWith("room:") ? this.timeline(stream.slice(5)) : this.state.stream);
    let more = true;
    while (more) {
      const after = position().offset;
      const page = this.log.changes(stream, after, limit);
      for (const change of page.changes) this.hear(stream, change);
      more = page.has_more;
      const through = more ? after + limit : page.offset;
      this.state = apply(this.state, { event: "local:stream:through", stream, payload: { offset: through, epoch: page.epoch }, at: 1 });
    }
  }

  refreshStale() {
    for (const id of Object.keys(this.state.stale)) {
      const isMember = this.log.rooms.get(id).members.has(this.me.id);
      if (isMember) this.do("local:room:loaded", { room: this.log.ownRoom(id, this.me.id) });
      else this.do("local:room:gone", { room_id: id, reason: "not_found" });
    }
  }

  timeline(roomId) {
    return this.state.timelines[roomId];
  }
}

/** What a client that starts now would see. */
function assertFresh(client, roomId, note) {
  const { log, me, state } = client;
  const fresh = new Client(log, me);
  fresh.open(roomId);
  while (hasMoreBefore(fresh.state, roomId)) fresh.earlier(roomId);
  const loaded = client.timeline(roomId).messages;
  const all = fresh.timeline(roomId).messages.filter(({ id }) => log.messages.has(id));
  const kept = loaded.filter(({ id }) => log.messages.has(id));
  assert.deepEqual(kept, all.slice(all.length - kept.length), `${note}: the loaded part is the end of the history, as it is now`);
  assert.equal(client.timeline(roomId).offset, log.head(`room:${roomId}`), `${note}: position`);
  assert.deepEqual(client.timeline(roomId).ahead, {}, `${note}: nothing waits`);
  assert.equal(client.timeline(roomId).behindSince, null, `${note}: not behind`);
  assert.deepEqual(state.rooms, fresh.state.rooms, `${note}: rooms`);
  assert.equal(totalUnread(state), totalUnread(fresh.state), `${note}: unread`);
}

/** One random act of somebody in the room. */
function act(log, room, people, random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const messages = [...log.messages.values()].filter(({ room_id: id, is_deleted: gone }) => id === room.id && !gone);
  const members = [...room.members.keys()];
  const [me, ...others] = people;
  const kind = random();
  if (kind < 0.45 || !messages.length) {
    const replyTo = messages.length && random() < 0.3 ? pick(messages).id : null;
    log.send(room.id, pick(members), `text ${Math.floor(random() * 1e6)} ${"long ".repeat(Math.floor(random() * 60))}`, { replyTo });
  } else if (kind < 0.6) log.edit(pick(messages).id, `edited ${Math.floor(random() * 1e6)}`);
  else if (kind < 0.68) log.recall(pick(messages).id);
  else if (kind < 0.8) log.react(pick(messages).id, pick(members), pick(["👍", "🎉"]), random() < 0.7);
  else if (kind < 0.86) log.read(room.id, me.id, Math.ceil(random() * room.seq));
  else if (kind < 0.9) log.rename(room.id, `name ${Math.floor(random() * 100)}`);
  else {
    const person = pick(others);
    const role = room.members.get(person.id);
    if (!role) log.addMember(room.id, person.id);
    else if (random() < 0.5) log.changeRole(room.id, person.id, role === "member" ? "admin" : "member");
    else log.removeMember(room.id, person.id);
  }
}

test("old state + events = fresh state, with frames lost, doubled and out of order", () => {
  const fired = new Set();
  for (let seed = 1; seed <= 250; seed += 1) {
    const random = seeded(seed);
    const log = new FakeLog();
    const people = ["ada", "bo", "cy", "di"].map((name) => log.addUser(name));
    const room = log.addRoom("group", "ours", people.slice(0, 3).map(({ id }) => id));
    for (let i = 0; i < 45; i += 1) act(log, room, people, random);
    const client = new Client(log, people[0]);
    client.open(room.id);
    /** @type {[string, any][]} */
    const inFlight = [];
    const streams = [`room:${room.id}`, client.stream];
    log.onChange = (stream, change) => {
      if (!streams.includes(stream) || random() < 0.15) return;
      const place = random() < 0.3 ? Math.floor(random() * (inFlight.length + 1)) : inFlight.length;
      inFlight.splice(place, 0, [stream, change]);
      if (random() < 0.15) inFlight.push([stream, change]);
    };
    for (let step = 0; step < 50; step += 1) {
      act(log, room, people, random);
      while (inFlight.length && random() < 0.7) {
        const [stream, change] = inFlight.shift();
        fired.add(change.event);
        client.hear(stream, change);
      }
      if (random() < 0.05) client.earlier(room.id);
      if (random() < 0.05) streams.forEach((stream) => client.fill(stream));
      if (random() < 0.05) client.refreshStale();
      if (random() < 0.02) client.loadRooms();
      if (random() < 0.02) client.open(room.id);
    }
    for (const [stream, change] of inFlight) client.hear(stream, change);
    streams.forEach((stream) => client.fill(stream));
    client.refreshStale();
    assertFresh(client, room.id, `seed ${seed}`);
  }
  const expected = ["created", "edited", "recalled"].map((name) => `message:${name}`);
  for (const name of [...expected, "reaction:changed", "member:joined", "member:left", "member:changed", "room:changed"]) {
    assert.ok(fired.has(name), `${name} never happened`);
  }
  assert.ok(fired.has("conversation:changed"));
});

/** A log with a room of two people, and a client of the first. */
function scene(messages = 0) {
  const log = new FakeLog();
  const [ada, bo] = ["Ada", "Bo"].map((name) => log.addUser(name));
  const room = log.addRoom("group", "ours", [ada.id, bo.id]);
  for (let i = 1; i <= messages; i += 1) log.send(room.id, bo.id, `message ${i}`);
  const client = new Client(log, ada);
  client.open(room.id);
  const stream = `room:${room.id}`;
  const last = () => log.changes(stream, log.head(stream) - 1, 1).changes[0];
  return { log, ada, bo, room, client, stream, last };
}

test("a message past a gap is shown behind a hole, and the hole closes in place", () => {
  const { log, bo, room, client, stream, last } = scene(3);
  log.send(room.id, bo.id, "lost");
  const lost = last();
  log.send(room.id, bo.id, "arrived");
  client.hear(stream, last());
  const kinds = () => timelineItems(client.state, room.id).map((item) => item.message?.content ?? item.kind);
  assert.deepEqual(kinds(), ["message 1", "message 2", "message 3", "hole", "arrived"]);
  assert.equal(client.timeline(room.id).behindSince, 1);
  client.hear(stream, lost);
  assert.deepEqual(kinds(), ["message 1", "message 2", "message 3", "lost", "arrived"]);
  assert.equal(client.timeline(room.id).behindSince, null);
});

test("an erased change is no gap once a page has passed it", () => {
  const { log, bo, room, client, stream } = scene(1);
  const { message } = log.send(room.id, bo.id, "to be erased");
  log.send(room.id, bo.id, "after");
  log.erase(message.id);
  client.fill(stream);
  assert.deepEqual(timelineItems(client.state, room.id).map((item) => item.message.content), ["message 1", "after"]);
  assert.equal(client.timeline(room.id).offset, log.head(stream));
});

test("earlier pages join on, and the beginning is known", () => {
  const { room, client } = scene(50);
  assert.equal(client.timeline(room.id).messages.length, PAGE);
  assert.ok(hasMoreBefore(client.state, room.id));
  client.earlier(room.id);
  client.earlier(room.id);
  assert.equal(client.timeline(room.id).messages.length, 50);
  assert.ok(!hasMoreBefore(client.state, room.id));
  const seqs = client.timeline(room.id).messages.map(({ seq }) => seq);
  assert.deepEqual(seqs, Array.from({ length: 50 }, (_, index) => index + 1));
});

test("a hole in loaded history is drawn, and a page that reaches across closes it", () => {
  const { log, room, client } = scene(60);
  const all = log.messagesPage(room.id, { limit: 60 }).messages;
  // As after a jump: the part around message 10 is loaded, and then the part from 41 on.
  const holes = { [all[4].id]: true, [all[40].id]: true };
  const timeline = { ...client.timeline(room.id), messages: [...all.slice(4, 12), ...all.slice(40)], holes };
  client.state = { ...client.state, timelines: { [room.id]: timeline } };
  const hole = () => timelineItems(client.state, room.id).find((item) => item.kind === "hole")?.beforeId;
  assert.equal(hole(), all[40].id);
  const page = (beforeId, limit) => {
    const found = log.messagesPage(room.id, { limit, before: beforeId });
    client.do("local:timeline:page", { room_id: room.id, before_id: beforeId, ...found });
  };
  page(all[40].id, 20);
  assert.equal(hole(), all[20].id);
  page(all[20].id, 12);
  assert.equal(hole(), undefined);
  assert.equal(client.timeline(room.id).messages.length, 56);
  assert.ok(hasMoreBefore(client.state, room.id));
  page(all[4].id, 20);
  assert.equal(client.timeline(room.id).messages.length, 60);
  assert.ok(!hasMoreBefore(client.state, room.id));
});

test("an edit of a message that is not loaded is there when its page comes late", () => {
  const { log, room, client, stream, last } = scene(30);
  const first = client.timeline(room.id).messages[0];
  const stalePage = log.messagesPage(room.id, { limit: PAGE, before: first.id });
  const old = stalePage.messages[0];
  log.edit(old.id, "edited meanwhile");
  client.hear(stream, last());
  client.do("local:timeline:page", { room_id: room.id, before_id: first.id, ...stalePage });
  assert.equal(client.timeline(room.id).messages[0].content, "edited meanwhile");
});

test("my message replaces its pending entry in place, under the same key", () => {
  const { log, ada, room, client, stream, last } = scene(1);
  const entry = { client_id: "c1", room_id: room.id, user_id: ada.id, content: "hi", created_at: 5, status: "sending", message: null };
  client.do("local:outbox:put", { entry });
  const keys = () => timelineItems(client.state, room.id).map(({ kind, key }) => [kind, key]);
  assert.deepEqual(keys().at(-1), ["pending", "own:c1"]);
  log.send(room.id, ada.id, "hi", { clientId: "c1" });
  client.hear(stream, last());
  assert.deepEqual(keys().at(-1), ["message", "own:c1"]);
  assert.deepEqual(client.state.outbox, {});
  client.hear(stream, last());
  assert.equal(keys().length, 2);
});

test("somebody else's message with my client_id confirms nothing", () => {
  const { log, ada, bo, room, client, stream, last } = scene(0);
  const entry = { client_id: "c1", room_id: room.id, user_id: ada.id, content: "hi", created_at: 5, status: "sending", message: null };
  client.do("local:outbox:put", { entry });
  log.send(room.id, bo.id, "mine", { clientId: "c1" });
  client.hear(stream, last());
  assert.deepEqual(timelineItems(client.state, room.id).map(({ kind }) => kind), ["message", "pending"]);
});

test("pending messages stand after everything received, in the order of writing", () => {
  const { log, ada, bo, room, client, stream, last } = scene(1);
  for (const [id, at] of [["c2", 7], ["c1", 6]]) {
    const entry = { client_id: id, room_id: room.id, user_id: ada.id, content: id, created_at: at, status: "queued", message: null };
    client.do("local:outbox:put", { entry });
  }
  log.send(room.id, bo.id, "received");
  client.hear(stream, last());
  const shown = timelineItems(client.state, room.id).map((item) => item.message?.content ?? item.entry.content);
  assert.deepEqual(shown, ["message 1", "received", "c1", "c2"]);
});

test("a position of another log is lost: what is shown stays until the snapshot", () => {
  const { log, bo, room, client, stream } = scene(3);
  const before = client.timeline(room.id).messages;
  log.epoch = "e2";
  log.send(room.id, bo.id, "new world");
  client.hear(stream, log.changes(stream, log.head(stream) - 1, 1).changes[0]);
  assert.equal(client.timeline(room.id).status, "lost");
  assert.equal(client.timeline(room.id).messages, before);
  client.open(room.id);
  assert.equal(client.timeline(room.id).status, "ready");
  assert.equal(client.timeline(room.id).messages.at(-1).content, "new world");
  assertFresh(client, room.id, "after the snapshot");
});

test("unread is arithmetic on positions and never negative", () => {
  const { log, ada, bo, room, client, stream, last } = scene(0);
  for (let i = 0; i < 3; i += 1) {
    log.send(room.id, bo.id, "hey");
    client.hear(stream, last());
  }
  assert.equal(unreadCount(client.state.rooms[room.id]), 3);
  client.do("local:read", { room_id: room.id, seq: 2 });
  assert.equal(unreadCount(client.state.rooms[room.id]), 1);
  log.send(room.id, ada.id, "mine");
  client.hear(stream, last());
  assert.equal(unreadCount(client.state.rooms[room.id]), 0);
  assert.equal(unreadCount({ seq: 3, read_seq: 9 }), 0);
});

test("a head moves a room that is not open: its unread at once, its summary when fetched", () => {
  const { log, ada, bo, client } = scene(0);
  const other = log.addRoom("group", "other", [bo.id, ada.id]);
  client.do("room:added", { room_id: other.id });
  assert.deepEqual(Object.keys(client.state.stale), [other.id]);
  client.refreshStale();
  log.send(other.id, bo.id, "psst");
  client.do("head", { room_id: other.id, room_offset: log.head(`room:${other.id}`), seq: 1 });
  assert.equal(unreadCount(client.state.rooms[other.id]), 1);
  assert.equal(client.state.rooms[other.id].last_message, null);
  client.refreshStale();
  assert.deepEqual(client.state.stale, {});
  assert.equal(client.state.rooms[other.id].last_message.content, "psst");
  assert.equal(sortedRooms(client.state)[0].id, other.id);
});

test("a summary that is older than what was heard of stays marked", () => {
  const { log, bo, ada, client } = scene(0);
  const other = log.addRoom("group", "other", [bo.id, ada.id]);
  const old = log.ownRoom(other.id, ada.id);
  log.send(other.id, bo.id, "psst");
  client.do("head", { room_id: other.id, room_offset: log.head(`room:${other.id}`) });
  client.do("local:room:loaded", { room: old });
  assert.ok(other.id in client.state.stale);
});

test("a room that I was taken out of goes, and says why", () => {
  const { log, ada, room, client } = scene(1);
  log.removeMember(room.id, ada.id);
  client.fill(client.stream);
  assert.equal(client.state.rooms[room.id], undefined);
  assert.equal(client.timeline(room.id), undefined);
  assert.equal(client.state.gone[room.id], "removed");
});

test("what happens while the rooms are loading is not undone by the answer", () => {
  const { log, ada, room, client } = scene(1);
  client.do("local:rooms:loading", {});
  const rooms = log.roomsOf(ada.id);
  log.removeMember(room.id, ada.id);
  client.fill(client.stream);
  client.do("local:rooms:loaded", { rooms });
  assert.equal(client.state.rooms[room.id], undefined);
});

test("members: what happens while they are loading is applied over the answer", () => {
  const { log, ada, bo, room, client, stream, last } = scene(0);
  client.do("local:members:loading", { room_id: room.id });
  const members = log.members(room.id);
  log.removeMember(room.id, bo.id);
  client.hear(stream, last());
  client.do("local:members:loaded", { room_id: room.id, members });
  assert.deepEqual(client.state.members[room.id].items.map(({ user }) => user.id), [ada.id]);
  log.addMember(room.id, bo.id);
  client.hear(stream, last());
  assert.deepEqual(client.state.members[room.id].items, log.members(room.id));
});

test("a public room that is only looked at is not in the list", () => {
  const { log, bo, room, client } = scene(0);
  const shown = log.addRoom("public", "square", [bo.id]);
  client.do("local:room:loaded", { room: log.ownRoom(shown.id, client.me.id) });
  assert.equal(client.state.rooms[shown.id].my_role, null);
  assert.deepEqual(sortedRooms(client.state).map(({ id }) => id), [room.id]);
});

test("the title of a direct room is the other person", () => {
  const { log, ada, bo, client } = scene(0);
  const direct = log.addRoom("direct", null, [ada.id, bo.id]);
  client.do("local:room:loaded", { room: log.ownRoom(direct.id, ada.id) });
  assert.equal(roomTitle(client.state, client.state.rooms[direct.id]), "Bo");
});

test("typing counts for a while, ends with a message, and is never one's own", () => {
  const { log, ada, bo, room, client, stream, last } = scene(0);
  const typing = (user, on) => (client.state = apply(client.state, { event: "typing", stream, payload: { user_id: user.id, on }, at: 1_000 }));
  typing(bo, true);
  typing(ada, true);
  assert.deepEqual(Object.keys(client.state.typing[room.id]), [bo.id]);
  client.state = apply(client.state, { event: "local:typing:expired", payload: {}, at: 6_999 });
  assert.deepEqual(Object.keys(client.state.typing[room.id]), [bo.id]);
  client.state = apply(client.state, { event: "local:typing:expired", payload: {}, at: 7_000 });
  assert.deepEqual(client.state.typing[room.id], {});
  typing(bo, true);
  log.send(room.id, bo.id, "done");
  client.hear(stream, last());
  assert.deepEqual(client.state.typing[room.id], {});
});

test("the store tells of a part when it is another one, once for a group of events", () => {
  const { log, bo, room, client, stream } = scene(0);
  const store = createStore(client.state);
  const heard = [];
  const end = store.subscribe((state) => state.timelines[room.id].messages.length, (now, before) => heard.push([before, now]));
  log.send(room.id, bo.id, "one");
  log.send(room.id, bo.id, "two");
  const events = log.changes(stream, log.head(stream) - 2, 2).changes.map((change) => ({ ...change, stream, epoch: log.epoch }));
  store.dispatch(...events);
  store.dispatch(...events);
  assert.deepEqual(heard, [[0, 2]]);
  end();
  log.send(room.id, bo.id, "three");
  store.dispatch({ ...log.changes(stream, log.head(stream) - 1, 1).changes[0], stream, epoch: log.epoch });
  assert.equal(heard.length, 1);
  assert.equal(store.getState().timelines[room.id].messages.length, 3);
});

test("unchanged parts keep their identity", () => {
  const { client, room } = scene(3);
  const before = client.state;
  client.do("local:connection", { state: "live", since: 1, nextAttemptAt: null, attempting: false });
  assert.equal(client.state.rooms, before.rooms);
  assert.equal(client.timeline(room.id), before.timelines[room.id]);
  assert.equal(timelineItems(client.state, room.id), timelineItems(before, room.id));
  assert.equal(apply(client.state, { event: "nobody:knows", payload: {} }), client.state);
});

test("an older form of a message does not come back on the screen", () => {
  const { log, room, client, stream } = scene(1);
  const [message] = client.timeline(room.id).messages;
  log.edit(message.id, "second");
  const [old] = structuredClone(log.changes(stream, log.head(stream) - 1, 1).changes);
  log.edit(message.id, "third");
  const [newer] = log.changes(stream, log.head(stream) - 1, 1).changes;
  client.do("local:timeline:page", { room_id: room.id, before_id: message.id, ...log.messagesPage(room.id) });
  assert.equal(client.timeline(room.id).messages[0].content, "third");
  client.hear(stream, old);
  assert.equal(client.timeline(room.id).messages[0].content, "third");
  client.hear(stream, newer);
  assert.equal(client.timeline(room.id).messages[0].content, "third");
});
