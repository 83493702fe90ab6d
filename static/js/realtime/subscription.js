import { Bindings } from "./bindings.js";
import { CHANNEL_EVENTS, CHANNEL_STATES, FINAL_REASONS, SUBSCRIBE_STATES, TOKEN_REASONS } from "./constants.js";
import { RealtimeError } from "./errors.js";
import { GapWatch } from "./gap-watch.js";
import { PositionTracker } from "./position.js";
import { Push, Pushes } from "./push.js";
import { Timer } from "./timer.js";

/**
 * @typedef {import("./bindings.js").ChannelEvent} ChannelEvent
 * @typedef {import("./gap-watch.js").Gap} Gap
 * @typedef {import("./types.js").ChannelConfig} ChannelConfig
 * @typedef {import("./types.js").ChannelHost} ChannelHost
 * @typedef {import("./types.js").JoinResult} JoinResult
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Position} Position
 * @typedef {import("./types.js").RealtimeChannelOptions} RealtimeChannelOptions
 */

/** @typedef {(status: string, error?: RealtimeError|null, result?: JoinResult|null) => void} StatusCallback */

/** A push unanswered for so long makes the connection suspect, in ms. */
const SUSPECT_AFTER = 3_000;

/** The server's answer to a push on a topic that it does not take for joined. */
const UNMATCHED = "unmatched topic";

/**
 * Membership in a topic: joins it, joins again after every loss from where it stood, and tells what happens there.
 */
export class Subscription {
  /** @type {string} */
  state = CHANNEL_STATES.closed;
  /** @type {string|null} */
  joinRef = null;
  bindings = new Bindings();
  #tracker = new PositionTracker();
  #wanted = false;
  #forceToken = false;
  #attempt = 0;
  /** @type {StatusCallback} */
  #status = () => {};
  /** @type {((gap: Gap) => void)|null} */
  #onGap = null;
  /** @type {Gap|null} the gap for which the channel last joined again */
  #healed = null;

