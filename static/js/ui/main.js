/** Where the page begins: one engine, one address bar, one screen. */

import { createApp } from "../chat/app.js";
import { environmentFrom } from "../chat/environment.js";
import "./app.js";
import "./components.js";
import { provide } from "./context.js";
import { Router } from "./router.js";

const engine = createApp({ baseUrl: "", environment: environmentFrom(window) });
const router = new Router(window);
provide(engine, router);

/** To the sign-in page, and from there back to where one was. */
function leave() {
  const { signedOutReason } = engine.store.getState();
  const query = new URLSearchParams({ next: window.location.pathname });
  if (signedOutReason && signedOutReason !== "signed_out") query.set("reason", signedOutReason);
  if (signedOutReason === "signed_out") query.delete("next");
  window.location.replace(`/signin?${query}`);
}

engine.store.subscribe(
  (state) => state.status,
  (status) => {
    if (status === "signed-out") leave();
  },
);

document.querySelector("#app")?.replaceChildren(document.createElement("parley-app"));
await engine.start();
