// The files of a job.
import { Empty } from "../../components/feedback.js";
import { Table } from "../../components/table.js";
import { bytes } from "../../lib/format.js";
import { html } from "../../lib/ui.js";

const COLUMNS = [
  { key: "name", label: "File", kind: "main", cell: (file) => html`<a href=${file.url} download=${file.name}>${file.name}</a>` },
  { key: "type", label: "Type", cell: (file) => file.content_type },
  { key: "size", label: "Size", align: "right", cell: (file) => bytes(file.size) },
  { key: "hash", label: "SHA-256", kind: "clip", cell: (file) => html`<code title=${file.sha256}>${file.sha256}</code>` },
];

export function Files({ job, path }) {
  if (!job.files.length) return html`<${Empty} title="No files" text="Handlers may store files with a job, such as Markdown, tables or page images." />`;
  return html`<${Table} caption="Files of the job" columns=${COLUMNS} rows=${job.files} rowKey=${(file) => file.name}
    bar=${html`<span class="grow muted">${job.files.length === 1 ? "1 file" : `${job.files.length} files`}</span><a class="button small" href=${`${path}/download-archive`} download>Download all</a>`} />`;
}
