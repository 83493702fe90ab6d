import assert from "node:assert/strict";
import { test } from "node:test";

import { GapWatch } from "../../static/js/realtime/gap-watch.js";
import { PositionTracker } from "../../static/js/realtime/position.js";
import { FakeClock, seeded } from "./support/fake-clock.js";

test("each change is new once, whatever the order, and the position is the end of the contiguous part", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = seeded(seed);
    const tracker = new PositionTracker();
    tracker.reset({ epoch: "e", offset: 10 });
    const seen = new Set();
    for (let step = 0; step < 60; step += 1) {
      const offset = 5 + Math.floor(random() * 30);
      const expected = offset > 10 && !seen.has(offset) ? "new" : "double";
      assert.equal(tracker.accept(offset, "e"), expected, `seed ${seed}`);
      if (offset > 10) seen.add(offset);
      let end = 10;
      while (seen.has(end + 1)) end += 1;
      assert.equal(tracker.position.offset, end);
      const greatest = Math.max(10, ...seen);
      assert.deepEqual(tracker.missing, greatest > end ? { after: end, head: greatest, epoch: "e" } : null);
    }
  }
});

test("another epoch is told, and moves nothing", () => {
  const tracker = new PositionTracker();
  tracker.reset({ epoch: "e", offset: 3 });
  assert.equal(tracker.accept(4, "f"), "other-epoch");
  assert.deepEqual(tracker.position, { epoch: "e", offset: 3 });
});

test("what was fetched another way fills the gap and joins on to what came ahead", () => {
  const tracker = new PositionTracker();
  tracker.reset({ epoch: "e", offset: 3 });
  tracker.accept(6, "e");
  tracker.advance(5);
  assert.deepEqual(tracker.position, { epoch: "e", offset: 6 });
  assert.equal(tracker.missing, null);
});

test("a gap that stays is called out after its grace, also while newer changes keep coming", async () => {
  const clock = new FakeClock();
  const tracker = new PositionTracker();
  tracker.reset({ epoch: "e", offset: 0 });
  const calls = [];
  const watch = new GapWatch(tracker, (gap) => calls.push(gap.after), clock);
  for (let offset = 2; offset < 12; offset += 1) {
    tracker.accept(offset, "e");
    watch.look();
    await clock.advance(100);
  }
  assert.deepEqual(calls, [0]);
  await clock.advance(5_000);
  assert.deepEqual(calls, [0, 0]);
  tracker.advance(1);
  watch.look();
  await clock.advance(60_000);
  assert.deepEqual(calls, [0, 0]);
});

test("a gap that closes by itself is nobody's business", async () => {
  const clock = new FakeClock();
  const tracker = new PositionTracker();
  tracker.reset({ epoch: "e", offset: 0 });
  const calls = [];
  const watch = new GapWatch(tracker, (gap) => calls.push(gap), clock);
  tracker.accept(2, "e");
  watch.look();
  await clock.advance(60);
  tracker.accept(1, "e");
  watch.look();
  await clock.advance(60_000);
  assert.deepEqual(calls, []);
});
