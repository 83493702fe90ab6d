import assert from "node:assert/strict";
import { test } from "node:test";

import { timelineItems } from "../../static/js/chat/selectors.js";
import { openPage, world } from "./support/fake-page.js";
import { seeded } from "./support/fake-clock.js";

function assertTruth(scene, page, note = "") {
  const all = scene.log.messagesPage(scene.room.id, { limit: 10_000 }).messages;
  const shown = page.timeline().messages;
  assert.deepEqual(shown, all.slice(all.length - shown.length), note);
}

/** A page whose socket has stood for a while and is then blocked. */
async function blockedPage(scene) {
  const page = await openPage(scene);
  await scene.clock.advance(30_000);
  scene.server.blockSockets();
  return page;
}

test("a blocked socket means polling within five seconds, and nothing is lost or doubled", async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const scene = world({ messages: 3, seed });
    const page = await blockedPage(scene);
    const blockedAt = scene.clock.now();
    while (page.link() !== "polling" && scene.clock.now() - blockedAt < 10_000) await scene.clock.advance(50);
    assert.ok(scene.clock.now() - blockedAt <= 5_000, `${scene.clock.now() - blockedAt} ms with seed ${seed}`);
    const { message } = scene.log.send(scene.room.id, scene.bo.id, "by polling");
    await scene.clock.advance(3_000);
    assert.deepEqual(page.contents().at(-1), "by polling");
    scene.log.edit(message.id, "edited");
    await scene.clock.advance(3_000);
    assert.equal(page.contents().at(-1), "edited");
    scene.log.recall(message.id);
    await scene.clock.advance(3_000);
    assert.equal(page.timeline().messages.at(-1).is_deleted, true);
    page.app.send(scene.room.id, "sent by polling");
    await scene.clock.advance(1_000);
    assert.equal(page.contents().at(-1), "sent by polling");
    assert.deepEqual(page.state().outbox, {});
    assertTruth(scene, page);
  }
});

test("a connection that was never possible polls from the start", async () => {
  const scene = world({ messages: 2 });
  scene.server.socketsBlocked = true;
  const page = await openPage(scene);
  await scene.clock.advance(5_000);
  assert.equal(page.link(), "polling");
  assert.deepEqual(page.contents(), ["message 1", "message 2"]);
});

test("a socket that neither opens nor fails is not waited for", async () => {
  const scene = world({ messages: 1 });
  const { websocket } = scene.server;
  scene.server.websocket = (...given) => Object.assign(websocket(...given), { readyState: 9 });
  const page = await openPage(scene);
  await scene.clock.advance(5_000);
  assert.equal(page.link(), "polling");
});

test("while nothing changes only meta is asked, unchanged ones answer 304, one at a time", async () => {
  const scene = world({ messages: 3 });
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  assert.equal(page.link(), "polling");
  const from = scene.server.requests.length;
  scene.server.latency = 400;
  await scene.clock.advance(60_000);
  const asked = scene.server.requests.slice(from);
  assert.ok(asked.every(({ path }) => path.endsWith("/meta")), scene.server.paths(/./, from).join("\n"));
  assert.ok(asked.filter(({ status }) => status !== 304).length <= 3);
  const room = asked.filter(({ path }) => path.startsWith("rooms/"));
  const mine = asked.filter(({ path }) => path === "me/meta");
  // Every 2.5 s after the answer to the one before, and every 10 s.
  assert.ok(room.length >= 19 && room.length <= 22, String(room.length));
  assert.ok(mine.length >= 5 && mine.length <= 6, String(mine.length));
  assert.equal(scene.server.mostPollsInFlight, 1);
});

test("never two polls in flight, also with slow answers, sending, hiding, showing and impatience", async () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const scene = world({ messages: 3, seed });
    const page = await blockedPage(scene);
    await scene.clock.advance(10_000);
    const random = seeded(seed);
    for (let step = 0; step < 60; step += 1) {
      scene.server.latency = Math.floor(random() * 4_000);
      const choice = random();
      if (choice < 0.2) page.app.send(scene.room.id, `mine ${step}`);
      else if (choice < 0.4) scene.log.send(scene.room.id, scene.bo.id, `theirs ${step}`);
      else if (choice < 0.55) page.visible.set(!page.visible.get());
      else if (choice < 0.7) page.app.tryNow();
      await scene.clock.advance(Math.floor(random() * 5_000));
    }
    scene.server.latency = 0;
    page.visible.set(true);
    await scene.clock.advance(30_000);
    assert.equal(scene.server.mostPollsInFlight, 1, `seed ${seed}`);
    assertTruth(scene, page, `seed ${seed}`);
    assert.deepEqual(page.state().outbox, {}, `seed ${seed}`);
  }
});

