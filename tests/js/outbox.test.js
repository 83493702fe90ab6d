import assert from "node:assert/strict";
import { test } from "node:test";

import { pendingEntries, timelineItems } from "../../static/js/chat/selectors.js";
import { openPage, world } from "./support/fake-page.js";

const texts = (scene) => scene.log.messagesPage(scene.room.id, { limit: 10_000 }).messages.map(({ content }) => content);

test("messages go out in the order of writing, one at a time", async () => {
  const scene = world();
  const page = await openPage(scene);
  for (let i = 0; i < 20; i += 1) page.app.send(scene.room.id, `m${i}`);
  await scene.clock.advance(500);
  assert.deepEqual(texts(scene), Array.from({ length: 20 }, (_, index) => `m${index}`));
});

test("an answer that is lost does not double the message", async () => {
  const scene = world();
  const page = await openPage(scene);
  scene.server.dropFrame = (frame) => frame[3] === "phx_reply" && Boolean(frame[4].response.message);
  page.app.send(scene.room.id, "once");
  await scene.clock.advance(30_000);
  scene.server.dropFrame = () => false;
  await scene.clock.advance(30_000);
  assert.deepEqual(texts(scene), ["once"]);
  assert.deepEqual(page.contents(), ["once"]);
  assert.deepEqual(page.state().outbox, {});
});

test("answer and echo lost: the retry is answered with the first message, shown once", async () => {
  const scene = world();
  const page = await openPage(scene);
  scene.server.dropFrame = (frame) => frame[3] === "phx_reply" || frame[3] === "message:created" || frame[3] === "head";
  page.app.send(scene.room.id, "once");
  await scene.clock.advance(20_000);
  scene.server.dropFrame = () => false;
  await scene.clock.advance(60_000);
  assert.deepEqual(texts(scene), ["once"]);
  assert.deepEqual(timelineItems(page.state(), scene.room.id).map(({ kind }) => kind), ["message"]);
});

test("a refused message waits for the person, and those after it go on", async () => {
  const scene = world();
  const page = await openPage(scene);
  const bad = page.app.send(scene.room.id, "");
  page.app.send(scene.room.id, "good");
  await scene.clock.advance(100);
  assert.equal(page.state().outbox[bad].status, "failed");
  assert.equal(page.state().outbox[bad].error.code, "invalid");
  assert.deepEqual(texts(scene), ["good"]);
  await scene.clock.advance(120_000);
  assert.equal(page.state().outbox[bad].attempts, 1);
  page.app.retry(bad);
  await scene.clock.advance(100);
  assert.equal(page.state().outbox[bad].attempts, 2);
  page.app.discard(bad);
  assert.deepEqual(page.state().outbox, {});
  await scene.clock.advance(100);
  assert.equal(scene.browser.stored.size, 0);
});

test("without a network it waits, keeps its order, and goes when the network is back", async () => {
  const scene = world();
  const page = await openPage(scene);
  scene.server.down = true;
  scene.server.closeSockets();
  const ids = ["one", "two", "three"].map((text) => page.app.send(scene.room.id, text));
  await scene.clock.advance(90_000);
  assert.deepEqual(ids.map((id) => page.state().outbox[id].status), ["queued", "queued", "queued"]);
  assert.ok(page.state().outbox[ids[0]].error.code === "network_error");
  scene.server.down = false;
  page.app.tryNow();
  await scene.clock.advance(2_000);
  assert.deepEqual(texts(scene), ["one", "two", "three"]);
  assert.deepEqual(page.contents(), ["one", "two", "three"]);
});

test("what is unsent survives a reload and is sent once", async () => {
  const scene = world();
  const page = await openPage(scene);
  scene.server.down = true;
  scene.server.closeSockets();
  page.app.send(scene.room.id, "before the reload");
  const bad = page.app.send(scene.room.id, "kept too");
  await scene.clock.advance(10_000);
  assert.equal(scene.browser.stored.size, 2);
  page.app.stop();
  page.closed();
  scene.server.down = false;
  const again = await openPage(scene);
  await scene.clock.advance(1_000);
  assert.deepEqual(texts(scene), ["before the reload", "kept too"]);
  assert.deepEqual(again.state().outbox, {});
  assert.equal(again.state().outbox[bad], undefined);
  assert.equal(scene.browser.stored.size, 0);
});

