import assert from "node:assert/strict";
import { test } from "node:test";

import { describe, spoken } from "../../static/js/ui/connection-text.js";
import { badge, byteLength, dayKey, dayName, explain, faceTint, initials, oneLine, plural, shortTime } from "../../static/js/ui/format.js";
import { parsePath } from "../../static/js/ui/router.js";

const NOW = new Date(2026, 10, 22, 9, 30).getTime();
const DAY = 86_400_000;

test("days have names while they are near, and dates after", () => {
  assert.equal(dayName(NOW - 60_000, NOW), "Today");
  assert.equal(dayName(new Date(2026, 10, 21, 23, 59), NOW), "Yesterday");
  assert.equal(dayName(new Date(2026, 10, 18, 12), NOW), "Wednesday");
  assert.equal(dayName(new Date(2026, 10, 15, 12), NOW), "Sunday, November 15");
  assert.equal(dayName(new Date(2025, 10, 22, 12), NOW), "November 22, 2025");
});

test("a day is the viewer's day, also where clocks are put back", () => {
  const evening = new Date(2026, 9, 24, 23, 59);
  assert.notEqual(dayKey(evening), dayKey(new Date(2026, 9, 25, 0, 1)));
  assert.equal(dayName(evening, new Date(2026, 9, 25, 23, 30)), "Yesterday");
});

test("the list shows the clock today and less the longer ago", () => {
  assert.match(shortTime(NOW - 60_000, NOW), /9[:.]29/);
  assert.equal(shortTime(NOW - DAY, NOW), "Yesterday");
  assert.equal(shortTime(NOW - 3 * DAY, NOW), "Thu");
  assert.equal(shortTime(NOW - 40 * DAY, NOW), "Oct 13");
  assert.equal(shortTime(NOW - 400 * DAY, NOW), "2025");
});

test("letters of a name: two words, one word, Chinese, Arabic, emoji, nothing", () => {
  assert.equal(initials("Ada Lovelace"), "AL");
  assert.equal(initials("grace"), "G");
  assert.equal(initials("山田 由紀"), "山");
  assert.equal(initials("🌱 Garden"), "🌱");
  assert.equal(initials("👩🏽‍🚀"), "👩🏽‍🚀");
  assert.equal(initials("The committee (old)"), "TO");
  assert.equal(initials("   "), "?");
});

test("a face keeps its tint", () => {
  assert.equal(faceTint("a"), faceTint("a"));
  const tints = new Set(Array.from({ length: 200 }, (_, i) => faceTint(`id-${i}`)));
  assert.equal(tints.size, 8);
});

test("one line cuts between characters that people see", () => {
  assert.equal(oneLine("a\n\n b\t c"), "a b c");
  assert.equal(oneLine("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 2), "👨‍👩‍👧‍👦👨‍👩‍👧‍👦");
});

test("counts and sizes", () => {
  assert.equal(badge(3), "3");
  assert.equal(badge(1000), "999+");
  assert.equal(plural(1, "message"), "1 message");
  assert.equal(plural(1200, "person", "people"), "1,200 people");
  assert.equal(byteLength("é漢🎉"), 2 + 3 + 4);
});

test("errors say what to do", () => {
  assert.match(explain({ status: 0, code: "network", detail: "x" }), /did not answer/);
  assert.match(explain({ status: 429, code: "rate_limited", detail: "x", retryAfter: 12 }), /in 12 seconds/);
  assert.equal(explain({ status: 403, code: "permission_denied", detail: "Not you." }), "Not you.");
  assert.match(explain(new Error("")), /Something went wrong/);
});

test("the chip tells the truth", () => {
  const at = (state, more = {}) => ({ state, since: NOW, nextAttemptAt: null, attempting: false, ...more });
  assert.equal(describe(at("live"), null, NOW).text, "Live");
  assert.equal(describe(at("live"), NOW - 500, NOW).text, "Live", "a frame overtaken is not worth a word");
  assert.match(describe(at("live"), NOW - 10_000, NOW).text, /^Behind since /);
  assert.equal(describe(at("polling"), null, NOW).text, "Polling");
  assert.equal(describe(at("reconnecting", { nextAttemptAt: NOW + 3_400 }), null, NOW).text, "Reconnecting in 4 s");
  assert.equal(describe(at("reconnecting", { attempting: true }), null, NOW).text, "Reconnecting");
  assert.equal(describe(at("offline"), null, NOW).text, "Offline");
  assert.equal(describe(at("offline"), null, NOW).retry, true);
  assert.equal(spoken("polling"), "Connected by polling");
});

test("addresses of the app", () => {
  const id = "0190a0b0-0000-7000-8000-0000000000ff";
  assert.deepEqual(parsePath("/"), { name: "home" });
  assert.deepEqual(parsePath(`/rooms/${id}`), { name: "room", roomId: id, panel: false });
  assert.deepEqual(parsePath(`/rooms/${id.toUpperCase()}/members/`), { name: "room", roomId: id, panel: true });
  assert.deepEqual(parsePath("/invites/a_B-9"), { name: "invite", code: "a_B-9" });
  assert.deepEqual(parsePath("/directory"), { name: "directory" });
  for (const other of ["/admin/", `/rooms/${id}/meta`, "/rooms/x", "//evil.example", "/signin"]) {
    assert.deepEqual(parsePath(other), { name: "unknown" }, other);
  }
});