  /**
   * @param {string} topic
   * @param {RealtimeChannelOptions} options
   * @param {ChannelHost} host
   */
  constructor(topic, options, host) {
    this.topic = topic;
    this.host = host;
    /** @type {ChannelConfig} */
    this.config = { ...options.config };
    this.#tracker.reset(this.config.recover ?? null);
    this.pushes = new Pushes((event, payload, ref) => this.transmit(event, payload, ref), () => host.makeRef());
    this.rejoinTimer = new Timer(() => void this.#join(), host.rejoinAfterMs, host.clock);
    this.gapWatch = new GapWatch(this.#tracker, (gap) => this.#heal(gap), host.clock);
  }

  /** Where this channel stands in the topic's stream: everything up to here was told. */
  get position() {
    return this.#tracker.position;
  }

  /** Whether changes are known to be missing. */
  get behind() {
    return this.#tracker.missing !== null;
  }

  /**
   * Listen. `type` is "broadcast", "presence" or "system" (with a filter `{event}`), the name of an event such as
   * `message:created`, or "*" for every event that is none of the protocol's own.
   *
   * @param {string} type
   * @param {Record<string, string>|((event: any) => void)} filter
   * @param {(event: any) => void} [callback]
   * @returns {this}
   */
  on(type, filter, callback) {
    if (typeof filter === "function") this.bindings.add(type, {}, filter);
    else if (callback) this.bindings.add(type, filter, callback);
    return this;
  }

  /**
   * @param {string} type
   * @param {(event: any) => void} [callback]
   * @returns {this}
   */
  off(type, callback) {
    this.bindings.remove(type, callback);
    return this;
  }

  /**
   * Fetch missing changes oneself, and tell `advance` or `setPosition`. Without this the channel joins again from its position.
   *
   * @param {(gap: Gap) => void} callback
   * @returns {this}
   */
  onGap(callback) {
    this.#onGap = callback;
    return this;
  }

  /**
   * Join, and join again after every loss until `unsubscribe`.
   *
   * @param {StatusCallback} [callback] told SUBSCRIBED (with what became of the recovery), CHANNEL_ERROR, TIMED_OUT, CLOSED
   * @returns {this}
   */
  subscribe(callback = () => {}) {
    this.#status = callback;
    this.#wanted = true;
    if (this.state === CHANNEL_STATES.closed || this.state === CHANNEL_STATES.errored) void this.#join();
    return this;
  }

  /**
   * Leave for good.
   *
   * @param {number} [timeout] ms
   * @returns {Promise<"ok"|"timed out"|"error">}
   */
  async unsubscribe(timeout = this.host.timeout) {
    const wasJoined = this.state === CHANNEL_STATES.joined || this.state === CHANNEL_STATES.joining;
    this.#wanted = false;
    this.state = CHANNEL_STATES.leaving;
    /** @type {"ok"|"timed out"|"error"} */
    let outcome = "ok";
    if (wasJoined && this.host.isConnected()) {
      const leave = new Push(CHANNEL_EVENTS.leave, {}, timeout, this.host.clock);
      this.pushes.transmit(leave);
      try {
        await leave.reply;
      } catch (error) {
        if (/** @type {RealtimeError} */ (error).code === "timeout") outcome = "timed out";
      }
    }
    this.#close();
    return outcome;
  }

  /**
   * Do something on the topic. Waits while the channel is not joined.
   *
   * @param {string} event
   * @param {any} [payload]
   * @param {number} [timeout] ms
   * @returns {Promise<any>} the server's response; rejects with a RealtimeError
   */
  push(event, payload = {}, timeout = this.host.timeout) {
    const push = new Push(event, payload, timeout, this.host.clock);
    if (!this.#wanted) {
      push.fail(new RealtimeError("closed", "Subscribe to this channel before pushing to it."));
    } else if (this.canPush) {
      this.pushes.transmit(push);
      this.#watch(push);
    } else {
      this.pushes.hold(push);
    }
    return push.reply;
  }

  /**
   * Changes up to `offset` were obtained by another way.
   *
   * @param {number} offset
   */
  advance(offset) {
    this.#tracker.advance(offset);
    this.gapWatch.look();
  }

  /**
   * Stand at another position from now on: after a snapshot.
   *
   * @param {Position|null} position
   */
  setPosition(position) {
    this.#tracker.reset(position);
    this.gapWatch.look();
  }

  // What follows is called by the client.

  /** The connection is there: join. */
  connectionUp() {
    if (this.#wanted && this.state !== CHANNEL_STATES.leaving) void this.#join();
  }

  /** The connection is gone: whatever was sent and not answered may or may not have been done. */
  connectionDown() {
    this.rejoinTimer.reset();
    this.gapWatch.stop();
    this.#attempt += 1;
    this.pushes.failSent(new RealtimeError("disconnected", "The connection was lost before the answer came."));
    if (this.state === CHANNEL_STATES.joined || this.state === CHANNEL_STATES.joining) this.state = CHANNEL_STATES.errored;
  }

  /**
   * The stream of this topic has reached `offset`, says the server.
   *
   * @param {number} offset
   */
  heard(offset) {
    if (this.state !== CHANNEL_STATES.joined) return;
    this.#tracker.hear(offset);
    this.gapWatch.look();
  }

  /** @param {string} token */
  newToken(token) {
    if (this.canPush) this.transmit(CHANNEL_EVENTS.accessToken, { access_token: token });
  }

  /** @param {Message} message */
  receive(message) {
    if (message.event === CHANNEL_EVENTS.reply) {
      const isForgotten = this.state === CHANNEL_STATES.joined && message.payload?.response?.reason === UNMATCHED;
      if (isForgotten) this.#errored(new RealtimeError("disconnected", "The server knows this channel no more."));
      else this.pushes.answer(message.ref, message.payload);
      return;
    }
    if (message.join_ref !== null && message.join_ref !== this.joinRef) return;
    if (message.event === CHANNEL_EVENTS.close) {
      if (this.state !== CHANNEL_STATES.leaving) this.#close();
    } else if (message.event === CHANNEL_EVENTS.error) {
      this.#errored(RealtimeError.fromResponse(message.payload));
    } else {
      this.#deliver(message);
    }
  }

  /** Whether a push would go out now. */
  get canPush() {
    return this.state === CHANNEL_STATES.joined && this.host.isConnected();
  }

  async #join() {
    this.rejoinTimer.cancel();
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.state = CHANNEL_STATES.joining;
    if (!this.host.isConnected()) return;
    let token;
    try {
      token = await this.host.token(this.#forceToken);
    } catch (error) {
      if (attempt === this.#attempt) this.#errored(new RealtimeError("no_token", "There is no access token.", error));
      return;
    }
    if (attempt !== this.#attempt || !this.#wanted || !this.host.isConnected()) return;
    this.#forceToken = false;
    const recover = this.position;
    const config = { ...this.config, recover: recover ?? undefined };
    const payload = { config, ...(token ? { access_token: token } : {}) };
    const push = new Push(CHANNEL_EVENTS.join, payload, this.host.timeout, this.host.clock);
    this.joinRef = this.host.makeRef();
    this.pushes.transmit(push, this.joinRef);
    this.#watch(push);
    push.reply.then(
      (response) => attempt === this.#attempt && this.#joined(response, recover),
      (error) => attempt === this.#attempt && this.#joinFailed(error),
    );
  }

  /**
   * @param {any} response
   * @param {Position|null} asked
   */
  #joined(response, asked) {
    this.state = CHANNEL_STATES.joined;
    this.rejoinTimer.reset();
    const position = response.position ?? null;
    const recovered = asked ? response.recovered === true : null;
    if (recovered) {
      if (position) this.#tracker.hear(position.offset);
    } else if (asked || !this.position) {
      this.#tracker.reset(position);
    }
    this.gapWatch.look();
    this.#status(SUBSCRIBE_STATES.SUBSCRIBED, null, { position, recovered, reason: response.reason ?? null, response });
    this.onJoined();
    this.pushes.flush();
  }

  /** @param {RealtimeError} error */
  #joinFailed(error) {
    if (error.code === "timeout") {
      // Should it have been done after all, it must not stay; and its close must not be taken for that of the next one.
      this.transmit(CHANNEL_EVENTS.leave, {});
      this.joinRef = null;
      this.state = CHANNEL_STATES.errored;
      this.#status(SUBSCRIBE_STATES.TIMED_OUT, error, null);
      this.#rejoinLater();
      return;
    }
    if (TOKEN_REASONS.has(error.code)) this.#forceToken = true;
    if (FINAL_REASONS.has(error.code)) this.#wanted = false;
    this.#errored(error);
  }

  /** @param {RealtimeError} error */
  #errored(error) {
    this.state = CHANNEL_STATES.errored;
    this.pushes.failSent(new RealtimeError("disconnected", "The channel was interrupted before the answer came."));
    this.#status(SUBSCRIBE_STATES.CHANNEL_ERROR, error, null);
    this.#rejoinLater();
  }

  #rejoinLater() {
    if (this.#wanted && this.host.isConnected()) this.rejoinTimer.schedule();
  }

  #close() {
    this.#wanted = false;
    this.#attempt += 1;
    this.rejoinTimer.reset();
    this.gapWatch.stop();
    this.state = CHANNEL_STATES.closed;
    this.pushes.failAll(new RealtimeError("closed", "The channel was closed."));
    this.onClosed();
    this.host.removed(this);
    this.#status(SUBSCRIBE_STATES.CLOSED, null, null);
  }

  /**
   * Send a frame on this channel, now or never.
   *
   * @param {string} event
   * @param {any} payload
   * @param {string} [ref]
   */
  transmit(event, payload, ref = this.host.makeRef()) {
    this.host.transmit({ join_ref: this.joinRef, ref, topic: this.topic, event, payload });
  }

  /** @param {Push} push */
  #watch(push) {
    const alarm = this.host.clock.setTimeout(() => this.host.suspect(), SUSPECT_AFTER);
    const done = () => this.host.clock.clearTimeout(alarm);
    push.reply.then(done, done);
  }

