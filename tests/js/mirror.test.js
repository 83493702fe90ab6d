/** What the browser and the server must agree on stands once on each side; here the two are compared. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CLOSE_CODES, HEARTBEAT_INTERVAL } from "../../static/js/realtime/constants.js";
import { EXCERPT_LENGTH } from "../../static/js/chat/timeline.js";

const source = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const number = (path, name) => Number(new RegExp(`^${name} = ([\\d_]+)$`, "m").exec(source(path))?.[1].replaceAll("_", ""));

test("close codes", () => {
  const theirs = [...source("realtime/close_codes.py").matchAll(/^ {4}([A-Z_]+) = (\d{4})$/gm)];
  assert.ok(theirs.length > 8);
  assert.deepEqual(CLOSE_CODES, Object.fromEntries(theirs.map(([, name, code]) => [name, Number(code)])));
});

test("the length of an excerpt", () => {
  assert.equal(EXCERPT_LENGTH, number("chat/payloads.py", "EXCERPT_LENGTH"));
});

test("the pause between heartbeats", () => {
  assert.equal(HEARTBEAT_INTERVAL, number("config/settings.py", "HEARTBEAT_SECONDS") * 1_000);
});
