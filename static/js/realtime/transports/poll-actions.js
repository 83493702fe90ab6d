/**
 * What a client's push is over HTTP. The replies have the shape that they have on the socket.
 *
 * @typedef {import("../types.js").HttpAnswer} HttpAnswer
 * @typedef {import("../types.js").HttpRequest} HttpRequest
 * @typedef {import("../types.js").ReplyPayload} ReplyPayload
 */

/**
 * @typedef {object} Action
 * @property {HttpRequest} request
 * @property {(body: any) => any} [response] what the reply carries, from the body of the answer
 */

/** @param {any} message */
const asMessage = (message) => ({ message });

/** @type {Record<string, (roomId: string, payload: any) => Action>} */
const ROOM_ACTIONS = {
  "message:send": (roomId, payload) => ({
    request: { method: "POST", path: `rooms/${roomId}/messages`, body: payload },
    response: asMessage,
  }),
  "message:edit": (_roomId, { message_id: id, ...body }) => ({
    request: { method: "PUT", path: `messages/${id}`, body },
    response: asMessage,
  }),
  "message:recall": (_roomId, { message_id: id }) => ({ request: { method: "DELETE", path: `messages/${id}` } }),
  read: (roomId, { seq }) => ({
    request: { method: "PATCH", path: "messages/mark-read", body: { conversation_id: roomId, seq } },
  }),
};

/**
 * @param {string} topic
 * @param {string} event
 * @param {any} payload
 * @returns {Action|null} null: this can only be done over a socket
 */
export function actionFor(topic, event, payload) {
  const roomId = /^room:(.+)$/.exec(topic)?.[1];
  const make = roomId ? ROOM_ACTIONS[event] : undefined;
  return make ? make(/** @type {string} */ (roomId), payload ?? {}) : null;
}

/**
 * @param {Action} action
 * @param {HttpAnswer} answer
 * @returns {ReplyPayload}
 */
export function replyFrom(action, answer) {
  if (answer.status >= 200 && answer.status < 300) {
    return { status: "ok", response: action.response ? action.response(answer.body) : (answer.body ?? {}) };
  }
  const error = answer.body?.errors?.[0];
  const response = {
    ...answer.body,
    code: error?.code ?? `http_${answer.status}`,
    reason: error?.detail ?? "The server refused this.",
    status: answer.status,
    retry_after: retryAfter(answer),
  };
  return { status: "error", response };
}

/**
 * @param {HttpAnswer} answer
 * @returns {number|null} seconds
 */
export function retryAfter(answer) {
  const value = answer.header("retry-after");
  if (value === null) return null;
  const seconds = Number(value);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}
