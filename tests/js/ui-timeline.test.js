import assert from "node:assert/strict";
import { test } from "node:test";

import { Reading } from "../../static/js/ui/reading.js";
import { buildDays, firstUnread } from "../../static/js/ui/timeline-rows.js";
import { MAX, around, bounds, earlier, later, latest } from "../../static/js/ui/timeline-window.js";

const START = new Date(2026, 10, 22, 9, 0).getTime();
const MINUTE = 60_000;

const said = (seq, sender, minutes, more = {}) => ({
  kind: "message",
  key: `m${seq}`,
  pinned: false,
  message: { id: `m${seq}`, seq, sender_id: sender, created_at: new Date(START + minutes * MINUTE).toISOString(), reply_to: null, ...more },
});
const typed = (id, minutes) => ({
  kind: "pending",
  key: `own:${id}`,
  entry: { client_id: id, user_id: "me", created_at: START + minutes * MINUTE, reply_to: null },
});
const rows = (days) => days.flatMap((day) => day.rows);
const heads = (days) => rows(days).filter((row) => row.head).map((row) => row.key);

test("messages of one author within minutes stand under one name", () => {
  const items = [said(1, "ada", 0), said(2, "ada", 4), said(3, "ada", 6), said(4, "bo", 7), said(5, "ada", 8), typed("x", 9)];
  assert.deepEqual(heads(buildDays(items, { me: "me", unreadKey: null })), ["m1", "m3", "m4", "m5", "own:x"]);
});

test("an answer, a hole and the divider begin a group anew", () => {
  const hole = { kind: "hole", key: "hole:m3", beforeId: "m3", status: "idle" };
  const items = [said(1, "ada", 0), said(2, "ada", 1, { reply_to: { id: "m1" } }), hole, said(3, "ada", 2), said(4, "ada", 3)];
  const days = buildDays(items, { me: "me", unreadKey: "m4" });
  assert.deepEqual(heads(days), ["m1", "m2", "m3", "m4"]);
  assert.deepEqual(rows(days).map((row) => row.kind), ["item", "item", "hole", "item", "unread", "item"]);
});

test("every day stands once, with a key of its own even when a clock went back", () => {
  const items = [said(1, "ada", -24 * 60), said(2, "ada", 0), typed("x", -24 * 60), said(3, "ada", 1)];
  const days = buildDays(items, { me: "me", unreadKey: null });
  assert.equal(days.length, 4);
  assert.equal(new Set(days.map((day) => day.key)).size, 4);
});

test("the divider stands before the first unread message of somebody else", () => {
  const items = [said(1, "ada", 0), said(2, "me", 1), said(3, "me", 2), said(4, "bo", 3)];
  assert.equal(firstUnread(items, 1, "me", false), "m4");
  assert.equal(firstUnread(items, 4, "me", false), null);
  assert.equal(firstUnread(items, null, "me", false), null);
});

test("the divider is not drawn while the first unread message may be one that is not loaded", () => {
  const items = [said(7, "ada", 0), said(8, "ada", 1)];
  assert.equal(firstUnread(items, 3, "me", true), null);
  assert.equal(firstUnread(items, 3, "me", false), "m7", "there is nothing before it");
  assert.equal(firstUnread(items, 6, "me", true), "m7", "it is the very next");
  assert.equal(firstUnread(items, 7, "me", true), "m8", "the one before it is read");
});

test("the divider is frozen while one reads, moves only to what one did not see, and goes when one writes", () => {
  const reading = new Reading();
  assert.equal(reading.open({ read_seq: 5 }, 3), true);
  assert.deepEqual([reading.readSeq, reading.count], [5, 3]);
  reading.change({ read_seq: 8 }, 0, true);
  reading.change({ read_seq: 8 }, 1, true);
  assert.equal(reading.readSeq, 5, "it came while one watched");
  reading.change({ read_seq: 9 }, 0, true);
  reading.change({ read_seq: 9 }, 1, false);
  assert.equal(reading.readSeq, 9, "it came while one was away");
  reading.change({ read_seq: 9 }, 2, false);
  assert.deepEqual([reading.readSeq, reading.count], [9, 1], "the first that one missed");
  reading.clear();
  assert.equal(reading.readSeq, null);
});

const many = (count) => Array.from({ length: count }, (_, i) => ({ key: `k${i}` }));

test("the window follows the newest, grows upwards to its limit and then moves", () => {
  let items = many(1000);
  let frame = latest();
  assert.equal(bounds(items, frame).end, 1000);
  items = [...items, { key: "new" }];
  assert.equal(bounds(items, frame).end, 1001, "it follows");
  for (let i = 0; i < 50; i += 1) {
    const next = earlier(items, frame);
    const { start, end } = bounds(items, next);
    assert.ok(end - start <= MAX);
    assert.ok(start <= bounds(items, frame).start);
    frame = next;
  }
  assert.deepEqual(bounds(items, frame), { start: 0, end: MAX });
  assert.equal(earlier(items, frame), frame, "nothing is left above");
});

test("loading earlier messages does not move the window", () => {
  const items = many(500);
  let frame = latest();
  for (let i = 0; i < 10; i += 1) frame = earlier(items, frame);
  const before = bounds(items, frame);
  const grown = [...Array.from({ length: 50 }, (_, i) => ({ key: `old${i}` })), ...items];
  const after = bounds(grown, frame);
  assert.equal(grown[after.end - 1].key, items[before.end - 1].key);
});

test("the way down leads back to the newest, and follows again there", () => {
  const items = many(700);
  let frame = latest();
  for (let i = 0; i < 20; i += 1) frame = earlier(items, frame);
  for (let i = 0; i < 20; i += 1) {
    const next = later(items, frame);
    const { start, end } = bounds(items, next);
    assert.ok(end - start <= MAX);
    frame = next;
  }
  assert.equal(frame.endKey, null);
  assert.equal(bounds(items, frame).end, 700);
});

test("a jump brings its message into the window, and leaves the window alone when it is there", () => {
  const items = many(900);
  const frame = latest();
  assert.equal(around(items, "k890", frame), frame);
  const { start, end } = bounds(items, around(items, "k100", frame));
  assert.ok(start <= 100 && end > 100);
  assert.equal(around(items, "gone", frame), frame);
});
