/** What was written and not sent, per room, in this browser. It survives a reload and goes with the sign-out. */

const PREFIX = "parley:draft:";

/** @param {string} userId @param {string} roomId */
const keyOf = (userId, roomId) => `${PREFIX}${userId}:${roomId}`;

/** @returns {Storage | null} null where the browser forbids it: drafts then last as long as the page */
function storage() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

/** @param {string} userId @param {string} roomId @returns {string} */
export const readDraft = (userId, roomId) => storage()?.getItem(keyOf(userId, roomId)) ?? "";

/** @param {string} userId @param {string} roomId @param {string} text */
export function writeDraft(userId, roomId, text) {
  try {
    if (text.trim() === "") storage()?.removeItem(keyOf(userId, roomId));
    else storage()?.setItem(keyOf(userId, roomId), text);
  } catch {
    // The storage is full. The text still stands in the composer, and sending does not need it.
  }
}

/** @param {string} userId */
export function forgetDrafts(userId) {
  const kept = storage();
  if (!kept) return;
  for (const key of Object.keys(kept)) if (key.startsWith(`${PREFIX}${userId}:`)) kept.removeItem(key);
}
