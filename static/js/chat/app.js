/**
 * The engine: everything that the screen may ask for. Its shape is `App` in types.js.
 *
 * @typedef {import("./environment.js").Environment} Environment
 * @typedef {import("./types.js").App} App
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").OutboxEntry} OutboxEntry
 */
import { RealtimeClient } from "../realtime/client.js";
import { Timer, backoff } from "../realtime/timer.js";
import { Api } from "./api.js";
import { Auth } from "./auth.js";
import { ApiError } from "./errors.js";
import { ReadMarks, TypingSigns } from "./manners.js";
import { Outbox } from "./outbox.js";
import { roomFromWire } from "./rooms.js";
import { initialState } from "./state.js";
import { createStore } from "./store.js";
import { Sync } from "./sync.js";

/**
 * @typedef {object} AppOptions
 * @property {Environment} environment
 * @property {string} [baseUrl] address of the server; by default where the page came from
 * @property {import("../realtime/types.js").RealtimeClientOptions} [realtime] overrides, for tests
 */

/**
 * @param {AppOptions} options
 * @returns {App}
 */
export function createApp({ environment, baseUrl, realtime = {} }) {
  return new Engine(environment, baseUrl || environment.origin, realtime).publish();
}

class Engine {
  /** @type {Promise<void>|null} */
  #starting = null;

