/**
 * Addresses of the app. The browser's history is the only place that knows where one is, so its back button is ours.
 */

/**
 * @typedef {{name: "home"}
 *   | {name: "room", roomId: string, panel: boolean}
 *   | {name: "directory"}
 *   | {name: "invite", code: string}
 *   | {name: "unknown"}} Route
 */

const ROOM = /^\/rooms\/([0-9a-f-]{36})(\/members)?\/?$/i;
const INVITE = /^\/invites\/([\w-]+)\/?$/;

/**
 * @param {string} path
 * @returns {Route}
 */
export function parsePath(path) {
  if (path === "/") return { name: "home" };
  if (path === "/directory" || path === "/directory/") return { name: "directory" };
  const room = ROOM.exec(path);
  if (room) return { name: "room", roomId: (room[1] ?? "").toLowerCase(), panel: room[2] !== undefined };
  const invite = INVITE.exec(path);
  if (invite) return { name: "invite", code: invite[1] ?? "" };
  return { name: "unknown" };
}

/** @param {string} roomId */
export const roomPath = (roomId) => `/rooms/${roomId}`;
/** @param {string} roomId */
export const membersPath = (roomId) => `/rooms/${roomId}/members`;

export class Router extends EventTarget {
  /** @param {Window} window */
  constructor(window) {
    super();
    this.window = window;
    /** @type {Route} */
    this.route = parsePath(window.location.pathname);
    window.addEventListener("popstate", () => this.#arrive());
    window.document.addEventListener("click", (event) => this.#follow(event));
  }

  /**
   * Go to a path of the app.
   *
   * @param {string} path
   * @param {{replace?: boolean}} [options]
   */
  go(path, { replace = false } = {}) {
    const { history, location } = this.window;
    if (path === location.pathname) return;
    const depth = this.#depth();
    if (replace) history.replaceState({ depth }, "", path);
    else history.pushState({ depth: depth + 1 }, "", path);
    this.#arrive();
  }

  /**
   * One step back, as the browser's button does it; where the app was entered here, to `fallback` instead.
   *
   * @param {string} fallback
   */
  back(fallback) {
    if (this.#depth() > 0) this.window.history.back();
    else this.go(fallback, { replace: true });
  }

  #depth() {
    return Number(this.window.history.state?.depth ?? 0);
  }

  #arrive() {
    this.route = parsePath(this.window.location.pathname);
    this.dispatchEvent(new Event("change"));
  }

  /**
   * Ordinary clicks on links to places of the app stay inside it; everything else is the browser's.
   *
   * @param {MouseEvent} event
   */
  #follow(event) {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const target = /** @type {Element | null} */ (event.target);
    const link = target?.closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.target || link.origin !== this.window.location.origin) return;
    if (link.hash || parsePath(link.pathname).name === "unknown") return;
    event.preventDefault();
    this.go(link.pathname, { replace: link.dataset.replace !== undefined });
  }
}
