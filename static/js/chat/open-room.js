/**
 * The room that is shown: its newest messages, then every change; earlier ones on demand.
 *
 * @typedef {import("./follower.js").AppStore} AppStore
 * @typedef {import("./types.js").AppState} AppState
 */
import { Timer, backoff } from "../realtime/timer.js";
import { ApiError } from "./errors.js";
import { Follower } from "./follower.js";

/** Messages in the first and in each earlier page. */
const PAGE = 50;

/**
 * @typedef {object} Parts
 * @property {import("../realtime/client.js").RealtimeClient} client
 * @property {import("./api.js").Api} api
 * @property {AppStore} store
 * @property {import("../realtime/types.js").Clock} clock
 */

export class OpenRoom {
  /** @type {Follower|null} */
  #follower = null;
  /** @type {Promise<void>|null} */
  #loading = null;
  #ended = false;

  /**
   * @param {string} roomId
   * @param {Parts} parts
   * @param {{refresh: () => Promise<void>, onSubscribed: () => void, onClosed: () => void}} events
   */
  constructor(roomId, parts, events) {
    this.roomId = roomId;
    this.parts = parts;
    this.events = events;
    const delay = backoff({ base: 2_000, cap: 30_000, random: parts.clock.random });
    this.retry = new Timer(() => void this.load().catch(() => {}), delay, parts.clock);
  }

  get channel() {
    return this.#follower?.isJoined ? this.#follower.channel : null;
  }

  get #timeline() {
    return this.parts.store.getState().timelines[this.roomId];
  }

  /**
   * Show it: from memory and the changes since, or from a snapshot. Rejects with an ApiError; passing ones are tried again by
   * themselves.
   */
  async load() {
    this.retry.cancel();
    try {
      if (!this.parts.store.getState().rooms[this.roomId]) await this.events.refresh();
      if ((this.#timeline?.offset ?? null) === null) await this.snapshot();
      this.retry.reset();
      this.#follow();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** After an error that a person saw: from the beginning. */
  async reload() {
    try {
      await this.events.refresh();
      await this.snapshot();
    } catch (error) {
      throw this.#failed(error);
    }
    await this.load();
  }

  end() {
    this.#ended = true;
    this.retry.reset();
    this.#follower?.end();
  }

  /**
   * The stream of the room is said to stand there.
   *
   * @param {number} offset
   */
  heard(offset) {
    this.#follower?.channel.heard(offset);
  }

  /** The newest messages in place of what is loaded; one request at a time. */
  snapshot() {
    this.#loading ??= this.#takeSnapshot().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #takeSnapshot() {
    const { api, store } = this.parts;
    const payload = { room_id: this.roomId };
    store.dispatch({ event: "local:timeline:loading", payload });
    const page = await api.messages(this.roomId, { limit: PAGE });
    if (this.#ended) return;
    store.dispatch({ event: "local:timeline:snapshot", payload: { ...payload, ...page } });
    this.#follower?.restart();
  }

  /**
   * @param {unknown} cause
   * @returns {ApiError}
   */
  #failed(cause) {
    const error = ApiError.from(cause);
    if (this.#ended) return error;
    const payload = { room_id: this.roomId, error: error.toState() };
    this.parts.store.dispatch({ event: "local:timeline:failed", payload });
    if (error.isPassing) this.retry.schedule();
    return error;
  }

  /**
   * One page before a message.
   *
   * @param {string} beforeId
   */
  async loadBefore(beforeId) {
    const { api, store } = this.parts;
    const before = this.#timeline;
    if (!before || before.filling[beforeId] === "loading" || !before.holes[beforeId]) return;
    const payload = { room_id: this.roomId, before_id: beforeId };
    store.dispatch({ event: "local:timeline:filling", payload: { ...payload, status: "loading" } });
    try {
      const page = await api.messages(this.roomId, { limit: PAGE, before: beforeId });
      // After a restore of the server the page belongs to another history than the one shown.
      if (this.#timeline?.epoch !== page.epoch) throw new ApiError({ code: "position_lost", detail: "The history has changed." });
      store.dispatch({ event: "local:timeline:page", payload: { ...payload, ...page } });
    } catch (error) {
      store.dispatch({ event: "local:timeline:filling", payload: { ...payload, status: "error" } });
      throw ApiError.from(error);
    }
  }

  #follow() {
    if (this.#ended || this.#follower) return;
    const { roomId, parts } = this;
    this.#follower = new Follower(parts, {
      topic: `room:${roomId}`,
      path: `rooms/${roomId}/changes`,
      stream: () => parts.store.getState().timelines[roomId],
      onSubscribed: () => this.events.onSubscribed(),
      onLost: () => void this.load().catch(() => {}),
      onClosed: (error) => this.#closed(error),
    });
  }

  /** @param {ApiError|null} error */
  #closed(error) {
    this.#follower = null;
    if (error) {
      const payload = { room_id: this.roomId, error: error.toState() };
      this.parts.store.dispatch({ event: "local:timeline:failed", payload });
    }
    this.events.onClosed();
  }
}
