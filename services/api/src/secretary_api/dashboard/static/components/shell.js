// What surrounds each page: the navigation, the account, the theme.
import { may, isAdmin, session, signOut } from "../lib/session.js";
import { href, route } from "../lib/router.js";
import { liveState } from "../lib/stream.js";
import { classes, html, signal, useEffect } from "../lib/ui.js";
import { GROUPS, PAGES } from "../pages.js";
import { toast } from "./feedback.js";

const isMenuOpen = signal(false);
const THEMES = [["system", "System"], ["light", "Light"], ["dark", "Dark"]];
const theme = signal(document.documentElement.dataset.theme ?? "system");

function setTheme(chosen) {
  theme.value = chosen;
  if (chosen === "system") {
    localStorage.removeItem("secretary.theme");
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem("secretary.theme", chosen);
    document.documentElement.dataset.theme = chosen;
  }
  dispatchEvent(new Event("themechange"));
}

/** Whether the key of the session may use *page*. */
export const isAllowed = (page) => (page.isForAdmins ? isAdmin() : !page.scope || [page.scope].flat().some(may));

/** The path of the first page that the key may use; the overview, if it may use none. */
export const startPath = () => PAGES.find((page) => page.group && isAllowed(page))?.path ?? "/";

export function Shell({ page, children }) {
  useEffect(() => {
    isMenuOpen.value = false;
  }, [route.value.path]);
  const skip = (event) => {
    event.preventDefault();
    document.querySelector("main").focus();
  };
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <div class="topbar">
      <button class="button plain" aria-expanded=${String(isMenuOpen.value)} aria-controls="sidebar" onClick=${() => (isMenuOpen.value = true)}>☰ Menu</button>
      <span class="grow"></span>
      <${LiveSign} />
    </div>
    <header id="sidebar" class=${classes("sidebar", isMenuOpen.value && "open")} onKeyDown=${(event) => event.key === "Escape" && (isMenuOpen.value = false)}>
      <a class="brand" href="#/"><${Logo} />Secretary</a>
      <${Navigation} current=${page} />
      <${Account} />
    </header>
    ${isMenuOpen.value && html`<button class="scrim" aria-label="Close the menu" onClick=${() => (isMenuOpen.value = false)}></button>`}
    <main id="main" tabindex="-1">${children}</main>
  </div>`;
}

function Navigation({ current }) {
  const shown = PAGES.filter((page) => page.group && isAllowed(page));
  const currentPath = current?.parent ?? current?.path;
  return html`<nav aria-label="Pages">
    ${GROUPS.filter((group) => shown.some((page) => page.group === group)).map((group) => html`<div key=${group}>
      <h2>${group}</h2>
      <ul>${shown.filter((page) => page.group === group).map(({ path, title }) => html`<li key=${path}>
        <a href=${href(path)} aria-current=${path === currentPath ? "page" : undefined}>${title}</a>
      </li>`)}</ul>
    </div>`)}
  </nav>`;
}

function Account() {
  const { name, is_admin: admin } = session.value;
  const leave = () => signOut().catch(toast);
  return html`<div class="account">
    <${LiveSign} />
    <label class="row apart">Theme
      <select class="input" style=${{ width: "7rem" }} value=${theme.value} onChange=${(event) => setTheme(event.currentTarget.value)}>
        ${THEMES.map(([value, label]) => html`<option key=${value} value=${value} selected=${value === theme.value}>${label}</option>`)}
      </select>
    </label>
    <a href="/docs" target="_blank" rel="noreferrer">API reference</a>
    <div class="row apart">
      <span class="ellipsis" title=${name}>${name}${admin && html` <span class="muted">(admin)</span>`}</span>
      <button class="button small" onClick=${leave}>Sign out</button>
    </div>
  </div>`;
}

function LiveSign() {
  const [name, text] = { on: ["on", "Live"], connecting: ["broken", "Connecting …"], off: ["", ""] }[liveState.value];
  return html`<span class=${classes("live", name)} style=${{ visibility: text ? "visible" : "hidden" }} role="status">${text || "Live"}</span>`;
}

export const Logo = () => html`<svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="8" fill="#4353d8" /><path d="M9 11h14M9 16h14M9 21h8" stroke="#fff" stroke-width="2.5" stroke-linecap="round" fill="none" />
</svg>`;