test("a hidden page polls rarely, and asks at once when it is shown", async () => {
  const scene = world({ messages: 1 });
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  page.visible.set(false);
  await scene.clock.advance(5_000);
  const from = scene.server.requests.length;
  await scene.clock.advance(60_000);
  const rooms = scene.server.paths(/rooms.*meta/, from).length;
  assert.ok(rooms >= 3 && rooms <= 5, String(rooms));
  assert.ok(scene.server.paths(/me\/meta/, from).length <= 2);
  scene.log.send(scene.room.id, scene.bo.id, "while hidden");
  page.visible.set(true);
  await scene.clock.advance(100);
  assert.equal(page.contents().at(-1), "while hidden");
});

test("when sockets work again it goes back by itself, and nothing is lost on the way", async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const scene = world({ messages: 2, seed });
    const page = await blockedPage(scene);
    await scene.clock.advance(20_000);
    assert.equal(page.link(), "polling");
    scene.server.socketsBlocked = false;
    for (let i = 0; i < 100 && page.link() !== "live"; i += 1) {
      scene.log.send(scene.room.id, scene.bo.id, `on the way ${i}`);
      page.app.send(scene.room.id, `mine ${i}`);
      await scene.clock.advance(250);
    }
    assert.equal(page.link(), "live", `seed ${seed}`);
    await scene.clock.advance(5_000);
    assertTruth(scene, page, `seed ${seed}`);
    assert.deepEqual(page.state().outbox, {});
    const from = scene.server.requests.length;
    await scene.clock.advance(60_000);
    assert.deepEqual(scene.server.paths(/meta/, from), [], "no more polls");
  }
});

test("a proxy that takes sockets and swallows their frames does not stop the polling", async () => {
  const scene = world({ messages: 1 });
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  scene.server.socketsBlocked = false;
  scene.server.socketsSilent = true;
  for (let i = 0; i < 60; i += 1) {
    await scene.clock.advance(1_000);
    assert.equal(page.link(), "polling");
  }
  scene.log.send(scene.room.id, scene.bo.id, "still here");
  await scene.clock.advance(3_000);
  assert.equal(page.contents().at(-1), "still here");
});

test("a socket that dies silently is found out by the heartbeat, sooner when something is sent", async () => {
  const scene = world({ messages: 1 });
  const page = await openPage(scene);
  await scene.clock.advance(12_000);
  scene.server.socketsSilent = true;
  page.app.send(scene.room.id, "into the void");
  await scene.clock.advance(10_000);
  assert.equal(page.link(), "polling");
  await scene.clock.advance(10_000);
  assert.equal(page.contents().at(-1), "into the void");
  const texts = scene.log.messagesPage(scene.room.id).messages.filter(({ content }) => content === "into the void");
  assert.equal(texts.length, 1);
});

test("a socket that opens and breaks again and again does not stop the polling for long", async () => {
  const scene = world({ messages: 1 });
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  scene.server.socketsBlocked = false;
  let polling = 0;
  for (let i = 0; i < 120; i += 1) {
    await scene.clock.advance(1_000);
    scene.server.closeSockets();
    await scene.clock.advance(50);
    if (page.link() === "polling") polling += 1;
  }
  assert.ok(polling > 100, String(polling));
  assert.ok(scene.server.socketsMade < 30, String(scene.server.socketsMade));
});

test("429 is honoured to the second, also against impatience", async () => {
  const scene = world({ messages: 1 });
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  scene.server.refuse.push({ pattern: /meta/, status: 429, code: "rate_limited", headers: { "retry-after": "20" } });
  while (scene.server.refuse.length) await scene.clock.advance(100);
  const from = scene.server.requests.length;
  await scene.clock.advance(10_000);
  page.app.tryNow();
  await scene.clock.advance(9_000);
  assert.deepEqual(scene.server.paths(/meta|changes/, from), []);
  await scene.clock.advance(2_000);
  assert.ok(scene.server.paths(/meta/, from).length > 0);
  await scene.clock.advance(5_000);
  assert.equal(page.link(), "polling");
});

