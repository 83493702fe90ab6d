import assert from "node:assert/strict";
import { test } from "node:test";

import { FrameError, Serializer } from "../../static/js/realtime/serializer.js";

const phx = new Serializer("phx");
const chan = new Serializer("chan");
const join = { join_ref: "1", ref: "1", topic: "room:a", event: "chan:join", payload: { config: {} } };

test("the two dialects differ in the names of the protocol's own events only", () => {
  assert.deepEqual(JSON.parse(phx.encode(join)), ["1", "1", "room:a", "phx_join", { config: {} }]);
  assert.deepEqual(JSON.parse(chan.encode(join)), ["1", "1", "room:a", "chan:join", { config: {} }]);
  const push = { ...join, event: "message:send" };
  assert.equal(phx.encode(push), chan.encode(push));
});

test("either dialect is understood", () => {
  for (const name of ["phx_reply", "chan:reply"]) {
    const message = phx.decode(JSON.stringify(["1", "2", "room:a", name, { status: "ok", response: {} }]));
    assert.deepEqual(message, {
      join_ref: "1",
      ref: "2",
      topic: "room:a",
      event: "chan:reply",
      payload: { status: "ok", response: {} },
    });
  }
});

test("refs that came as numbers are strings inside, and null stays null", () => {
  const message = chan.decode(JSON.stringify([1, 2, "t", "e", {}]));
  assert.equal(message.join_ref, "1");
  assert.equal(message.ref, "2");
  assert.equal(chan.decode(JSON.stringify([null, null, "t", "e", {}])).ref, null);
});

test("what is no frame is refused", () => {
  for (const bad of ["", "{", "[]", "{}", "null", '["1","2","t","e"]', '["1","2",3,"e",{}]', '["1","2","t",null,{}]']) {
    assert.throws(() => phx.decode(bad), FrameError, bad);
  }
  for (const bad of [[], [9, 0, 0], [0, 200, 1, 1, 65]]) {
    assert.throws(() => phx.decode(new Uint8Array(bad).buffer), FrameError, String(bad));
  }
});

test("text of every script survives", () => {
  const text = "你好 👩‍👩‍👧 ܫܠܡܐ שלום \u0000 \u2028 <b>&amp;";
  const message = { ...join, event: "message:send", payload: { content: text } };
  assert.equal(phx.decode(phx.encode(message)).payload.content, text);
});

/** A binary frame of the table in protocol.md. */
function binary(kind, pieces, extra, data) {
  const bytes = pieces.map((piece) => new TextEncoder().encode(piece));
  return new Uint8Array([kind, ...bytes.map(({ length }) => length), ...extra, ...bytes.flatMap((piece) => [...piece]), ...data])
    .buffer;
}

test("binary frames of each kind are cut where the table says", () => {
  const data = [1, 2, 3];
  const push = phx.decode(binary(0, ["1", "room:ä", "ev"], [], data));
  assert.deepEqual([push.join_ref, push.topic, push.event, [...push.payload]], ["1", "room:ä", "ev", data]);
  const reply = phx.decode(binary(1, ["1", "2", "t", "ok"], [], data));
  assert.deepEqual([reply.ref, reply.event, reply.payload.status], ["2", "chan:reply", "ok"]);
  assert.deepEqual([...reply.payload.response], data);
  const broadcast = phx.decode(binary(2, ["t", "shout"], [], data));
  assert.deepEqual([broadcast.event, broadcast.payload.event, [...broadcast.payload.payload]], ["broadcast", "shout", data]);
  const bytes = phx.decode(binary(4, ["t", "shout", ""], [0], data));
  assert.deepEqual([bytes.payload.event, [...bytes.payload.payload]], ["shout", data]);
  const json = phx.decode(binary(4, ["t", "shout", '{"id":1}'], [1], [...new TextEncoder().encode('{"a":"ü"}')]));
  assert.deepEqual([json.payload.payload, json.payload.meta], [{ a: "ü" }, { id: 1 }]);
});