test("a reload between sending and the answer does not double the message", async () => {
  const scene = world();
  const page = await openPage(scene);
  scene.server.dropFrame = () => true;
  page.app.send(scene.room.id, "once");
  await scene.clock.advance(100);
  assert.equal(scene.browser.stored.size, 1);
  page.app.stop();
  page.closed();
  scene.server.dropFrame = () => false;
  const again = await openPage(scene);
  await scene.clock.advance(2_000);
  assert.deepEqual(texts(scene), ["once"]);
  assert.deepEqual(timelineItems(again.state(), scene.room.id).map(({ kind }) => kind), ["message"]);
});

test("a second tab leaves alone what the first is sending", async () => {
  const scene = world();
  const page = await openPage(scene);
  scene.server.down = true;
  scene.server.closeSockets();
  page.app.send(scene.room.id, "mine");
  await scene.clock.advance(100);
  scene.server.down = false;
  const second = scene.page();
  void second.app.start();
  await scene.clock.advance(50);
  assert.deepEqual(second.state().outbox, {});
});

test("another person's unsent messages are not sent, and wait for their writer", async () => {
  const scene = world();
  const page = await openPage(scene);
  scene.server.down = true;
  scene.server.closeSockets();
  page.app.send(scene.room.id, "ada's");
  await scene.clock.advance(100);
  page.app.stop();
  page.closed();
  scene.server.down = false;
  scene.server.signIn(scene.bo);
  const other = await openPage(scene);
  await scene.clock.advance(5_000);
  assert.equal(other.state().me.id, scene.bo.id);
  assert.deepEqual(texts(scene), []);
  assert.equal(scene.browser.stored.size, 1);
});

test("a session that ends keeps what is unsent; signing out forgets it", async () => {
  const scene = world();
  const page = await openPage(scene);
  scene.server.down = true;
  scene.server.closeSockets();
  page.app.send(scene.room.id, "unsent");
  await scene.clock.advance(100);
  scene.server.down = false;
  scene.server.revoke();
  await scene.clock.advance(60_000);
  assert.equal(page.state().signedOutReason, "session_ended");
  assert.equal(scene.browser.stored.size, 1);
  page.closed();

  scene.server.signIn(scene.ada);
  const again = await openPage(scene);
  await scene.clock.advance(100);
  assert.deepEqual(texts(scene), ["unsent"]);
  again.app.send(scene.room.id, "");
  await scene.clock.advance(100);
  assert.equal(scene.browser.stored.size, 1);
  await again.app.signOut();
  assert.equal(again.state().status, "signed-out");
  assert.equal(scene.browser.stored.size, 0);
});

test("rooms do not wait for each other", async () => {
  const scene = world();
  const other = scene.log.addRoom("group", "other", [scene.ada.id]);
  const page = await openPage(scene);
  scene.server.refuse.push(...Array.from({ length: 50 }, () => ({ pattern: new RegExp(`POST rooms/${other.id}`), status: 503 })));
  page.app.send(other.id, "stuck");
  page.app.send(scene.room.id, "through");
  await scene.clock.advance(1_000);
  assert.deepEqual(texts(scene), ["through"]);
  assert.deepEqual(pendingEntries(page.state(), other.id).map(({ status }) => status), ["queued"]);
});

test("Retry-After is waited for", async () => {
  const scene = world();
  const other = scene.log.addRoom("group", "other", [scene.ada.id]);
  const page = await openPage(scene);
  scene.server.refuse.push({ pattern: /POST rooms/, status: 429, code: "rate_limited", headers: { "retry-after": "30" } });
  page.app.send(other.id, "patience");
  await scene.clock.advance(29_000);
  assert.equal(scene.server.paths(/POST rooms/).length, 1);
  await scene.clock.advance(5_000);
  assert.equal(scene.server.paths(/POST rooms/).length, 2);
});

test("storage that fails does not stop the sending", async () => {
  const scene = world();
  const page = scene.page();
  page.environment.outbox.put = async () => {
    throw new Error("the disk is full");
  };
  page.environment.outbox.all = page.environment.outbox.put;
  void page.app.start();
  await scene.clock.advance(100);
  page.app.send(scene.room.id, "anyway");
  await scene.clock.advance(1_000);
  assert.deepEqual(texts(scene), ["anyway"]);
});

test("a message to a room whose history is not loaded leaves the outbox when it is answered", async () => {
  const scene = world();
  const other = scene.log.addRoom("group", "other", [scene.ada.id]);
  const page = await openPage(scene);
  page.app.send(other.id, "blind");
  await scene.clock.advance(100);
  assert.deepEqual(page.state().outbox, {});
});
