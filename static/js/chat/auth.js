/**
 * Who is signed in. The access token lives in memory only; the refresh token is an HttpOnly cookie that this code never
 * sees. After a reload the access token is had by a refresh. Tabs share one sign-in: they refresh one at a time, and tell
 * each other what came of it.
 *
 * @typedef {import("./environment.js").Environment} Environment
 * @typedef {import("./types.js").Me} Me
 */
import { Timer } from "../realtime/timer.js";
import { ApiError } from "./errors.js";

/** A token is renewed this long before it ends, in ms. */
const RENEW_BEFORE = 60_000;

/** A token with less than this left is not used any more, in ms. */
const MIN_LEFT = 10_000;

/** How long a request may take, in ms. */
const TIMEOUT = 15_000;

const LOCK = "parley:refresh";
const HEADERS = Object.freeze({ "Content-Type": "application/json", "X-Parley-Client": "browser" });

/**
 * @typedef {object} Token
 * @property {string} value
 * @property {number} endsAt ms by this machine's clock
 */

/**
 * @typedef {object} AuthEvents
 * @property {(token: string) => void} onToken there is another access token
 * @property {(reason: string) => void} onSignedOut
 */

export class Auth {
  /** @type {Token|null} */
  #token = null;
  /** @type {Promise<string>|null} */
  #refreshing = null;
  #generation = 0;

