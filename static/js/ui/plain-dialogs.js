/** Two dialogs without a life of their own: a question before an act, and the list of keys. */

import { html } from "lit";

import { DialogView } from "./dialog.js";

class Confirm extends DialogView {
  render() {
    const { title, text, label } = this.data;
    const foot = html`<button class="button" @click=${this.close}>Cancel</button>
      <button class="button danger" ?disabled=${this.busy} @click=${() => void this.act(async () => this.data.run())}>${label}</button>`;
    return this.frame(title, html`<p>${text}</p>`, foot, "narrow");
  }
}

const command = /Mac|iPhone|iPad/u.test(navigator.platform) ? "⌘" : "Ctrl";

/** @type {[string, string[][]][]} */
const KEYS = [
  ["Go to a conversation", [[command, "K"]]],
  ["Previous or next conversation", [["Alt", "↑"], ["Alt", "↓"]]],
  ["Send", [["Enter"]]],
  ["New line", [["Shift", "Enter"]]],
  ["Edit your last message", [["↑"]]],
  ["From message to message", [["↑"], ["↓"]]],
  ["Reply, copy, edit the chosen message", [["R"], ["C"], ["E"]]],
  ["To the newest message", [["End"]]],
  ["From region to region", [["F6"]]],
  ["Close, cancel, back to writing", [["Esc"]]],
  ["This list", [["?"]]],
];

class Help extends DialogView {
  render() {
    const keys = (/** @type {string[][]} */ ways) =>
      ways.map((way, index) => html`${index > 0 ? " or " : ""}${way.map((key) => html`<kbd>${key}</kbd> `)}`);
    const body = html`<dl class="keys">${KEYS.map(([what, ways]) => html`<div><dt>${what}</dt><dd>${keys(ways)}</dd></div>`)}</dl>`;
    return this.frame("Keyboard shortcuts", body);
  }
}

customElements.define("parley-confirm", Confirm);
customElements.define("parley-help", Help);
