/**
 * A Parley server in memory: the REST calls and the socket that the client uses, over a FakeLog, with switches for what can go
 * wrong on the way.
 */
import { FakeLog } from "./fake-log.js";

const encode = (text) => Buffer.from(text).toString("base64url");

export class FakeServer {
  constructor(clock) {
    this.clock = clock;
    this.log = new FakeLog();
    this.log.onChange = (stream, change) => this.#publish(stream, change);
    /** Every request, as it came: {method, path, query, at, status, etag} */
    this.requests = [];
    this.pollsInFlight = 0;
    this.mostPollsInFlight = 0;
    this.sockets = new Set();
    this.socketsMade = 0;
    /** Switches */
    this.down = false;
    this.socketsBlocked = false;
    this.socketsSilent = false;
    this.latency = 0;
    this.dropFrame = () => false;
    /** path pattern → {status, body, headers} answered instead, once per entry */
    this.refuse = [];
    this.tokens = new Map();
    this.signedIn = null;
    this.refreshes = 0;
    this.fetch = (url, init) => this.#fetch(url, init);
    this.websocket = (url, protocols) => new FakeSocket(this, url, protocols);
  }

  /** Sign a user in: the cookie is there from now on. */
  signIn(user) {
    this.signedIn = user;
  }

  /** End the sign-in as an administrator would: tokens, cookie and sockets. */
  revoke() {
    this.tokens.clear();
    this.signedIn = null;
    this.closeSockets(4501);
  }

  closeSockets(code = 1006) {
    for (const socket of [...this.sockets]) socket.serverClose(code);
  }

  blockSockets() {
    this.socketsBlocked = true;
    this.closeSockets();
  }

  /** Paths asked since `from`, those of this pattern. */
  paths(pattern = /./, from = 0) {
    return this.requests.slice(from).map(({ method, path }) => `${method} ${path}`).filter((line) => pattern.test(line));
  }

  token(user, lifetime = 900) {
    const now = Math.floor(this.clock.now() / 1_000);
    const claims = { sub: user.id, sid: "sid", iat: now, exp: now + lifetime, jti: this.refreshes };
    const value = `${encode("{}")}.${encode(JSON.stringify(claims))}.signature`;
    this.tokens.set(value, user);
    return value;
  }

  userOf(token) {
    const user = this.tokens.get(token);
    if (!user) return null;
    const { exp } = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
    return exp * 1_000 > this.clock.now() ? user : null;
  }

