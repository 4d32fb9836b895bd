// Tabs as WAI-ARIA describes them: arrow keys move, one tab is in the tab order.
import { classes, html, useId } from "../lib/ui.js";

/**
 * Show *tabs*, each `{key, label}`, with the content of the *current* one as children. *isInner*
 * makes the smaller form, for tabs within a tab.
 */
export function Tabs({ label, tabs, current, onSelect, isInner, children }) {
  const id = useId();
  const onKeyDown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const place = tabs.findIndex(({ key }) => key === current);
    const next = tabs[(place + step + tabs.length) % tabs.length];
    onSelect(next.key);
    event.currentTarget.querySelector(`[data-tab="${next.key}"]`)?.focus();
  };
  return html`<div class="stack">
    <div class=${classes("tabs", isInner && "inner")} role="tablist" aria-label=${label} onKeyDown=${onKeyDown}>
      ${tabs.map(({ key, label: text }) => html`<button key=${key} type="button" role="tab" data-tab=${key} id=${`${id}-${key}`} aria-selected=${String(key === current)}
        aria-controls=${`${id}-panel`} tabindex=${key === current ? 0 : -1} class=${classes(key === current && "current")} onClick=${() => onSelect(key)}>${text}</button>`)}
    </div>
    <div role="tabpanel" id=${`${id}-panel`} aria-labelledby=${`${id}-${current}`} tabindex="0">${children}</div>
  </div>`;
}
