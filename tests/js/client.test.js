import assert from "node:assert/strict";
import { test } from "node:test";

import { CLOSE_CODES, CONNECTION_STATE, isFinalClose } from "../../static/js/realtime/constants.js";
import { RealtimeClient } from "../../static/js/realtime/client.js";
import { endpointOf, subprotocols } from "../../static/js/realtime/endpoint.js";
import { scripted, ScriptedSocket } from "./support/scripted-socket.js";
import { FakeClock, settle } from "./support/fake-clock.js";

test("addresses: what is given becomes an endpoint with its dialect", () => {
  const endpoints = {
    "ws://localhost:4000": ["ws://localhost:4000/ws?vsn=2.0.0", "chan"],
    "ws://localhost:4000/": ["ws://localhost:4000/ws?vsn=2.0.0", "chan"],
    "wss://host/socket": ["wss://host/socket/websocket?vsn=2.0.0", "phx"],
    "https://host/realtime/v1": ["wss://host/realtime/v1/websocket?vsn=2.0.0", "phx"],
    "http://host:81/socket/websocket": ["ws://host:81/socket/websocket?vsn=2.0.0", "phx"],
    "wss://host/ws": ["wss://host/ws?vsn=2.0.0", "chan"],
  };
  for (const [given, [url, dialect]] of Object.entries(endpoints)) assert.deepEqual(endpointOf(given), { url, dialect });
});

test("a token becomes the name of a subprotocol, without padding", () => {
  assert.deepEqual(subprotocols(null), ["phoenix"]);
  const [first, second] = subprotocols("a.b?c>d~");
  assert.equal(first, "phoenix");
  const encoded = second.replace("base64url.bearer.phx.", "");
  assert.match(encoded, /^[A-Za-z0-9_-]+$/);
  assert.equal(Buffer.from(encoded, "base64url").toString(), "a.b?c>d~");
});

test("final close codes are those from 4500 on", () => {
  const final = Object.entries(CLOSE_CODES).filter(([, code]) => isFinalClose(code)).map(([name]) => name);
  assert.deepEqual(final, ["TOKEN_REVOKED", "BANNED", "PROTOCOL_ERROR", "TOO_MANY_CONNECTIONS"]);
});

test("connecting, connected, disconnected", async () => {
  const scene = scripted();
  assert.equal(scene.client.connectionState(), CONNECTION_STATE.Disconnected);
  scene.client.connect();
  assert.equal(scene.client.connectionState(), CONNECTION_STATE.Connecting);
  await scene.clock.advance(1);
  await scene.accept();
  assert.equal(scene.client.connectionState(), CONNECTION_STATE.Connected);
  assert.equal(scene.client.link.state, "live");
  scene.client.disconnect();
  assert.equal(scene.client.connectionState(), CONNECTION_STATE.Disconnected);
  assert.equal(scene.last().closedWith, 1000);
  await scene.clock.advance(120_000);
  assert.equal(scene.sockets.length, 1);
  assert.equal(scene.clock.pending, 0, "nothing is left ticking");
});

test("subscribe: joined, refused, timed out, closed", async () => {
  const scene = scripted();
  await scene.connect();
  scene.last().alive = true;
  const told = [];
  const channel = scene.client.channel("room:a").subscribe((status, error) => told.push([status, error?.code ?? null]));
  assert.equal(channel.state, "joining");
  await scene.join({ postgres_changes: [] });
  assert.equal(channel.state, "joined");
  scene.last().say(channel.joinRef, channel.joinRef, "room:a", "phx_close", {});
  assert.equal(channel.state, "closed");
  const refused = scene.client.channel("room:b").subscribe((status, error) => told.push([status, error?.code ?? null]));
  await scene.clock.advance(1);
  const answer = { reason: "Unauthorized: not a member" };
  scene.last().reply(scene.last().frames("phx_join").at(-1), "error", answer);
  await scene.clock.advance(60_000);
  assert.equal(refused.state, "errored");
  scene.client.channel("room:c").subscribe((status, error) => told.push([status, error?.code ?? null]));
  await scene.clock.advance(10_001);
  assert.deepEqual(told, [
    ["SUBSCRIBED", null],
    ["CLOSED", null],
    ["CHANNEL_ERROR", "Unauthorized"],
    ["TIMED_OUT", "timeout"],
  ]);
});

