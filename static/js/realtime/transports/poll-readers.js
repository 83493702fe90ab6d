import { CHANNEL_EVENTS } from "../constants.js";

/**
 * What one poll asks, and what its answers become. A reader runs alone: the guard of the transport sees to it.
 *
 * @typedef {import("../types.js").HttpAnswer} HttpAnswer
 * @typedef {import("../types.js").HttpRequest} HttpRequest
 * @typedef {import("../types.js").Position} Position
 * @typedef {import("../types.js").Requester} Requester
 * @typedef {import("./polling.js").Target} Target
 */

/**
 * The transport, as a reader sees it.
 *
 * @typedef {object} Reader
 * @property {Requester} request
 * @property {(target: Target) => boolean} isCurrent false once the topic was left while a request was under way
 * @property {(target: Target, response: any) => void} joined answers the join
 * @property {(target: Target, event: string, payload: any) => void} emit
 * @property {(target: Target) => void} lost the position is lost: the channel must join anew
 * @property {(roomId: string, offset: number) => void} moved a room was heard to have moved
 */

/**
 * @typedef {object} Page
 * @property {{offset: number, event: string, payload: any}[]} changes
 * @property {number} offset head of the stream
 * @property {string} epoch
 * @property {boolean} has_more
 */

/** Changes in one page. */
const PAGE = 200;

/** An answer that is no success. */
export class PollError extends Error {
  /** @param {HttpAnswer} answer */
  constructor(answer) {
    super(`HTTP ${answer.status}`);
    this.answer = answer;
  }
}

/**
 * One poll of a joined room.
 *
 * @param {Reader} reader
 * @param {Target} target
 */
export async function pollRoom(reader, target) {
  const answer = await get(reader, `rooms/${target.id}/meta`, {}, target.etag);
  if (answer.status === 304 || !reader.isCurrent(target)) return;
  const { offset, epoch } = answer.body;
  if (await catchUp(reader, target, `rooms/${target.id}/changes`, { epoch, offset })) {
    target.etag = answer.header("etag");
  }
}

/**
 * One poll of one's own stream and of all the other rooms.
 *
 * @param {Reader} reader
 * @param {Target} target
 */
export async function pollUser(reader, target) {
  let more = true;
  while (more) {
    const query = target.cursor === null ? {} : { since: target.cursor };
    const answer = await get(reader, "me/meta", query, target.etag);
    if (answer.status === 304 || !reader.isCurrent(target)) return;
    const { epoch, offset, cursor, changed } = answer.body;
    if (!(await catchUp(reader, target, "me/changes", { epoch, offset }))) return;
    for (const [roomId, roomOffset] of Object.entries(changed ?? {})) {
      reader.moved(roomId, roomOffset);
      reader.emit(target, "head", { room_id: roomId, room_offset: roomOffset });
    }
    more = answer.body.more === true && cursor !== target.cursor;
    target.cursor = cursor;
    // The tag belongs to the question that it answered; a question with another cursor has none yet.
    target.etag = query.since === cursor ? answer.header("etag") : null;
  }
}

/**
 * Bring a topic up to where its stream stands, and answer its join if that is open.
 *
 * @param {Reader} reader
 * @param {Target} target
 * @param {string} path of the changes
 * @param {Position} head
 * @returns {Promise<boolean>} false: left meanwhile, or the position is lost and the channel will join anew
 */
async function catchUp(reader, target, path, head) {
  const asked = target.position;
  if (!asked) {
    target.position = head;
    reader.joined(target, { position: head, recovered: null });
    return true;
  }
  let page = null;
  if (asked.epoch !== head.epoch) return positionLost(reader, target, head);
  // A head behind us is a cache's old answer or a log that went back; only the log itself can tell.
  if (asked.offset !== head.offset) {
    page = await changes(reader, path, asked);
    if (!reader.isCurrent(target)) return false;
    if (page === null) return positionLost(reader, target, head);
  }
  if (target.pendingRef !== null) reader.joined(target, { position: head, recovered: true });
  while (page) {
    tellPage(reader, target, page);
    if (!page.has_more) break;
    page = await changes(reader, path, /** @type {Position} */ (target.position));
    if (!reader.isCurrent(target)) return false;
    if (page === null) return positionLost(reader, target, head);
  }
  return true;
}

/**
 * Tell the changes of a page. Erased ones are left out of it and keep their offsets, so the page also says how far it goes:
 * to the head, or as far as its size.
 *
 * @param {Reader} reader
 * @param {Target} target
 * @param {Page} page
 */
function tellPage(reader, target, page) {
  const after = /** @type {Position} */ (target.position).offset;
  for (const { offset, event, payload } of page.changes) {
    reader.emit(target, event, { ...payload, offset, epoch: page.epoch });
  }
  const through = page.has_more ? after + PAGE : page.offset;
  target.position = { epoch: page.epoch, offset: through };
  if (through - after > page.changes.length) reader.emit(target, CHANNEL_EVENTS.position, { position: target.position });
}

/**
 * @param {Reader} reader
 * @param {Target} target
 * @param {Position} head
 */
function positionLost(reader, target, head) {
  if (target.pendingRef === null) {
    reader.lost(target);
    return false;
  }
  target.position = head;
  reader.joined(target, { position: head, recovered: false, reason: "position_lost" });
  return true;
}

/**
 * @param {Reader} reader
 * @param {string} path
 * @param {Position} position
 * @returns {Promise<Page|null>} null: the position is lost
 */
async function changes(reader, path, position) {
  const query = { after: position.offset, epoch: position.epoch, limit: PAGE };
  const answer = await get(reader, path, query, null, [410]);
  return answer.status === 410 ? null : answer.body;
}

/**
 * @param {Reader} reader
 * @param {string} path
 * @param {HttpRequest["query"]} query
 * @param {string|null} etag
 * @param {number[]} [allowed] other statuses that are answers
 * @returns {Promise<HttpAnswer>}
 */
async function get(reader, path, query, etag, allowed = []) {
  const headers = etag === null ? undefined : { "If-None-Match": etag };
  const answer = await reader.request({ method: "GET", path, query, headers });
  if (answer.status === 304 || allowed.includes(answer.status)) return answer;
  if (answer.status < 200 || answer.status >= 300) throw new PollError(answer);
  return answer;
}
