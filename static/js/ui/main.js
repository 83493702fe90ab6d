/** Where the page begins: one engine, one address bar, one screen. */

import { createApp } from "../chat/app.js";
import { environmentFrom } from "../chat/environment.js";
import { indexedOutbox } from "../chat/outbox-storage.js";
import "./app.js";
import "./components.js";
import { provide } from "./context.js";
import { Router } from "./router.js";

const engine = createApp({ environment: environmentFrom(window, { outbox: indexedOutbox() }) });
const router = new Router(window);
provide(engine, router);

let wasReady = false;

/** To the sign-in page, and from there back to where one was: unless one signed out and somebody else may come. */
function leave() {
  const { signedOutReason } = engine.store.getState();
  const asked = wasReady && signedOutReason === "signed_out";
  const query = new URLSearchParams();
  if (!asked && window.location.pathname !== "/") query.set("next", window.location.pathname);
  if (wasReady && signedOutReason) query.set("reason", signedOutReason);
  window.location.replace(query.size > 0 ? `/signin?${query}` : "/signin");
}

engine.store.subscribe(
  (state) => state.status,
  (status) => {
    wasReady ||= status === "ready";
    if (status === "signed-out") leave();
  },
);

document.querySelector("#app")?.replaceChildren(document.createElement("parley-app"));
await engine.start();
