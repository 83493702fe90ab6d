/**
 * @typedef {import("./types.js").Clock} Clock
 * @typedef {import("./types.js").Signal} Signal
 */

/**
 * The platform's own time.
 *
 * @type {Clock}
 */
export const systemClock = {
  now: () => Date.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (handle) => clearTimeout(handle),
  random: () => Math.random(),
};

/**
 * A signal that never changes.
 *
 * @param {boolean} value
 * @returns {Signal}
 */
export function constantSignal(value) {
  return { get: () => value, subscribe: () => () => {} };
}