test("a refused member does not knock again; a passing refusal is tried again with a pause", async () => {
  const scene = scripted();
  await scene.connect();
  scene.client.channel("room:a").subscribe();
  await scene.clock.advance(1);
  const joins = () => scene.last().frames("phx_join").length;
  scene.last().reply(scene.last().frames("phx_join")[0], "error", { reason: "ClientJoinRateLimitReached: slowly" });
  await scene.clock.advance(400);
  assert.equal(joins(), 1);
  await scene.clock.advance(1_000);
  assert.equal(joins(), 2);
  scene.last().reply(scene.last().frames("phx_join")[1], "error", { code: "not_found", reason: "Unauthorized: no" });
  await scene.clock.advance(20_000);
  assert.equal(joins(), 2);
});

test("a join that timed out is withdrawn, and its late close is not taken for that of the next", async () => {
  const scene = scripted();
  await scene.connect();
  scene.last().alive = true;
  const channel = scene.client.channel("room:a").subscribe();
  await scene.clock.advance(1);
  const [first] = scene.last().frames("phx_join");
  await scene.clock.advance(10_100);
  const [leave] = scene.last().frames("phx_leave");
  assert.equal(leave[0], first[1]);
  await scene.clock.advance(2_000);
  assert.equal(scene.last().frames("phx_join").length, 2);
  scene.last().reply(leave);
  scene.last().say(first[1], first[1], "room:a", "phx_close", {});
  await scene.join();
  assert.equal(channel.state, "joined");
});

test("every event of the topic is told once with its place, to its name and to the star", async () => {
  const scene = scripted();
  await scene.connect();
  const heard = [];
  const channel = scene.client
    .channel("room:a")
    .on("message:created", ({ payload, offset }) => heard.push(["named", payload.message, offset]))
    .on("*", ({ event, offset, epoch }) => heard.push(["star", event, offset, epoch]))
    .subscribe();
  await scene.join({ position: { epoch: "e", offset: 4 } });
  const say = (offset, event = "message:created") =>
    scene.last().say(channel.joinRef, null, "room:a", event, { message: `m${offset}`, offset, epoch: "e" });
  say(5);
  say(5);
  say(3);
  scene.last().say(channel.joinRef, null, "room:a", "typing", { user_id: "u", on: true });
  scene.last().say("999", null, "room:a", "message:created", { message: "of another join", offset: 6, epoch: "e" });
  assert.deepEqual(heard, [
    ["named", "m5", 5],
    ["star", "message:created", 5, "e"],
    ["star", "typing", undefined, undefined],
  ]);
  assert.deepEqual(channel.position, { epoch: "e", offset: 5 });
});

test("a rejoin asks for what was missed since the contiguous part, and says what became of it", async () => {
  const scene = scripted();
  await scene.connect();
  const told = [];
  const channel = scene.client.channel("room:a").subscribe((status, _error, result) => told.push([status, result?.recovered]));
  await scene.join({ position: { epoch: "e", offset: 4 } });
  for (const offset of [5, 7]) scene.last().say(channel.joinRef, null, "room:a", "x", { offset, epoch: "e" });
  scene.last().lose();
  await scene.clock.advance(5_000);
  await scene.accept();
  await scene.clock.advance(1);
  const config = scene.last().frames("phx_join")[0][4].config;
  assert.deepEqual(config.recover, { epoch: "e", offset: 5 });
  await scene.join({ position: { epoch: "e", offset: 9 }, recovered: true });
  scene.last().lose();
  await scene.clock.advance(20_000);
  await scene.accept();
  await scene.join({ position: { epoch: "f", offset: 2 }, recovered: false, reason: "position_lost" });
  assert.deepEqual(told, [["SUBSCRIBED", null], ["SUBSCRIBED", true], ["SUBSCRIBED", false]]);
  assert.deepEqual(channel.position, { epoch: "f", offset: 2 });
});

