import { CLOSE_CODES, CONNECTION_TOPIC, CHANNEL_EVENTS, LINK_STATE, isFinalClose } from "./constants.js";
import { Timer, backoff } from "./timer.js";

/**
 * @typedef {import("./types.js").Clock} Clock
 * @typedef {import("./types.js").LinkInfo} LinkInfo
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Signal} Signal
 * @typedef {import("./types.js").Transport} Transport
 * @typedef {import("./types.js").TransportEvents} TransportEvents
 */

/** A socket that stays open this long has shown that it works; until then a loss counts as a failed try. In ms. */
const STABLE_AFTER = 10_000;

/** How long one try of the socket may take, in ms. */
const ATTEMPT_TIMEOUT = 8_000;

/** The socket's first try after a loss, at most this late, in ms; herds are kept apart by chance. */
const QUICK_RETRY = 600;

/** The same when the server said that it restarts: thousands were told at once. */
const RESTART_RETRY = 3_000;

/** Pause after the server refused a socket in a way that another try will hardly change, in ms. */
const REFUSED_RETRY = 60_000;

/** The ref of the question by which a new socket proves itself. */
const PROBE_REF = "probe";

/**
 * Keeps a way to the server: the WebSocket first; polling when it fails, is blocked or takes too long; the WebSocket again
 * when it works again. Every socket is asked for a sign of life as it opens: while polling works it must answer before it
 * takes over, and otherwise before it counts, so a proxy that accepts sockets and swallows their frames does no harm.
 */
export class Connection {
  #wanted = false;
  /** @type {Transport|null} what frames go through now */
  #current = null;
  /** @type {Transport|null} a socket being tried */
  #candidate = null;
  #asking = false;
  /** Whether the current transport has shown that answers come back. */
  #working = false;
  #forceToken = false;
  #everUp = false;
  #failed = false;
  /** @type {LinkInfo} */
  #info;

