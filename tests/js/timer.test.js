import assert from "node:assert/strict";
import { test } from "node:test";

import { Timer, backoff } from "../../static/js/realtime/timer.js";
import { FakeClock, seeded } from "./support/fake-clock.js";

test("backoff doubles up to its cap and never goes below half of it", () => {
  const random = seeded(7);
  const delay = backoff({ base: 1_000, cap: 15_000, random });
  for (const [tries, ceiling] of [[1, 1_000], [2, 2_000], [3, 4_000], [4, 8_000], [5, 15_000], [60, 15_000]]) {
    for (let i = 0; i < 200; i += 1) {
      const wait = delay(tries);
      assert.ok(wait >= ceiling / 2 && wait <= ceiling, `${wait} for try ${tries}`);
    }
  }
});

test("backoff keeps a herd apart", () => {
  const delay = backoff({ base: 8_000, cap: 15_000, random: seeded(3) });
  const waits = new Set(Array.from({ length: 100 }, () => delay(1)));
  assert.ok(waits.size > 90);
});

test("an alarm rings once, at its time", async () => {
  const clock = new FakeClock();
  let rung = 0;
  const timer = new Timer(() => (rung += 1), () => 500, clock);
  timer.schedule();
  timer.schedule();
  await clock.advance(499);
  assert.equal(rung, 0);
  await clock.advance(1);
  assert.equal(rung, 1);
  await clock.advance(10_000);
  assert.equal(rung, 1);
  assert.equal(clock.pending, 0);
});

test("tries are counted until a reset", async () => {
  const clock = new FakeClock();
  const seen = [];
  const timer = new Timer(() => {}, (tries) => seen.push(tries) * 10, clock);
  for (let i = 0; i < 3; i += 1) {
    timer.schedule();
    await clock.advance(1_000);
  }
  timer.reset();
  timer.schedule();
  assert.deepEqual(seen, [1, 2, 3, 1]);
});

test("after a sleep one alarm rings, not all that were missed", async () => {
  const clock = new FakeClock();
  let rung = 0;
  const timer = new Timer(
    () => {
      rung += 1;
      timer.schedule();
    },
    () => 1_000,
    clock,
  );
  timer.schedule();
  clock.sleep(3_600_000);
  timer.catchUp();
  assert.equal(rung, 1);
  await clock.advance(1_000);
  assert.equal(rung, 2);
});

test("hasten rings at once what is set, and nothing that is not", () => {
  const clock = new FakeClock();
  let rung = 0;
  const timer = new Timer(() => (rung += 1), () => 1_000, clock);
  timer.hasten();
  assert.equal(rung, 0);
  timer.schedule();
  timer.hasten();
  assert.equal(rung, 1);
  assert.equal(timer.due, null);
});

test("catchUp leaves alone what is not due", () => {
  const clock = new FakeClock();
  let rung = 0;
  const timer = new Timer(() => (rung += 1), () => 1_000, clock);
  timer.schedule();
  timer.catchUp();
  assert.equal(rung, 0);
});
