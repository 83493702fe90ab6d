import assert from "node:assert/strict";
import { test } from "node:test";

import { HANDLERS } from "../../static/js/chat/store.js";
import { EVENTS } from "../../static/js/chat/wire.js";

test("the store knows what to do with every durable event of the server", () => {
  assert.ok(EVENTS.length > 10);
  assert.deepEqual(
    EVENTS.filter((name) => !(name in HANDLERS)),
    [],
  );
});
