import { CHANNEL_EVENTS, CLOSE_CODES, CONNECTION_TOPIC } from "../constants.js";
import { Timer, backoff } from "../timer.js";
import { actionFor, replyFrom, retryAfter } from "./poll-actions.js";
import { PollError, pollRoom, pollUser } from "./poll-readers.js";

/**
 * @typedef {import("../types.js").Clock} Clock
 * @typedef {import("../types.js").HttpAnswer} HttpAnswer
 * @typedef {import("../types.js").HttpRequest} HttpRequest
 * @typedef {import("../types.js").Message} Message
 * @typedef {import("../types.js").PollIntervals} PollIntervals
 * @typedef {import("../types.js").Position} Position
 * @typedef {import("../types.js").Requester} Requester
 * @typedef {import("../types.js").Signal} Signal
 * @typedef {import("../types.js").Transport} Transport
 * @typedef {import("../types.js").TransportEvents} TransportEvents
 */

/**
 * A joined topic.
 *
 * @typedef {object} Target
 * @property {string} topic
 * @property {"room"|"user"} kind
 * @property {string} id of the room or user
 * @property {string} joinRef
 * @property {string|null} pendingRef ref of the join while it is not answered
 * @property {Position|null} position
 * @property {string|null} etag of the last meta that everything was fetched for
 * @property {string|null} cursor of `me/meta`
 * @property {number} dueAt ms
 */

/** @type {PollIntervals} */
export const POLL_INTERVALS = Object.freeze({ room: 2_500, roomHidden: 15_000, user: 10_000, userHidden: 60_000 });

/** Joins come right after the opening; if none came by then, in ms, there is nothing to poll. */
const IDLE_AFTER = 1_000;

/**
 * The frames of a socket without a socket: plays the server's part towards the client, and asks the server's REST API.
 *
 * Joined rooms are watched by their meta, one's own topic and all other rooms by `me/meta`; only when an offset has moved are
 * changes fetched, and they come out as the frames that a socket would have brought. All polls go through one guard: there are
 * never two in flight. Pushes become REST calls and do not wait for a poll.
 *
 * @implements {Transport}
 */
export class PollingTransport {
  /** @type {"polling"} */
  kind = "polling";
  /** @type {Map<string, Target>} */
  #targets = new Map();
  #polling = false;
  #closed = false;
  #failures = 0;
  #notBefore = 0;
  /** Whether the server itself named the time before which it wants no request. */
  #limited = false;
  /** @type {Promise<void>} */
  #actions = Promise.resolve();