  /**
   * @param {object} options
   * @param {string} options.baseUrl of the API, such as `https://host/api/v1/`
   * @param {Environment} options.environment
   * @param {AuthEvents} options.events
   */
  constructor({ baseUrl, environment, events }) {
    this.baseUrl = baseUrl;
    this.environment = environment;
    this.events = events;
    this.timer = new Timer(() => void this.#renew(), () => RENEW_BEFORE, environment.clock);
    this.tabs = environment.tabs("parley:auth");
    this.tabs.listen((message) => this.#heard(message));
  }

  /**
   * An access token that is good now; refreshed when needed.
   *
   * @param {{force?: boolean}} [options] `force`: the one handed out before was refused
   * @returns {Promise<string>} rejects with an ApiError: `signed_out`, or why it could not be had now
   */
  async accessToken({ force = false } = {}) {
    const token = this.#token;
    if (token && !force && token.endsAt - this.environment.clock.now() > MIN_LEFT) return token.value;
    return this.#refresh(token?.value ?? null);
  }

  /**
   * @param {string} username
   * @param {string} password
   * @returns {Promise<Me>}
   */
  signIn(username, password) {
    return this.#enter("auth/token", { username, password });
  }

  /**
   * @param {{username: string, password: string, display_name?: string}} fields
   * @returns {Promise<Me>}
   */
  register(fields) {
    return this.#enter("auth/register", fields);
  }

  /**
   * End the sign-in of this device, or of all. What the server says is no condition for forgetting it here.
   *
   * @param {{everywhere?: boolean}} [options]
   */
  async signOut({ everywhere = false } = {}) {
    const token = this.#token?.value;
    /** @type {Record<string, string>} */
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    this.ended("signed_out");
    this.tabs.post({ kind: "signed-out" });
    await this.#post("auth/logout", everywhere ? { everywhere } : {}, headers);
  }

  /**
   * Forget the sign-in: it has ended.
   *
   * @param {string} reason
   */
  ended(reason) {
    this.#generation += 1;
    this.#token = null;
    this.timer.reset();
    this.events.onSignedOut(reason);
  }

  /**
   * A device was signed out; perhaps this one.
   *
   * @param {string} deviceId
   * @param {string} reason
   */
  deviceEnded(deviceId, reason) {
    if (!this.#token || claimsOf(this.#token.value).sid !== deviceId) return;
    this.ended(reason === "banned" ? "banned" : "session_ended");
  }

  stop() {
    this.timer.reset();
    this.tabs.close();
  }

  /**
   * @param {string} path
   * @param {Record<string, unknown>} body
   * @returns {Promise<Me>}
   */
  async #enter(path, body) {
    const answer = await this.#post(path, body);
    this.#take(answer.access);
    this.tabs.post({ kind: "token", access: answer.access });
    return answer.user;
  }

  /**
   * One refresh at a time in this tab, and by the lock one at a time in all tabs.
   *
   * @param {string|null} stale the token that is no good any more
   * @returns {Promise<string>}
   */
  #refresh(stale) {
    this.#refreshing ??= this.environment.locks
      .hold(LOCK, () => this.#refreshLocked(stale))
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  /**
   * @param {string|null} stale
   * @returns {Promise<string>}
   */
  async #refreshLocked(stale) {
    // Another tab may have done it while this one waited for the lock.
    if (this.#token && this.#token.value !== stale) return this.#token.value;
    const generation = this.#generation;
    let answer;
    try {
      answer = await this.#post("auth/token/refresh", {});
    } catch (error) {
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
        const hadToken = stale !== null;
        // Whoever may come in no more is told so only here: the sign-in itself is gone like any other.
        const reason = error.status === 403 ? "banned" : "session_ended";
        if (generation === this.#generation && hadToken) this.ended(reason);
        throw new ApiError({ code: "signed_out", detail: "You are signed out.", body: error.body });
      }
      throw error;
    }
    if (generation !== this.#generation) throw new ApiError({ code: "signed_out", detail: "You are signed out." });
    this.tabs.post({ kind: "token", access: answer.access });
    return this.#take(answer.access);
  }

  /**
   * @param {string} value
   * @returns {string}
   */
  #take(value) {
    const now = this.environment.clock.now();
    const { exp, iat } = claimsOf(value);
    // By its length of life, so that a machine whose clock is wrong does not refresh all the time.
    const lifetime = iat === undefined ? exp * 1_000 - now : (exp - iat) * 1_000;
    this.#token = { value, endsAt: now + lifetime };
    this.timer.scheduleIn(Math.max(lifetime - RENEW_BEFORE, lifetime / 2, MIN_LEFT));
    this.events.onToken(value);
    return value;
  }

  async #renew() {
    try {
      await this.#refresh(this.#token?.value ?? null);
    } catch (error) {
      // Without an answer, try again while the old token lives; whoever needs one asks anyway.
      if (this.#token && error instanceof ApiError && error.isPassing) this.timer.scheduleIn(MIN_LEFT);
    }
  }

  /** @param {{kind: string, access?: string}} message from another tab */
  #heard(message) {
    if (!this.#token) return;
    // The cookie is now that of somebody else's sign-in: this tab must not go on as the one before.
    const other = message.access !== undefined && claimsOf(message.access).sub !== claimsOf(this.#token.value).sub;
    if (message.kind === "signed-out" || other) this.ended("signed_out");
    else if (message.access !== undefined) this.#take(message.access);
  }

  /**
   * @param {string} path
   * @param {Record<string, unknown>} body
   * @param {Record<string, string>} [headers]
   * @returns {Promise<any>}
   */
  async #post(path, body, headers = {}) {
    const init = { method: "POST", headers: { ...HEADERS, ...headers }, body: JSON.stringify(body) };
    let answer;
    try {
      answer = await this.environment.fetch(this.baseUrl + path, {
        ...init,
        credentials: "same-origin",
        signal: AbortSignal.timeout(TIMEOUT),
      });
    } catch {
      throw new ApiError({ code: "network_error", detail: "The server cannot be reached." });
    }
    const parsed = answer.status === 204 ? null : await answer.json().catch(() => null);
    if (answer.ok) return parsed;
    throw ApiError.fromAnswer({ status: answer.status, body: parsed, header: (name) => answer.headers.get(name) });
  }
}

/**
 * @param {string} token a JWT
 * @returns {{exp: number, iat?: number, sub?: string, sid?: string}} times in Unix seconds
 */
export function claimsOf(token) {
  const part = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
  try {
    return JSON.parse(atob(part));
  } catch {
    throw new ApiError({ code: "unexpected", detail: "The access token is not one." });
  }
}
