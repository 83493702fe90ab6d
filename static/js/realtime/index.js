/**
 * The browser SDK of Parley. See docs/sdk-js.md.
 */
export { RealtimeChannel } from "./channel.js";
export { RealtimeClient } from "./client.js";
export {
  CHANNEL_EVENTS,
  CHANNEL_STATES,
  CLOSE_CODES,
  CONNECTION_STATE,
  DEFAULT_TIMEOUT,
  HEARTBEAT_INTERVAL,
  LINK_STATE,
  SOCKET_STATES,
  SUBSCRIBE_STATES,
  VSN,
} from "./constants.js";
export { RealtimeError } from "./errors.js";
export { RealtimePresence } from "./presence.js";
