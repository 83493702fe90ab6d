/**
 * Keeps the store like the server: who I am, my rooms, my own stream, and the room that is open, over whatever connection
 * there is.
 *
 * @typedef {import("./open-room.js").Parts} Parts
 * @typedef {import("./types.js").AppState} AppState
 */
import { Timer, backoff } from "../realtime/timer.js";
import { ApiError } from "./errors.js";
import { Follower } from "./follower.js";
import { OpenRoom } from "./open-room.js";

/** Rooms whose history stays in memory when they are closed. */
const KEPT_TIMELINES = 10;

/** Summaries that moved are fetched together, this often at most, in ms. */
const REFRESH = { visible: 1_000, hidden: 15_000 };

/** The first to move waits so long for others, in ms. */
const GATHER = 50;

/** So many summaries are fetched one by one; for more, the head of the list is asked first. */
const FEW = 3;

/** Rooms asked from the head of the list. */
const LIST_HEAD = 50;

/**
 * @typedef {object} SyncEvents
 * @property {() => void} onConnected a topic was joined: what waits can be sent
 * @property {(ended: {device_id: string, reason: string}) => void} onSessionEnded one of my devices was signed out
 */

export class Sync {
  /** @type {Follower|null} */
  #user = null;
  /** @type {OpenRoom|null} */
  #open = null;
  /** @type {string[]} rooms opened lately, newest last */
  #recent = [];
  /** @type {string|null} of me/meta */
  #cursor = null;
  #refreshing = false;
  #refreshedAt = -Infinity;
  /** Refreshes in a row that failed. */
  #failures = 0;
  #running = false;

