import { RealtimeChannel } from "./channel.js";
import { constantSignal, systemClock } from "./clock.js";
import { Connection } from "./connection.js";
import { CHANNEL_EVENTS, CHANNEL_STATES, CONNECTION_STATE, CONNECTION_TOPIC } from "./constants.js";
import { DEFAULT_TIMEOUT, HEARTBEAT_INTERVAL } from "./constants.js";
import { endpointOf, httpBaseOf, subprotocols } from "./endpoint.js";
import { RealtimeError } from "./errors.js";
import { Heartbeat } from "./heartbeat.js";
import { Serializer } from "./serializer.js";
import { backoff } from "./timer.js";
import { PollingTransport } from "./transports/polling.js";
import { WebSocketTransport } from "./transports/websocket.js";

/**
 * @typedef {import("./types.js").LinkInfo} LinkInfo
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").RealtimeChannelOptions} RealtimeChannelOptions
 * @typedef {import("./types.js").RealtimeClientOptions} RealtimeClientOptions
 * @typedef {import("./types.js").Transport} Transport
 * @typedef {import("./types.js").TransportEvents} TransportEvents
 * @typedef {import("./types.js").WebSocketLike} WebSocketLike
 */

/** A connection under suspicion must answer within this, in ms. */
const SUSPECT_TIMEOUT = 2_000;

/** How long the socket is tried before polling begins, in ms. */
const FALLBACK_AFTER = 2_500;

/** Frames kept while there is no connection. Channels keep their own; this is for what belongs to none. */
const SEND_BUFFER = 100;

/**
 * A connection to a Parley server, with any number of channels on it.
 */
export class RealtimeClient {
  /** @type {Map<string, RealtimeChannel>} */
  #channels = new Map();
  /** @type {Message[]} */
  #sendBuffer = [];
  #ref = 0;
  /** @type {string|null} */
  #token = null;
  /** @type {Set<(info: LinkInfo) => void>} */
  #linkListeners = new Set();
  /** @type {Set<(closed: {code: number, reason: string}) => void>} */
  #refusedListeners = new Set();

