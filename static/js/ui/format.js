/** How times, names, counts and errors are written. Pure, but for the viewer's language and time zone. */

/** Words are English like the rest of the app; the clock (24 or 12 hours) is the viewer's. */
const WORDS = "en";

/** @param {Intl.DateTimeFormatOptions} options @param {string} [locale] */
const formatter = (options, locale) => new Intl.DateTimeFormat(locale, options);
const CLOCK = formatter({ hour: "numeric", minute: "2-digit" });
const FULL = formatter({ dateStyle: "full", timeStyle: "short" }, WORDS);
const WEEKDAY = formatter({ weekday: "long" }, WORDS);
const WEEKDAY_SHORT = formatter({ weekday: "short" }, WORDS);
const DAY = formatter({ day: "numeric", month: "short" }, WORDS);
const DAY_LONG = formatter({ weekday: "long", day: "numeric", month: "long" }, WORDS);
const DAY_YEAR = formatter({ day: "numeric", month: "long", year: "numeric" }, WORDS);
const NUMBER = new Intl.NumberFormat(WORDS);
const LIST = new Intl.ListFormat(WORDS, { type: "conjunction" });
const SEGMENTS = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const ENCODER = new TextEncoder();

/** @typedef {string | number | Date} Instant RFC 3339, or milliseconds since 1970 */

/** @param {Instant} at @returns {string} 14:05, or 2:05 PM */
export const clock = (at) => CLOCK.format(new Date(at));

/** @param {Instant} at @returns {string} the whole of it, for titles */
export const fullTime = (at) => FULL.format(new Date(at));

/** @param {Instant} at @returns {string} the viewer's calendar day, for comparing */
export function dayKey(at) {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** @param {Date} date @param {number} days */
function daysAfter(date, days) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
}

/**
 * The name of a day: Today, Yesterday, Wednesday, then the date.
 *
 * @param {Instant} at
 * @param {Instant} now
 */
export function dayName(at, now) {
  const date = new Date(at);
  const today = new Date(now);
  const key = dayKey(date);
  if (key === dayKey(today)) return "Today";
  if (key === dayKey(daysAfter(today, -1))) return "Yesterday";
  if (date < today && date >= daysAfter(today, -6)) return WEEKDAY.format(date);
  return date.getFullYear() === today.getFullYear() ? DAY_LONG.format(date) : DAY_YEAR.format(date);
}

/**
 * A time as short as the room list needs it.
 *
 * @param {Instant} at
 * @param {Instant} now
 */
export function shortTime(at, now) {
  const date = new Date(at);
  const today = new Date(now);
  if (dayKey(date) === dayKey(today)) return clock(date);
  if (dayKey(date) === dayKey(daysAfter(today, -1))) return "Yesterday";
  if (date < today && date >= daysAfter(today, -6)) return WEEKDAY_SHORT.format(date);
  return date.getFullYear() === today.getFullYear() ? DAY.format(date) : String(date.getFullYear());
}

/** @param {number} value */
export const number = (value) => NUMBER.format(value);

/** @param {string[]} names */
export const listOf = (names) => LIST.format(names);

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** A count for a badge. @param {number} count */
export const badge = (count) => (count > 999 ? "999+" : number(count));

/** Size of a text as the server counts it. @param {string} text @returns {number} bytes of UTF-8 */
export const byteLength = (text) => ENCODER.encode(text).length;

/** @param {string} text @param {number} count graphemes */
export function firstLetters(text, count) {
  let taken = "";
  let left = count;
  for (const { segment } of SEGMENTS.segment(text)) {
    if (left === 0) break;
    taken += segment;
    left -= 1;
  }
  return taken;
}

/**
 * One or two letters that stand for a name: of two words the first of each, of one word (and of Chinese, Japanese and
 * Korean names, and emoji) the first alone.
 *
 * @param {string} name
 */
export function initials(name) {
  const words = name.split(/[\s\-_.]+/u).map((word) => word.replace(/^[^\p{L}\p{N}\p{Extended_Pictographic}]+/u, "")).filter(Boolean);
  const first = firstLetters(words[0] ?? "?", 1);
  const alone = /^[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{Extended_Pictographic}]/u.test(first);
  const last = words.length > 1 && !alone ? firstLetters(words[words.length - 1] ?? "", 1) : "";
  return (first + last).toUpperCase();
}

/** One of the eight tints, always the same for an id. @param {string} id */
export function faceTint(id) {
  let sum = 0;
  for (let i = 0; i < id.length; i += 1) sum = (sum * 31 + id.charCodeAt(i)) >>> 0;
  return `face-${(sum % 8) + 1}`;
}

/** One line of a message, for previews and quotes. @param {string} text @param {number} [length] */
export const oneLine = (text, length = 160) => firstLetters(text.slice(0, length * 16).replace(/\s+/gu, " ").trim(), length);

/**
 * What went wrong, for people.
 *
 * @param {unknown} error an ApiError, or anything thrown
 */
export function explain(error) {
  const known = /** @type {Partial<import("../chat/types.js").ApiErrorLike>} */ (error ?? {});
  if (known.status === 0) return "The server did not answer. Check the connection, then try again.";
  if (known.code === "rate_limited") {
    const wait = known.retryAfter ? `in ${plural(Math.ceil(known.retryAfter), "second")}` : "in a moment";
    return `That was a little fast. Try again ${wait}.`;
  }
  return known.detail || "Something went wrong. Try again.";
}
