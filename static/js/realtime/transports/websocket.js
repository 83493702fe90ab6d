import { SOCKET_STATES } from "../constants.js";

/**
 * @typedef {import("../types.js").Message} Message
 * @typedef {import("../types.js").Transport} Transport
 * @typedef {import("../types.js").TransportEvents} TransportEvents
 * @typedef {import("../types.js").WebSocketLike} WebSocketLike
 */

/**
 * Frames over a WebSocket.
 *
 * @implements {Transport}
 */
export class WebSocketTransport {
  /** @type {"websocket"} */
  kind = "websocket";
  /** @type {WebSocketLike|null} */
  #socket = null;

  /**
   * @param {object} options
   * @param {() => WebSocketLike} options.create
   * @param {import("../serializer.js").Serializer} options.serializer
   * @param {TransportEvents} options.events
   * @param {(kind: string, text: string, data?: unknown) => void} options.log
   */
  constructor({ create, serializer, events, log }) {
    this.create = create;
    this.serializer = serializer;
    this.events = events;
    this.log = log;
  }

  open() {
    let socket;
    try {
      socket = this.create();
    } catch (error) {
      this.log("transport", "no WebSocket", error);
      this.events.onClose({ code: 1006, reason: "no WebSocket" });
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.events.onOpen();
    socket.onmessage = (event) => this.#receive(event.data);
    // What went wrong is never told; a close always follows.
    socket.onerror = () => {};
    socket.onclose = (event) => {
      this.#detach();
      this.events.onClose({ code: event?.code ?? 1006, reason: event?.reason ?? "" });
    };
    if (socket.readyState === SOCKET_STATES.open) this.events.onOpen();
  }

  /** @param {Message} message */
  send(message) {
    if (this.#socket?.readyState === SOCKET_STATES.open) this.#socket.send(this.serializer.encode(message));
  }

  /**
   * @param {number} [code]
   * @param {string} [reason]
   */
  close(code = 1000, reason = "") {
    const socket = this.#socket;
    this.#detach();
    socket?.close(code, reason);
  }

  wake() {}

  nextAttemptAt() {
    return null;
  }

  /** @param {string|ArrayBuffer} data */
  #receive(data) {
    let message;
    try {
      message = this.serializer.decode(data);
    } catch (error) {
      this.log("transport", "dropped what is not a frame", error);
      return;
    }
    this.events.onMessage(message);
  }

  #detach() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    // A socket closed while it connects still reports an error.
    socket.onerror = () => {};
  }
}
