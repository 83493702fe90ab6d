/**
 * The loaded part of a room's history, as pure functions.
 *
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Reaction} Reaction
 * @typedef {import("./types.js").Stray} Stray
 * @typedef {import("./types.js").Timeline} Timeline
 */
import { without } from "./state.js";

/** Characters (code points) of a message in the answers to it, as in chat/payloads.py. */
export const EXCERPT_LENGTH = 140;

/**
 * Order of two messages: (lamport, origin, id). Where the server does not send the first two, there is one installation, and
 * then the order is that of `seq`.
 *
 * @param {Message} a
 * @param {Message} b
 * @returns {number}
 */
export function compareMessages(a, b) {
  const first = (a.lamport ?? a.seq) - (b.lamport ?? b.seq);
  if (first !== 0) return first;
  return compareText(a.origin ?? "", b.origin ?? "") || compareText(a.id, b.id);
}

/**
 * @param {string} a
 * @param {string} b
 */
function compareText(a, b) {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * @param {Timeline} timeline
 * @param {string} id
 * @returns {number} −1 when it is not loaded; newest messages are found fastest
 */
export function indexOf(timeline, id) {
  return timeline.messages.findLastIndex((message) => message.id === id);
}

/**
 * A message is new, or is now as given. An older form of one that is there changes nothing.
 *
 * @param {Timeline} timeline
 * @param {Message} message
 * @returns {Timeline}
 */
export function putMessage(timeline, message) {
  const index = indexOf(timeline, message.id);
  if (index >= 0) return replaceAt(timeline, index, message);
  const quoted = message.reply_to ? timeline.messages[indexOf(timeline, message.reply_to.id)] : undefined;
  const messages = [...timeline.messages];
  let place = messages.length;
  while (place > 0 && compareMessages(/** @type {Message} */ (messages[place - 1]), message) > 0) place -= 1;
  messages.splice(place, 0, quoting(message, quoted));
  return { ...timeline, messages };
}

/**
 * A message was changed. When it is not loaded, that is remembered for the page that will bring it.
 *
 * @param {Timeline} timeline
 * @param {Message} message
 * @returns {Timeline}
 */
export function changeMessage(timeline, message) {
  const index = indexOf(timeline, message.id);
  if (index >= 0) {
    const changed = replaceAt(timeline, index, message);
    return changed === timeline ? timeline : quoteAnew(changed, message);
  }
  const known = timeline.strays[message.id];
  if (known && known.offset >= message.offset) return timeline;
  const strays = { ...timeline.strays, [message.id]: { message, offset: message.offset } };
  return quoteAnew({ ...timeline, strays }, message);
}

/**
 * Answers show the beginning of what they answer; when that changes, so do they.
 *
 * @param {Timeline} timeline
 * @param {Message} quoted
 * @returns {Timeline}
 */
function quoteAnew(timeline, quoted) {
  if (!timeline.messages.some(({ reply_to: reply }) => reply?.id === quoted.id)) return timeline;
  return { ...timeline, messages: timeline.messages.map((message) => quoting(message, quoted)) };
}

/**
 * The message with the excerpt of the one it answers as that is now.
 *
 * @param {Message} message
 * @param {Message|undefined} quoted
 * @returns {Message}
 */
export function quoting(message, quoted) {
  const reply = message.reply_to;
  if (!quoted || reply?.id !== quoted.id) return message;
  const excerpt = [...quoted.content].slice(0, EXCERPT_LENGTH).join("");
  return reply.excerpt === excerpt ? message : { ...message, reply_to: { ...reply, excerpt } };
}

/**
 * @param {Timeline} timeline
 * @param {string} id
 * @param {Reaction[]} reactions
 * @param {number} offset of the change
 * @returns {Timeline}
 */
export function changeReactions(timeline, id, reactions, offset) {
  const index = indexOf(timeline, id);
  const message = timeline.messages[index];
  if (message) return replaceAt(timeline, index, { ...message, reactions, offset });
  const known = timeline.strays[id];
  if (known && known.offset >= offset) return timeline;
  const whole = known?.message ? { message: { ...known.message, reactions, offset } } : { reactions };
  return { ...timeline, strays: { ...timeline.strays, [id]: { ...whole, offset } } };
}

/**
 * The newest page, in place of all that was loaded.
 *
 * @param {Timeline} timeline
 * @param {Message[]} messages
 * @param {boolean} hasMore whether there are earlier ones
 * @returns {Timeline}
 */
export function takeSnapshot(timeline, messages, hasMore) {
  const sorted = [...messages].sort(compareMessages);
  const first = sorted[0];
  return {
    ...timeline,
    status: "ready",
    error: null,
    messages: sorted,
    holes: first && hasMore ? { [first.id]: true } : {},
    filling: {},
    strays: {},
  };
}

/**
 * A page of the messages right before `beforeId`.
 *
 * It closes the hole there. Its own first message gets one if there is more before it, unless it was loaded already: then
 * the page has reached the part beyond the hole, and what is known about that stays.
 *
 * @param {Timeline} timeline
 * @param {string} beforeId
 * @param {Message[]} page
 * @param {boolean} hasMore
 * @returns {Timeline}
 */
export function addPageBefore(timeline, beforeId, page, hasMore) {
  const filling = without(timeline.filling, beforeId);
  if (indexOf(timeline, beforeId) < 0) return { ...timeline, filling };
  const holes = { ...without(timeline.holes, beforeId) };
  const loaded = new Map(timeline.messages.map((message) => [message.id, message]));
  const strays = { ...timeline.strays };
  /** @param {string} id */
  const newest = (id) => loaded.get(id) ?? timeline.strays[id]?.message;
  const first = [...page].sort(compareMessages)[0];
  if (first && !hasMore) delete holes[first.id];
  else if (first && !loaded.has(first.id)) holes[first.id] = true;
  for (const message of page) {
    if (message !== first) delete holes[message.id];
    const known = loaded.get(message.id);
    if (!known || known.offset < message.offset) loaded.set(message.id, withStray(message, strays[message.id]));
    delete strays[message.id];
  }
  const messages = [...loaded.values()].map((message) => quoting(message, message.reply_to ? newest(message.reply_to.id) : undefined));
  return { ...timeline, messages: messages.sort(compareMessages), holes, filling, strays };
}

/**
 * @param {Message} message
 * @param {Stray|undefined} stray
 * @returns {Message}
 */
function withStray(message, stray) {
  if (!stray || stray.offset <= message.offset) return message;
  return stray.message ?? { ...message, reactions: stray.reactions ?? message.reactions, offset: stray.offset };
}

/**
 * @param {Timeline} timeline
 * @param {number} index
 * @param {Message} message
 * @returns {Timeline}
 */
function replaceAt(timeline, index, message) {
  const known = timeline.messages[index];
  if (!known || known.offset >= message.offset) return timeline;
  const messages = [...timeline.messages];
  messages[index] = message;
  return { ...timeline, messages };
}
