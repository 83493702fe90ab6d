/** One's own profile, the look of the app in this browser, and signing out. */

import { html } from "lit";

import { userFace } from "./avatar.js";
import { app, notify } from "./context.js";
import { DialogView } from "./dialog.js";
import { forgetDrafts } from "./drafts.js";

/** @param {string} name @param {string} fallback */
function setting(name, fallback) {
  try {
    return localStorage.getItem(name) ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {string} name @param {string} value */
function choose(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    notify("The browser does not allow keeping this setting.", "error");
  }
  window.dispatchEvent(new Event("parley:theme"));
}

class Profile extends DialogView {
  render() {
    const { me } = app().store.getState();
    if (!me) return html``;
    const theme = setting("parley:theme", "system");
    const contrast = setting("parley:contrast", "system");
    const body = html`<div class="panel-about">${userFace(me, "large")}<h3><bdi>${me.display_name}</bdi></h3><p class="small faint">@${me.username}</p></div>
      <form class="form" @submit=${this.rename}>
        <div class="field">
          <label for="profile-name">Name that others see</label>
          <div class="field-row">
            <input id="profile-name" name="display_name" class="input" dir="auto" autocomplete="name" required maxlength="100" value=${me.display_name} />
            <button class="button" ?disabled=${this.busy}>Save</button>
          </div>
        </div>
        <div class="field">
          <label for="profile-theme">Light or dark</label>
          <select id="profile-theme" class="input" @change=${(/** @type {Event} */ event) => choose("parley:theme", /** @type {HTMLSelectElement} */ (event.target).value)}>
            ${[["system", "As the system"], ["light", "Light"], ["dark", "Dark"]].map(([value, text]) => html`<option value=${value} ?selected=${value === theme}>${text}</option>`)}
          </select>
        </div>
        <div class="field">
          <label for="profile-contrast">Contrast</label>
          <select id="profile-contrast" class="input" @change=${(/** @type {Event} */ event) => choose("parley:contrast", /** @type {HTMLSelectElement} */ (event.target).value)}>
            ${[["system", "As the system"], ["more", "High"]].map(([value, text]) => html`<option value=${value} ?selected=${value === contrast}>${text}</option>`)}
          </select>
        </div>
      </form>`;
    const foot = html`<button class="button" ?disabled=${this.busy} @click=${() => this.signOut(false)}>Sign out</button>
      <button class="button plain danger" ?disabled=${this.busy} @click=${() => this.signOut(true)}>Sign out everywhere</button>`;
    return this.frame("You", body, foot);
  }

  /** @param {SubmitEvent} event */
  rename(event) {
    event.preventDefault();
    const name = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("display_name") ?? "").trim();
    if (name === "") return;
    void this.act(
      async () => {
        await app().updateProfile({ display_name: name });
        notify("Saved.");
      },
      { close: false },
    );
  }

  /** @param {boolean} everywhere */
  signOut(everywhere) {
    const { me } = app().store.getState();
    void this.act(async () => {
      await app().signOut({ everywhere });
      if (me) forgetDrafts(me.id);
    });
  }
}

customElements.define("parley-profile", Profile);
