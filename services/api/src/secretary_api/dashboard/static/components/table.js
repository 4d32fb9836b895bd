// A dense table with a selection and pages; on a phone each row becomes a card.
import { navigate } from "../lib/router.js";
import { classes, html } from "../lib/ui.js";
import { Empty, ErrorNote } from "./feedback.js";

const BONES = 8;
const INTERACTIVE = "a, button, input, select, label, summary, textarea";

/**
 * Show *rows*.
 *
 * Each column is `{key, label, cell, align?, kind?}`: *cell* makes the content of a row's cell;
 * *align* is `right` for numbers; *kind* is `main` (the name of the row), `clip` (takes the room
 * that is left, cut off at its end) or `wide` (left out on a phone).
 *
 * @param rows undefined while the first page is read.
 * @param rowKey returns the id of a row.
 * @param rowPath returns the place that a click on a row opens.
 * @param selection `{has, toggle, toggleAll}`, see `useSelection`.
 * @param empty `{title, text, action?}`, shown instead of no rows.
 * @param bar what stands above the table; its place is always kept.
 * @param isFresh says whether a row has just changed.
 */
export function Table({ caption, columns, rows, rowKey, rowPath, selection, empty, error, bar, isBarSelecting, pager, isFresh }) {
  const width = columns.length + (selection ? 1 : 0);
  return html`<div class="table-frame">
    ${bar && html`<div class=${classes("table-bar", isBarSelecting && "selecting")}>${bar}</div>`}
    ${error && html`<${ErrorNote} error=${error} />`}
    ${rows && rows.length === 0 && !error && html`<${Empty} ...${empty} />`}
    ${(!rows || rows.length > 0) && !(error && !rows) && html`<div class="table-scroll">
      <table class="table" aria-busy=${!rows}>
        <caption class="visually-hidden">${caption}</caption>
        <thead><tr>
          ${selection && html`<th class="pick" scope="col">
            <input type="checkbox" aria-label="Select all rows of this page" checked=${Boolean(rows?.length) && rows.every((row) => selection.has(rowKey(row)))}
              onChange=${(event) => selection.toggleAll(rows.map(rowKey), event.currentTarget.checked)} />
          </th>`}
          ${columns.map(({ key, label, align, kind }) => html`<th key=${key} scope="col" class=${classes(align, kind === "clip" && "clip")}>${label}</th>`)}
        </tr></thead>
        <tbody>
          ${rows
            ? rows.map((row) => html`<${Row} key=${rowKey(row)} id=${rowKey(row)} ...${{ row, columns, selection, rowPath, isFresh }} />`)
            : Array.from({ length: BONES }, (_, index) => html`<tr key=${index}>${Array.from({ length: width }, (_, cell) => html`<td key=${cell}><span class="bone"></span></td>`)}</tr>`)}
        </tbody>
      </table>
    </div>`}
    ${pager && html`<${Pager} ...${pager} />`}
  </div>`;
}

function Row({ id, row, columns, selection, rowPath, isFresh }) {
  const target = rowPath?.(row);
  const isSelected = selection?.has(id);
  const openRow = (event) => {
    if (!target || event.target.closest(INTERACTIVE) || String(getSelection())) return;
    navigate(target);
  };
  return html`<tr class=${classes(target && "linked", isFresh?.(row) && "fresh")} aria-selected=${selection ? String(Boolean(isSelected)) : undefined} onClick=${openRow}>
    ${selection && html`<td class="pick"><input type="checkbox" aria-label=${`Select ${id}`} checked=${isSelected} onChange=${() => selection.toggle(id)} /></td>`}
    ${columns.map(({ key, label, cell, align, kind }) => html`<td key=${key} data-label=${label} class=${classes(align, kind === "clip" && "clip", kind === "main" && "main", kind === "wide" && "wide-only")}>${cell(row)}</td>`)}
  </tr>`;
}

/** The buttons to the page before and the page after; nothing if there is one page only. */
export function Pager({ number, hasNext, goBack, goNext }) {
  if (!goBack && !hasNext) return null;
  return html`<nav class="pager" aria-label="Pages of the table">
    <span class="muted">Page ${number}</span>
    <button class="button small" disabled=${!goBack} onClick=${goBack}>Back</button>
    <button class="button small" disabled=${!hasNext} aria-disabled=${hasNext && !goNext} onClick=${goNext}>Next</button>
  </nav>`;
}
