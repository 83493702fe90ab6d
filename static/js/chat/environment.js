/**
 * What the client needs from the place it runs in. In a page: `environmentFrom(window)`; tests give their own.
 *
 * @typedef {import("../realtime/types.js").Clock} Clock
 * @typedef {import("../realtime/types.js").Signal} Signal
 */
import { systemClock } from "../realtime/clock.js";

/**
 * The part of a BroadcastChannel that is used.
 *
 * @typedef {object} TabChannel
 * @property {(message: any) => void} post
 * @property {(listen: (message: any) => void) => void} listen
 * @property {() => void} close
 */

/**
 * The part of the Web Locks API that is used.
 *
 * @typedef {object} Locks
 * @property {<T>(name: string, work: () => Promise<T>) => Promise<T>} hold runs `work` while no other tab holds the name
 * @property {(name: string) => void} keep holds the name until the page goes
 * @property {() => Promise<string[]>} held names held by any tab
 */

/**
 * Keeps the outbox over reloads.
 *
 * @typedef {object} OutboxStorage
 * @property {() => Promise<import("./types.js").OutboxEntry[]>} all
 * @property {(entry: import("./types.js").OutboxEntry) => Promise<void>} put
 * @property {(clientId: string) => Promise<void>} remove
 */

/**
 * @typedef {object} Environment
 * @property {string} origin such as `https://chat.example.org`
 * @property {typeof globalThis.fetch} fetch
 * @property {import("../realtime/types.js").WebSocketFactory} websocket
 * @property {Clock} clock
 * @property {Signal} visible whether the page can be seen
 * @property {Signal} focused whether the page is seen and has the focus
 * @property {Signal} online
 * @property {Locks} locks
 * @property {(name: string) => TabChannel} tabs
 * @property {() => string} uuid
 * @property {OutboxStorage} [outbox] without it, what is unsent is lost with the page
 */

/**
 * @param {Window & typeof globalThis} page the window
 * @param {{outbox?: OutboxStorage}} [parts]
 * @returns {Environment}
 */
export function environmentFrom(page, { outbox } = {}) {
  const view = page.document;
  return {
    origin: page.location.origin,
    fetch: (...request) => page.fetch(...request),
    websocket: (url, protocols) => new page.WebSocket(url, protocols),
    clock: systemClock,
    visible: signal(() => view.visibilityState === "visible", [[view, "visibilitychange"]]),
    focused: signal(() => view.visibilityState === "visible" && view.hasFocus(), [
      [view, "visibilitychange"],
      [page, "focus"],
      [page, "blur"],
    ]),
    online: signal(() => page.navigator.onLine, [
      [page, "online"],
      [page, "offline"],
    ]),
    locks: webLocks(page.navigator.locks),
    tabs: (name) => tabChannel(new page.BroadcastChannel(name)),
    uuid: () => page.crypto.randomUUID?.() ?? randomUuid(page.crypto),
    outbox,
  };
}

/**
 * @param {() => boolean} get
 * @param {[EventTarget, string][]} sources
 * @returns {Signal}
 */
function signal(get, sources) {
  return {
    get,
    subscribe: (listen) => {
      for (const [target, name] of sources) target.addEventListener(name, listen);
      return () => {
        for (const [target, name] of sources) target.removeEventListener(name, listen);
      };
    },
  };
}

/**
 * Web Locks exist in secure contexts only. Elsewhere each tab stands alone, which the server forgives (a refresh token
 * used twice within 30 s, a message sent twice with one client_id).
 *
 * @param {LockManager|undefined} manager
 * @returns {Locks}
 */
function webLocks(manager) {
  if (!manager) return { hold: (_name, work) => work(), keep: () => {}, held: async () => [] };
  return {
    hold: async (name, work) => manager.request(name, work),
    keep: (name) => void manager.request(name, () => new Promise(() => {})),
    held: async () => ((await manager.query()).held ?? []).map((lock) => lock.name ?? ""),
  };
}

/**
 * @param {BroadcastChannel} channel
 * @returns {TabChannel}
 */
function tabChannel(channel) {
  return {
    post: (message) => channel.postMessage(message),
    listen: (listen) => channel.addEventListener("message", (event) => listen(event.data)),
    close: () => channel.close(),
  };
}

/**
 * `randomUUID` exists in secure contexts only, and a house server on the local network may not be one.
 *
 * @param {Crypto} crypto
 * @returns {string}
 */
function randomUuid(crypto) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (Number(bytes[6]) & 0x0f) | 0x40;
  bytes[8] = (Number(bytes[8]) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
