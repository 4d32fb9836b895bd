// One batch: how far it is, and its jobs.
import { JobState, StateBadge } from "../components/badge.js";
import { BatchProgress, sayBatch } from "../components/batch_progress.js";
import { CopyButton } from "../components/code.js";
import { confirm } from "../components/dialog.js";
import { Bone, Empty, ErrorNote, toast } from "../components/feedback.js";
import { ActionButton, Field } from "../components/form.js";
import { Page } from "../components/page.js";
import { Table } from "../components/table.js";
import { Ago, Elapsed } from "../components/time.js";
import { get, post } from "../lib/api.js";
import { count, plural, shortId } from "../lib/format.js";
import { now, useData, usePages } from "../lib/live.js";
import { setQuery } from "../lib/router.js";
import { may } from "../lib/session.js";
import { html } from "../lib/ui.js";

const REFRESH_SEC = 3;
const CRUMB = { href: "#/batches", label: "Batches" };
const STATES = [["", "All states"], ["pending", "Waiting"], ["processing", "Running"], ["completed", "Completed"], ["failed", "Failed"], ["cancelled", "Cancelled"]];

export default function Batch({ params, query }) {
  const path = `/api/jobs/batch/${encodeURIComponent(params.id)}`;
  const { data: batch, error, reload } = useData((abort) => get(path, {}, { signal: abort }), [path], { everySec: REFRESH_SEC });
  const isOpen = batch && (batch.counts.pending > 0 || batch.counts.processing > 0);
  const jobs = usePages("/api/jobs/", { batch_id: params.id, status: query.status }, "jobs", { everySec: isOpen ? REFRESH_SEC : 0 });
  const onDone = () => {
    reload();
    jobs.reload();
  };
  if (!batch && error?.code === "NOT_FOUND") {
    return html`<${Page} title="Batch" crumb=${CRUMB}><${Empty} title="There is no such batch" text="The id is wrong, the batch belongs to another API key, or it was removed some time after its end." action=${html`<a class="button" href=${CRUMB.href}>Show all batches</a>`} /><//>`;
  }
  return html`<${Page} title=${batch?.batch_name ?? "Batch"} crumb=${CRUMB} actions=${batch && html`<${Actions} batch=${batch} path=${path} onDone=${onDone} />`}>
    ${error && html`<${ErrorNote} error=${error} retry=${reload} />`}
    <div class="stack">
      <div class="row wrap">${batch && html`<${StateBadge} state=${batch.status} />`}<span class="mono small breakable">${params.id}</span><${CopyButton} text=${params.id} />
        <span class="muted small">${batch ? html`created <${Ago} at=${batch.created_at} />` : ""}</span></div>
      ${batch ? html`<${BatchProgress} counts=${batch.counts} />` : !error && html`<${Bone} width="100%" />`}
      <span class="small muted" role="status">${batch ? sayBatch(batch.counts) : error ? "" : "Reading …"}</span>
    </div>
    <search><form class="filters" onSubmit=${(event) => event.preventDefault()}>
      <${Field} label="State" kind="select" value=${query.status ?? ""} options=${STATES.map(([state, label]) => [state, state && batch ? `${label} (${count(batch.counts[state])})` : label])} onInput=${(status) => setQuery({ status })} />
    </form></search>
    <${Table} caption="Jobs of the batch" columns=${COLUMNS} rows=${jobs.rows} rowKey=${(job) => job.job_id} rowPath=${(job) => `/jobs/${job.job_id}`} error=${jobs.error} pager=${jobs.pager}
      empty=${{ title: query.status ? "No job of this batch is in this state" : "This batch has no jobs any more", text: "Deleted jobs do not count." }} />
  <//>`;
}

const COLUMNS = [
  { key: "job", label: "Job", kind: "main", cell: (job) => html`<a href=${`#/jobs/${job.job_id}`} title=${job.job_id}>${job.job_name ?? html`<span class="mono">${shortId(job.job_id)}</span>`}</a>` },
  { key: "state", label: "State", cell: (job) => html`<${JobState} job=${job} now=${now.peek()} />` },
  { key: "type", label: "Type", cell: (job) => job.job_type },
  { key: "what", label: "What happens", kind: "clip", cell: What },
  { key: "ran", label: "Ran", align: "right", cell: (job) => html`<${Elapsed} from=${job.processing_started_at} to=${job.status === "processing" ? null : (job.completed_at ?? job.updated_at)} />` },
];

function What({ status, error, progress }) {
  if (error) return html`<span class="bad-text" title=${error.message}><code>${error.code}</code> ${error.message}</span>`;
  return status === "processing" && progress ? `${progress.percent} % ${progress.step}` : "";
}

function Actions({ batch: { counts }, path, onDone }) {
  if (!may("submit")) return null;
  const open = counts.pending + counts.processing;
  const cancel = async () => {
    const target = plural(open, "job");
    if (!(await confirm({ title: `Cancel ${target}?`, text: "Waiting jobs end at once, running jobs within seconds. Jobs that have ended stay as they are.", action: `Cancel ${target}` }))) return;
    await post(`${path}/cancel`);
    toast(`${target} of the batch cancelled`);
    onDone();
  };
  const retry = async () => {
    await post(`${path}/retry-failed`);
    toast(`${plural(counts.failed, "job")} of the batch retried`);
    onDone();
  };
  return html`
    ${counts.failed > 0 && html`<${ActionButton} kind="primary" action=${retry}>Retry ${plural(counts.failed, "failed job")}<//>`}
    ${open > 0 && html`<${ActionButton} action=${cancel}>Cancel ${plural(open, "job")}<//>`}`;
}
