// The results of a job: page by page, as text, as Markdown, as JSON.
import { CopyButton, Json } from "../../components/code.js";
import { Empty, ErrorNote } from "../../components/feedback.js";
import { Tabs } from "../../components/tabs.js";
import { get } from "../../lib/api.js";
import { bytes, count } from "../../lib/format.js";
import { useData } from "../../lib/live.js";
import { Markdown } from "../../lib/markdown.js";
import { html, useState } from "../../lib/ui.js";
import { Pages } from "./result_pages.js";

const MOST_CHARACTERS = 200_000;
const MARKDOWN = /\.(md|markdown)$/;

export function Results({ job, path }) {
  const isLarge = Boolean(job.results_url);
  const { data, error, reload } = useData(
    async (abort) => (isLarge ? (await get(`${path}/results`, {}, { signal: abort })).results : job.results),
    [path, job.seq, job.status],
  );
  if (job.status !== "completed") {
    return html`<${Empty} title="No results yet" text=${job.status === "failed" ? "The job has failed; the summary says why." : "Results appear here when the job has completed."} />`;
  }
  if (error) return html`<${ErrorNote} error=${error} retry=${reload} />`;
  if (data === undefined) return html`<span class="bone"></span>`;
  if (!data || !Object.keys(data).length) return html`<${Empty} title="The job has no results" text="Its handler returned none. It may have stored files." />`;
  return html`<${Views} job=${job} results=${data} />`;
}

function Views({ job, results }) {
  const pages = results.metadata?.text_contents;
  const text = textOf(results);
  const markdown = job.files.filter((file) => MARKDOWN.test(file.name));
  const tabs = [
    Array.isArray(pages) && pages.length > 0 && { key: "pages", label: `Pages (${count(pages.length)})` },
    (markdown.length > 0 || text) && { key: "markdown", label: "Markdown" },
    text && { key: "text", label: "Text" },
    { key: "json", label: "JSON" },
  ].filter(Boolean);
  const [tab, setTab] = useState(tabs[0].key);
  return html`<${Tabs} isInner label="Forms of the results" tabs=${tabs} current=${tab} onSelect=${setTab}>
    ${tab === "pages" && html`<${Pages} job=${job} pages=${pages} />`}
    ${tab === "markdown" && html`<${MarkdownView} job=${job} files=${markdown} text=${text} />`}
    ${tab === "text" && html`<${Text} text=${text} />`}
    ${tab === "json" && html`<${Json} value=${short(results)} label="The results as JSON" />`}
  <//>`;
}

/** The text of the results, by the names that the built-in job types and most handlers use. */
function textOf({ extracted_text, template, text, markdown, content, summary }) {
  return [template?.text, extracted_text, markdown, text, content, summary].find((one) => typeof one === "string" && one) ?? "";
}

function short(results) {
  const { structured_data: repeated, ...rest } = results; // it repeats all other fields
  const text = JSON.stringify(rest);
  if (text.length <= MOST_CHARACTERS) return rest;
  return { "…": `The results have ${bytes(text.length)}: too much to show here. GET the results by the API.`, keys: Object.keys(rest) };
}

function Text({ text }) {
  return html`<div class="stack tight">
    <div class="row apart"><span class="muted small">${count(text.length)} characters</span><${CopyButton} text=${text} /></div>
    <pre class="code" tabindex="0" aria-label="The text">${text.slice(0, MOST_CHARACTERS)}</pre>
    ${text.length > MOST_CHARACTERS && html`<p class="muted">The rest is left out here.</p>`}
  </div>`;
}

function MarkdownView({ job, files, text }) {
  const [name, setName] = useState(files[0]?.name);
  const file = files.find((one) => one.name === name);
  const { data, error } = useData(async (abort) => (file ? (await fetch(file.url, { signal: abort })).text() : text), [name]);
  const imageOf = (target) => job.files.find((one) => one.name === target && one.content_type.startsWith("image/"))?.url ?? null;
  return html`<div class="stack tight">
    ${files.length > 1 && html`<label class="row small">File <select class="input" value=${name} onChange=${(event) => setName(event.currentTarget.value)}>
      ${files.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}
    </select></label>`}
    ${error ? html`<${ErrorNote} error=${error} />` : data === undefined ? html`<span class="bone"></span>` : html`<div class="card"><div class="body"><${Markdown} text=${data} imageOf=${imageOf} /></div></div>`}
  </div>`;
}
