import { VSN } from "./constants.js";

/**
 * The address of the socket and the dialect that it speaks, from what the user gave.
 *
 * @param {string} given such as `ws://host:4000` (the path `/ws` is meant), `wss://host/socket`, `https://host/realtime/v1`
 * @returns {{url: string, dialect: "phx"|"chan"}}
 */
export function endpointOf(given) {
  const url = new URL(given);
  url.protocol = url.protocol.replace("http", "ws");
  const path = url.pathname.replace(/\/+$/, "");
  if (path === "") url.pathname = "/ws";
  else if (/\/(socket|realtime\/v1)$/.test(path)) url.pathname = `${path}/websocket`;
  url.searchParams.set("vsn", VSN);
  return { url: url.href, dialect: url.pathname.endsWith("/ws") ? "chan" : "phx" };
}

/**
 * The same server by HTTP.
 *
 * @param {string} socketUrl
 * @returns {string} without a path
 */
export function httpBaseOf(socketUrl) {
  const url = new URL(socketUrl);
  return `${url.protocol.replace("ws", "http")}//${url.host}`;
}

/**
 * How a browser hands over a token without writing it into an address: as the name of a subprotocol.
 *
 * @param {string|null} token
 * @returns {string[]}
 */
export function subprotocols(token) {
  if (!token) return ["phoenix"];
  const bytes = new TextEncoder().encode(token);
  const base64 = btoa(String.fromCharCode(...bytes));
  const unpadded = base64.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  return ["phoenix", `base64url.bearer.phx.${unpadded}`];
}