  async #fetch(url, { method = "GET", headers = {}, body } = {}) {
    const { pathname, searchParams } = new URL(url);
    const path = pathname.replace("/api/v1/", "");
    const request = { method, path, query: Object.fromEntries(searchParams), at: this.clock.now(), headers, status: 0 };
    this.requests.push(request);
    const isPoll = method === "GET" && /\/meta$|\/changes$/.test(path);
    if (isPoll) this.pollsInFlight += 1;
    this.mostPollsInFlight = Math.max(this.mostPollsInFlight, this.pollsInFlight);
    try {
      if (this.latency) await new Promise((resolve) => this.clock.setTimeout(resolve, this.latency));
      await Promise.resolve();
      if (this.down) throw new TypeError("fetch failed");
      const answer = this.#answer(request, body === undefined ? undefined : JSON.parse(body), headers);
      request.status = answer.status;
      return answer;
    } finally {
      if (isPoll) this.pollsInFlight -= 1;
    }
  }

  #answer(request, body, headers) {
    const { method, path, query } = request;
    const refused = this.refuse.findIndex(({ pattern }) => pattern.test(`${method} ${path}`));
    if (refused >= 0) {
      const [{ status, code = "refused", headers: extra }] = this.refuse.splice(refused, 1);
      return answer(status, { type: "client_error", errors: [{ code, detail: "No.", attr: null }] }, extra);
    }
    if (path.startsWith("auth/")) return this.#auth(path, headers);
    const user = this.userOf((headers.Authorization ?? "").replace("Bearer ", ""));
    if (!user) return failure(401, "authentication_failed");
    return this.#route(`${method} ${path}`, user, query, body, headers);
  }

  #auth(path, headers) {
    if (headers["X-Parley-Client"] !== "browser") return failure(400, "invalid");
    if (path === "auth/logout") {
      this.signedIn = null;
      return answer(204, null);
    }
    if (!this.signedIn) return failure(401, "authentication_failed");
    if (path === "auth/token/refresh") this.refreshes += 1;
    return answer(200, { access: this.token(this.signedIn), user: this.signedIn });
  }

  #route(line, user, query, body, headers) {
    const { log } = this;
    const routes = [
      [/^GET users\/me$/, () => answer(200, user)],
      [/^GET rooms$/, () => answer(200, { rooms: log.roomsOf(user.id), next_cursor: null })],
      [/^GET me\/meta$/, () => this.#myMeta(user, query, headers)],
      [/^GET me\/changes$/, () => this.#changes(`user:${user.id}`, query)],
      [/^GET rooms\/([^/]+)\/meta$/, (id) => this.#meta(id, headers)],
      [/^GET rooms\/([^/]+)\/changes$/, (id) => this.#changes(`room:${id}`, query)],
      [/^GET rooms\/([^/]+)\/messages$/, (id) => answer(200, log.messagesPage(id, { ...query, limit: Number(query.limit) }))],
      [/^GET rooms\/([^/]+)\/members$/, (id) => answer(200, { members: log.members(id), next_cursor: null })],
      [/^GET rooms\/([^/]+)$/, (id) => answer(200, log.ownRoom(id, user.id))],
      [/^POST rooms\/([^/]+)\/messages$/, (id) => this.#send(id, user, body)],
      [/^PUT messages\/([^/]+)$/, (id) => answer(200, log.edit(id, body.content))],
      [/^DELETE messages\/([^/]+)$/, (id) => (log.recall(id), answer(204, null))],
      [/^PATCH messages\/mark-read$/, () => (log.read(body.conversation_id, user.id, body.seq), answer(200, { updated: 1 }))],
    ];
    for (const [pattern, handle] of routes) {
      const match = pattern.exec(line);
      if (!match) continue;
      const room = line.includes(" rooms/") ? log.rooms.get(match[1]) : null;
      if (room === undefined || (room && !room.members.has(user.id))) return failure(404, "not_found");
      return handle(match[1]);
    }
    return failure(404, "not_found");
  }

  #meta(id, headers) {
    const room = this.log.rooms.get(id);
    return tagged({ lastMessageAt: room.last_message_at, offset: this.log.head(`room:${id}`), epoch: this.log.epoch }, headers);
  }

  #myMeta(user, query, headers) {
    const heads = Object.fromEntries(this.log.roomsOf(user.id).map(({ id, offset }) => [id, offset]));
    const cursor = encode(JSON.stringify(heads));
    const known = query.since ? JSON.parse(Buffer.from(query.since, "base64url").toString()) : {};
    const changed = Object.fromEntries(Object.entries(heads).filter(([id, offset]) => known[id] !== offset));
    const offset = this.log.head(`user:${user.id}`);
    return tagged({ epoch: this.log.epoch, cursor, offset, unread: 0, changed, more: false }, headers);
  }

  #changes(stream, { after, epoch, limit }) {
    const isLost = epoch !== this.log.epoch || Number(after) > this.log.head(stream);
    return isLost ? failure(410, "position_lost") : answer(200, this.log.changes(stream, Number(after), Number(limit)));
  }

  #send(id, user, { content, client_id: clientId, reply_to: replyTo }) {
    if (!content) return failure(400, "invalid", "content");
    const { message, created } = this.log.send(id, user.id, content, { clientId, replyTo });
    return answer(created ? 201 : 200, message);
  }

  /** A change goes to whoever joined its topic, and as a head to members of its room. */
  #publish(stream, change) {
    for (const socket of this.sockets) {
      socket.broadcast(stream, change.event, { ...change.payload, offset: change.offset, epoch: this.log.epoch });
    }
    if (!stream.startsWith("room:")) return;
    const room = this.log.rooms.get(stream.slice(5));
    for (const socket of this.sockets) {
      if (!room.members.has(socket.user.id)) continue;
      const head = { room_id: room.id, room_offset: change.offset, seq: room.seq };
      socket.broadcast(`user:${socket.user.id}`, "head", head);
    }
  }
}

