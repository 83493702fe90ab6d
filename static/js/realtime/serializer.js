import { CHANNEL_EVENTS } from "./constants.js";

/**
 * @typedef {import("./types.js").Message} Message
 */

/** What goes on the wire for the SDK's own names; the `chan` dialect has them as they are. */
const PHX_NAMES = Object.freeze({
  [CHANNEL_EVENTS.join]: "phx_join",
  [CHANNEL_EVENTS.leave]: "phx_leave",
  [CHANNEL_EVENTS.reply]: "phx_reply",
  [CHANNEL_EVENTS.error]: "phx_error",
  [CHANNEL_EVENTS.close]: "phx_close",
});

/** @type {Record<"phx"|"chan", Record<string, string>>} */
const OUTGOING = { phx: PHX_NAMES, chan: {} };

// Either dialect is understood on the way in, whatever was asked for.
const INCOMING = Object.fromEntries(Object.entries(PHX_NAMES).map(([ours, wire]) => [wire, ours]));

/** Kinds of binary frames, see docs/sdk-js.md. */
const BINARY = Object.freeze({ push: 0, reply: 1, broadcast: 2, userBroadcast: 4 });

const text = new TextDecoder();

/** A frame that is not one of the protocol. */
export class FrameError extends Error {}

/**
 * Turns messages into frames and back. Frames are arrays `[join_ref, ref, topic, event, payload]` (vsn 2.0.0).
 */
export class Serializer {
  /** @param {"phx"|"chan"} dialect names of the protocol's own events on the wire */
  constructor(dialect = "phx") {
    this.dialect = dialect;
  }

  /**
   * @param {Message} message
   * @returns {string}
   */
  encode(message) {
    const event = OUTGOING[this.dialect][message.event] ?? message.event;
    return JSON.stringify([message.join_ref, message.ref, message.topic, event, message.payload]);
  }

  /**
   * @param {string|ArrayBuffer} frame
   * @returns {Message}
   * @throws {FrameError} when it is not a frame
   */
  decode(frame) {
    return typeof frame === "string" ? decodeText(frame) : decodeBinary(frame);
  }
}

/**
 * @param {string} frame
 * @returns {Message}
 */
function decodeText(frame) {
  let parts;
  try {
    parts = JSON.parse(frame);
  } catch {
    throw new FrameError("a frame is not JSON");
  }
  if (!Array.isArray(parts) || parts.length !== 5) throw new FrameError("a frame has five parts");
  const [joinRef, ref, topic, event, payload] = parts;
  if (typeof topic !== "string" || typeof event !== "string") throw new FrameError("topic and event are strings");
  // The chan dialect may number its frames; inside, refs are strings.
  return {
    join_ref: joinRef === null ? null : String(joinRef),
    ref: ref === null ? null : String(ref),
    topic,
    event: INCOMING[event] ?? event,
    payload,
  };
}

/**
 * @param {ArrayBuffer} buffer
 * @returns {Message}
 */
function decodeBinary(buffer) {
  const bytes = new Uint8Array(buffer);
  const kind = bytes[0];
  if (kind === BINARY.push) {
    const [joinRef, topic, event, data] = cut(bytes, 3);
    return { join_ref: string(joinRef), ref: null, topic: string(topic), event: string(event), payload: data };
  }
  if (kind === BINARY.reply) {
    const [joinRef, ref, topic, status, data] = cut(bytes, 4);
    const payload = { status: string(status), response: data };
    return { join_ref: string(joinRef), ref: string(ref), topic: string(topic), event: CHANNEL_EVENTS.reply, payload };
  }
  if (kind === BINARY.broadcast) {
    const [topic, event, data] = cut(bytes, 2);
    const payload = { type: "broadcast", event: string(event), payload: data };
    return { join_ref: null, ref: null, topic: string(topic), event: CHANNEL_EVENTS.broadcast, payload };
  }
  if (kind === BINARY.userBroadcast) return decodeUserBroadcast(bytes);
  throw new FrameError("unknown kind of binary frame");
}

/**
 * @param {Uint8Array} bytes
 * @returns {Message}
 */
function decodeUserBroadcast(bytes) {
  const [topic, event, meta, data] = cut(bytes, 3, 1);
  const isJson = bytes[4] === 1;
  const payload = {
    type: "broadcast",
    event: string(event),
    payload: isJson ? JSON.parse(text.decode(data)) : data,
    ...(meta?.length ? { meta: JSON.parse(text.decode(meta)) } : {}),
  };
  return { join_ref: null, ref: null, topic: string(topic), event: CHANNEL_EVENTS.broadcast, payload };
}

/**
 * Cut a binary frame: one byte of kind, `count` sizes, `extra` other bytes, the pieces, the rest.
 *
 * @param {Uint8Array} bytes
 * @param {number} count
 * @param {number} [extra]
 * @returns {Uint8Array[]}
 */
function cut(bytes, count, extra = 0) {
  const pieces = [];
  let start = 1 + count + extra;
  for (let i = 0; i < count; i += 1) {
    const end = start + (bytes[1 + i] ?? 0);
    if (end > bytes.length) throw new FrameError("a binary frame is too short");
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  pieces.push(bytes.slice(start));
  return pieces;
}

/**
 * @param {Uint8Array|undefined} bytes
 * @returns {string}
 */
function string(bytes) {
  return text.decode(bytes);
}
