/** What is said of the connection: in the chip, and to who listens. Pure. */

import { clock } from "./format.js";

/** @typedef {import("../chat/types.js").ConnectionInfo} ConnectionInfo */
/** @typedef {{tone: "good" | "busy" | "bad", text: string, title: string, retry: boolean}} ChipText */

/** A short loss is not worth a word; changes that stay missing for longer are. ms */
const BEHIND_AFTER = 3_000;

/**
 * @param {ConnectionInfo} connection
 * @param {number | null} behindSince ms; changes of the open room are known to be missing since then
 * @param {number} now ms
 * @returns {ChipText}
 */
export function describe(connection, behindSince, now) {
  const behind = behindSince !== null && now - behindSince > BEHIND_AFTER ? behindSince : null;
  switch (connection.state) {
    case "offline":
      return {
        tone: "bad",
        text: behind ? `Offline since ${clock(behind)}` : "Offline",
        title: "There is no network. What you write is kept and sent later.",
        retry: true,
      };
    case "reconnecting":
      return { tone: "bad", text: waiting(connection, now), title: "The connection was lost. What you write is kept.", retry: true };
    case "polling":
      if (behind) return behindText(behind);
      return {
        tone: "busy",
        text: "Polling",
        title: "The direct connection is not available here, so Parley asks every few seconds. Nothing gets lost.",
        retry: true,
      };
    case "live":
      return behind ? behindText(behind) : { tone: "good", text: "Live", title: "Connected: messages arrive at once.", retry: false };
    default:
      return { tone: "busy", text: "Connecting", title: "Connecting to the server.", retry: false };
  }
}

/** @param {number} since @returns {ChipText} */
function behindText(since) {
  return { tone: "busy", text: `Behind since ${clock(since)}`, title: "Some changes are missing and being fetched.", retry: true };
}

/** @param {ConnectionInfo} connection @param {number} now */
function waiting(connection, now) {
  if (connection.attempting || connection.nextAttemptAt === null) return "Reconnecting";
  const seconds = Math.max(1, Math.ceil((connection.nextAttemptAt - now) / 1000));
  return `Reconnecting in ${seconds} s`;
}

/** What a screen reader is told, without the numbers that change every second. @param {ConnectionInfo["state"]} state */
export function spoken(state) {
  switch (state) {
    case "live":
      return "Connected";
    case "polling":
      return "Connected by polling";
    case "reconnecting":
      return "Connection lost, reconnecting";
    case "offline":
      return "Offline";
    default:
      return "";
  }
}
