/** The face of a person or a room: its picture, or its letters on a quiet tint. */

import { html } from "lit";

import { faceTint, initials } from "./format.js";

/**
 * Decoration: the name stands beside it.
 *
 * @param {{id: string, name: string, avatar?: string | null, room?: boolean, size?: "" | "large" | "tiny-face"}} of
 */
export function face({ id, name, avatar = null, room = false, size = "" }) {
  const classes = `face ${faceTint(id)} ${size} ${room ? "square" : ""}`;
  if (avatar) return html`<span class=${classes} aria-hidden="true"><img src=${avatar} alt="" loading="lazy" /></span>`;
  return html`<span class=${classes} aria-hidden="true">${initials(name)}</span>`;
}

/** Stands where the account was erased. @type {import("../chat/types.js").UserCard} */
const ERASED = { id: "", display_name: "Erased account", avatar: null };

/** Who wrote a message. @param {import("../chat/types.js").Message} message */
export const author = (message) => message.sender ?? ERASED;

/** @param {import("../chat/types.js").UserCard} user @param {"" | "large" | "tiny-face"} [size] */
export const userFace = (user, size = "") => face({ id: user.id, name: user.display_name, avatar: user.avatar, size });

/**
 * @param {import("../chat/types.js").Room} room
 * @param {string} title
 * @param {import("../chat/types.js").UserCard | null} other the other person of a direct room
 * @param {"" | "large" | "tiny-face"} [size]
 */
export function roomFace(room, title, other, size = "") {
  if (room.kind === "direct" && other) return userFace(other, size);
  return face({ id: room.id, name: title, room: room.kind !== "direct", size });
}
