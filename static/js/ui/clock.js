/**
 * The minute hand of the screen: labels such as "Today" and "14:05" grow old, so components that show them are drawn
 * again when the minute (or the second, where one counts down) turns. One timer serves all; none runs while nobody asks.
 */

/** @type {Map<() => void, number>} listener → period in ms */
const listeners = new Map();
/** @type {ReturnType<typeof setTimeout> | null} */
let timer = null;

function plan() {
  if (timer !== null) clearTimeout(timer);
  timer = null;
  if (listeners.size === 0) return;
  const period = Math.min(...listeners.values());
  timer = setTimeout(tick, period - (Date.now() % period) + 5);
}

function tick() {
  const now = Date.now();
  for (const [listener, period] of listeners) {
    if (now % period < 1000) listener();
  }
  plan();
}

export const MINUTE = 60_000;
export const SECOND = 1_000;

/** Draws its host again every period while the host is in the page and `running`. */
export class Ticks {
  /**
   * @param {import("lit").ReactiveControllerHost} host
   * @param {number} period ms, MINUTE or SECOND
   */
  constructor(host, period) {
    this.period = period;
    this.running = true;
    this.listener = () => host.requestUpdate();
    this.connected = false;
    host.addController(this);
  }

  hostConnected() {
    this.connected = true;
    this.#apply();
  }

  hostDisconnected() {
    this.connected = false;
    this.#apply();
  }

  /** @param {boolean} running */
  run(running) {
    if (running === this.running) return;
    this.running = running;
    this.#apply();
  }

  #apply() {
    const wanted = this.connected && this.running;
    if (wanted === listeners.has(this.listener)) return;
    if (wanted) listeners.set(this.listener, this.period);
    else listeners.delete(this.listener);
    plan();
  }
}
