import assert from "node:assert/strict";
import { test } from "node:test";

import { hasMoreBefore, timelineItems, unreadCount } from "../../static/js/chat/selectors.js";
import { openPage, world } from "./support/fake-page.js";

/** The whole history of the room as the server has it. */
function truth({ log, room }) {
  return log.messagesPage(room.id, { limit: 10_000 }).messages;
}

function assertTruth(scene, page, note = "") {
  const all = truth(scene);
  const shown = page.timeline().messages;
  assert.deepEqual(shown, all.slice(all.length - shown.length), note);
}

test("start: signed in by the cookie, rooms there, live; one request for each thing", async () => {
  const scene = world({ messages: 3 });
  const page = await openPage(scene);
  assert.equal(page.state().status, "ready");
  assert.equal(page.link(), "live");
  assert.equal(page.state().me.id, scene.ada.id);
  assert.deepEqual(page.contents(), ["message 1", "message 2", "message 3"]);
  const asked = scene.server.paths();
  assert.deepEqual(asked, [
    "POST auth/token/refresh",
    "GET users/me",
    "GET me/meta",
    "GET rooms",
    "GET me/meta",
    `GET rooms/${scene.room.id}/messages`,
  ]);
});

test("the token goes by subprotocol and never by address", async () => {
  const scene = world();
  const addresses = [];
  const { websocket } = scene.server;
  scene.server.websocket = (url, protocols) => {
    addresses.push(url, protocols[0]);
    return websocket(url, protocols);
  };
  const page = await openPage(scene);
  assert.deepEqual(addresses, ["ws://parley.test/socket/websocket?vsn=2.0.0", "phoenix"]);
  assert.equal(page.link(), "live");
  assert.ok(scene.server.requests.every(({ query }) => !("token" in query)));
});

test("without a sign-in the state says so, and nothing is asked any more", async () => {
  const scene = world();
  scene.server.signIn(null);
  const page = scene.page();
  await page.app.start();
  await scene.clock.advance(120_000);
  assert.equal(page.state().status, "signed-out");
  assert.equal(page.state().signedOutReason, "signed_out");
  assert.deepEqual(scene.server.paths(), ["POST auth/token/refresh"]);
  assert.equal(scene.server.socketsMade, 0);
});

test("a start without a server is tried again until it works", async () => {
  const scene = world({ messages: 1 });
  scene.server.down = true;
  const page = scene.page();
  void page.app.start();
  await scene.clock.advance(1_000);
  assert.equal(page.state().status, "error");
  assert.equal(page.state().error.code, "network_error");
  scene.server.down = false;
  await scene.clock.advance(60_000);
  assert.equal(page.state().status, "ready");
  assert.equal(page.link(), "live");
});

test("messages come live, once, in order; so do edits and recalls", async () => {
  const scene = world({ messages: 2 });
  const page = await openPage(scene);
  const before = scene.server.requests.length;
  const { message } = scene.log.send(scene.room.id, scene.bo.id, "hello");
  await scene.clock.advance(50);
  assert.deepEqual(page.contents(), ["message 1", "message 2", "hello"]);
  scene.log.edit(message.id, "hello!");
  scene.log.recall(truth(scene)[0].id);
  await scene.clock.advance(50);
  assert.deepEqual(page.contents(), ["", "message 2", "hello!"]);
  assertTruth(scene, page);
  assert.equal(scene.server.requests.length, before);
});

test("sending: shown at once, confirmed in place, once", async () => {
  const scene = world({ messages: 1 });
  const page = await openPage(scene);
  const clientId = page.app.send(scene.room.id, "from me");
  const items = () => timelineItems(page.state(), scene.room.id);
  assert.deepEqual([items().at(-1).kind, items().at(-1).key], ["pending", `own:${clientId}`]);
  await scene.clock.advance(50);
  assert.deepEqual([items().at(-1).kind, items().at(-1).key], ["message", `own:${clientId}`]);
  assert.deepEqual(page.state().outbox, {});
  assert.equal(scene.browser.stored.size, 0);
  assert.equal(unreadCount(page.state().rooms[scene.room.id]), 0);
  assertTruth(scene, page);
});