  /**
   * @param {object} options
   * @param {Requester} options.request
   * @param {PollIntervals} [options.intervals]
   * @param {Signal} options.visible
   * @param {Clock} options.clock
   * @param {TransportEvents} options.events
   * @param {(kind: string, text: string, data?: unknown) => void} options.log
   */
  constructor({ request, intervals = POLL_INTERVALS, visible, clock, events, log }) {
    this.request = request;
    this.intervals = intervals;
    this.visible = visible;
    this.clock = clock;
    this.events = events;
    this.log = log;
    this.delay = backoff({ base: 2_500, cap: 30_000, random: clock.random });
    this.timer = new Timer(() => void this.#pump(), () => 0, clock);
  }

  open() {
    this.unwatch = this.visible.subscribe(() => this.#visibleChanged());
    this.events.onOpen();
    this.timer.scheduleIn(IDLE_AFTER);
  }

  /** @param {Message} message */
  send(message) {
    const { topic, event } = message;
    if (topic === CONNECTION_TOPIC) this.#reply(message, { status: "ok", response: {} });
    else if (event === CHANNEL_EVENTS.join) this.#join(message);
    else if (event === CHANNEL_EVENTS.leave) this.#leave(message);
    else if (event === CHANNEL_EVENTS.accessToken) return;
    else if (this.#targets.get(topic)?.joinRef !== message.join_ref) {
      this.#reply(message, { status: "error", response: { reason: "unmatched topic" } });
    } else {
      // One after the other, as on a socket; a failed one does not stop the next.
      this.#actions = this.#actions.then(() => this.#act(message));
    }
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.unwatch?.();
    this.timer.reset();
    this.#targets.clear();
  }

  wake() {
    if (!this.#limited) this.#notBefore = 0;
    for (const target of this.#targets.values()) target.dueAt = 0;
    void this.#pump();
  }

  nextAttemptAt() {
    return this.#failures ? this.#notBefore : null;
  }

  /** @param {Message} message */
  #join(message) {
    const match = /^(room|user):(.+)$/.exec(message.topic);
    if (!match) {
      const reason = "Only rooms can be followed while polling.";
      this.#reply(message, { status: "error", response: { code: "unavailable_while_polling", reason } });
      return;
    }
    this.#targets.set(message.topic, {
      topic: message.topic,
      kind: /** @type {"room"|"user"} */ (match[1]),
      id: /** @type {string} */ (match[2]),
      joinRef: String(message.ref),
      pendingRef: message.ref,
      position: message.payload?.config?.recover ?? null,
      etag: null,
      cursor: null,
      dueAt: 0,
    });
    void this.#pump();
  }

  /** @param {Message} message */
  #leave(message) {
    const isJoined = this.#targets.get(message.topic)?.joinRef === message.join_ref;
    if (isJoined) this.#targets.delete(message.topic);
    this.#reply(message, { status: "ok", response: {} });
    if (isJoined) this.#soon({ ...message, ref: message.join_ref, event: CHANNEL_EVENTS.close, payload: {} });
  }

  /**
   * Do one push over HTTP.
   *
   * @param {Message} message
   */
  async #act(message) {
    if (this.#closed) return;
    const action = actionFor(message.topic, message.event, message.payload);
    if (!action) {
      const reason = "This needs a live connection.";
      this.#reply(message, { status: "error", response: { code: "unavailable_while_polling", reason } });
      return;
    }
    try {
      const answer = await this.request(action.request);
      this.#reply(message, replyFrom(action, answer));
      if (answer.status < 300 && message.event.includes(":")) this.#hasten(message.topic);
    } catch {
      this.#reply(message, { status: "error", response: { code: "network_error", reason: "The server cannot be reached." } });
    }
  }