  /**
   * @param {object} options
   * @param {(events: TransportEvents, force: boolean) => Promise<Transport>} options.makeSocket gets a token first;
   *   `force`: the last token was refused
   * @param {((events: TransportEvents) => Transport)|null} options.makePolling
   * @param {(transport: Transport) => void} options.onUp
   * @param {() => void} options.onDown
   * @param {(message: Message) => void} options.onMessage
   * @param {(info: LinkInfo) => void} options.onInfo
   * @param {(code: number, reason: string) => void} options.onRefused the server wants this user no more
   * @param {Clock} options.clock
   * @param {Signal} options.online
   * @param {number} options.fallbackAfter ms
   * @param {(tries: number) => number} [options.retryAfter] ms
   */
  constructor(options) {
    this.options = options;
    const { clock } = options;
    const delay = options.retryAfter ?? backoff({ base: 1_000, cap: 15_000, random: clock.random });
    this.retry = new Timer(() => this.#attempt(), delay, clock);
    // With nothing to fall back to, a slow socket is given its time.
    const patience = options.makePolling ? options.fallbackAfter : ATTEMPT_TIMEOUT;
    this.fallback = new Timer(() => this.#fallBack(), () => patience, clock);
    this.stable = new Timer(() => this.retry.reset(), () => STABLE_AFTER, clock);
    this.attemptLimit = new Timer(() => this.#giveUpAttempt(), () => ATTEMPT_TIMEOUT, clock);
    this.#info = { state: LINK_STATE.idle, since: clock.now(), nextAttemptAt: null, attempting: false };
  }

  /** @returns {LinkInfo} */
  get info() {
    return this.#info;
  }

  get current() {
    return this.#current;
  }

  start() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#failed = false;
    this.unwatch = this.options.online.subscribe(() => this.#onlineChanged());
    this.fallback.schedule();
    this.#attempt();
  }

  /**
   * @param {number} [code]
   * @param {string} [reason]
   */
  stop(code = CLOSE_CODES.NORMAL, reason = "") {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.unwatch?.();
    for (const timer of [this.retry, this.fallback, this.stable, this.attemptLimit]) timer.reset();
    for (const transport of [this.#candidate, this.#current]) transport?.close(code, reason);
    const wasUp = this.#current !== null;
    this.#candidate = this.#current = null;
    this.#everUp = false;
    if (wasUp) this.options.onDown();
    this.#report();
  }

  /** @param {Message} message */
  send(message) {
    this.#current?.send(message);
  }

  /** Try at once whatever waits. */
  tryNow() {
    if (!this.#wanted) return;
    this.#current?.wake();
    if (this.#current?.kind !== "websocket") this.#attempt();
  }

  /** After a sleep: what is overdue happens now. */
  catchUp() {
    if (!this.#wanted) return;
    if (this.#info.state === LINK_STATE.reconnecting || this.#info.state === LINK_STATE.offline) this.tryNow();
    else this.retry.catchUp();
  }

  /**
   * The current transport is dead though it does not know.
   *
   * @param {string} reason
   */
  drop(reason) {
    const current = this.#current;
    if (!current) return;
    current.close(CLOSE_CODES.NORMAL, reason);
    this.#lost(current, 1006);
  }

  async #attempt() {
    if (!this.#wanted || this.#asking || this.#candidate || this.#current?.kind === "websocket") return;
    this.retry.cancel();
    this.#asking = true;
    this.#report();
    /** @type {Transport|undefined} */
    let transport;
    /** @type {TransportEvents} */
    const events = {
      onOpen: () => this.#opened(/** @type {Transport} */ (transport)),
      onMessage: (message) => this.#received(/** @type {Transport} */ (transport), message),
      onClose: ({ code, reason }) => this.#closed(/** @type {Transport} */ (transport), code, reason),
      onWorking: () => {},
    };
    try {
      transport = await this.options.makeSocket(events, this.#forceToken);
    } catch {
      this.#asking = false;
      this.#attemptFailed(1006);
      return;
    }
    this.#asking = false;
    this.#forceToken = false;
    if (!this.#wanted) return;
    this.#candidate = transport;
    this.attemptLimit.scheduleIn(ATTEMPT_TIMEOUT);
    transport.open();
  }

  /** @param {Transport} transport */
  #opened(transport) {
    if (transport !== this.#candidate) return;
    const topic = CONNECTION_TOPIC;
    transport.send({ join_ref: null, ref: PROBE_REF, topic, event: CHANNEL_EVENTS.heartbeat, payload: {} });
    // Nothing is lost by using it at once when there is nothing better.
    if (!this.#current) this.#promote(transport, false);
  }

  /**
   * @param {Transport} transport
   * @param {Message} message
   */
  #received(transport, message) {
    if (transport === this.#candidate) {
      if (message.event === CHANNEL_EVENTS.reply && message.ref === PROBE_REF) this.#promote(transport, true);
    } else if (transport === this.#current) {
      if (transport.kind === "websocket" && !this.#working) this.#proven();
      this.options.onMessage(message);
    }
  }

  /**
   * @param {Transport} transport
   * @param {boolean} proven whether an answer has come over it
   */
  #promote(transport, proven) {
    const before = this.#current;
    this.attemptLimit.reset();
    if (before) this.options.onDown();
    this.#candidate = null;
    this.#current = transport;
    this.#working = false;
    before?.close();
    if (proven) this.#proven();
    else this.fallback.schedule();
    this.options.onUp(transport);
  }

  /** Answers come over the socket. */
  #proven() {
    this.#working = true;
    this.#everUp = true;
    this.fallback.reset();
    this.stable.scheduleIn(STABLE_AFTER);
    this.#report();
  }

  /** The socket took too long: to open, or to answer. */
  #fallBack() {
    if (this.#current?.kind !== "websocket") this.#startPolling();
    else if (!this.#working) this.drop("no answer");
  }

  /**
   * @param {Transport} transport
   * @param {number} code
   * @param {string} reason
   */
  #closed(transport, code, reason) {
    if (transport !== this.#current && transport !== this.#candidate) return;
    if (code === CLOSE_CODES.BANNED) {
      this.stop();
      this.options.onRefused(code, reason);
      return;
    }
    if (code === CLOSE_CODES.TOKEN_REVOKED || code === CLOSE_CODES.TOKEN_EXPIRED) this.#forceToken = true;
    if (transport === this.#current) {
      this.#lost(transport, code);
    } else {
      this.#candidate = null;
      this.#attemptFailed(code);
    }
  }

  /**
   * What worked is gone.
   *
   * @param {Transport} transport
   * @param {number} code
   */
  #lost(transport, code) {
    const wasStable = this.#working && this.stable.due === null;
    this.stable.reset();
    this.#current = null;
    this.options.onDown();
    if (transport.kind === "polling") {
      this.fallback.schedule();
      this.#attempt();
    } else if (wasStable && !(isFinalClose(code) && code !== CLOSE_CODES.TOKEN_REVOKED)) {
      this.fallback.schedule();
      const restarting = code === CLOSE_CODES.RESTARTING || code === CLOSE_CODES.SERVICE_RESTART;
      this.retry.scheduleIn(Math.round((restarting ? RESTART_RETRY : QUICK_RETRY) * this.options.clock.random()));
    } else {
      this.#attemptFailed(code);
    }
    this.#report();
  }

  #giveUpAttempt() {
    this.#candidate?.close();
    this.#candidate = null;
    this.#attemptFailed(1006);
  }

  /** @param {number} code */
  #attemptFailed(code) {
    if (!this.#wanted) return;
    this.#failed = true;
    this.attemptLimit.reset();
    if (isFinalClose(code) && code !== CLOSE_CODES.TOKEN_REVOKED) {
      this.retry.scheduleIn(Math.round(REFUSED_RETRY * (0.5 + this.options.clock.random())));
    } else {
      this.retry.schedule();
    }
    this.#startPolling();
    this.#report();
  }

  #startPolling() {
    this.fallback.reset();
    if (!this.#wanted || !this.options.makePolling || this.#current) return;
    /** @type {Transport} */
    const transport = this.options.makePolling({
      onOpen: () => {},
      onMessage: (message) => this.#received(transport, message),
      onClose: ({ code, reason }) => this.#closed(transport, code, reason),
      onWorking: (working) => this.#pollingChanged(transport, working),
    });
    this.#working = false;
    this.#current = transport;
    // The joins that this brings are the first questions; their answers show whether it works.
    this.options.onUp(transport);
    transport.open();
    this.#report();
  }

  /**
   * @param {Transport} transport
   * @param {boolean} working
   */
  #pollingChanged(transport, working) {
    if (transport !== this.#current) return;
    this.#working = working;
    if (working) this.#everUp = true;
    this.#report();
  }

  #onlineChanged() {
    if (this.options.online.get()) this.tryNow();
    this.#report();
  }

  #state() {
    if (!this.#wanted) return LINK_STATE.idle;
    if (this.#current && this.#working) return this.#current.kind === "websocket" ? LINK_STATE.live : LINK_STATE.polling;
    if (!this.options.online.get()) return LINK_STATE.offline;
    const hopeful = !this.#failed || (this.#current && this.#current.nextAttemptAt() === null);
    return !this.#everUp && hopeful ? LINK_STATE.connecting : LINK_STATE.reconnecting;
  }

  #report() {
    const state = this.#state();
    const due = [this.retry.due, this.#current?.nextAttemptAt()].filter((time) => typeof time === "number");
    const info = {
      state,
      since: state === this.#info.state ? this.#info.since : this.options.clock.now(),
      nextAttemptAt: state === LINK_STATE.live || !due.length ? null : Math.min(.../** @type {number[]} */ (due)),
      attempting: this.#asking || this.#candidate !== null,
    };
    const before = this.#info;
    if (info.state === before.state && info.nextAttemptAt === before.nextAttemptAt && info.attempting === before.attempting) {
      return;
    }
    this.#info = info;
    this.options.onInfo(info);
  }
}