  /**
   * @param {string|WebSocketLike} urlOrSocket `ws://host:port` (then `/ws` is meant), the address of an endpoint, or a socket
   * @param {RealtimeClientOptions} [options]
   */
  constructor(urlOrSocket, options = {}) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.timeout = options.timeout ?? DEFAULT_TIMEOUT;
    this.visible = options.visible ?? constantSignal(true);
    this.online = options.online ?? constantSignal(true);
    this.log = options.logger ?? (() => {});
    this.socket = typeof urlOrSocket === "string" ? null : urlOrSocket;
    this.endpoint = endpointOf(typeof urlOrSocket === "string" ? urlOrSocket : (urlOrSocket.url ?? "ws://localhost"));
    this.serializer = new Serializer(options.dialect ?? this.endpoint.dialect);
    const { random } = this.clock;
    this.rejoinAfterMs = options.rejoinAfterMs ?? backoff({ base: 1_000, cap: 10_000, random });
    this.heartbeat = new Heartbeat({
      interval: options.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL,
      timeout: this.timeout,
      send: () => this.#ask(),
      onTimeout: () => this.connection.drop("heartbeat timeout"),
      onStatus: (status, latency) => options.heartbeatCallback?.(status, latency),
      clock: this.clock,
    });
    const { polling } = options;
    this.connection = new Connection({
      makeSocket: (events, force) => this.#makeSocket(events, force),
      makePolling: polling ? (events) => this.#makePolling(polling, events) : null,
      onUp: (transport) => this.#up(transport),
      onDown: () => this.#down(),
      onMessage: (message) => this.#receive(message),
      onInfo: (info) => this.#linkListeners.forEach((listen) => listen(info)),
      onRefused: (code, reason) => this.#refusedListeners.forEach((listen) => listen({ code, reason })),
      clock: this.clock,
      online: this.online,
      fallbackAfter: options.fallbackAfterMs ?? FALLBACK_AFTER,
      retryAfter: options.reconnectAfterMs,
    });
    this.visible.subscribe(() => this.#pageChanged());
    this.online.subscribe(() => this.#pageChanged());
  }

  /** Connect, and stay connected until `disconnect`. */
  connect() {
    this.connection.start();
  }

  /**
   * @param {number} [code]
   * @param {string} [reason]
   */
  disconnect(code, reason) {
    this.connection.stop(code, reason);
  }

  isConnected() {
    return this.connection.current !== null;
  }

  /** Whether frames go by polling now. */
  get isPolling() {
    return this.connection.current?.kind === "polling";
  }

  /** "connecting", "connected" or "disconnected". */
  connectionState() {
    if (this.isConnected()) return CONNECTION_STATE.Connected;
    return this.link.state === "idle" ? CONNECTION_STATE.Disconnected : CONNECTION_STATE.Connecting;
  }

  /** The connection in detail. */
  get link() {
    return this.connection.info;
  }

  /**
   * Hear of every change of the connection.
   *
   * @param {(info: LinkInfo) => void} listen
   * @returns {() => void} ends it
   */
  onLink(listen) {
    this.#linkListeners.add(listen);
    return () => this.#linkListeners.delete(listen);
  }

  /**
   * Hear that the server wants this user no more; there will be no further attempt.
   *
   * @param {(closed: {code: number, reason: string}) => void} listen
   * @returns {() => void} ends it
   */
  onRefused(listen) {
    this.#refusedListeners.add(listen);
    return () => this.#refusedListeners.delete(listen);
  }

  /** Connect at once instead of waiting for the next attempt. */
  tryNow() {
    this.connection.tryNow();
  }

  /** While polling: ask at once instead of at the next turn. On a socket there is nothing to hasten. */
  hasten() {
    this.connection.current?.wake();
  }

  /**
   * The channel of a topic: the same object until it is unsubscribed, then another.
   *
   * @param {string} topic
   * @param {RealtimeChannelOptions} [options]
   * @returns {RealtimeChannel}
   */
  channel(topic, options = {}) {
    const existing = this.#channels.get(topic);
    if (existing && existing.state !== CHANNEL_STATES.leaving) return existing;
    const channel = new RealtimeChannel(topic, options, {
      clock: this.clock,
      timeout: this.timeout,
      rejoinAfterMs: this.rejoinAfterMs,
      isConnected: () => this.isConnected(),
      makeRef: () => this.makeRef(),
      transmit: (message) => this.transmit(message),
      token: (force) => this.#freshToken(force),
      postBroadcast: (...broadcast) => this.#postBroadcast(...broadcast),
      removed: (closed) => {
        if (this.#channels.get(topic) === closed) this.#channels.delete(topic);
      },
      suspect: () => this.#suspect(),
      log: this.log,
    });
    this.#channels.set(topic, channel);
    return channel;
  }

  getChannels() {
    return [...this.#channels.values()];
  }

  /** @param {RealtimeChannel} channel */
  removeChannel(channel) {
    return channel.unsubscribe();
  }

  removeAllChannels() {
    return Promise.all(this.getChannels().map((channel) => channel.unsubscribe()));
  }

  /**
   * Use this token from now on, on open channels too. Without one, the `accessToken` callback is asked.
   *
   * @param {string|null} [token]
   */
  async setAuth(token) {
    const before = this.#token;
    const next = token === undefined ? await this.#freshToken() : token;
    this.#token = next;
    if (next === null || next === before) return;
    for (const channel of this.#channels.values()) channel.newToken(next);
  }

  makeRef() {
    this.#ref += 1;
    return String(this.#ref);
  }

  /**
   * Send a frame, or keep it until there is a connection.
   *
   * @param {Message} message
   */
  transmit(message) {
    this.log("push", `${message.topic} ${message.event}`, message.ref);
    if (this.isConnected()) {
      this.connection.send(message);
      return;
    }
    this.#sendBuffer.push(message);
    if (this.#sendBuffer.length > SEND_BUFFER) this.#sendBuffer.shift();
  }

  /** @param {Transport} transport */
  #up(transport) {
    if (transport.kind === "websocket") this.heartbeat.start();
    for (const channel of this.#channels.values()) channel.connectionUp();
    for (const message of this.#sendBuffer.splice(0)) this.connection.send(message);
  }

  #down() {
    this.heartbeat.stop();
    this.options.heartbeatCallback?.("disconnected");
    for (const channel of this.#channels.values()) channel.connectionDown();
  }

  /** @param {Message} message */
  #receive(message) {
    this.log("receive", `${message.topic} ${message.event}`, message.ref);
    if (message.topic === CONNECTION_TOPIC) {
      this.heartbeat.answered(message.ref, message.payload?.status === "ok");
      for (const [topic, offset] of Object.entries(message.payload?.response?.heads ?? {})) {
        this.#channels.get(topic)?.heard(offset);
      }
      return;
    }
    this.#channels.get(message.topic)?.receive(message);
  }

  #ask() {
    const ref = this.makeRef();
    const { heartbeat: event } = CHANNEL_EVENTS;
    this.connection.send({ join_ref: null, ref, topic: CONNECTION_TOPIC, event, payload: {} });
    return ref;
  }

  #suspect() {
    if (this.connection.current?.kind === "websocket") this.heartbeat.check(SUSPECT_TIMEOUT);
  }

  /** Shown again, or the network changed: a connection that slept may be dead, and what is overdue should not wait. */
  #pageChanged() {
    if (this.visible.get() && this.online.get()) this.connection.catchUp();
    this.#suspect();
  }

  /** @param {boolean} [force] */
  async #freshToken(force = false) {
    if (this.options.accessToken) this.#token = await this.options.accessToken({ force });
    return this.#token;
  }

  /**
   * @param {TransportEvents} events
   * @param {boolean} force
   */
  async #makeSocket(events, force) {
    const token = await this.#freshToken(force);
    const create = () => {
      const given = this.socket;
      this.socket = null;
      if (given && given.readyState < 2) return given;
      const { websocket, transport: Socket = globalThis.WebSocket } = this.options;
      const protocols = subprotocols(token);
      if (websocket) return websocket(this.endpoint.url, protocols);
      return /** @type {WebSocketLike} */ (new Socket(this.endpoint.url, protocols));
    };
    return new WebSocketTransport({ create, serializer: this.serializer, events, log: this.log });
  }

  /**
   * @param {import("./types.js").PollingOptions} polling
   * @param {TransportEvents} events
   */
  #makePolling({ request, intervals, visible = this.visible }, events) {
    return new PollingTransport({ request, intervals, visible, clock: this.clock, events, log: this.log });
  }

  /**
   * @param {string} topic
   * @param {string} event
   * @param {any} payload
   */
  async #postBroadcast(topic, event, payload) {
    const token = await this.#freshToken();
    const answer = await (this.options.fetch ?? globalThis.fetch)(`${httpBaseOf(this.endpoint.url)}/api/broadcast`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify({ messages: [{ topic, event, payload, private: true }] }),
    });
    if (answer.status !== 202) throw new RealtimeError(`http_${answer.status}`, "The server did not take the broadcast.");
  }
}
