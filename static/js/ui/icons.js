/** The icons, drawn for Parley on a grid of 24 with one pen. */

import { html, svg } from "lit";

const PATHS = {
  search: svg`<circle cx="10.5" cy="10.5" r="6.5"/><path d="m15.5 15.5 5 5"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  back: svg`<path d="m14.5 5-7 7 7 7"/>`,
  down: svg`<path d="M12 5v13m-6-6 6 6 6-6"/>`,
  up: svg`<path d="M12 19V6m-6 6 6-6 6 6"/>`,
  send: svg`<path d="M5 12 4 4.5 20.5 12 4 19.5 5 12Zm0 0h7"/>`,
  edit: svg`<path d="m4.5 19.5 1-4.5L16 4.5 19.5 8 9 18.5l-4.5 1ZM13.5 7l3.5 3.5"/>`,
  recall: svg`<path d="M8 4 4 8l4 4M4 8h9.5a6 6 0 0 1 0 12H8"/>`,
  reply: svg`<path d="m10 5-6 6 6 6v-4c5 0 8 1.5 10 5-.5-6-4-9.5-10-10V5Z"/>`,
  copy: svg`<rect x="8.5" y="8.5" width="11" height="11" rx="2"/><path d="M5.5 15.5h-1v-9a2 2 0 0 1 2-2h9v1"/>`,
  trash: svg`<path d="M4.5 7h15M9.5 7V4.5h5V7m-8 0 1 12.5h9l1-12.5M10 10.5v5.5m4-5.5v5.5"/>`,
  people: svg`<circle cx="9" cy="8" r="3.5"/><path d="M2.5 19.5c.5-4 3-6 6.5-6s6 2 6.5 6M15.5 4.8a3.5 3.5 0 0 1 0 6.4m2.5 3c2 .8 3.2 2.5 3.5 5.3"/>`,
  person: svg`<circle cx="12" cy="8" r="4"/><path d="M4.5 20c.5-4.5 3.5-6.5 7.5-6.5s7 2 7.5 6.5"/>`,
  addPerson: svg`<circle cx="10" cy="8" r="3.5"/><path d="M3.5 19.5c.5-4 3-6 6.5-6 1.5 0 2.8.4 3.9 1.1M18 14v6m-3-3h6"/>`,
  check: svg`<path d="m5 12.5 4.5 4.5L19 7"/>`,
  clock: svg`<circle cx="12" cy="12" r="8"/><path d="M12 7.5V12l3 2"/>`,
  alert: svg`<path d="M12 4 2.8 19.5h18.4L12 4Zm0 6v4.5m0 2.3v.2"/>`,
  link: svg`<path d="M10 14a4 4 0 0 0 5.7 0l3.1-3.2a4 4 0 0 0-5.6-5.6L12 6.4M14 10a4 4 0 0 0-5.7 0l-3.1 3.2a4 4 0 0 0 5.6 5.6l1.2-1.2"/>`,
  leave: svg`<path d="M10 4.5H5.5v15H10M15.5 8l4 4-4 4m3.5-4H9.5"/>`,
  compass: svg`<circle cx="12" cy="12" r="8.5"/><path d="m15.5 8.5-2 5-5 2 2-5 5-2Z"/>`,
  help: svg`<circle cx="12" cy="12" r="8.5"/><path d="M9.5 9.5c.2-1.6 1.2-2.3 2.5-2.3s2.5.9 2.5 2.2c0 2-2.5 2-2.5 4m0 2.6v.3"/>`,
  offline: svg`<path d="M4 4l16 16M5 10.5a11 11 0 0 1 3.5-2m4-.9A11 11 0 0 1 19 10.5M8 14a6 6 0 0 1 3-1.6m4 .6 1 1m-4 4v.2"/>`,
  globe: svg`<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c5 5 5 12 0 17-5-5-5-12 0-17Z"/>`,
  talk: svg`<path d="M4 5.5h16v11h-8.5L7 20v-3.5H4v-11Z"/>`,
  bellOff: svg`<path d="M4 4l16 16M7.5 8A5 5 0 0 1 17 9.5c0 2.5.5 4 1 5M6.8 10.5c0 3-.8 4.5-2.3 6H16m-6 3h4"/>`,
  more: svg`<path d="M12 5.5v.01M12 12v.01M12 18.5v.01"/>`,
};

/** @typedef {keyof typeof PATHS} IconName */

/**
 * An icon; it is decoration, so its button carries the name.
 *
 * @param {IconName} name
 * @param {number} [size] px
 */
export const icon = (name, size = 20) =>
  html`<svg width=${size} height=${size} viewBox="0 0 24 24" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${PATHS[name]}</svg>`;

/** The mark of Parley: a P that is a speech bubble, and the answer inside it. @param {number} [size] px */
export const mark = (size = 28) =>
  html`<svg class="mark" width=${size} height=${size} viewBox="0 0 32 32" aria-hidden="true">
    <path class="mark-bubble" d="M6 29V14C6 7.9 10.5 3 17 3s11 4.7 11 10.5S23.5 24 17 24c-2 0-3.7-.4-5.2-1.2L6 29Z" />
    <path class="mark-words" d="M13 11h8M13 16h5" />
  </svg>`;
