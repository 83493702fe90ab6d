/**
 * The REST API, call by call. Every method rejects with an ApiError.
 *
 * @typedef {import("../realtime/types.js").HttpAnswer} HttpAnswer
 * @typedef {import("../realtime/types.js").HttpRequest} HttpRequest
 * @typedef {import("./types.js").Me} Me
 * @typedef {import("./types.js").Member} Member
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").UserCard} UserCard
 */
import { ApiError } from "./errors.js";

/** How long a request may take, in ms. */
const TIMEOUT = 15_000;

/** Items asked for in one page of a list. */
const LIST_PAGE = 200;

/** Changes in one page. */
export const CHANGES_PAGE = 200;

/**
 * @typedef {object} MessagesPage
 * @property {Message[]} messages newest last
 * @property {boolean} has_more
 * @property {number} offset
 * @property {string} epoch
 */

/**
 * @typedef {object} ChangesPage
 * @property {{offset: number, event: string, payload: any}[]} changes
 * @property {number} offset
 * @property {string} epoch
 * @property {boolean} has_more
 */

export class Api {
  /**
   * @param {object} options
   * @param {string} options.baseUrl such as `https://host/api/v1/`
   * @param {typeof globalThis.fetch} options.fetch
   * @param {(options?: {force?: boolean}) => Promise<string>} options.accessToken
   */
  constructor({ baseUrl, fetch, accessToken }) {
    this.baseUrl = baseUrl;
    this.fetch = fetch;
    this.accessToken = accessToken;
    /** One request with the access token, refreshed once when it is refused; any status is an answer. */
    this.request = this.#request.bind(this);
  }

  /** @returns {Promise<Me>} */
  me() {
    return this.get("users/me");
  }

  /**
   * @param {Record<string, unknown>} fields
   * @returns {Promise<Me>}
   */
  updateMe(fields) {
    return this.#send("PATCH", "users/me", fields);
  }

  /**
   * @param {string} query
   * @returns {Promise<UserCard[]>}
   */
  async searchUsers(query) {
    return (await this.get("users", { search: query })).users;
  }

  /** @returns {Promise<any[]>} all of one's own rooms */
  rooms() {
    return this.#all("rooms", "rooms");
  }

  /** @returns {Promise<any[]>} the directory */
  publicRooms() {
    return this.#all("rooms", "rooms", { kind: "public" });
  }

  /** @param {string} id */
  room(id) {
    return this.get(`rooms/${id}`);
  }

  /** @param {{kind: string, name?: string, member_ids?: string[]}} fields */
  createRoom(fields) {
    return this.#send("POST", "rooms", fields);
  }

  /**
   * @param {string} id
   * @param {Record<string, unknown>} fields
   */
  updateRoom(id, fields) {
    return this.#send("PATCH", `rooms/${id}`, fields);
  }

  /** @param {string} id */
  deleteRoom(id) {
    return this.#send("DELETE", `rooms/${id}`);
  }

  /** @param {string} id */
  joinRoom(id) {
    return this.#send("POST", `rooms/${id}/join`);
  }

  /** @param {string} id */
  leaveRoom(id) {
    return this.#send("POST", `rooms/${id}/leave`);
  }

  /**
   * @param {string} roomId
   * @returns {Promise<Member[]>}
   */
  members(roomId) {
    return this.#all(`rooms/${roomId}/members`, "members");
  }

  /**
   * @param {string} roomId
   * @param {string[]} userIds
   * @param {string} [role]
   */
  addMembers(roomId, userIds, role) {
    return this.#send("POST", `rooms/${roomId}/members`, { user_ids: userIds, role });
  }

  /**
   * @param {string} roomId
   * @param {string} userId
   */
  removeMember(roomId, userId) {
    return this.#send("DELETE", `rooms/${roomId}/members/${userId}`);
  }

  /**
   * @param {string} roomId
   * @param {string} userId
   * @param {string} role
   */
  changeRole(roomId, userId, role) {
    return this.#send("PATCH", `rooms/${roomId}/members/${userId}`, { role });
  }