  /**
   * @param {Parts & {visible: import("../realtime/types.js").Signal}} parts
   * @param {SyncEvents} events
   */
  constructor(parts, events) {
    this.parts = parts;
    this.events = events;
    const { store, clock, visible } = parts;
    const pause = () => {
      const every = (visible.get() ? REFRESH.visible : REFRESH.hidden) * 2 ** Math.min(this.#failures, 5);
      return Math.max(GATHER, this.#refreshedAt + every - clock.now());
    };
    this.refreshTimer = new Timer(() => void this.#refreshStale(), pause, clock);
    const delay = backoff({ base: 2_000, cap: 30_000, random: clock.random });
    this.reloadTimer = new Timer(() => void this.#reload(), delay, clock);
    this.typingTimer = new Timer(() => this.#expireTyping(), () => 0, clock);
    store.subscribe((state) => state.stale, (stale) => this.#staleChanged(stale));
    store.subscribe((state) => state.typing, () => this.#watchTyping());
  }

  get #state() {
    return this.parts.store.getState();
  }

  /** The joined channel of a room, if it is the open one. */
  channelOf(/** @type {string} */ roomId) {
    return this.#open?.roomId === roomId ? this.#open.channel : null;
  }

  /**
   * Load the rooms and follow one's own stream.
   *
   * @param {string} userId
   */
  async start(userId) {
    this.#running = true;
    await this.#loadRooms();
    if (!this.#running) return;
    this.#user = new Follower(this.parts, {
      topic: `user:${userId}`,
      path: "me/changes",
      stream: () => this.#state.stream,
      onSubscribed: () => this.#subscribed(),
      onLost: () => void this.#reload(),
      onClosed: () => {},
      onEvent: ({ event, payload }) => {
        if (event === "head") this.#headMoved(payload);
        else if (event === "session:ended") this.events.onSessionEnded(payload);
      },
    });
  }

  stop() {
    this.#running = false;
    this.closeRoom();
    this.#user?.end();
    this.#user = null;
    for (const timer of [this.refreshTimer, this.reloadTimer, this.typingTimer]) timer.reset();
    this.#recent = [];
    this.#cursor = null;
  }

  /**
   * @param {string} roomId
   * @returns {Promise<void>}
   */
  async openRoom(roomId) {
    if (this.#open?.roomId === roomId) return;
    this.closeRoom();
    this.#remember(roomId);
    const open = new OpenRoom(roomId, this.parts, {
      refresh: () => this.refreshRoom(roomId),
      onSubscribed: () => this.events.onConnected(),
      onClosed: () => void this.refreshRoom(roomId).catch(() => {}),
    });
    this.#open = open;
    this.parts.store.dispatch(
      { event: "local:open", payload: { room_id: roomId } },
      { event: "local:timeline:loading", payload: { room_id: roomId } },
    );
    await open.load();
  }

  closeRoom() {
    if (!this.#open) return;
    this.#open.end();
    this.#open = null;
    this.parts.store.dispatch({ event: "local:open", payload: { room_id: null } });
  }

  /** @param {string} roomId */
  async reloadRoom(roomId) {
    if (this.#open?.roomId !== roomId) return;
    await this.#open.reload();
  }

  /**
   * @param {string} roomId
   * @param {string} beforeId
   */
  async loadBefore(roomId, beforeId) {
    if (this.#open?.roomId === roomId) await this.#open.loadBefore(beforeId);
  }

  /** The connection is there, or somebody is impatient: what waits for its next try does not wait any longer. */
  hasten() {
    this.#failures = 0;
    this.reloadTimer.hasten();
    this.refreshTimer.hasten();
    this.#open?.retry.hasten();
  }

  /**
   * Fetch the summary of a room.
   *
   * @param {string} roomId
   */
  async refreshRoom(roomId) {
    const { api, store } = this.parts;
    try {
      store.dispatch({ event: "local:room:loaded", payload: { room: await api.room(roomId) } });
    } catch (cause) {
      const error = ApiError.from(cause);
      if (error.status === 404) store.dispatch({ event: "local:room:gone", payload: { room_id: roomId, reason: "not_found" } });
      throw error;
    }
  }

  /** All rooms, and where one's own stream stood before they were read: what happens from there on is followed. */
  async #loadRooms() {
    const { api, store } = this.parts;
    store.dispatch({ event: "local:rooms:loading", payload: {} });
    try {
      const { epoch, offset, cursor } = await api.get("me/meta");
      const rooms = await api.rooms();
      this.#cursor = cursor;
      const stream = `user:${this.#state.me?.id}`;
      store.dispatch(
        { event: "local:rooms:loaded", payload: { rooms } },
        { event: "local:stream:start", stream, payload: { epoch, offset }, at: this.parts.clock.now() },
      );
    } catch (error) {
      store.dispatch({ event: "local:rooms:failed", payload: { error: ApiError.from(error).toState() } });
      throw error;
    }
  }

  /** The position in one's own stream is lost: everything anew, until it works. */
  async #reload() {
    this.reloadTimer.cancel();
    try {
      await this.#loadRooms();
      this.reloadTimer.reset();
      this.#user?.restart();
    } catch {
      if (this.#running) this.reloadTimer.schedule();
    }
  }

  /** Rooms may have moved while nobody told us. */
  async #subscribed() {
    this.events.onConnected();
    if (this.parts.client.isPolling) return;
    try {
      let more = true;
      while (more && this.#running) {
        const query = this.#cursor === null ? {} : { since: this.#cursor };
        const answer = await this.parts.api.get("me/meta", query);
        more = answer.more === true && answer.cursor !== this.#cursor;
        this.#cursor = answer.cursor;
        for (const [roomId, offset] of Object.entries(answer.changed)) {
          this.#headMoved({ room_id: roomId, room_offset: Number(offset) }, true);
        }
      }
    } catch {
      // The next subscription asks again.
    }
  }

  /**
   * @param {{room_id: string, room_offset: number}} head
   * @param {boolean} [apply] whether the store has not heard of it
   */
  #headMoved(head, apply = false) {
    if (apply) this.parts.store.dispatch({ event: "head", payload: head, at: this.parts.clock.now() });
    if (this.#open?.roomId === head.room_id) this.#open.heard(head.room_offset);
  }

  /** @param {AppState["stale"]} stale */
  #staleChanged(stale) {
    if (this.#running && Object.keys(stale).length && !this.#refreshing) this.refreshTimer.schedule();
  }

  async #refreshStale() {
    this.#refreshing = true;
    const { api, store } = this.parts;
    try {
      if (Object.keys(this.#state.stale).length > FEW) {
        const { rooms } = await api.get("rooms", { limit: LIST_HEAD });
        store.dispatch(...rooms.map((/** @type {any} */ room) => ({ event: "local:room:loaded", payload: { room } })));
      }
      for (const roomId of Object.keys(this.#state.stale).slice(0, FEW)) await this.refreshRoom(roomId);
      this.#failures = 0;
    } catch {
      // Those that are still stale are tried again, less and less often.
      this.#failures += 1;
    }
    this.#refreshing = false;
    this.#refreshedAt = this.parts.clock.now();
    this.#staleChanged(this.#state.stale);
  }

  /**
   * Keep the history of the rooms opened last, and drop the oldest.
   *
   * @param {string} roomId
   */
  #remember(roomId) {
    this.#recent = [...this.#recent.filter((id) => id !== roomId), roomId];
    while (this.#recent.length > KEPT_TIMELINES) {
      this.parts.store.dispatch({ event: "local:timeline:drop", payload: { room_id: this.#recent.shift() } });
    }
  }

  #watchTyping() {
    const times = Object.values(this.#state.typing).flatMap((people) => Object.values(people));
    if (!times.length) this.typingTimer.cancel();
    else this.typingTimer.scheduleIn(Math.max(0, Math.min(...times) - this.parts.clock.now()));
  }

  #expireTyping() {
    this.parts.store.dispatch({ event: "local:typing:expired", payload: {}, at: this.parts.clock.now() });
  }
}