test("without a network it says offline, and comes back when the network does", async () => {
  const scene = world({ messages: 1 });
  const page = await openPage(scene);
  scene.server.down = true;
  scene.server.closeSockets();
  page.online.set(false);
  await scene.clock.advance(5_000);
  assert.equal(page.link(), "offline");
  const { since } = page.state().connection;
  page.app.send(scene.room.id, "written offline");
  await scene.clock.advance(60_000);
  assert.equal(page.state().connection.since, since);
  assert.equal(timelineItems(page.state(), scene.room.id).at(-1).kind, "pending");
  scene.server.down = false;
  page.online.set(true);
  await scene.clock.advance(1_000);
  assert.equal(page.link(), "live");
  assert.equal(page.contents().at(-1), "written offline");
});

test("a lost position while polling takes a snapshot", async () => {
  const scene = world({ messages: 2 });
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  scene.log.epoch = "e2";
  scene.log.send(scene.room.id, scene.bo.id, "after the restore");
  await scene.clock.advance(15_000);
  assert.deepEqual(page.contents(), ["message 1", "message 2", "after the restore"]);
  assert.equal(page.timeline().epoch, "e2");
  assert.equal(page.state().stream.epoch, "e2");
  assertTruth(scene, page);
});

test("erased changes do not stop the polling", async () => {
  const scene = world({ messages: 1 });
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  for (let i = 0; i < 250; i += 1) scene.log.erase(scene.log.send(scene.room.id, scene.bo.id, `secret ${i}`).message.id);
  scene.log.send(scene.room.id, scene.bo.id, "after");
  await scene.clock.advance(5_000);
  assert.deepEqual(page.contents(), ["message 1", "after"]);
  assert.equal(page.timeline().behindSince, null);
});

test("while polling, other rooms show their unread and their newest message", async () => {
  const scene = world({ messages: 1 });
  const other = scene.log.addRoom("group", "other", [scene.ada.id, scene.bo.id]);
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  scene.log.send(other.id, scene.bo.id, "over here");
  await scene.clock.advance(13_000);
  const room = page.state().rooms[other.id];
  assert.equal(room.last_message.content, "over here");
  assert.equal(room.seq - room.read_seq, 1);
});

test("being taken out of the open room while polling closes it", async () => {
  const scene = world({ messages: 1 });
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  scene.log.removeMember(scene.room.id, scene.ada.id);
  await scene.clock.advance(15_000);
  assert.equal(page.state().rooms[scene.room.id], undefined);
  const from = scene.server.requests.length;
  await scene.clock.advance(30_000);
  assert.deepEqual(scene.server.paths(/rooms/, from), []);
});

test("an access token that ends while polling is renewed, and the poll repeated once", async () => {
  const scene = world({ messages: 1 });
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  const { refreshes } = scene.server;
  scene.server.tokens.clear();
  scene.log.send(scene.room.id, scene.bo.id, "with another token");
  await scene.clock.advance(3_000);
  assert.equal(page.contents().at(-1), "with another token");
  assert.equal(scene.server.refreshes, refreshes + 1);
  assert.equal(page.link(), "polling");
});

test("a sleep of hours ends in one round of polls, not in all that were missed", async () => {
  const scene = world({ messages: 1 });
  const page = await blockedPage(scene);
  await scene.clock.advance(10_000);
  scene.log.send(scene.room.id, scene.bo.id, "during the night");
  page.visible.set(false);
  scene.clock.sleep(8 * 3_600_000);
  const from = scene.server.requests.length;
  page.visible.set(true);
  await scene.clock.advance(1_000);
  assert.equal(page.contents().at(-1), "during the night");
  assert.ok(scene.server.paths(/meta|changes/, from).length <= 6, scene.server.paths(/./, from).join("\n"));
});

test("a blink of the socket is not taken for the end: no polling in between", async () => {
  const scene = world({ messages: 1 });
  const page = await openPage(scene);
  await scene.clock.advance(30_000);
  const states = [];
  page.app.store.subscribe((state) => state.connection.state, (now) => states.push(now));
  const from = scene.server.requests.length;
  scene.server.closeSockets();
  await scene.clock.advance(5_000);
  assert.deepEqual(states, ["reconnecting", "live"]);
  assert.deepEqual(scene.server.paths(/rooms.*meta/, from), []);
});

test("a herd told of a restart does not come back in one moment", async () => {
  const times = [];
  for (let seed = 1; seed <= 40; seed += 1) {
    const scene = world({ seed });
    const page = await openPage(scene);
    await scene.clock.advance(30_000);
    scene.server.closeSockets(4001);
    const start = scene.clock.now();
    while (page.link() !== "live") await scene.clock.advance(20);
    times.push(scene.clock.now() - start);
  }
  times.sort((a, b) => a - b);
  assert.ok(times.at(-1) - times[0] > 1_500, `${times[0]} to ${times.at(-1)}`);
});
