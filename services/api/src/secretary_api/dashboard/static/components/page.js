// The frame of a page: its title, its actions, and what stands below.
import { html, useEffect, useRef } from "../lib/ui.js";

/**
 * A page. *lead* is a sentence below the title, *actions* stand at its right, *crumb* is
 * `{href, label}` of the listing that the page belongs to.
 *
 * The title gets the focus, so that a screen reader reads it after each change of the place.
 */
export function Page({ title, lead, crumb, actions, children }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${title} · Secretary`;
  }, [title]);
  useEffect(() => heading.current.focus({ preventScroll: true }), []);
  return html`<div class="page">
    <div class="page-head">
      <div class="titles">
        ${crumb && html`<a class="crumb" href=${crumb.href}>← ${crumb.label}</a>`}
        <h1 tabindex="-1" ref=${heading} class="breakable">${title}</h1>
        ${lead && html`<p class="lead">${lead}</p>`}
      </div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </div>
    ${children}
  </div>`;
}

/** A box with a title. *actions* stand at the right of the title. */
export function Card({ title, actions, children, isFlush }) {
  return html`<section class="card">
    <header><h2>${title}</h2>${actions}</header>
    ${isFlush ? children : html`<div class="body">${children}</div>`}
  </section>`;
}

/** Names and values: *facts* is a list of `[name, value]`; empty values are left out. */
export function Facts({ facts }) {
  const shown = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return html`<dl class="facts">${shown.map(([name, value]) => html`<dt key=${`${name}-name`}>${name}</dt><dd key=${name}>${value}</dd>`)}</dl>`;
}
