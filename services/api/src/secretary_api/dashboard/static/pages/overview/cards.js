// The tables of the overview: job types, workers, running jobs, and the keys with the most waiting jobs.
import { Label } from "../../components/badge.js";
import { Card } from "../../components/page.js";
import { Table } from "../../components/table.js";
import { Ago, Elapsed } from "../../components/time.js";
import { count, duration, shortId } from "../../lib/format.js";
import { classes, html } from "../../lib/ui.js";

const muted = (text) => html`<span class="muted">${text}</span>`;
const number = (value, kind) => (value ? html`<span class=${kind}>${count(value)}</span>` : muted("0"));

const TYPES = [
  { key: "type", label: "Job type", kind: "main", cell: ({ name, paused }) => html`<a href=${`#/jobs?job_type=${encodeURIComponent(name)}`}>${name}</a>${paused && html` <${Label} colour="warn">paused<//>`}` },
  { key: "workers", label: "Workers", align: "right", cell: ({ workers, waiting }) => number(workers) && (workers || !waiting ? number(workers) : html`<strong class="bad-text">0</strong>`) },
  { key: "waiting", label: "Waiting", align: "right", cell: ({ waiting }) => number(waiting) },
  { key: "oldest", label: "Oldest wait", align: "right", cell: ({ oldest_wait_sec: sec }) => (sec ? duration(sec) : muted("–")) },
  { key: "scheduled", label: "Scheduled", align: "right", kind: "wide", cell: ({ scheduled }) => number(scheduled) },
  { key: "running", label: "Running", align: "right", cell: ({ running }) => number(running) },
  { key: "completed", label: "Completed, 1 h", align: "right", cell: ({ completed }) => number(completed) },
  { key: "failed", label: "Failed, 1 h", align: "right", cell: ({ failed }) => number(failed, "bad-text") },
];

export function Types({ overview }) {
  const rows = overview && Object.entries(overview.types).map(([name, type]) => ({ name, ...type }));
  return html`<${Table} caption="Job types" columns=${TYPES} rows=${rows} rowKey=${({ name }) => name} bar=${html`<h2 class="bar-title">Job types</h2>`}
    empty=${{ title: "No job types yet", text: "A worker announces the types of its handlers when it starts. Start secretary-worker." }} />`;
}

const WORKERS = [
  { key: "worker", label: "Worker", kind: "main", cell: (worker) => html`<span title=${worker.id}>${worker.host ?? shortId(worker.id)}</span>${worker.pid ? html` <span class="muted">${worker.pid}</span>` : ""}` },
  { key: "state", label: "State", cell: WorkerState },
  { key: "slots", label: "Slots", cell: (worker) => html`<${Slots} busy=${worker.busy} slots=${worker.slots} />` },
  { key: "runs", label: "Runs", kind: "clip", cell: ({ running, job_types: types }) => (running.length ? running.map((id) => html`<a key=${id} class="mono" href=${`#/jobs/${id}`} title=${id}>${shortId(id)}</a> `) : muted(types.join(", "))) },
  { key: "since", label: "Started", align: "right", cell: ({ started_at: at }) => html`<${Ago} at=${at} />` },
];

export function Workers({ overview }) {
  return html`<${Table} caption="Workers" columns=${WORKERS} rows=${overview?.workers} rowKey=${({ id }) => id} bar=${html`<h2 class="bar-title">Workers</h2>`}
    empty=${{ title: "No worker is alive", text: "Jobs wait until a worker starts: secretary-worker, or docker compose up." }} />`;
}

function WorkerState({ unfit, active, listening, busy, slots }) {
  if (Object.keys(unfit).length) return html`<span class="badge bad">Unfit</span>`;
  if (!active) return html`<span class="badge warn">Off</span>`;
  if (busy >= slots) return html`<span class="badge busy">Full</span>`;
  return listening ? html`<span class="badge good">Ready</span>` : html`<span class="badge warn" title="It receives no doorbells, and polls">Polls</span>`;
}

function Slots({ busy, slots }) {
  return html`<span class="row"><meter class="slots" min="0" max=${slots} value=${busy} aria-label="Busy slots"></meter><span class="number nowrap">${busy} / ${slots}</span></span>`;
}

const RUNNING = [
  { key: "job", label: "Job", kind: "main", cell: (job) => html`<a href=${`#/jobs/${job.job_id}`} title=${job.job_id}>${job.job_name ?? html`<span class="mono">${shortId(job.job_id)}</span>`}</a>` },
  { key: "type", label: "Type", cell: ({ job_type: type }) => type },
  { key: "does", label: "Does", kind: "clip", cell: ({ progress }) => (progress ? `${progress.percent} % ${progress.step}` : muted("–")) },
  { key: "runs", label: "Runs", align: "right", cell: ({ processing_started_at: from }) => html`<${Elapsed} from=${from} />` },
  { key: "changed", label: "Last report", align: "right", cell: ({ updated_at: at }) => html`<${Ago} at=${at} />` },
];

export function Running({ overview }) {
  return html`<${Table} caption="Running jobs, the longest without a report first" columns=${RUNNING} rows=${overview?.running} rowKey=${(job) => job.job_id} rowPath=${(job) => `/jobs/${job.job_id}`}
    bar=${html`<h2 class="bar-title">Running, the longest without a report first</h2>`} empty=${{ title: "Nothing runs", text: "Jobs appear here while a worker runs them." }} />`;
}

export function Backlogs({ overview }) {
  const most = Math.max(...overview.waiting_by_key.map(({ waiting }) => waiting), 1);
  return html`<${Card} title="Keys with the most waiting jobs">
    <ul class="stack tight">${overview.waiting_by_key.map(({ key_id: id, waiting }) => html`<li key=${id} class="row small">
      <code class="backlog-key ellipsis">${id}</code><meter class="slots grow" min="0" max=${most} value=${waiting} aria-label=${`Waiting jobs of ${id}`}></meter><span class=${classes("number")}>${count(waiting)}</span>
    </li>`)}</ul>
  <//>`;
}
