// The batches of the key, newest first.
import { StateBadge } from "../components/badge.js";
import { BatchProgress, sayBatch } from "../components/batch_progress.js";
import { Page } from "../components/page.js";
import { Table } from "../components/table.js";
import { Ago } from "../components/time.js";
import { shortId } from "../lib/format.js";
import { usePages } from "../lib/live.js";
import { html } from "../lib/ui.js";

const COLUMNS = [
  { key: "batch", label: "Batch", kind: "main", cell: ({ batch_id: id, batch_name: name }) => html`<a href=${`#/batches/${id}`} title=${id}>${name ?? html`<span class="mono">${shortId(id)}</span>`}</a>` },
  { key: "state", label: "State", cell: ({ status }) => html`<${StateBadge} state=${status} />` },
  { key: "progress", label: "Progress", kind: "clip", cell: ({ counts }) => html`<${BatchProgress} counts=${counts} />` },
  { key: "jobs", label: "Jobs", cell: ({ counts }) => html`<span class="nowrap">${sayBatch(counts)}</span>` },
  { key: "created", label: "Created", align: "right", cell: ({ created_at: at }) => html`<${Ago} at=${at} />` },
];

export default function Batches() {
  const { rows, error, pager } = usePages("/api/jobs/batch", {}, "batches", { limit: 20, everySec: 5 });
  return html`<${Page} title="Batches" lead="The jobs of a batch are accepted all together or not at all.">
    <${Table} caption="Batches, newest first" columns=${COLUMNS} rows=${rows} rowKey=${({ batch_id: id }) => id} rowPath=${({ batch_id: id }) => `/batches/${id}`} error=${error} pager=${pager}
      empty=${{ title: "There are no batches yet", text: "Send up to 1,000 jobs at once with POST /api/jobs/batch.", action: html`<a class="button" href="/docs" target="_blank" rel="noreferrer">Open the API reference</a>` }} />
  <//>`;
}
