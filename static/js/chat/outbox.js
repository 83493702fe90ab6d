/**
 * What was written and is not confirmed yet.
 *
 * A message is shown at once, kept over reloads, and sent in the order of writing, one at a time in each room. A try without
 * an answer is repeated with the same client_id until there is one, so the server takes it exactly once; an answer that says
 * no leaves the entry to the person. An entry goes when its message comes back in the room's stream.
 *
 * @typedef {import("../realtime/types.js").Clock} Clock
 * @typedef {import("./environment.js").Environment} Environment
 * @typedef {import("./types.js").AppState} AppState
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").OutboxEntry} OutboxEntry
 * @typedef {import("./types.js").SendOptions} SendOptions
 */
import { Timer, backoff } from "../realtime/timer.js";
import { ApiError } from "./errors.js";
import { pendingEntries } from "./selectors.js";

/** Name of the lock that shows which tabs are alive. */
const TAB_LOCK = "parley:tab:";

/**
 * @typedef {object} OutboxOptions
 * @property {import("./types.js").Store<AppState>} store
 * @property {Environment} environment
 * @property {(entry: OutboxEntry) => Promise<Message>} deliver rejects with an ApiError
 */

export class Outbox {
  /** @type {Map<string, Timer>} by room */
  #timers = new Map();
  /** @type {Set<string>} rooms with a try under way */
  #busy = new Set();
  #stopped = true;
  #lastTime = 0;

  /** @param {OutboxOptions} options */
  constructor({ store, environment, deliver }) {
    this.store = store;
    this.environment = environment;
    this.deliver = deliver;
    this.tab = environment.uuid();
    this.delay = backoff({ base: 1_000, cap: 30_000, random: environment.clock.random });
    // An entry leaves the state when its message is seen; then it need not be kept any longer.
    store.subscribe((state) => state.outbox, (now, before) => this.#forgetConfirmed(now, before));
    environment.locks.keep(TAB_LOCK + this.tab);
  }

  /**
   * Take up what an earlier page left behind, and start sending.
   *
   * @param {string} userId
   */
  async start(userId) {
    this.#stopped = false;
    for (const entry of await this.#orphans(userId)) {
      this.#put({ ...entry, owner: this.tab, status: entry.status === "failed" ? "failed" : "queued" });
    }
    this.flush();
  }

  stop() {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.reset();
  }

  /**
   * @param {string} roomId
   * @param {string} content
   * @param {SendOptions} [options]
   * @returns {string} client_id
   */
  add(roomId, content, { replyTo, type = "text" } = {}) {
    const { clock, uuid } = this.environment;
    // Two in one millisecond keep their order.
    this.#lastTime = Math.max(clock.now(), this.#lastTime + 0.001);
    const entry = {
      client_id: uuid(),
      room_id: roomId,
      user_id: this.store.getState().me?.id ?? "",
      content,
      type,
      reply_to: replyTo ?? null,
      created_at: this.#lastTime,
      status: /** @type {"queued"} */ ("queued"),
      attempts: 0,
      error: null,
      message: null,
      owner: this.tab,
    };
    this.#put(entry);
    void this.#sendNext(roomId);
    return entry.client_id;
  }

  /**
   * Try a failed entry again, before anything written later; or do not wait for the next try of a queued one.
   *
   * @param {string} clientId
   */
  retry(clientId) {
    const entry = this.store.getState().outbox[clientId];
    if (!entry || entry.status === "sent" || entry.status === "sending") return;
    this.#put({ ...entry, status: "queued", error: null });
    this.#timers.get(entry.room_id)?.reset();
    void this.#sendNext(entry.room_id);
  }

  /** @param {string} clientId */
  discard(clientId) {
    const entry = this.store.getState().outbox[clientId];
    if (!entry || entry.status === "sending" || entry.status === "sent") return;
    this.#remove(clientId);
    void this.#sendNext(entry.room_id);
  }

  /** Send whatever waits, without waiting for timers: the connection is back. */
  flush() {
    const rooms = new Set(Object.values(this.store.getState().outbox).map((entry) => entry.room_id));
    for (const roomId of rooms) {
      this.#timers.get(roomId)?.reset();
      void this.#sendNext(roomId);
    }
  }

  /** Forget everything, on this machine too: another person may sit down here. */
  clear() {
    for (const clientId of Object.keys(this.store.getState().outbox)) this.#remove(clientId);
    this.stop();
  }

  /** @param {string} roomId */
  async #sendNext(roomId) {
    if (this.#stopped || this.#busy.has(roomId) || this.#timers.get(roomId)?.due) return;
    const entry = pendingEntries(this.store.getState(), roomId).find(({ status }) => status === "queued" || status === "sending");
    if (!entry) return;
    this.#busy.add(roomId);
    const attempts = entry.attempts + 1;
    this.#put({ ...entry, status: "sending", attempts });
    try {
      const message = await this.deliver(entry);
      this.#sent(entry.client_id, message);
    } catch (error) {
      this.#notSent({ ...entry, attempts }, ApiError.from(error));
    } finally {
      this.#busy.delete(roomId);
    }
    void this.#sendNext(roomId);
  }

  /**
   * @param {string} clientId
   * @param {Message} message
   */
  #sent(clientId, message) {
    this.#timers.get(message.room_id)?.reset();
    const { outbox, timelines } = this.store.getState();
    const entry = outbox[clientId];
    if (!entry) return;
    const timeline = timelines[message.room_id];
    const isSeen = !timeline || timeline.messages.some(({ id }) => id === message.id);
    if (isSeen) this.#remove(clientId);
    else this.#put({ ...entry, status: "sent", error: null, message });
  }

