/**
 * Who is on a topic. The server sends the whole once (`presence_state`) and then what changes (`presence_diff`); a diff that
 * comes before the whole waits for it. After Phoenix's `presence.js`.
 *
 * @typedef {{phx_ref?: string, phx_ref_prev?: string} & Record<string, unknown>} Meta as on the wire
 * @typedef {{presence_ref: string} & Record<string, unknown>} Presence one connection of a key
 * @typedef {Record<string, {metas: Meta[]}>} WireState
 */

/**
 * @typedef {object} PresenceEvent
 * @property {"sync"|"join"|"leave"} event
 * @property {string} [key]
 * @property {Presence[]} [currentPresences] of the key, before a join or after a leave
 * @property {Presence[]} [newPresences]
 * @property {Presence[]} [leftPresences]
 */

export class RealtimePresence {
  /** @type {Record<string, Presence[]>} */
  state = {};
  #known = false;
  /** @type {{joins: WireState, leaves: WireState}[]} */
  #waiting = [];

  /** @param {(event: PresenceEvent) => void} tell */
  constructor(tell) {
    this.tell = tell;
  }

  reset() {
    this.state = {};
    this.#known = false;
    this.#waiting = [];
  }

  /** @param {WireState} whole */
  syncState(whole) {
    const now = unwrap(whole);
    /** @type {Record<string, Presence[]>} */
    const joins = {};
    /** @type {Record<string, Presence[]>} */
    const leaves = {};
    for (const key of new Set([...Object.keys(this.state), ...Object.keys(now)])) {
      joins[key] = without(now[key], this.state[key]);
      leaves[key] = without(this.state[key], now[key]);
    }
    this.#apply(joins, leaves);
    this.#known = true;
    for (const diff of this.#waiting.splice(0)) this.#apply(unwrap(diff.joins), unwrap(diff.leaves));
    this.tell({ event: "sync" });
  }

  /** @param {{joins: WireState, leaves: WireState}} diff */
  syncDiff(diff) {
    if (!this.#known) {
      this.#waiting.push(diff);
      return;
    }
    this.#apply(unwrap(diff.joins), unwrap(diff.leaves));
    this.tell({ event: "sync" });
  }

  /**
   * @param {Record<string, Presence[]>} joins
   * @param {Record<string, Presence[]>} leaves
   */
  #apply(joins, leaves) {
    for (const [key, joined] of Object.entries(joins)) {
      if (!joined.length) continue;
      const current = this.state[key] ?? [];
      this.state[key] = [...without(current, joined), ...joined];
      this.tell({ event: "join", key, currentPresences: current, newPresences: joined });
    }
    for (const [key, left] of Object.entries(leaves)) {
      if (!left.length || !this.state[key]) continue;
      const current = without(this.state[key], left);
      if (current.length) this.state[key] = current;
      else delete this.state[key];
      this.tell({ event: "leave", key, currentPresences: current, leftPresences: left });
    }
  }
}

/**
 * @param {WireState} wire
 * @returns {Record<string, Presence[]>}
 */
function unwrap(wire) {
  return Object.fromEntries(
    Object.entries(wire ?? {}).map(([key, { metas }]) => [
      key,
      metas.map(({ phx_ref: ref, phx_ref_prev: _previous, ...meta }) => ({ presence_ref: String(ref), ...meta })),
    ]),
  );
}

/**
 * @param {Presence[]} [all]
 * @param {Presence[]} [some]
 * @returns {Presence[]}
 */
function without(all = [], some = []) {
  const refs = new Set(some.map((item) => item.presence_ref));
  return all.filter((item) => !refs.has(item.presence_ref));
}