  /** @param {Message} message */
  #deliver({ event, payload }) {
    const { offset, epoch } = payload ?? {};
    if (event === CHANNEL_EVENTS.position) this.advance(payload.position.offset);
    if (typeof offset === "number" && !this.#accept(offset, epoch)) return;
    this.tell({ event, payload, offset, epoch });
  }

  // What a kind of channel may add.

  /** Joined, before what waited is sent. */
  onJoined() {}

  /** Left for good. */
  onClosed() {}

  /**
   * An event to be told.
   *
   * @param {ChannelEvent} event
   */
  tell(event) {
    this.bindings.tellEvent(event);
  }

  /**
   * @param {number} offset
   * @param {string} [epoch]
   * @returns {boolean} whether this change is to be told
   */
  #accept(offset, epoch) {
    const verdict = this.#tracker.accept(offset, epoch);
    if (verdict === "other-epoch") {
      this.#errored(new RealtimeError("position_lost", "The server's log is another one now."));
    } else {
      this.gapWatch.look();
    }
    return verdict === "new";
  }

  /**
   * Changes stayed missing. Those that a recovery does not bring either were erased: their offsets stay used.
   *
   * @param {Gap} gap
   */
  #heal(gap) {
    if (this.state !== CHANNEL_STATES.joined) return;
    this.host.log("channel", `changes of ${this.topic} are missing`, gap);
    if (this.#onGap) {
      this.#onGap(gap);
    } else if (gap.after === this.#healed?.after) {
      this.advance(this.#healed.head);
    } else {
      this.#healed = gap;
      void this.#join();
    }
  }
}
