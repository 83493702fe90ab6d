/**
 * Names and numbers of the wire. The close codes mirror `realtime/close_codes.py`; a test compares the two.
 */

/** Protocol version of the frames: arrays `[join_ref, ref, topic, event, payload]`. */
export const VSN = "2.0.0";

/** How long a push waits for its reply, in ms. */
export const DEFAULT_TIMEOUT = 10_000;

/** Pause between the answer to one heartbeat and the next, in ms. */
export const HEARTBEAT_INTERVAL = 25_000;

/** `readyState` of a socket. */
export const SOCKET_STATES = Object.freeze({ connecting: 0, open: 1, closing: 2, closed: 3 });

/** What `RealtimeClient.connectionState()` answers. */
export const CONNECTION_STATE = Object.freeze({
  Connecting: "connecting",
  Connected: "connected",
  Disconnected: "disconnected",
});

/** What `RealtimeClient.link` says in more detail; see ConnectionInfo. */
export const LINK_STATE = Object.freeze({
  idle: "idle",
  connecting: "connecting",
  live: "live",
  polling: "polling",
  reconnecting: "reconnecting",
  offline: "offline",
});

/** States of a channel. */
export const CHANNEL_STATES = Object.freeze({
  closed: "closed",
  errored: "errored",
  joined: "joined",
  joining: "joining",
  leaving: "leaving",
});

/** What the callback of `subscribe` is told. */
export const SUBSCRIBE_STATES = Object.freeze({
  SUBSCRIBED: "SUBSCRIBED",
  TIMED_OUT: "TIMED_OUT",
  CLOSED: "CLOSED",
  CHANNEL_ERROR: "CHANNEL_ERROR",
});

/** Events of the protocol itself, by the names that the SDK uses inside and that the `chan` dialect has on the wire. */
export const CHANNEL_EVENTS = Object.freeze({
  join: "chan:join",
  leave: "chan:leave",
  reply: "chan:reply",
  error: "chan:error",
  close: "chan:close",
  heartbeat: "heartbeat",
  accessToken: "access_token",
  broadcast: "broadcast",
  presence: "presence",
  presenceState: "presence_state",
  presenceDiff: "presence_diff",
  system: "system",
  /** Polling only: everything up to here was told, though offsets were left out (erased changes). */
  position: "position",
});

/** The topic of heartbeats. */
export const CONNECTION_TOPIC = "phoenix";

/** Codes with which a socket is closed. */
export const CLOSE_CODES = Object.freeze({
  NORMAL: 1000,
  GOING_AWAY: 1001,
  MESSAGE_TOO_BIG: 1009,
  SERVICE_RESTART: 1012,
  RESTARTING: 4001,
  SLOW_CONSUMER: 4002,
  MOVED: 4003,
  TOKEN_EXPIRED: 4004,
  TOKEN_REVOKED: 4501,
  BANNED: 4502,
  PROTOCOL_ERROR: 4503,
  TOO_MANY_CONNECTIONS: 4504,
});

/** Codes of a refused join for which joining again by itself is pointless. */
export const FINAL_REASONS = new Set(["not_found", "permission_denied", "Unauthorized", "TopicNameRequired", "InvalidJoinPayload"]);

/** Codes of a refused join that a new token may cure. */
export const TOKEN_REASONS = new Set(["InvalidJWTToken", "MalformedJWT", "authentication_failed", "not_authenticated"]);

/**
 * Whether the server says with this code that another socket is pointless.
 *
 * @param {number} code
 * @returns {boolean}
 */
export function isFinalClose(code) {
  return code >= 4500 && code <= 4999;
}
