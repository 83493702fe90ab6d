/** The parts of a timeline that are not messages: its top, its holes, and what stands there instead of it. */

import { html } from "lit";

import { icon } from "./icons.js";

/** @typedef {import("../chat/types.js").TimelineItem} TimelineItem */

export const loadingTimeline = () => html`<div class="timeline-state" role="status">
  <div class="skeleton" aria-hidden="true">
    ${[62, 38, 71, 54, 46].map((width) => html`<div class="skeleton-line"><i></i><b class="w-${width}"></b></div>`)}
  </div>
  <span class="hidden-text">Loading messages</span>
</div>`;

/** @param {string} text @param {() => void} retry */
export const failedTimeline = (text, retry) => html`<div class="timeline-state">
  <div class="state" role="alert">
    ${icon("alert", 32)}
    <h2>The messages could not be loaded</h2>
    <p>${text}</p>
    <button class="button primary" @click=${retry}>Try again</button>
  </div>
</div>`;

/** @param {import("../chat/types.js").Room} room @param {string} title */
export const emptyTimeline = (room, title) => html`<div class="timeline-state">
  <div class="state">
    ${icon("talk", 32)}
    <h2>Nothing said yet</h2>
    <p>${room.kind === "direct" ? html`This is the beginning of your conversation with <bdi>${title}</bdi>.` : html`Write the first message in <bdi>${title}</bdi>.`}</p>
  </div>
</div>`;

/**
 * What stands over the first message that is loaded.
 *
 * @param {"begins" | "loading" | "error"} state
 * @param {() => void} load
 */
export function topRow(state, load) {
  if (state === "begins") return html`<p class="timeline-top faint small">The conversation begins here.</p>`;
  if (state === "error") {
    return html`<p class="timeline-top small" role="alert">
      Earlier messages could not be loaded. <button class="button plain small" @click=${load}>Try again</button>
    </p>`;
  }
  return html`<p class="timeline-top"><span class="spinner" aria-hidden="true"></span><span class="hidden-text">Loading earlier messages</span></p>`;
}

/**
 * A hole: messages are missing here, and one sees it.
 *
 * @param {Extract<TimelineItem, {kind: "hole"}>} item
 * @param {(beforeId: string) => void} fill
 */
export function holeRow(item, fill) {
  const { beforeId, status } = item;
  if (beforeId === null || status === "loading") {
    return html`<div class="hole" data-key=${item.key}><span class="spinner" aria-hidden="true"></span> Fetching what is missing here</div>`;
  }
  const label = status === "error" ? "Could not be loaded. Try again" : "Load them";
  return html`<div class="hole" data-key=${item.key} data-before=${beforeId} data-status=${status}>
    Messages are missing here.
    <button class="button plain small" @click=${() => fill(beforeId)}>${label}</button>
  </div>`;
}