test("a lost frame is noticed by the next one and fetched", async () => {
  const scene = world({ messages: 1 });
  const page = await openPage(scene);
  scene.server.dropFrame = (frame) => frame[3] === "message:created" && frame[4].message.content === "lost";
  scene.log.send(scene.room.id, scene.bo.id, "lost");
  scene.log.send(scene.room.id, scene.bo.id, "next");
  await scene.clock.advance(100);
  const kinds = timelineItems(page.state(), scene.room.id).map((item) => item.message?.content ?? item.kind);
  assert.deepEqual(kinds, ["message 1", "hole", "next"]);
  await scene.clock.advance(1_000);
  assert.deepEqual(page.contents(), ["message 1", "lost", "next"]);
  assert.equal(page.timeline().behindSince, null);
  assertTruth(scene, page);
});

test("a lost last frame is noticed by the heads of the heartbeat's answer", async () => {
  const scene = world({ messages: 1 });
  const page = await openPage(scene);
  scene.server.dropFrame = (frame) => frame[3] === "message:created" || frame[3] === "head";
  scene.log.send(scene.room.id, scene.bo.id, "lost");
  await scene.clock.advance(5_000);
  assert.deepEqual(page.contents(), ["message 1"]);
  await scene.clock.advance(27_000);
  assert.deepEqual(page.contents(), ["message 1", "lost"]);
});

test("an erased change leaves no lasting gap", async () => {
  const scene = world({ messages: 1 });
  const page = await openPage(scene);
  scene.server.dropFrame = (frame) => frame[4]?.message?.content === "secret";
  const { message } = scene.log.send(scene.room.id, scene.bo.id, "secret");
  scene.log.erase(message.id);
  scene.log.send(scene.room.id, scene.bo.id, "after");
  await scene.clock.advance(2_000);
  assert.deepEqual(page.contents(), ["message 1", "after"]);
  assert.equal(page.timeline().behindSince, null);
  const before = scene.server.requests.length;
  await scene.clock.advance(60_000);
  assert.deepEqual(scene.server.paths(/changes/, before), []);
});

test("after a loss of the connection the missed changes come with the join", async () => {
  const scene = world({ messages: 2 });
  const page = await openPage(scene);
  scene.server.down = true;
  scene.server.closeSockets();
  const { message } = scene.log.send(scene.room.id, scene.bo.id, "meanwhile");
  scene.log.edit(message.id, "meanwhile, edited");
  scene.log.recall(truth(scene)[0].id);
  await scene.clock.advance(20_000);
  assert.equal(page.link(), "reconnecting");
  assert.ok(page.state().connection.nextAttemptAt > scene.clock.now());
  scene.server.down = false;
  page.app.tryNow();
  await scene.clock.advance(1_000);
  assert.equal(page.link(), "live");
  assert.deepEqual(page.contents(), ["", "message 2", "meanwhile, edited"]);
  assertTruth(scene, page);
});

test("a lost position takes a snapshot, and the room goes on", async () => {
  const scene = world({ messages: 2 });
  const page = await openPage(scene);
  scene.log.epoch = "e2";
  scene.log.send(scene.room.id, scene.bo.id, "after the restore");
  scene.server.closeSockets();
  await scene.clock.advance(5_000);
  assert.equal(page.timeline().status, "ready");
  assert.equal(page.timeline().epoch, "e2");
  scene.log.send(scene.room.id, scene.bo.id, "and on");
  await scene.clock.advance(100);
  assert.deepEqual(page.contents(), ["message 1", "message 2", "after the restore", "and on"]);
  assert.equal(page.state().stream.epoch, "e2");
});

test("earlier messages on demand, one page at a time", async () => {
  const scene = world({ messages: 120 });
  const page = await openPage(scene);
  assert.equal(page.timeline().messages.length, 50);
  const both = [page.app.loadEarlier(scene.room.id), page.app.loadEarlier(scene.room.id)];
  await scene.clock.advance(50);
  await Promise.all(both);
  assert.equal(page.timeline().messages.length, 100);
  void page.app.loadEarlier(scene.room.id);
  await scene.clock.advance(50);
  assert.equal(page.timeline().messages.length, 120);
  assert.ok(!hasMoreBefore(page.state(), scene.room.id));
  assertTruth(scene, page);
});

test("a page that fails says so, and works when asked again", async () => {
  const scene = world({ messages: 60 });
  const page = await openPage(scene);
  scene.server.refuse.push({ pattern: /messages/, status: 503, code: "unavailable" });
  const first = page.timeline().messages[0].id;
  await assert.rejects(page.app.loadEarlier(scene.room.id), { code: "unavailable" });
  assert.equal(page.timeline().filling[first], "error");
  await page.app.loadEarlier(scene.room.id);
  assert.deepEqual(page.timeline().filling, {});
  assert.equal(page.timeline().messages.length, 60);
});

