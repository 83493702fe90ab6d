/**
 * Follows one stream of changes into the store: a channel that is live or polled, its recoveries, and its gaps.
 *
 * @typedef {import("../realtime/bindings.js").ChannelEvent} ChannelEvent
 * @typedef {import("../realtime/channel.js").RealtimeChannel} RealtimeChannel
 * @typedef {import("../realtime/client.js").RealtimeClient} RealtimeClient
 * @typedef {import("../realtime/types.js").Position} Position
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./types.js").AppliedEvent} AppliedEvent
 * @typedef {import("./types.js").AppState} AppState
 * @typedef {import("./types.js").Store<AppState>} AppStore
 */
import { Batch } from "./batch.js";
import { CHANGES_PAGE } from "./api.js";
import { ApiError } from "./errors.js";

/**
 * @typedef {object} FollowerOptions
 * @property {string} topic which is the key of the stream too
 * @property {string} path of its changes
 * @property {() => {offset: number|null, epoch: string|null}|undefined} stream where the store stands
 * @property {(live: boolean) => void} onSubscribed `live`: whether it came about by recovery, nothing missing
 * @property {() => void} onLost the position is lost: take a snapshot
 * @property {(error: ApiError|null) => void} onClosed the server ended it (null), or refused it
 * @property {(event: ChannelEvent) => void} [onEvent]
 */

export class Follower {
  #filling = false;
  #ended = false;

  /**
   * @param {{client: RealtimeClient, api: Api, store: AppStore, clock: import("../realtime/types.js").Clock}} parts
   * @param {FollowerOptions} options
   */
  constructor({ client, api, store, clock }, options) {
    this.client = client;
    this.api = api;
    this.store = store;
    this.clock = clock;
    this.options = options;
    this.batch = new Batch((...events) => store.dispatch(...events), clock);
    this.channel = client.channel(options.topic, { config: { recover: this.#position() } });
    this.channel.on("*", (event) => this.#heard(event));
    this.channel.onGap(() => void this.fill());
    this.channel.subscribe((status, error, result) => this.#status(status, error, result));
  }

  get isJoined() {
    return this.channel.state === "joined";
  }

  /** Stop following. */
  end() {
    this.#ended = true;
    this.batch.flush();
    void this.channel.unsubscribe();
  }

  /** The store was given a snapshot: follow from where it stands now. */
  restart() {
    this.batch.flush();
    this.channel.setPosition(this.#position());
  }

  /** Fetch the changes that are missing, and apply them. */
  async fill() {
    // While polling, the next poll fetches them, and nothing else may ask beside it.
    if (this.#filling || this.#ended || this.client.isPolling) return;
    this.#filling = true;
    try {
      let more = true;
      while (more && !this.#ended) {
        this.batch.flush();
        const position = this.#position();
        if (!position) break;
        const page = await this.api.changes(this.options.path, position);
        more = page.has_more;
        this.#applyPage(page, position);
      }
    } catch (error) {
      if (ApiError.from(error).code === "position_lost" && !this.#ended) this.#lost();
      // Anything else: the channel calls again while changes are missing.
    } finally {
      this.#filling = false;
    }
  }

  /**
   * @param {import("./api.js").ChangesPage} page
   * @param {Position} after
   */
  #applyPage(page, after) {
    if (this.#ended) return;
    const stream = this.options.topic;
    const at = this.clock.now();
    // Erased changes are left out of a page and keep their offsets, so what it covers is told apart.
    const through = page.has_more ? after.offset + CHANGES_PAGE : page.offset;
    const { epoch } = page;
    this.store.dispatch(
      ...page.changes.map(({ event, payload, offset }) => ({ event, payload, stream, offset, epoch, at })),
      { event: "local:stream:through", stream, payload: { offset: through, epoch }, at },
    );
    this.channel.advance(through);
  }

  /** @returns {Position|null} */
  #position() {
    const { offset = null, epoch = null } = this.options.stream() ?? {};
    return offset === null || epoch === null ? null : { offset, epoch };
  }

  /** @param {ChannelEvent} channelEvent */
  #heard(channelEvent) {
    if (this.#ended) return;
    const { event, payload, offset, epoch } = channelEvent;
    const stream = this.options.topic;
    const at = this.clock.now();
    if (event === "position") {
      this.batch.add({ event: "local:stream:through", stream, payload: payload.position, at });
    } else {
      this.batch.add({ event, payload, stream, offset, epoch, at });
    }
    this.options.onEvent?.(channelEvent);
  }

  /**
   * @param {string} status
   * @param {import("../realtime/errors.js").RealtimeError|null} [error]
   * @param {import("../realtime/types.js").JoinResult|null} [result]
   */
  #status(status, error, result) {
    if (this.#ended) return;
    this.batch.flush();
    if (status === "SUBSCRIBED") {
      if (result?.recovered === false) this.#lost();
      this.options.onSubscribed(result?.recovered !== false);
    } else if (status === "CLOSED") {
      this.options.onClosed(null);
    } else if (status === "CHANNEL_ERROR" && error) {
      const isFinal = error.code === "not_found" || error.code === "permission_denied" || error.code === "Unauthorized";
      if (isFinal) this.options.onClosed(ApiError.from(error));
    }
  }

  #lost() {
    this.store.dispatch({ event: "local:stream:lost", stream: this.options.topic, payload: {} });
    this.options.onLost();
  }
}
