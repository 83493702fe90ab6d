/** One line of the timeline: a message, one on its way, or what is left of a recalled one. */

import { html, nothing } from "lit";
import { ifDefined } from "lit/directives/if-defined.js";
import { unsafeHTML } from "lit/directives/unsafe-html.js";

import { author, userFace } from "./avatar.js";
import { clock, fullTime, oneLine } from "./format.js";
import { icon } from "./icons.js";

/** @typedef {import("../chat/types.js").Message} Message */
/** @typedef {import("../chat/types.js").OutboxEntry} OutboxEntry */
/** @typedef {import("../chat/types.js").UserCard} UserCard */
/** @typedef {"reply" | "copy" | "edit" | "recall" | "retry" | "discard"} ActionName */
/** @typedef {{name: ActionName, label: string, icon: import("./icons.js").IconName}} Action */

/** Longer texts are folded. Characters; lines */
const FOLD_LENGTH = 3_000;
const FOLD_LINES = 40;

/**
 * @typedef {object} LineOptions
 * @property {string} key
 * @property {boolean} head first of a group
 * @property {boolean} own
 * @property {boolean} active its actions are shown
 * @property {boolean} current the one that takes part in the Tab order
 * @property {boolean} unfolded
 * @property {boolean} flash just jumped to
 * @property {Action[]} actions
 */

/** @param {string} text */
const isLong = (text) => text.length > FOLD_LENGTH || text.split("\n", FOLD_LINES + 1).length > FOLD_LINES;

/** What a screen reader says for the whole of it. @param {Message} message */
export function spokenMessage(message) {
  const text = message.is_deleted ? "message recalled" : oneLine(message.content, 500);
  const edited = message.edited_at && !message.is_deleted ? ", edited" : "";
  return `${author(message).display_name}, ${clock(message.created_at)}: ${text}${edited}`;
}

/** @param {string | number} at @param {string} className */
const time = (at, className) =>
  html`<time class=${className} datetime=${new Date(at).toISOString()} title=${fullTime(at)}>${clock(at)}</time>`;

/** @param {UserCard} sender @param {string | number} at @param {boolean} own */
const heading = (sender, at, own) => html`<div class="line-head">
  <bdi class="line-name ${own ? "own" : ""}">${sender.display_name}</bdi>${time(at, "line-time number")}
</div>`;

/** @param {Action[]} actions */
const toolbar = (actions) => html`<div class="line-actions" role="group" aria-label="Actions">
  ${actions.map(
    (action) => html`<button class="icon-button" data-action=${action.name} title=${action.label} aria-label=${action.label}>
      ${icon(action.icon, 18)}
    </button>`,
  )}
</div>`;

/** @param {import("../chat/types.js").ReplyTo} quoted */
const quote = (quoted) => html`<button class="quote" data-action="jump" data-target=${quoted.id} title="Go to that message">
  <bdi class="quote-name">${quoted.sender_name}</bdi> <span class="quote-text" dir="auto">${quoted.excerpt || "Message recalled"}</span>
</button>`;

/** @param {LineOptions} line @param {unknown} body */
const folded = (line, body) => html`<div class="fold ${line.unfolded ? "open" : ""}">${body}</div>
  <button class="button plain small fold-button" data-action="fold" aria-expanded=${line.unfolded ? "true" : "false"}>
    ${line.unfolded ? "Show less" : "Show all of it"}
  </button>`;

/** @param {Message} message @param {LineOptions} line */
function content(message, line) {
  if (message.is_deleted) {
    return html`<p class="recalled">${icon("recall", 16)} ${line.own ? "You recalled this message" : "This message was recalled"}</p>`;
  }
  const text = message.html ? unsafeHTML(message.html) : html`<p class="plain">${message.content}</p>`;
  return textBlock(message.content, text, line);
}

