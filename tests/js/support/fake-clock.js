import { setImmediate as nextTurn } from "node:timers/promises";

/** Let everything happen that waits for nothing but its turn. */
export async function settle() {
  for (let turn = 0; turn < 8; turn += 1) await nextTurn();
}

/** A small generator of numbers from 0 to 1 that gives the same ones for the same seed (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Time that passes when it is told to. */
export class FakeClock {
  #timers = new Map();
  #next = 1;

  constructor({ start = 1_000_000, random = seeded(1) } = {}) {
    this.time = start;
    this.random = random;
    this.now = () => this.time;
    this.setTimeout = (callback, ms) => {
      const id = this.#next++;
      this.#timers.set(id, { at: this.time + ms, callback, id });
      return id;
    };
    this.clearTimeout = (id) => this.#timers.delete(id);
  }

  get pending() {
    return this.#timers.size;
  }

  /** Let `ms` pass; timers ring at their times, and what they cause happens before time goes on. */
  async advance(ms) {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers.values()].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.id - b.id)[0];
      if (!due) break;
      this.#timers.delete(due.id);
      this.time = Math.max(this.time, due.at);
      due.callback();
      await settle();
    }
    this.time = end;
    await settle();
  }

  /** The machine sleeps: time passes, and timers stand still. */
  sleep(ms) {
    this.time += ms;
    for (const timer of this.#timers.values()) timer.at += ms;
  }
}

/** A signal that a test sets. */
export class FakeSignal {
  #listeners = new Set();

  constructor(value = true) {
    this.value = value;
    this.get = () => this.value;
    this.subscribe = (listen) => {
      this.#listeners.add(listen);
      return () => this.#listeners.delete(listen);
    };
  }

  set(value) {
    this.value = value;
    for (const listen of [...this.#listeners]) listen();
  }
}