test("a gap heals by itself for whoever does not care: once by a rejoin, then as erased", async () => {
  const scene = scripted();
  await scene.connect();
  const channel = scene.client.channel("room:a").subscribe();
  await scene.join({ position: { epoch: "e", offset: 1 } });
  scene.last().say(channel.joinRef, null, "room:a", "x", { offset: 3, epoch: "e" });
  await scene.clock.advance(600);
  assert.equal(scene.last().frames("phx_join").length, 2);
  await scene.join({ position: { epoch: "e", offset: 3 }, recovered: true });
  scene.last().say(channel.joinRef, null, "room:a", "x", { offset: 3, epoch: "e" });
  await scene.clock.advance(30_000);
  assert.equal(scene.last().frames("phx_join").length, 2);
  assert.equal(channel.position.offset, 3);
});

test("heads of the heartbeat's answer show a gap", async () => {
  const scene = scripted();
  await scene.connect();
  const gaps = [];
  scene.client.channel("room:a").onGap((gap) => gaps.push(gap)).subscribe();
  await scene.join({ position: { epoch: "e", offset: 1 } });
  await scene.clock.advance(25_000);
  scene.last().reply(scene.last().frames("heartbeat").at(-1), "ok", { heads: { "room:a": 4, "room:other": 9 } });
  await scene.clock.advance(600);
  assert.deepEqual(gaps, [{ after: 1, head: 4, epoch: "e" }]);
});

test("push: answered, refused, late, lost", async () => {
  const scene = scripted();
  await scene.connect();
  const channel = scene.client.channel("room:a");
  await assert.rejects(channel.push("early"), { code: "closed" });
  channel.subscribe();
  await scene.join();
  const [good, bad, late] = [channel.push("a"), channel.push("b"), channel.push("c")];
  const [first, second] = ["a", "b"].map((event) => scene.last().frames(event)[0]);
  scene.last().reply(second, "error", { code: "rate_limited", reason: "Slowly.", retry_after: 3 });
  scene.last().reply(first, "ok", { id: 1 });
  assert.deepEqual(await good, { id: 1 });
  await assert.rejects(bad, { code: "rate_limited", reason: "Slowly." });
  const lateness = assert.rejects(late, { code: "timeout" });
  scene.last().alive = true;
  await scene.clock.advance(10_001);
  await lateness;
  const lost = assert.rejects(channel.push("d"), { code: "disconnected" });
  scene.last().lose();
  await lost;
});

test("pushes wait for the channel in order, a hundred at most, the oldest give way", async () => {
  const scene = scripted();
  const channel = scene.client.channel("room:a").subscribe();
  const pushes = Array.from({ length: 103 }, (_, n) => channel.push("x", { n }));
  for (const push of pushes.slice(0, 3)) await assert.rejects(push, { code: "buffer_full" });
  await scene.connect();
  await scene.join();
  assert.deepEqual(scene.last().frames("x").map((frame) => frame[4].n), Array.from({ length: 100 }, (_, n) => n + 3));
});

test("a push that gets no answer makes the connection suspect, and a dead one is given up in seconds", async () => {
  const scene = scripted();
  await scene.connect();
  const channel = scene.client.channel("room:a").subscribe();
  await scene.join();
  channel.push("x").catch(() => {});
  const { length } = scene.last().frames("heartbeat");
  await scene.clock.advance(3_001);
  assert.equal(scene.last().frames("heartbeat").length, length + 1);
  await scene.clock.advance(2_001);
  assert.notEqual(scene.client.link.state, "live");
});

test("heartbeats: the next one follows the answer, and each outcome is told", async () => {
  const told = [];
  const scene = scripted({ heartbeatCallback: (status) => told.push(status) });
  await scene.connect();
  await scene.clock.advance(25_000);
  assert.equal(scene.last().frames("heartbeat").length, 2);
  await scene.clock.advance(4_000);
  scene.last().reply(scene.last().frames("heartbeat")[1]);
  await scene.clock.advance(24_999);
  assert.equal(scene.last().frames("heartbeat").length, 2);
  await scene.clock.advance(1);
  assert.equal(scene.last().frames("heartbeat").length, 3);
  await scene.clock.advance(10_001);
  assert.deepEqual(told, ["sent", "ok", "sent", "timeout", "disconnected"]);
});

