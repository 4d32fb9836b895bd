// The pages of a document, one at a time: how each was read, its text, and its picture beside it.
import { Label } from "../../components/badge.js";
import { CopyButton } from "../../components/code.js";
import { classes, html, useState } from "../../lib/ui.js";

const DOUBTFUL = 0.7;
const REASONS = {
  scan: "an image covers the page",
  pictures: "text was recognised in its pictures",
  unreadable: "the page could not be read",
  too_large: "the page is too large to be read",
  language_missing: "its script needs another OCR language",
};

const imageName = (number) => `page_${String(number).padStart(4, "0")}.jpg`;

export function Pages({ job, pages }) {
  const [place, setPlace] = useState(0);
  const page = pages[Math.min(place, pages.length - 1)];
  const image = job.files.find((file) => file.name === imageName(page.page));
  const go = (step) => setPlace(Math.min(Math.max(place + step, 0), pages.length - 1));
  return html`<div class="page-view">
    <ol class="page-list" aria-label="Pages of the document">${pages.map((one, index) => html`<li key=${one.page}>
      <button class=${classes("page-entry", index === place && "current")} aria-current=${index === place ? "true" : undefined} onClick=${() => setPlace(index)}>
        <span>Page ${one.page}</span><span class="muted">${one.method}</span>${confidence(one)}
      </button>
    </li>`)}</ol>
    <section class="stack" aria-label=${`Page ${page.page}`}>
      <div class="row wrap">
        <h2>Page ${page.page}</h2>
        <${Label}>${page.method}<//>
        ${page.engine && html`<${Label}>${page.engine}<//>`}
        ${page.reason && html`<span class="muted small">${REASONS[page.reason] ?? page.reason}</span>`}
        ${page.confidence != null && html`<span class=${classes("small number", page.confidence < DOUBTFUL ? "warn-text" : "muted")}>confidence ${Math.round(page.confidence * 100)} %</span>`}
        <span class="grow"></span>
        <button class="button small" disabled=${place === 0} onClick=${() => go(-1)}>Back</button>
        <button class="button small" disabled=${place >= pages.length - 1} onClick=${() => go(1)}>Next</button>
        <${CopyButton} text=${page.text} />
      </div>
      <div class=${classes("page-content", image && "with-image")}>
        ${image && html`<img src=${image.url} alt=${`Page ${page.page} as a picture`} />`}
        ${page.text ? html`<pre class="code" tabindex="0" aria-label=${`Text of page ${page.page}`}>${page.text}</pre>` : html`<p class="muted">This page has no text.</p>`}
      </div>
    </section>
  </div>`;
}

function confidence({ confidence: value }) {
  if (value == null) return null;
  return html`<span class=${classes("number", value < DOUBTFUL ? "warn-text" : "muted")}>${Math.round(value * 100)} %</span>`;
}
