// The announced job types: who runs them, what waits, and pausing.
import { Label } from "../components/badge.js";
import { confirm, Dialog } from "../components/dialog.js";
import { toast } from "../components/feedback.js";
import { ActionButton } from "../components/form.js";
import { Page } from "../components/page.js";
import { Table } from "../components/table.js";
import { get, post } from "../lib/api.js";
import { count, duration, plural } from "../lib/format.js";
import { useData } from "../lib/live.js";
import { href, setQuery } from "../lib/router.js";
import { isAdmin, may } from "../lib/session.js";
import { classes, html } from "../lib/ui.js";
import { ParameterTable } from "./job_types/parameter_table.js";

const NO_WORK = { waiting: 0, scheduled: 0, running: 0, oldest_wait_sec: 0 };

async function read(abort) {
  const [{ job_types: types }, { types: work }] = await Promise.all([get("/api/job-types", {}, { signal: abort }), get("/api/stats", {}, { signal: abort })]);
  return types.map((type) => ({ ...type, ...(work[type.job_type] ?? NO_WORK) }));
}

export default function JobTypes({ query }) {
  const { data: rows, error, reload } = useData(read, [], { everySec: 5 });
  const open = rows?.find(({ job_type: name }) => name === query.open);
  return html`<${Page} title="Job types" lead="Workers announce the types that they run. A type without a live worker stays: its jobs are accepted, and they wait.">
    <${Table} caption="Job types" columns=${columnsOf(reload)} rows=${rows} rowKey=${({ job_type: name }) => name} error=${error} empty=${EMPTY} />
    ${open && html`<${Dialog} title=${`Parameters of ${open.job_type}`} isWide onClose=${() => setQuery({ open: null })}>
      <${ParameterTable} schema=${open.schema} />
      <div class="actions"><button class="button" autofocus onClick=${() => setQuery({ open: null })}>Close</button></div>
    <//>`}
  <//>`;
}

const EMPTY = { title: "No job type is known yet", text: "secretary-init announces the built-in job types, and a worker announces its own when it starts." };

const columnsOf = (reload) => [
  { key: "type", label: "Job type", kind: "main", cell: ({ job_type: type }) => html`<a href=${href("/jobs", { job_type: type })}>${type}</a>` },
  { key: "state", label: "State", cell: State },
  { key: "workers", label: "Live workers", align: "right", cell: ({ workers }) => count(workers) },
  { key: "running", label: "Running", align: "right", cell: ({ running }) => count(running) },
  { key: "waiting", label: "Waiting", align: "right", cell: ({ waiting }) => count(waiting) },
  { key: "oldest", label: "Oldest wait", align: "right", cell: ({ waiting, oldest_wait_sec: sec }) => (waiting ? duration(sec) : html`<span class="muted">–</span>`) },
  { key: "scheduled", label: "Scheduled", align: "right", cell: ({ scheduled }) => count(scheduled) },
  { key: "parameters", label: "Parameters", cell: ({ job_type: type, schema }) => html`<a href=${href("/job-types", { open: type })}>${schema?.properties ? plural(Object.keys(schema.properties).length, "parameter") : "any"}</a>` },
  { key: "act", label: "", align: "right", cell: (type) => html`<div class="row nowrap">${may("submit") && html`<a class="button small" href=${href("/submit", { type: type.job_type })} aria-label=${`Submit a ${type.job_type} job`}>Submit</a>`}<${PauseButton} type=${type} onDone=${reload} /></div>` },
];

function State({ paused, workers, waiting }) {
  if (paused) return html`<${Label} colour="warn">Paused<//>`;
  if (workers) return html`<${Label} colour="good">Ready<//>`;
  return html`<span class=${classes("badge plain", waiting ? "bad" : "warn")}>No live worker</span>`;
}

function PauseButton({ type: { job_type: name, paused }, onDone }) {
  if (!isAdmin()) return null;
  const change = async () => {
    const isSure = paused || (await confirm({ title: `Pause ${name}?`, text: "Its jobs are accepted, but they wait and are not started. Running jobs go on.", action: `Pause ${name}` }));
    if (!isSure) return;
    await post(`/api/job-types/${encodeURIComponent(name)}/${paused ? "resume" : "pause"}`);
    toast(paused ? `${name} starts jobs again` : `${name} is paused`);
    onDone();
  };
  return html`<${ActionButton} kind="small" action=${change} aria-label=${`${paused ? "Resume" : "Pause"} ${name}`}>${paused ? "Resume" : "Pause"}<//>`;
}