  /**
   * @param {string} roomId
   * @param {{expires_in?: number, max_uses?: number}} fields
   * @returns {Promise<{code: string, url: string}>}
   */
  createInvite(roomId, fields) {
    return this.#send("POST", `rooms/${roomId}/invites`, fields);
  }

  /** @param {string} code */
  redeemInvite(code) {
    return this.#send("POST", `invites/${encodeURIComponent(code)}/join`);
  }

  /**
   * @param {string} roomId
   * @param {{limit?: number, before?: string}} [query]
   * @returns {Promise<MessagesPage>}
   */
  messages(roomId, query = {}) {
    return this.get(`rooms/${roomId}/messages`, query);
  }

  /**
   * @param {string} path of the stream: `rooms/<id>/changes` or `me/changes`
   * @param {import("../realtime/types.js").Position} position
   * @returns {Promise<ChangesPage>}
   */
  changes(path, { offset, epoch }) {
    return this.get(path, { after: offset, epoch, limit: CHANGES_PAGE });
  }

  /**
   * @param {string} roomId
   * @param {{content: string, client_id: string, type?: string, reply_to?: string|null}} fields
   * @returns {Promise<Message>}
   */
  sendMessage(roomId, fields) {
    return this.#send("POST", `rooms/${roomId}/messages`, fields);
  }

  /**
   * @param {string} id
   * @param {{content: string, version?: number}} fields
   * @returns {Promise<Message>}
   */
  editMessage(id, fields) {
    return this.#send("PUT", `messages/${id}`, fields);
  }

  /** @param {string} id */
  recallMessage(id) {
    return this.#send("DELETE", `messages/${id}`);
  }

  /**
   * @param {string} roomId
   * @param {number} seq everything up to this message
   */
  markRead(roomId, seq) {
    return this.#send("PATCH", "messages/mark-read", { conversation_id: roomId, seq });
  }

  /**
   * @param {string} path
   * @param {HttpRequest["query"]} [query]
   * @returns {Promise<any>}
   */
  async get(path, query = {}) {
    return bodyOf(await this.#request({ method: "GET", path, query }));
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async #send(method, path, body) {
    return bodyOf(await this.#request({ method, path, body }));
  }

  /**
   * Every page of a list.
   *
   * @param {string} path
   * @param {string} plural
   * @param {HttpRequest["query"]} [query]
   * @returns {Promise<any[]>}
   */
  async #all(path, plural, query = {}) {
    const items = [];
    /** @type {string|undefined} */
    let cursor;
    do {
      const page = await this.get(path, { ...query, limit: LIST_PAGE, cursor });
      items.push(...page[plural]);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
    return items;
  }

  /**
   * @param {HttpRequest} request
   * @returns {Promise<HttpAnswer>}
   */
  async #request(request) {
    const answer = await this.#once(request, await this.accessToken());
    return answer.status === 401 ? this.#once(request, await this.accessToken({ force: true })) : answer;
  }

  /**
   * @param {HttpRequest} request
   * @param {string} token
   * @returns {Promise<HttpAnswer>}
   */
  async #once({ method, path, query = {}, body, headers = {} }, token) {
    const url = this.baseUrl + path + queryString(query);
    /** @type {RequestInit} */
    const init = { method, headers: { ...headers, Authorization: `Bearer ${token}` }, credentials: "omit", cache: "no-store" };
    if (body !== undefined) {
      init.headers = { ...init.headers, "Content-Type": "application/json" };
      init.body = JSON.stringify(body);
    }
    try {
      const answer = await this.fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT) });
      const isJson = answer.status !== 204 && answer.status !== 304;
      const parsed = isJson ? await answer.json().catch(() => null) : null;
      return { status: answer.status, body: parsed, header: (name) => answer.headers.get(name) };
    } catch {
      throw new ApiError({ code: "network_error", detail: "The server cannot be reached." });
    }
  }
}

/**
 * @param {HttpAnswer} answer
 * @returns {any}
 */
function bodyOf(answer) {
  if (answer.status < 200 || answer.status >= 300) throw ApiError.fromAnswer(answer);
  return answer.body;
}

/**
 * @param {NonNullable<HttpRequest["query"]>} query
 * @returns {string}
 */
function queryString(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  if (!given.length) return "";
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
