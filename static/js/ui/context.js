/**
 * What the whole screen shares: the engine, the address, and two requests that any component may make of the frame
 * around it (open a dialog, say something).
 */

/** @typedef {import("../chat/types.js").App} App */
/** @typedef {import("./router.js").Router} Router */
/** @typedef {{text: string, kind: "info" | "error"}} Notice */
/** @typedef {{name: string, data: Record<string, any>}} DialogRequest */

/** @type {{app: App | null, router: Router | null}} */
const shared = { app: null, router: null };

export const requests = new EventTarget();

/**
 * Set up once, before the first component is in the page.
 *
 * @param {App} app
 * @param {Router} router
 */
export function provide(app, router) {
  shared.app = app;
  shared.router = router;
}

/** @returns {App} */
export function app() {
  if (shared.app === null) throw new Error("provide() was not called");
  return shared.app;
}

/** @returns {Router} */
export function router() {
  if (shared.router === null) throw new Error("provide() was not called");
  return shared.router;
}

/**
 * Open a dialog over the page.
 *
 * @param {string} name
 * @param {Record<string, any>} [data]
 */
export function openDialog(name, data = {}) {
  requests.dispatchEvent(new CustomEvent("dialog", { detail: { name, data } }));
}

/**
 * Say something short at the foot of the page; errors are announced at once.
 *
 * @param {string} text
 * @param {"info" | "error"} [kind]
 */
export function notify(text, kind = "info") {
  requests.dispatchEvent(new CustomEvent("notice", { detail: { text, kind } }));
}