test("hours of sleep bring one heartbeat on waking, and its answer is waited for", async () => {
  const scene = scripted();
  await scene.connect();
  scene.clock.sleep(8 * 3_600_000);
  scene.visible.set(true);
  await scene.clock.advance(100);
  const { length } = scene.last().frames("heartbeat");
  assert.equal(length, 2);
  scene.last().reply(scene.last().frames("heartbeat")[1]);
  await scene.clock.advance(20_000);
  assert.equal(scene.last().frames("heartbeat").length, 2);
  assert.equal(scene.client.link.state, "live");
});

test("an answer that waited out a sleep beside its alarm is not counted as late", async () => {
  const scene = scripted();
  await scene.connect();
  await scene.clock.advance(25_000);
  scene.clock.time += 3_600_000;
  await scene.clock.advance(0);
  scene.last().reply(scene.last().frames("heartbeat").at(-1));
  await scene.clock.advance(5_000);
  assert.equal(scene.client.link.state, "live");
});

test("the token is asked anew before each connection and each join, and handed to open channels", async () => {
  let n = 0;
  const scene = scripted({ accessToken: async () => `token-${(n += 1)}` });
  await scene.connect();
  const channel = scene.client.channel("room:a").subscribe();
  await scene.join();
  assert.equal(scene.last().frames("phx_join")[0][4].access_token, "token-2");
  await scene.client.setAuth("from outside");
  assert.deepEqual(scene.last().frames("access_token").map((frame) => frame[4].access_token), ["from outside"]);
  scene.last().say(channel.joinRef, channel.joinRef, "room:a", "phx_error", {});
  await scene.clock.advance(2_000);
  assert.equal(scene.last().frames("phx_join")[1][4].access_token, "token-3");
  assert.ok(scene.sockets.every(({ url }) => !url.includes("token")));
});

test("a join refused for its token forces another one", async () => {
  const asked = [];
  const accessToken = async ({ force }) => asked.push(force) && "t";
  const scene = scripted({ accessToken });
  await scene.connect();
  scene.client.channel("room:a").subscribe();
  await scene.clock.advance(1);
  scene.last().reply(scene.last().frames("phx_join")[0], "error", { reason: "InvalidJWTToken: expired" });
  await scene.clock.advance(2_000);
  assert.deepEqual(asked, [false, false, true]);
});

test("broadcasts: filtered by event; with ack the answer is waited for", async () => {
  const scene = scripted();
  await scene.connect();
  const heard = [];
  const channel = scene.client
    .channel("open", { config: { broadcast: { ack: true, self: true } } })
    .on("broadcast", { event: "shout" }, ({ payload }) => heard.push(payload.n))
    .on("broadcast", { event: "*" }, ({ event }) => heard.push(event))
    .subscribe();
  await scene.join();
  assert.deepEqual(scene.last().frames("phx_join")[0][4].config.broadcast, { ack: true, self: true });
  const sent = channel.send({ type: "broadcast", event: "shout", payload: { n: 1 } });
  await settle();
  const [frame] = scene.last().frames("broadcast");
  assert.deepEqual(frame[4], { type: "broadcast", event: "shout", payload: { n: 1 } });
  scene.last().reply(frame);
  assert.equal(await sent, "ok");
  for (const [event, n] of [["shout", 2], ["whisper", 3]]) {
    scene.last().say(null, null, "open", "broadcast", { type: "broadcast", event, payload: { n } });
  }
  assert.deepEqual(heard, [2, "shout", "whisper"]);
});

test("a broadcast by REST succeeds with 202 alone", async () => {
  const calls = [];
  let status = 202;
  const fetch = async (url, init) => calls.push([url, JSON.parse(init.body)]) && { status };
  const { client } = scripted({ fetch });
  await client.channel("open").httpSend("shout", { n: 1 });
  assert.deepEqual(calls, [
    ["http://parley.test/api/broadcast", { messages: [{ topic: "open", event: "shout", payload: { n: 1 }, private: true }] }],
  ]);
  status = 403;
  await assert.rejects(client.channel("open").httpSend("shout", {}), { code: "http_403" });
});

