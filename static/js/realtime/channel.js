import { CHANNEL_EVENTS } from "./constants.js";
import { RealtimePresence } from "./presence.js";
import { Subscription } from "./subscription.js";

/**
 * @typedef {import("./bindings.js").ChannelEvent} ChannelEvent
 * @typedef {import("./errors.js").RealtimeError} RealtimeError
 */

/**
 * The client's handle on a topic, with broadcasts and presence.
 */
export class RealtimeChannel extends Subscription {
  #presence = new RealtimePresence((event) => this.bindings.tell("presence", event, event.event));
  /** @type {Record<string, unknown>|null} shown again after every join */
  #tracked = null;
  #joinedOnce = false;

  /**
   * Send a broadcast.
   *
   * @param {{type: "broadcast", event: string, payload?: any}} message
   * @param {{timeout?: number}} [options]
   * @returns {Promise<"ok"|"timed out"|"error">} without `config.broadcast.ack` "ok" means: handed on
   */
  async send(message, { timeout = this.host.timeout } = {}) {
    const payload = { type: message.type, event: message.event, payload: message.payload ?? {} };
    if (!this.config.broadcast?.ack && this.canPush) {
      this.transmit(message.type, payload);
      return "ok";
    }
    try {
      const reply = this.push(message.type, payload, timeout);
      if (this.config.broadcast?.ack) await reply;
      return "ok";
    } catch (error) {
      return /** @type {RealtimeError} */ (error).code === "timeout" ? "timed out" : "error";
    }
  }

  /**
   * Show oneself on the topic, with a state; again after every join.
   *
   * @param {Record<string, unknown>} state
   * @returns {Promise<any>}
   */
  track(state) {
    this.#tracked = state;
    return this.push(CHANNEL_EVENTS.presence, { type: "presence", event: "track", payload: state });
  }

  /** @returns {Promise<any>} */
  untrack() {
    this.#tracked = null;
    return this.push(CHANNEL_EVENTS.presence, { type: "presence", event: "untrack", payload: {} });
  }

  /** Who is here now: key → what each connection of that key shows. */
  presenceState() {
    return this.#presence.state;
  }

  /**
   * Send a broadcast by REST, without joining.
   *
   * @param {string} event
   * @param {any} payload
   * @returns {Promise<void>} rejects with a RealtimeError
   */
  httpSend(event, payload) {
    return this.host.postBroadcast(this.topic, event, payload);
  }

  /** @override */
  onJoined() {
    if (this.#tracked && this.#joinedOnce) void this.track(this.#tracked);
    this.#joinedOnce = true;
  }

  /** @override */
  onClosed() {
    this.#presence.reset();
  }

  /**
   * @override
   * @param {ChannelEvent} event
   */
  tell(event) {
    if (event.event === CHANNEL_EVENTS.presenceState) this.#presence.syncState(event.payload);
    else if (event.event === CHANNEL_EVENTS.presenceDiff) this.#presence.syncDiff(event.payload);
    else super.tell(event);
  }
}