  /**
   * @param {OutboxEntry} entry
   * @param {ApiError} error
   */
  #notSent(entry, error) {
    // The echo may have come though the answer did not.
    if (!this.store.getState().outbox[entry.client_id]) return;
    const status = error.isPassing || error.code === "signed_out" ? "queued" : "failed";
    this.#put({ ...entry, status, error: error.toState() });
    if (status === "failed") return;
    const wait = Math.max((error.retryAfter ?? 0) * 1_000, this.delay(entry.attempts));
    this.#timer(entry.room_id).scheduleIn(wait);
  }

  /**
   * @param {string} roomId
   * @returns {Timer}
   */
  #timer(roomId) {
    const known = this.#timers.get(roomId);
    if (known) return known;
    const timer = new Timer(() => void this.#sendNext(roomId), () => 0, this.environment.clock);
    this.#timers.set(roomId, timer);
    return timer;
  }

  /** @param {OutboxEntry} entry */
  #put(entry) {
    this.store.dispatch({ event: "local:outbox:put", payload: { entry } });
    if (entry.status !== "sent") this.#keep(this.environment.outbox?.put(entry));
    else this.#keep(this.environment.outbox?.remove(entry.client_id));
  }

  /** @param {string} clientId */
  #remove(clientId) {
    this.store.dispatch({ event: "local:outbox:remove", payload: { client_id: clientId } });
  }

  /**
   * @param {AppState["outbox"]} now
   * @param {AppState["outbox"]} before
   */
  #forgetConfirmed(now, before) {
    // A sign-in that has ended empties the state; what was written waits for the next.
    if (this.#stopped) return;
    for (const clientId of Object.keys(before)) {
      if (!now[clientId]) this.#keep(this.environment.outbox?.remove(clientId));
    }
  }

  /**
   * Entries of this user whose tab is gone.
   *
   * @param {string} userId
   * @returns {Promise<OutboxEntry[]>}
   */
  async #orphans(userId) {
    const { outbox, locks } = this.environment;
    try {
      const [entries, held] = await Promise.all([outbox?.all() ?? [], locks.held()]);
      return entries.filter(({ user_id: user, owner }) => user === userId && !held.includes(TAB_LOCK + owner));
    } catch {
      return [];
    }
  }

  /**
   * Storage that fails (private mode, a full disk) is no reason not to send.
   *
   * @param {Promise<void>|undefined} work
   */
  #keep(work) {
    work?.catch(() => {});
  }
}