test("unsubscribe: the leave is answered, and the topic is free again", async () => {
  const scene = scripted();
  await scene.connect();
  const channel = scene.client.channel("room:a").subscribe();
  assert.equal(scene.client.channel("room:a"), channel);
  await scene.join();
  const left = channel.unsubscribe();
  scene.last().reply(scene.last().frames("phx_leave")[0]);
  assert.equal(await left, "ok");
  assert.deepEqual(scene.client.getChannels(), []);
  assert.notEqual(scene.client.channel("room:a"), channel);
});

test("a topic that the server has forgotten is joined again", async () => {
  const scene = scripted();
  await scene.connect();
  const channel = scene.client.channel("room:a").subscribe();
  await scene.join();
  const push = assert.rejects(channel.push("x"), { code: "disconnected" });
  scene.last().reply(scene.last().frames("x")[0], "error", { reason: "unmatched topic" });
  await push;
  await scene.clock.advance(2_000);
  assert.equal(scene.last().frames("phx_join").length, 2);
});

test("presence: whole, then differences, with who came and who went", async () => {
  const scene = scripted();
  await scene.connect();
  const heard = [];
  const channel = scene.client.channel("room:a", { config: { presence: { enabled: true } } });
  channel
    .on("presence", { event: "join" }, ({ key, newPresences }) => heard.push(["join", key, newPresences.length]))
    .on("presence", { event: "leave" }, ({ key, leftPresences }) => heard.push(["leave", key, leftPresences.length]))
    .on("presence", { event: "sync" }, () => heard.push(["sync"]))
    .subscribe();
  await scene.join();
  const meta = (ref, more = {}) => ({ metas: [{ phx_ref: ref, ...more }] });
  scene.last().say(channel.joinRef, null, "room:a", "presence_diff", { joins: { bo: meta("2") }, leaves: {} });
  assert.deepEqual(heard, []);
  scene.last().say(channel.joinRef, null, "room:a", "presence_state", { ada: meta("1", { mood: "calm" }) });
  scene.last().say(channel.joinRef, null, "room:a", "presence_diff", { joins: {}, leaves: { ada: meta("1") } });
  assert.deepEqual(heard, [["join", "ada", 1], ["join", "bo", 1], ["sync"], ["leave", "ada", 1], ["sync"]]);
  assert.deepEqual(channel.presenceState(), { bo: [{ presence_ref: "2" }] });
  void channel.track({ mood: "busy" });
  scene.last().lose();
  await scene.clock.advance(5_000);
  await scene.accept();
  await scene.join();
  const [again] = scene.last().frames("presence");
  assert.deepEqual(again[4], { type: "presence", event: "track", payload: { mood: "busy" } });
});

test("a socket can be given instead of an address", async () => {
  const socket = new ScriptedSocket("ws://given.test/ws", []);
  const client = new RealtimeClient(socket, { clock: new FakeClock() });
  client.connect();
  await settle();
  socket.open();
  client.channel("t").subscribe();
  await settle();
  assert.equal(socket.frames("chan:join").length, 1);
});

test("what is no frame is dropped, and the connection stays", async () => {
  const scene = scripted();
  await scene.connect();
  for (const bad of ["", "{}", "[1,2]", '["a"']) scene.last().onmessage({ data: bad });
  assert.equal(scene.client.link.state, "live");
});

test("tries follow each other with growing pauses, never two at once, and a stable connection forgets them", async () => {
  const scene = scripted();
  scene.client.connect();
  const times = [];
  for (let i = 0; i < 8; i += 1) {
    const { length } = scene.sockets;
    while (scene.sockets.length === length && !(i === 0 && length)) await scene.clock.advance(50);
    times.push(scene.clock.now());
    scene.client.tryNow();
    scene.client.tryNow();
    await scene.clock.advance(1);
    assert.equal(scene.sockets.length, i + 1, "one try at a time");
    scene.last().lose();
  }
  const pauses = times.slice(1).map((time, index) => time - times[index]);
  assert.ok(pauses[0] <= 1_100, String(pauses));
  assert.ok(pauses.at(-1) >= 7_000 && pauses.at(-1) <= 15_100, String(pauses));
});
