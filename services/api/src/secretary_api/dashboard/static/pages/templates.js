// The templates that jobs may name, with the fields that each asks a language model for.
import { Label } from "../components/badge.js";
import { Bone, Empty, ErrorNote } from "../components/feedback.js";
import { Card, Page } from "../components/page.js";
import { Table } from "../components/table.js";
import { get } from "../lib/api.js";
import { plural } from "../lib/format.js";
import { useData } from "../lib/live.js";
import { html } from "../lib/ui.js";

const COLUMNS = [
  { key: "name", label: "Field", kind: "main", cell: ({ name }) => html`<code>${name}</code>` },
  { key: "type", label: "Type", cell: ({ type }) => html`<code>${type}</code>` },
  { key: "description", label: "What the model looks for", cell: ({ description }) => description },
];

export default function Templates() {
  const { data, error, reload } = useData((abort) => get("/api/templates", {}, { signal: abort }));
  const templates = data?.templates;
  return html`<${Page} title="Templates" lead="A job of the type transformer, session or pdf may name a template in its parameter template. Its parameter target_language selects the language.">
    ${error && html`<${ErrorNote} error=${error} retry=${reload} />`}
    ${!templates && !error && html`<${Card} title="Templates"><${Bone} /><//>`}
    ${templates?.length === 0 && html`<div class="card"><${Empty} title="No template is announced yet" text="secretary-init announces the shipped templates and those in templates.dir. A template is a Markdown file with fields like {{summary|What the text says}}." /></div>`}
    ${templates?.map((template) => html`<${Template} key=${template.name} template=${template} />`)}
  <//>`;
}

function Template({ template: { name, languages, fields } }) {
  return html`<details class="card">
    <summary><span>${name}</span> ${languages.map((language) => html`<${Label} key=${language}>${language}<//>`)} <span class="muted small">${plural(fields.length, "field")}</span></summary>
    ${fields.length ? html`<${Table} caption=${`Fields of ${name}`} columns=${COLUMNS} rows=${fields} rowKey=${(field) => field.name} />` : html`<div class="body muted">This template asks the model for nothing: it only has values of the job.</div>`}
  </details>`;
}