/** @param {string} source @param {unknown} text @param {LineOptions} line */
function textBlock(source, text, line) {
  const block = html`<div class="text" dir="auto">${text}</div>`;
  return isLong(source) ? folded(line, block) : block;
}

/** @param {OutboxEntry} entry */
function progress(entry) {
  if (entry.status === "sent") return nothing;
  if (entry.status === "failed") {
    return html`<div class="send-failed">
      ${icon("alert", 18)}<span>Not sent. ${entry.error?.detail ?? ""}</span>
      <button class="button plain small" data-action="retry">Retry</button>
      <button class="button plain small" data-action="copy">Copy</button>
      <button class="button plain small danger" data-action="discard">Delete</button>
    </div>`;
  }
  const waits = entry.status === "queued" && entry.attempts > 0;
  return html`<span class="pending">${icon("clock", 14)} ${waits ? "Waiting for the connection" : "Sending"}</span>`;
}

/**
 * @typedef {object} Line what the one template needs
 * @property {UserCard} sender
 * @property {string | number} at
 * @property {string} label
 * @property {string} [id]
 * @property {number} [seq]
 * @property {string} [clientId]
 * @property {string} state of a pending one, for its style
 * @property {import("../chat/types.js").ReplyTo | null} quoted
 * @property {unknown} body
 * @property {unknown} foot
 */

/** @param {Message} message @param {LineOptions} options @returns {Line} */
function ofMessage(message, options) {
  const edited = message.edited_at && !message.is_deleted;
  return {
    sender: author(message),
    at: message.created_at,
    label: spokenMessage(message),
    id: message.id,
    seq: message.seq,
    state: "",
    quoted: message.reply_to,
    body: content(message, options),
    foot: edited ? html`<span class="edited" title=${`Edited ${fullTime(message.edited_at ?? 0)}`}>edited</span>` : nothing,
  };
}

/** @param {OutboxEntry} entry @param {LineOptions} options @param {Context} context @returns {Line} */
function ofEntry(entry, options, { me, quoted }) {
  const state = entry.status === "failed" ? "not sent" : "sending";
  return {
    sender: me,
    at: entry.created_at,
    label: `${me.display_name}, ${clock(entry.created_at)}: ${oneLine(entry.content, 500)}, ${state}`,
    clientId: entry.client_id,
    state: entry.status,
    quoted: quoted(entry),
    body: textBlock(entry.content, html`<p class="plain">${entry.content}</p>`, options),
    foot: progress(entry),
  };
}

/** @typedef {{me: UserCard, quoted: (entry: OutboxEntry) => import("../chat/types.js").ReplyTo | null}} Context */

/**
 * One template for both, so that a message keeps its element from the moment it is typed.
 *
 * @param {import("../chat/types.js").TimelineItem & {kind: "message" | "pending"}} item
 * @param {LineOptions} options
 * @param {Context} context
 */
export function line(item, options, context) {
  const shown = item.kind === "message" ? ofMessage(item.message, options) : ofEntry(item.entry, options, context);
  const { head, own, flash, active } = options;
  return html`<article
    class="line ${head ? "head" : ""} ${own ? "own" : ""} ${flash ? "flash" : ""} ${active ? "active" : ""} ${shown.state ? `is-${shown.state}` : ""}"
    data-key=${options.key}
    data-id=${ifDefined(shown.id)}
    data-seq=${ifDefined(shown.seq)}
    data-client-id=${ifDefined(shown.clientId)}
    tabindex=${options.current ? 0 : -1}
    aria-label=${shown.label}
  >
    <div class="line-gutter">${head ? userFace(shown.sender) : time(shown.at, "line-aside number")}</div>
    <div class="line-body">
      ${head ? heading(shown.sender, shown.at, own) : nothing} ${shown.quoted ? quote(shown.quoted) : nothing} ${shown.body} ${shown.foot}
    </div>
    ${active && options.actions.length > 0 ? toolbar(options.actions) : nothing}
  </article>`;
}