  /**
   * @param {Environment} environment
   * @param {string} origin
   * @param {import("../realtime/types.js").RealtimeClientOptions} realtime
   */
  constructor(environment, origin, realtime) {
    const { clock, fetch, visible, online } = environment;
    const baseUrl = `${origin}/api/v1/`;
    this.environment = environment;
    this.store = createStore(initialState(clock.now()));
    this.auth = new Auth({
      baseUrl,
      environment,
      events: { onToken: (token) => void this.client.setAuth(token), onSignedOut: (reason) => this.#ended(reason) },
    });
    /** @param {{force?: boolean}} [options] */
    const accessToken = (options) => this.auth.accessToken(options);
    this.api = new Api({ baseUrl, fetch, accessToken });
    this.client = new RealtimeClient(`${origin}/socket/websocket`, {
      accessToken,
      websocket: environment.websocket,
      polling: { request: this.api.request },
      fetch,
      visible,
      online,
      clock,
      ...realtime,
    });
    this.client.onLink((link) => this.store.dispatch({ event: "local:connection", payload: link }));
    this.client.onRefused(() => this.auth.ended("banned"));
    const parts = { client: this.client, api: this.api, store: this.store, clock, visible };
    this.sync = new Sync(parts, {
      onConnected: () => this.#connected(),
      onSessionEnded: ({ device_id: id, reason }) => this.auth.deviceEnded(id, reason),
    });
    this.outbox = new Outbox({ store: this.store, environment, deliver: (entry) => this.#deliver(entry) });
    this.reads = new ReadMarks((roomId, seq) => this.#tellRead(roomId, seq), clock);
    this.typing = new TypingSigns((roomId) => this.sync.channelOf(roomId), clock);
    const delay = backoff({ base: 2_000, cap: 30_000, random: clock.random });
    this.startAgain = new Timer(() => void this.start(true), delay, clock);
  }

  /**
   * Sign-in, oneself, rooms, connection. What fails for want of an answer is tried again by itself.
   *
   * @param {boolean} [again] by itself: the error stays on the screen until it is over
   * @returns {Promise<void>} always resolves; the state tells
   */
  start(again = false) {
    this.#starting ??= this.#start(again).finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  /** @param {boolean} again */
  async #start(again) {
    this.startAgain.cancel();
    if (this.store.getState().status === "ready") return;
    if (!again) this.store.dispatch({ event: "local:starting", payload: {} });
    try {
      await this.auth.accessToken();
      const me = await this.api.me();
      this.store.dispatch({ event: "local:me", payload: { me } });
      this.client.connect();
      await this.sync.start(me.id);
      this.store.dispatch({ event: "local:ready", payload: {} });
      this.startAgain.reset();
      await this.outbox.start(me.id);
    } catch (cause) {
      const error = ApiError.from(cause);
      this.sync.stop();
      this.client.disconnect();
      if (error.code === "signed_out") this.#ended("signed_out");
      else this.store.dispatch({ event: "local:start-failed", payload: { error: error.toState() } });
      if (error.isPassing) this.startAgain.schedule();
    }
  }

  stop() {
    this.startAgain.reset();
    this.sync.stop();
    this.outbox.stop();
    this.reads.stop();
    this.client.disconnect();
  }

  /** @returns {App} */
  publish() {
    const { api, sync, outbox, auth } = this;
    /** @param {string} roomId */
    const earliest = (roomId) => this.store.getState().timelines[roomId]?.messages[0]?.id;
    return {
      store: this.store,
      start: () => this.start(),
      stop: () => {
        this.stop();
        auth.stop();
      },
      signIn: async (username, password) => {
        await auth.signIn(username, password);
        await this.start();
      },
      register: async (fields) => {
        await auth.register(fields);
        await this.start();
      },
      signOut: async (options) => {
        outbox.clear();
        await auth.signOut(options).catch(() => {});
      },
      openRoom: (roomId) => sync.openRoom(roomId),
      closeRoom: () => sync.closeRoom(),
      loadEarlier: async (roomId) => {
        const first = earliest(roomId);
        if (first) await sync.loadBefore(roomId, first);
      },
      loadBefore: (roomId, beforeId) => sync.loadBefore(roomId, beforeId),
      reloadRoom: (roomId) => sync.reloadRoom(roomId),
      send: (roomId, content, options) => outbox.add(roomId, content, options),
      retry: (clientId) => outbox.retry(clientId),
      discard: (clientId) => outbox.discard(clientId),
      markRead: (roomId) => this.#markRead(roomId),
      typing: (roomId, on) => this.typing.say(roomId, on),
      tryNow: () => this.#tryNow(),
      edit: (id, content) => this.#edit(id, content),
      recall: (id) => this.#act(id, "message:recall", { message_id: id }, () => api.recallMessage(id)),
      loadMembers: (roomId) => this.#loadMembers(roomId),
      ...this.#roomMethods(),
    };
  }

  #roomMethods() {
    const { api, sync } = this;
    return {
      createRoom: async (/** @type {Parameters<App["createRoom"]>[0]} */ fields) => {
        const room = await api.createRoom(fields);
        this.store.dispatch({ event: "local:room:loaded", payload: { room } });
        return roomFromWire(room);
      },
      updateRoom: async (/** @type {string} */ roomId, /** @type {Record<string, unknown>} */ fields) => {
        this.store.dispatch({ event: "local:room:loaded", payload: { room: await api.updateRoom(roomId, fields) } });
      },
      deleteRoom: async (/** @type {string} */ roomId) => {
        await api.deleteRoom(roomId);
        this.#gone(roomId, "deleted");
      },
      joinRoom: async (/** @type {string} */ roomId) => {
        this.store.dispatch({ event: "local:room:loaded", payload: { room: await api.joinRoom(roomId) } });
        await sync.reloadRoom(roomId);
      },
      leaveRoom: async (/** @type {string} */ roomId) => {
        await api.leaveRoom(roomId);
        this.#gone(roomId, "left");
      },
      addMembers: async (/** @type {string} */ roomId, /** @type {string[]} */ userIds, /** @type {string} */ role = "member") =>
        void (await this.#then(api.addMembers(roomId, userIds, role))),
      removeMember: async (/** @type {string} */ roomId, /** @type {string} */ userId) =>
        void (await this.#then(api.removeMember(roomId, userId))),
      changeRole: async (/** @type {string} */ roomId, /** @type {string} */ userId, /** @type {string} */ role) =>
        void (await this.#then(api.changeRole(roomId, userId, role))),
      createInvite: (/** @type {string} */ roomId, fields = {}) => api.createInvite(roomId, fields),
      redeemInvite: async (/** @type {string} */ code) => {
        const room = await api.redeemInvite(code);
        this.store.dispatch({ event: "local:room:loaded", payload: { room } });
        return room.id;
      },
      updateProfile: async (/** @type {{display_name?: string}} */ fields) => {
        this.store.dispatch({ event: "local:me", payload: { me: await api.updateMe(fields) } });
      },
      searchUsers: (/** @type {string} */ query) => api.searchUsers(query),
      listPublicRooms: async () => (await api.publicRooms()).map(roomFromWire),
    };
  }

  /** @param {string} reason */
  #ended(reason) {
    this.stop();
    this.store.dispatch({ event: "local:signed-out", payload: { reason } });
  }

  #connected() {
    this.outbox.flush();
    void this.reads.flush();
  }

  #tryNow() {
    if (this.store.getState().status === "error") void this.start();
    this.client.tryNow();
    this.sync.hasten();
    this.outbox.flush();
  }

  /**
   * @param {string} roomId
   * @param {string} reason
   */
  #gone(roomId, reason) {
    this.store.dispatch({ event: "local:room:gone", payload: { room_id: roomId, reason } });
  }

  /**
   * Something was done by REST: while polling, do not wait for the next turn to see it.
   *
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T>}
   */
  async #then(work) {
    const result = await work;
    this.client.hasten();
    return result;
  }

  /**
   * @param {OutboxEntry} entry
   * @returns {Promise<Message>}
   */
  async #deliver({ room_id: roomId, client_id, content, type, reply_to }) {
    const fields = { client_id, content, type, reply_to: reply_to ?? undefined };
    const channel = this.sync.channelOf(roomId);
    if (!channel) return this.api.sendMessage(roomId, fields);
    return (await channel.push("message:send", fields)).message;
  }

