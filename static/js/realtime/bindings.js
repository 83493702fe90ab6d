import { CHANNEL_EVENTS } from "./constants.js";

/**
 * A change or any other event of a topic, the same on every transport.
 *
 * @typedef {object} ChannelEvent
 * @property {string} event
 * @property {any} payload
 * @property {number} [offset] durable events only: place in the topic's stream of changes
 * @property {string} [epoch]
 */

/** @typedef {{type: string, filter: Record<string, string>, callback: (event: any) => void}} Binding */

/**
 * Who wants to hear what.
 */
export class Bindings {
  /** @type {Binding[]} */
  #bindings = [];

  /**
   * @param {string} type
   * @param {Record<string, string>} filter
   * @param {(event: any) => void} callback
   */
  add(type, filter, callback) {
    this.#bindings.push({ type, filter, callback });
  }

  /**
   * @param {string} type
   * @param {(event: any) => void} [callback] without it: all of the type
   */
  remove(type, callback) {
    this.#bindings = this.#bindings.filter((item) => item.type !== type || (callback && item.callback !== callback));
  }

  /**
   * Tell those who bound this type, with a filter that fits the event's name or none.
   *
   * @param {string} type
   * @param {any} event
   * @param {string} [name]
   */
  tell(type, event, name) {
    for (const item of this.#bindings) {
      const wanted = item.filter.event;
      if (item.type === type && (wanted === undefined || wanted === "*" || wanted === name)) item.callback(event);
    }
  }

  /**
   * Broadcasts and system events come as their payload, which names them; all others whole, and to "*" too.
   *
   * @param {ChannelEvent} event
   */
  tellEvent(event) {
    if (event.event === CHANNEL_EVENTS.broadcast || event.event === CHANNEL_EVENTS.system) {
      this.tell(event.event, event.payload, event.payload?.event);
    } else {
      this.tell(event.event, event);
      this.tell("*", event);
    }
  }
}
