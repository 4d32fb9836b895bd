// The state of the whole system at a glance: what is wrong first, then the figures.
import { ErrorNote, Note } from "../components/feedback.js";
import { Page } from "../components/page.js";
import { Ago } from "../components/time.js";
import { get } from "../lib/api.js";
import { useData } from "../lib/live.js";
import { html } from "../lib/ui.js";
import { Backlogs, Running, Types, Workers } from "./overview/cards.js";
import { Figures } from "./overview/figures.js";
import { Throughput } from "./overview/throughput.js";
import { troubles } from "./overview/troubles.js";

const EVERY_SEC = 5;

export default function Overview() {
  const { data, error, reload } = useData((abort) => get("/api/overview", {}, { signal: abort }), [], { everySec: EVERY_SEC });
  return html`<${Page} title="Overview" actions=${data && html`<span class="muted small">counted <${Ago} at=${data.counted_at} /></span>`}>
    ${error && html`<${ErrorNote} error=${error} retry=${reload} />`}
    ${data && html`<${Troubles} found=${troubles(data)} />`}
    <${Figures} overview=${data} />
    <${Throughput} overview=${data} />
    <${Types} overview=${data} />
    <${Workers} overview=${data} />
    <${Running} overview=${data} />
    ${data?.waiting_by_key?.length > 0 && html`<${Backlogs} overview=${data} />`}
  <//>`;
}

/** What an operator must look at, worst first; one calm line if there is nothing. */
function Troubles({ found }) {
  if (!found.length) return html`<p class="row small good-text"><span class="live on"></span>Everything answers. Nothing needs attention.</p>`;
  return html`<ul class="stack tight" aria-label="What needs attention">
    ${found.map(({ key, kind, text, link }) => html`<li key=${key}><${Note} kind=${kind}>${text} ${link && html`<a href=${link.href}>${link.label}</a>`}<//></li>`)}
  </ul>`;
}
