// What a page shows instead of data: nothing there, an error, a short message.
import { adviceFor } from "../lib/api.js";
import { classes, html } from "../lib/ui.js";

/** Say that there is nothing, and what to do next. */
export function Empty({ title, text, action }) {
  return html`<div class="empty">
    <h2>${title}</h2>
    ${text && html`<p>${text}</p>`}
    ${action}
  </div>`;
}

/** Show an error in plain English with its code; *retry* offers to try again. */
export function ErrorNote({ error, retry }) {
  if (!error) return null;
  const advice = adviceFor(error);
  return html`<div class="note bad" role="alert">
    <div class="grow">${error.message} ${advice} ${error.code && html`<code>${error.code}</code>`}</div>
    ${retry && html`<button class="button small" onClick=${retry}>Try again</button>`}
  </div>`;
}

/** A box with a message; *kind* is `warn`, `bad` or nothing. */
export const Note = ({ kind, children }) => html`<div class=${classes("note", kind)}><div class="grow">${children}</div></div>`;

/** A place for text that is still being read. */
export const Bone = ({ width = "60%" }) => html`<span class="bone" style=${{ width }}></span>`;

/** Show a message for a few seconds; errors stay longer. *message* may be an error. */
export function toast(message, kind = message instanceof Error ? "bad" : "good") {
  const box = document.createElement("div");
  box.className = `toast ${kind === "bad" ? "bad" : ""}`;
  const code = message instanceof Error && message.code ? ` (${message.code})` : "";
  box.textContent = message instanceof Error ? `${message.message}${code}` : message;
  if (kind === "bad") box.setAttribute("role", "alert");
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), kind === "bad" ? 10_000 : 5_000);
}
