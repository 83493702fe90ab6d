import { RealtimeError } from "./errors.js";

/**
 * @typedef {import("./types.js").Clock} Clock
 * @typedef {import("./types.js").ReplyPayload} ReplyPayload
 */

/**
 * One act of a client that is answered: waits for the reply with its ref, or for its time to run out.
 */
export class Push {
  /** @type {string|null} */
  ref = null;
  #settled = false;

  /**
   * @param {string} event
   * @param {any} payload
   * @param {number} timeout ms, counted from now: waiting in a buffer counts
   * @param {Clock} clock
   */
  constructor(event, payload, timeout, clock) {
    this.event = event;
    this.payload = payload;
    this.clock = clock;
    /** @type {Promise<any>} what the server answered; rejects with a RealtimeError */
    this.reply = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever pushed may not care; an unanswered push is no crash.
    this.reply.catch(() => {});
    this.timer = clock.setTimeout(() => this.fail(new RealtimeError("timeout", "The server did not answer in time.")), timeout);
  }

  get settled() {
    return this.#settled;
  }

  /**
   * The server's answer.
   *
   * @param {ReplyPayload} payload
   */
  answer(payload) {
    if (payload?.status === "ok") this.#settle(() => this.resolve?.(payload.response ?? {}));
    else this.fail(RealtimeError.fromResponse(payload?.response));
  }

  /** @param {RealtimeError} error */
  fail(error) {
    this.#settle(() => this.reject?.(error));
  }

  /** @param {() => void} finish */
  #settle(finish) {
    if (this.#settled) return;
    this.#settled = true;
    this.clock.clearTimeout(this.timer);
    finish();
  }
}

/** Pushes kept while the channel is not joined. */
const BUFFER_SIZE = 100;

/**
 * The pushes of one channel: those sent and not answered, and those that wait for the channel.
 */
export class Pushes {
  /** @type {Map<string, Push>} by ref */
  #sent = new Map();
  /** @type {Push[]} */
  #waiting = [];

  /**
   * @param {(event: string, payload: any, ref: string) => void} send
   * @param {() => string} makeRef
   */
  constructor(send, makeRef) {
    this.send = send;
    this.makeRef = makeRef;
  }

  /**
   * @param {Push} push
   * @param {string} [ref]
   */
  transmit(push, ref = this.makeRef()) {
    push.ref = ref;
    this.#sent.set(ref, push);
    const forget = () => this.#sent.delete(ref);
    push.reply.then(forget, forget);
    this.send(push.event, push.payload, ref);
  }

  /**
   * Keep it until `flush`. When too many wait, the oldest gives way.
   *
   * @param {Push} push
   */
  hold(push) {
    this.#waiting.push(push);
    if (this.#waiting.length > BUFFER_SIZE) {
      this.#waiting.shift()?.fail(new RealtimeError("buffer_full", "Too much is waiting for the connection."));
    }
  }

  /** Send what waits, in order. */
  flush() {
    for (const push of this.#waiting.splice(0)) {
      if (!push.settled) this.transmit(push);
    }
  }

  /**
   * @param {string|null} ref
   * @param {ReplyPayload} payload
   */
  answer(ref, payload) {
    this.#sent.get(ref ?? "")?.answer(payload);
  }

  /** @param {RealtimeError} error */
  failSent(error) {
    for (const push of this.#sent.values()) push.fail(error);
  }

  /** @param {RealtimeError} error */
  failAll(error) {
    this.failSent(error);
    for (const push of this.#waiting.splice(0)) push.fail(error);
  }
}