/** The server's end and the browser's end of one socket. */
class FakeSocket {
  constructor(server, url, protocols) {
    Object.assign(this, { server, url, protocols, readyState: 0, onopen: null, onclose: null, onerror: null, onmessage: null });
    server.socketsMade += 1;
    const token = protocols.find((name) => name.startsWith("base64url.bearer.phx."))?.split(".").at(-1) ?? "";
    this.user = server.userOf(Buffer.from(token, "base64url").toString());
    /** topic → join_ref */
    this.joined = new Map();
    server.clock.setTimeout(() => this.#opened(), 5);
  }

  #opened() {
    if (this.readyState !== 0) return;
    if (this.server.down || this.server.socketsBlocked || !this.user) {
      this.serverClose(1006);
      return;
    }
    this.readyState = 1;
    this.server.sockets.add(this);
    this.onopen?.({});
  }

  send(text) {
    if (this.server.socketsSilent) return;
    const [joinRef, ref, topic, event, payload] = JSON.parse(text);
    this.server.clock.setTimeout(() => this.readyState === 1 && this.#handle(joinRef, ref, topic, event, payload), 1);
  }

  #handle(joinRef, ref, topic, event, payload) {
    const { log } = this.server;
    const ok = (response) => this.#frame([joinRef, ref, topic, "phx_reply", { status: "ok", response }]);
    const no = (response) => this.#frame([joinRef, ref, topic, "phx_reply", { status: "error", response }]);
    if (event === "heartbeat") ok({ heads: Object.fromEntries([...this.joined.keys()].filter((key) => key.startsWith("room:")).map((key) => [key, log.head(key)])) });
    else if (event === "phx_join") this.#join(joinRef, topic, payload, ok, no);
    else if (event === "phx_leave") {
      this.joined.delete(topic);
      ok({});
      this.#frame([joinRef, joinRef, topic, "phx_close", {}]);
    } else if (!this.joined.has(topic)) no({ reason: "unmatched topic" });
    else if (event === "message:send") {
      if (!payload.content) no({ code: "invalid", reason: "Empty.", attr: "content" });
      else ok({ message: log.send(topic.slice(5), this.user.id, payload.content, { clientId: payload.client_id, replyTo: payload.reply_to }).message });
    } else if (event === "message:edit") ok({ message: log.edit(payload.message_id, payload.content) });
    else if (event === "message:recall") ok((log.recall(payload.message_id), {}));
    else if (event === "read") ok((log.read(topic.slice(5), this.user.id, payload.seq), {}));
    else ok({});
  }

  #join(joinRef, topic, payload, ok, no) {
    const { log } = this.server;
    const [kind, id] = topic.split(":");
    const isAllowed = kind === "user" ? id === this.user.id : log.rooms.get(id)?.members.has(this.user.id);
    if (!isAllowed) {
      no({ code: "not_found", reason: "Unauthorized: not yours" });
      return;
    }
    this.joined.set(topic, joinRef);
    const position = { epoch: log.epoch, offset: log.head(topic) };
    const asked = payload.config?.recover;
    const recovered = asked ? asked.epoch === log.epoch && asked.offset <= position.offset : undefined;
    ok({ postgres_changes: [], position, ...(asked ? { recovered } : {}), ...(recovered === false ? { reason: "position_lost" } : {}) });
    if (!recovered) return;
    for (const change of log.changes(topic, asked.offset, Infinity).changes) {
      this.broadcast(topic, change.event, { ...change.payload, offset: change.offset, epoch: log.epoch });
    }
  }

  broadcast(topic, event, payload) {
    if (this.joined.has(topic)) this.#frame([this.joined.get(topic), null, topic, event, payload]);
  }

  #frame(parts) {
    if (this.readyState !== 1 || this.server.socketsSilent || this.server.dropFrame(parts)) return;
    const data = JSON.stringify(parts);
    this.server.clock.setTimeout(() => this.readyState === 1 && this.onmessage?.({ data }), 1);
  }

  close() {
    this.readyState = 3;
    this.server.sockets.delete(this);
  }

  serverClose(code) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.server.sockets.delete(this);
    this.onerror?.({});
    this.onclose?.({ code, reason: "" });
  }
}

function answer(status, body, headers = {}) {
  const copy = body === null ? null : JSON.stringify(body);
  return {
    status,
    ok: status >= 200 && status < 300,
    headers: { get: (name) => headers[name.toLowerCase()] ?? null },
    json: async () => JSON.parse(copy),
  };
}

function failure(status, code, attr = null) {
  return answer(status, { type: "client_error", errors: [{ code, detail: "No.", attr }] });
}

function tagged(body, headers) {
  const etag = `"${encode(JSON.stringify(body))}"`;
  return headers["If-None-Match"] === etag ? answer(304, null, { etag }) : answer(200, body, { etag });
}