  /**
   * By the room's channel when there is one, by REST otherwise.
   *
   * @param {string} messageId
   * @param {string} event
   * @param {any} payload
   * @param {() => Promise<any>} byRest
   */
  async #act(messageId, event, payload, byRest) {
    const channel = this.sync.channelOf(this.#message(messageId)?.room_id ?? "");
    try {
      await (channel ? channel.push(event, payload) : this.#then(byRest()));
    } catch (error) {
      throw ApiError.from(error);
    }
  }

  /**
   * @param {string} messageId
   * @param {string} content
   */
  #edit(messageId, content) {
    const version = this.#message(messageId)?.version;
    const payload = { message_id: messageId, content, version };
    return this.#act(messageId, "message:edit", payload, () => this.api.editMessage(messageId, { content, version }));
  }

  /** @param {string} messageId */
  #message(messageId) {
    for (const timeline of Object.values(this.store.getState().timelines)) {
      const found = timeline.messages.find(({ id }) => id === messageId);
      if (found) return found;
    }
    return undefined;
  }

  /** @param {string} roomId */
  #markRead(roomId) {
    const { rooms, timelines } = this.store.getState();
    const seq = timelines[roomId]?.messages.at(-1)?.seq;
    const room = rooms[roomId];
    if (!room || room.my_role === null || seq === undefined || seq <= room.read_seq) return;
    if (!this.environment.focused.get()) return;
    this.store.dispatch({ event: "local:read", payload: { room_id: roomId, seq } });
    this.reads.mark(roomId, seq);
  }

  /**
   * @param {string} roomId
   * @param {number} seq
   */
  async #tellRead(roomId, seq) {
    const channel = this.sync.channelOf(roomId);
    try {
      await (channel ? channel.push("read", { seq }) : this.api.markRead(roomId, seq));
    } catch (error) {
      throw ApiError.from(error);
    }
  }

  /** @param {string} roomId */
  async #loadMembers(roomId) {
    const payload = { room_id: roomId };
    this.store.dispatch({ event: "local:members:loading", payload });
    try {
      const members = await this.api.members(roomId);
      this.store.dispatch({ event: "local:members:loaded", payload: { ...payload, members } });
    } catch (cause) {
      const error = ApiError.from(cause);
      this.store.dispatch({ event: "local:members:failed", payload: { ...payload, error: error.toState() } });
      throw error;
    }
  }
}
