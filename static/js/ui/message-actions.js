/** What one may do with a message, and doing it. */

import { app, notify, openDialog } from "./context.js";
import { explain } from "./format.js";

/** @typedef {import("../chat/types.js").Message} Message */
/** @typedef {import("../chat/types.js").Room} Room */
/** @typedef {import("../chat/types.js").Me} Me */
/** @typedef {import("../chat/types.js").TimelineItem} TimelineItem */
/** @typedef {import("./message.js").Action} Action */

/** @param {Room | undefined} room */
export const maySend = (room) => Boolean(room && room.my_role && room.my_role !== "guest" && !room.is_frozen);

/** The server judges; this only hides what would be refused anyway. @param {Message} message @param {Room} room @param {Me} me */
function mayRecall(message, room, me) {
  if (me.role === "moderator" || me.role === "admin") return true;
  if (message.sender_id === me.id) return true;
  return room.kind !== "direct" && (room.my_role === "owner" || room.my_role === "admin");
}

/**
 * @param {TimelineItem} item
 * @param {Room | undefined} room
 * @param {Me | null} me
 * @returns {Action[]}
 */
export function actionsFor(item, room, me) {
  if (item.kind !== "message" || item.message.is_deleted || !room || !me) return [];
  const { message } = item;
  /** @type {Action[]} */
  const actions = [{ name: "copy", label: "Copy text", icon: "copy" }];
  if (maySend(room)) actions.unshift({ name: "reply", label: "Reply", icon: "reply" });
  if (message.sender_id === me.id && maySend(room)) actions.push({ name: "edit", label: "Edit", icon: "edit" });
  if (mayRecall(message, room, me)) actions.push({ name: "recall", label: "Recall for everyone", icon: "recall" });
  return actions;
}

/** @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify("Copied.");
  } catch {
    notify("The browser did not allow copying.", "error");
  }
}

/** Ask, then recall. @param {Message} message */
export function confirmRecall(message) {
  openDialog("confirm", {
    title: "Recall this message?",
    text: "It disappears for everyone. A note that it was recalled stays in its place.",
    label: "Recall",
    run: () => app().recall(message.id).catch((error) => notify(explain(error), "error")),
  });
}
