import assert from "node:assert/strict";
import { test } from "node:test";

import { Auth, claimsOf } from "../../static/js/chat/auth.js";
import { ApiError } from "../../static/js/chat/errors.js";
import { world } from "./support/fake-page.js";

/** An Auth in a tab of its own. */
function signedInTab(scene) {
  const tab = scene.browser.tab();
  const heard = { tokens: [], ended: [] };
  const auth = new Auth({
    baseUrl: "http://parley.test/api/v1/",
    environment: tab.environment,
    events: { onToken: (token) => heard.tokens.push(token), onSignedOut: (reason) => heard.ended.push(reason) },
  });
  return { auth, heard, ...tab };
}

test("a reload has its access token by a refresh, once for all who ask", async () => {
  const scene = world();
  const { auth } = signedInTab(scene);
  const tokens = await Promise.all([auth.accessToken(), auth.accessToken(), auth.accessToken()]);
  assert.equal(new Set(tokens).size, 1);
  assert.equal(scene.server.refreshes, 1);
  assert.equal(claimsOf(tokens[0]).sub, scene.ada.id);
  await auth.accessToken();
  assert.equal(scene.server.refreshes, 1);
});

test("the token is renewed before it ends, and told", async () => {
  const scene = world();
  const { auth, heard } = signedInTab(scene);
  await auth.accessToken();
  await scene.clock.advance(845_000);
  assert.equal(heard.tokens.length, 2);
  assert.notEqual(heard.tokens[0], heard.tokens[1]);
});

test("a clock that is wrong by hours does not matter", async () => {
  const scene = world();
  const { auth, environment } = signedInTab(scene);
  environment.clock = { ...scene.clock, now: () => scene.clock.now() + 5 * 3_600_000 };
  await auth.accessToken();
  await auth.accessToken();
  await auth.accessToken();
  assert.equal(scene.server.refreshes, 1);
});

test("two tabs refresh one after the other, and the second takes what the first got", async () => {
  const scene = world();
  const [one, two] = [signedInTab(scene), signedInTab(scene)];
  await one.auth.accessToken();
  await two.auth.accessToken();
  const before = scene.server.refreshes;
  const [a, b] = await Promise.all([one.auth.accessToken({ force: true }), two.auth.accessToken({ force: true })]);
  assert.equal(scene.server.refreshes, before + 1);
  assert.equal(a, b);
});

test("signing out in one tab signs the others out", async () => {
  const scene = world();
  const [one, two] = [signedInTab(scene), signedInTab(scene)];
  await one.auth.accessToken();
  await two.auth.accessToken();
  await one.auth.signOut();
  assert.deepEqual(two.heard.ended, ["signed_out"]);
  await assert.rejects(two.auth.accessToken(), { code: "signed_out" });
});

test("another person signing in beside does not hand their token to this tab", async () => {
  const scene = world();
  const [one, two] = [signedInTab(scene), signedInTab(scene)];
  await one.auth.accessToken();
  scene.server.signIn(scene.bo);
  await two.auth.accessToken();
  assert.deepEqual(one.heard.ended, ["signed_out"]);
});

test("a refresh that is refused ends the sign-in, one without an answer does not", async () => {
  const scene = world();
  const { auth, heard } = signedInTab(scene);
  await auth.accessToken();
  scene.server.down = true;
  await assert.rejects(auth.accessToken({ force: true }), { code: "network_error", isPassing: true });
  assert.deepEqual(heard.ended, []);
  scene.server.down = false;
  scene.server.revoke();
  await assert.rejects(auth.accessToken({ force: true }), { code: "signed_out" });
  assert.deepEqual(heard.ended, ["session_ended"]);
});

test("the header that asks for a cookie goes with every call, and the token of a sign-out", async () => {
  const scene = world();
  const { auth } = signedInTab(scene);
  await auth.signIn("ada", "secret");
  await auth.signOut({ everywhere: true });
  const sent = scene.server.requests.map(({ path, headers }) => [path, headers["X-Parley-Client"], Boolean(headers.Authorization)]);
  assert.deepEqual(sent, [
    ["auth/token", "browser", false],
    ["auth/logout", "browser", true],
  ]);
});

test("errors of every door become one", () => {
  const header = (name) => (name === "retry-after" ? "7" : null);
  const body = { type: "client_error", errors: [{ code: "invalid", detail: "Too long.", attr: "content" }] };
  const error = ApiError.fromAnswer({ status: 400, body, header });
  assert.deepEqual(error.toState(), { code: "invalid", detail: "Too long.", attr: "content", status: 400, retryAfter: 7 });
  assert.equal(error.isPassing, false);
  assert.equal(ApiError.fromAnswer({ status: 502, body: null, header: () => null }).code, "unexpected");
  assert.equal(ApiError.fromAnswer({ status: 502, body: null, header: () => null }).isPassing, true);
  assert.equal(ApiError.from({ code: "timeout", reason: "late" }).isPassing, true);
  assert.equal(ApiError.from({ code: "invalid", reason: "bad", response: { attr: "content" } }).attr, "content");
  assert.equal(ApiError.from({ code: "rate_limited", reason: "slow", response: { retry_after: 9 } }).isPassing, true);
  assert.equal(ApiError.from(new Error("bug")).code, "unexpected");
});
