/**
 * A list of rows of one height of which only the visible ones stand in the document, so that ten thousand people cost as
 * much as twenty. Rows keep their place in the accessibility tree by aria-setsize and aria-posinset.
 */

import { html } from "lit";
import { repeat } from "lit/directives/repeat.js";

import { View } from "./view.js";

/** Rows drawn beyond each edge. */
const SPARE = 6;

class VirtualList extends View {
  static properties = {
    items: { attribute: false },
    rowHeight: { attribute: false },
    renderItem: { attribute: false },
    keyOf: { attribute: false },
    label: { attribute: false },
  };

  constructor() {
    super();
    /** @type {any[]} */
    this.items = [];
    /** px */
    this.rowHeight = 64;
    /** @type {(item: any) => unknown} */
    this.renderItem = () => "";
    /** @type {(item: any) => string} */
    this.keyOf = String;
    this.label = "";
    this.first = 0;
    this.count = 30;
    this.resizes = new ResizeObserver(() => this.look());
    this.onScroll = () => this.look();
  }

  connectedCallback() {
    super.connectedCallback();
    this.addEventListener("scroll", this.onScroll, { passive: true });
    this.resizes.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.removeEventListener("scroll", this.onScroll);
    this.resizes.disconnect();
  }

  look() {
    const first = Math.max(0, Math.floor(this.scrollTop / this.rowHeight) - SPARE);
    const count = Math.ceil(this.clientHeight / this.rowHeight) + 2 * SPARE;
    if (first === this.first && count === this.count) return;
    this.first = first;
    this.count = count;
    this.requestUpdate();
  }

  render() {
    const start = Math.min(this.first, Math.max(0, this.items.length - this.count));
    const rows = this.items.slice(start, start + this.count).map((item, index) => ({ item, at: start + index }));
    return html`<ul class="virtual" aria-label=${this.label}>
      ${repeat(
        rows,
        ({ item }) => this.keyOf(item),
        ({ item, at }) => html`<li class="virtual-row" aria-setsize=${this.items.length} aria-posinset=${at + 1} data-at=${at}>
          ${this.renderItem(item)}
        </li>`,
      )}
    </ul>`;
  }

  updated() {
    const list = /** @type {HTMLElement | null} */ (this.querySelector(".virtual"));
    if (!list) return;
    list.style.height = `${this.items.length * this.rowHeight}px`;
    for (const row of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll(":scope > .virtual-row"))) {
      row.style.transform = `translateY(${Number(row.dataset.at) * this.rowHeight}px)`;
    }
    this.look();
  }

  /** @param {number} index bring a row into view */
  show(index) {
    const above = index * this.rowHeight - this.scrollTop;
    const below = above + this.rowHeight - this.clientHeight;
    if (above < 0) this.scrollBy(0, above);
    else if (below > 0) this.scrollBy(0, below);
  }
}

customElements.define("parley-virtual-list", VirtualList);
