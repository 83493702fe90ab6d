/*
 * Light or dark, plain or high contrast: set before the first paint, so this is a classic script in the head and not a
 * module. The choice is kept in this browser ("system" when there is none) and follows the system and other tabs.
 */
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const contrast = window.matchMedia("(prefers-contrast: more)");

  /** @param {string} name */
  function stored(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // storage is forbidden here: the system decides
    }
  }

  function apply() {
    const theme = stored("parley:theme");
    root.dataset.theme = theme === "dark" || (theme !== "light" && dark.matches) ? "dark" : "light";
    root.dataset.contrast = stored("parley:contrast") === "more" || contrast.matches ? "more" : "normal";
  }

  apply();
  dark.addEventListener("change", apply);
  contrast.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  window.addEventListener("parley:theme", apply);
})();