  /**
   * Poll this topic next and soon: something has just changed there.
   *
   * @param {string} topic
   */
  #hasten(topic) {
    const target = this.#targets.get(topic);
    if (!target) return;
    target.dueAt = 0;
    void this.#pump();
  }

  #visibleChanged() {
    if (this.visible.get()) {
      for (const target of this.#targets.values()) target.dueAt = 0;
    }
    void this.#pump();
  }

  /** The guard: polls whatever is due, one request after the other, and sets the alarm for what comes next. */
  async #pump() {
    if (this.#polling || this.#closed) return;
    this.#polling = true;
    this.timer.cancel();
    try {
      while (!this.#closed && this.clock.now() >= this.#notBefore) {
        const target = this.#nextDue();
        if (!target) {
          // With nothing to ask there is nothing that does not work.
          if (!this.#targets.size && !this.#failures) this.#succeeded();
          break;
        }
        await this.#poll(target);
      }
    } finally {
      this.#polling = false;
    }
    if (!this.#closed) this.#setAlarm();
  }

  /** @returns {Target|undefined} */
  #nextDue() {
    const now = this.clock.now();
    const due = [...this.#targets.values()].filter((target) => target.dueAt <= now);
    return due.sort((a, b) => a.dueAt - b.dueAt)[0];
  }

  /** @param {Target} target */
  async #poll(target) {
    // Whoever hastens it from here on wants another poll than this one.
    target.dueAt = Infinity;
    try {
      await (target.kind === "room" ? pollRoom : pollUser)(this.#reader(), target);
      if (target.dueAt === Infinity) target.dueAt = this.clock.now() + this.#interval(target);
      this.#succeeded();
    } catch (error) {
      target.dueAt = 0;
      const status = error instanceof PollError ? error.answer.status : 0;
      if (status === 403 || status === 404) this.#refuse(target, /** @type {PollError} */ (error));
      else this.#failed(error);
    }
  }

  /** @param {Target} target */
  #interval({ kind }) {
    const { room, roomHidden, user, userHidden } = this.intervals;
    if (this.visible.get()) return kind === "room" ? room : user;
    return kind === "room" ? roomHidden : userHidden;
  }

  #setAlarm() {
    const next = Math.min(...[...this.#targets.values()].map(({ dueAt }) => dueAt));
    if (!Number.isFinite(next)) return;
    this.timer.scheduleIn(Math.max(0, Math.max(next, this.#notBefore) - this.clock.now()));
  }

  #succeeded() {
    if (this.#closed) return;
    this.#notBefore = 0;
    this.#limited = false;
    this.#failures = 0;
    this.events.onWorking(true);
  }

  /** @param {unknown} error */
  #failed(error) {
    if (this.#closed) return;
    const answer = error instanceof PollError ? error.answer : null;
    if (answer?.status === 401) {
      this.close();
      this.events.onClose({ code: CLOSE_CODES.TOKEN_REVOKED, reason: "The sign-in has ended." });
      return;
    }
    this.log("polling", "a poll failed", error);
    this.#failures += 1;
    const wait = answer && retryAfter(answer);
    this.#limited = wait !== null;
    this.#notBefore = this.clock.now() + Math.max((wait ?? 0) * 1_000, this.delay(this.#failures));
    this.events.onWorking(false);
  }

  /**
   * The room is gone, or this user is not in it (any more).
   *
   * @param {Target} target
   * @param {PollError} error
   */
  #refuse(target, error) {
    this.#targets.delete(target.topic);
    const { response } = replyFrom({ request: { method: "GET", path: "" } }, error.answer);
    if (target.pendingRef === null) {
      this.#emit(target.topic, target.joinRef, CHANNEL_EVENTS.close, {});
    } else {
      this.#answerJoin(target, { status: "error", response });
    }
    this.#succeeded();
  }

  /** @returns {import("./poll-readers.js").Reader} */
  #reader() {
    return {
      request: this.request,
      isCurrent: (target) => !this.#closed && this.#targets.get(target.topic) === target,
      joined: (target, response) => this.#answerJoin(target, { status: "ok", response }),
      emit: (target, event, payload) => this.#emit(target.topic, target.joinRef, event, payload),
      lost: (target) => {
        this.#targets.delete(target.topic);
        this.#emit(target.topic, target.joinRef, CHANNEL_EVENTS.error, {});
      },
      moved: (roomId, offset) => {
        const room = this.#targets.get(`room:${roomId}`);
        if (room?.position && room.position.offset < offset) room.dueAt = 0;
      },
    };
  }

  /**
   * @param {Target} target
   * @param {import("../types.js").ReplyPayload} payload
   */
  #answerJoin(target, payload) {
    const ref = target.pendingRef;
    target.pendingRef = null;
    this.#deliver({ join_ref: target.joinRef, ref, topic: target.topic, event: CHANNEL_EVENTS.reply, payload });
  }

  /**
   * @param {Message} message
   * @param {import("../types.js").ReplyPayload} payload
   */
  #reply(message, payload) {
    this.#soon({ ...message, event: CHANNEL_EVENTS.reply, payload });
  }

  /**
   * As from a server: never before the sender has returned.
   *
   * @param {Message} message
   */
  #soon(message) {
    void Promise.resolve().then(() => this.#deliver(message));
  }

  /**
   * @param {string} topic
   * @param {string|null} joinRef
   * @param {string} event
   * @param {any} payload
   */
  #emit(topic, joinRef, event, payload) {
    this.#deliver({ join_ref: joinRef, ref: null, topic, event, payload });
  }

  /** @param {Message} message */
  #deliver(message) {
    if (!this.#closed) this.events.onMessage(message);
  }
}