test("switching rooms and back: what was missed meanwhile is there, without a new snapshot", async () => {
  const scene = world({ messages: 2 });
  const other = scene.log.addRoom("group", "other", [scene.ada.id, scene.bo.id]);
  const page = await openPage(scene);
  void page.app.openRoom(other.id);
  await scene.clock.advance(100);
  scene.log.edit(truth(scene)[0].id, "edited away");
  scene.log.send(scene.room.id, scene.bo.id, "written away");
  await scene.clock.advance(2_000);
  assert.equal(unreadCount(page.state().rooms[scene.room.id]), 3);
  assert.equal(page.state().rooms[scene.room.id].last_message.content, "written away");
  const before = scene.server.requests.length;
  void page.app.openRoom(scene.room.id);
  await scene.clock.advance(200);
  assert.deepEqual(page.contents(), ["edited away", "message 2", "written away"]);
  assert.deepEqual(scene.server.paths(/messages/, before), []);
});

test("away and back at once joins again, though the leave is not answered yet", async () => {
  const scene = world({ messages: 1 });
  const page = await openPage(scene);
  page.app.closeRoom();
  void page.app.openRoom(scene.room.id);
  await scene.clock.advance(100);
  scene.log.send(scene.room.id, scene.bo.id, "still here");
  await scene.clock.advance(100);
  assert.deepEqual(page.contents(), ["message 1", "still here"]);
});

test("reading is told when the page is focused, the newest position only", async () => {
  const scene = world({ messages: 3 });
  const page = await openPage(scene);
  page.focused.set(false);
  page.app.markRead(scene.room.id);
  await scene.clock.advance(1_000);
  assert.equal(unreadCount(page.state().rooms[scene.room.id]), 3);
  page.focused.set(true);
  page.app.markRead(scene.room.id);
  assert.equal(unreadCount(page.state().rooms[scene.room.id]), 0);
  await scene.clock.advance(1_000);
  assert.equal(scene.log.rooms.get(scene.room.id).read.get(scene.ada.id), 3);
});

test("a room that I am added to appears, one that I am taken out of goes", async () => {
  const scene = world();
  const page = await openPage(scene);
  const other = scene.log.addRoom("group", "other", [scene.bo.id]);
  scene.log.addMember(other.id, scene.ada.id);
  await scene.clock.advance(2_000);
  assert.equal(page.state().rooms[other.id].name, "other");
  scene.log.removeMember(scene.room.id, scene.ada.id);
  await scene.clock.advance(2_000);
  assert.equal(page.state().rooms[scene.room.id], undefined);
  assert.equal(page.state().gone[scene.room.id], "removed");
});

test("a revoked sign-in ends everything at once", async () => {
  const scene = world();
  const page = await openPage(scene);
  scene.server.revoke();
  await scene.clock.advance(2_000);
  assert.equal(page.state().status, "signed-out");
  assert.equal(page.state().signedOutReason, "session_ended");
  const before = scene.server.requests.length;
  await scene.clock.advance(120_000);
  assert.equal(scene.server.requests.length, before);
});

test("this device being signed out elsewhere ends everything; another device does not matter", async () => {
  const scene = world();
  const page = await openPage(scene);
  scene.log.endSession(scene.ada.id, "some other device");
  await scene.clock.advance(100);
  assert.equal(page.state().status, "ready");
  scene.log.endSession(scene.ada.id, "sid");
  await scene.clock.advance(100);
  assert.equal(page.state().signedOutReason, "session_ended");
});

test("a ban ends everything without another try", async () => {
  const scene = world();
  const page = await openPage(scene);
  const { socketsMade } = scene.server;
  scene.server.closeSockets(4502);
  await scene.clock.advance(60_000);
  assert.equal(page.state().signedOutReason, "banned");
  assert.equal(scene.server.socketsMade, socketsMade);
});

test("typing is said once in a while and ended once", async () => {
  const scene = world();
  const page = await openPage(scene);
  const said = [];
  const [socket] = scene.server.sockets;
  const { send } = socket;
  socket.send = (text) => {
    const [, , , event, payload] = JSON.parse(text);
    if (event === "typing") said.push(payload.on);
    send.call(socket, text);
  };
  for (let i = 0; i < 50; i += 1) {
    page.app.typing(scene.room.id, true);
    await scene.clock.advance(100);
  }
  page.app.typing(scene.room.id, false);
  page.app.typing(scene.room.id, false);
  assert.deepEqual(said, [true, true, false]);
});
