// One job, live: what it does, each of its attempts, its log, its results, its files, its webhooks.
import { JobState, Label } from "../components/badge.js";
import { CopyButton, Json } from "../components/code.js";
import { Empty, ErrorNote, Note } from "../components/feedback.js";
import { Card, Facts, Page } from "../components/page.js";
import { Tabs } from "../components/tabs.js";
import { Ago, Clock, Elapsed } from "../components/time.js";
import { get } from "../lib/api.js";
import { duration, plural } from "../lib/format.js";
import { merged } from "../lib/job_feed.js";
import { now, useData } from "../lib/live.js";
import { setQuery } from "../lib/router.js";
import { follow } from "../lib/stream.js";
import { classes, html, useEffect, useState } from "../lib/ui.js";
import { JobActions } from "./job/actions.js";
import { Attempts } from "./job/attempts.js";
import { Deliveries } from "./job/deliveries.js";
import { Files } from "./job/files.js";
import { Log } from "./job/log.js";
import { Results } from "./job/results.js";

const CRUMB = { href: "#/jobs", label: "Jobs" };
const ENDED = new Set(["completed", "failed", "cancelled"]);

export default function Job({ params, query }) {
  const path = `/api/jobs/${encodeURIComponent(params.id)}`;
  const { data, error, reload } = useData((abort) => get(path, {}, { signal: abort }), [path]);
  const event = useJobEvents(path, data, reload);
  if (!data && error?.code === "NOT_FOUND") {
    return html`<${Page} title="Job" crumb=${CRUMB}><${Empty} title="There is no such job" text="The id is wrong, the job belongs to another API key, or it was deleted." action=${html`<a class="button" href=${CRUMB.href}>Show all jobs</a>`} /><//>`;
  }
  if (!data) return html`<${Page} title="Job" crumb=${CRUMB}>${error ? html`<${ErrorNote} error=${error} retry=${reload} />` : html`<${Waiting} />`}<//>`;
  const job = merged(data, event);
  const tabs = tabsOf(job);
  const tab = tabs.some(({ key }) => key === query.tab) ? query.tab : "summary";
  return html`<${Page} title=${job.job_name ?? `${job.job_type} job`} crumb=${CRUMB} actions=${html`<${JobActions} job=${job} onDone=${reload} />`}>
    <div class="stack">
      <div class="row wrap">
        <${JobState} job=${job} now=${now.peek()} />
        <span class="mono small breakable">${job.job_id}</span><${CopyButton} text=${job.job_id} />
        ${job.tags.map((tag) => html`<a key=${tag} href=${`#/jobs?tag=${encodeURIComponent(tag)}`}><${Label}>${tag}<//></a>`)}
      </div>
      <${Progress} job=${job} />
      ${job.error && html`<${Note} kind="bad"><strong>${job.error.code}</strong> ${job.error.message}<//>`}
    </div>
    <${Tabs} label="Parts of the job" tabs=${tabs} current=${tab} onSelect=${(key) => setQuery({ tab: key })}>
      <${Part} tab=${tab} job=${job} path=${path} />
    <//>
  <//>`;
}

function Waiting() {
  return html`<div class="stack"><span class="bone"></span><span class="bone" style=${{ width: "30%" }}></span></div>`;
}

function tabsOf(job) {
  return [
    { key: "summary", label: "Summary" },
    { key: "results", label: "Results" },
    { key: "log", label: "Log" },
    { key: "files", label: job.files.length ? `Files (${job.files.length})` : "Files" },
    { key: "webhooks", label: "Webhooks" },
    { key: "parameters", label: "Parameters" },
  ];
}

function Part({ tab, job, path }) {
  switch (tab) {
    case "results":
      return html`<${Results} job=${job} path=${path} />`;
    case "log":
      return html`<${Log} job=${job} path=${path} isRunning=${job.status === "processing"} />`;
    case "files":
      return html`<${Files} job=${job} path=${path} />`;
    case "webhooks":
      return html`<${Deliveries} job=${job} path=${path} />`;
    case "parameters":
      return html`<${Json} value=${job.parameters} label="The parameters" />`;
    default:
      return html`<${Summary} job=${job} path=${path} />`;
  }
}

function Summary({ job, path }) {
  return html`<div class="stack">
    <${Attempts} job=${job} path=${path} />
    <${Card} title="Facts"><${Facts} facts=${factsOf(job)} /><//>
  </div>`;
}

function factsOf(job) {
  return [
    ["Type", job.job_type],
    ["Created", html`<${Clock} at=${job.created_at} /> (<${Ago} at=${job.created_at} />)`],
    ["Earliest start", job.run_at !== job.created_at && html`<${Clock} at=${job.run_at} />`],
    ["Started", job.processing_started_at && html`<${Clock} at=${job.processing_started_at} />`],
    ["Ended", job.completed_at && html`<${Clock} at=${job.completed_at} />`],
    ["Last attempt ran", job.processing_started_at && html`<${Elapsed} from=${job.processing_started_at} to=${ENDED.has(job.status) ? (job.completed_at ?? job.updated_at) : null} />`],
    ["Attempts", `${job.attempt}, at most ${job.max_attempts} in a run`],
    ["Run", job.run > 1 && `${job.run}`],
    ["Timeout of an attempt", job.timeout_sec && `${job.timeout_sec} s`],
    ["Priority", job.priority],
    ["User", job.user_id && html`<a href=${`#/jobs?user_id=${encodeURIComponent(job.user_id)}`}>${job.user_id}</a>`],
    ["Batch", job.batch_id && html`<a href=${`#/jobs?batch_id=${encodeURIComponent(job.batch_id)}`}>${job.batch_id}</a>`],
    ["Use", job.usage && Object.keys(job.usage).length > 0 && html`<code>${JSON.stringify(job.usage)}</code>`],
  ].map(([name, value]) => [name, value || null]);
}

const COLOURS = { completed: "good", failed: "bad" };

/** The bar keeps its place before and after the job runs, so that nothing below it moves. */
function Progress({ job }) {
  const { percent = 0 } = job.progress ?? {};
  const shown = job.status === "completed" ? 100 : percent;
  return html`<div class="stack tight">
    <progress class=${classes("progress", COLOURS[job.status])} max="100" value=${shown} aria-label="Progress of the job"></progress>
    <div class="row apart small muted"><span class="ellipsis">${sayProgress(job)}</span><span class="number nowrap">${shown} %</span></div>
  </div>`;
}

function sayProgress(job) {
  const { step = "", message = "" } = job.progress ?? {};
  if (job.status === "processing") return [step, message].filter(Boolean).join(": ") || "Running";
  if (job.status === "pending") return job.attempt ? "Waits for its next attempt" : "Waits for a worker";
  const after = job.completed_at ? ` ${duration((Date.parse(job.completed_at) - Date.parse(job.created_at)) / 1000)} after it was submitted` : "";
  return `Ended${after}, in ${plural(job.attempt, "attempt")}`;
}

/** Follow the job until it has ended; read it again when its state or its attempt changes. */
function useJobEvents(path, data, reload) {
  const [event, setEvent] = useState(null);
  const isOpen = Boolean(data) && !ENDED.has(data.status);
  useEffect(() => setEvent(null), [path]);
  useEffect(() => {
    if (!isOpen) return undefined;
    let status = data.status;
    const onEvent = (_name, changed) => {
      setEvent(changed);
      if (changed.status !== status) reload();
      status = changed.status;
    };
    return follow(`${path}/stream`, { onEvent, onReset: reload });
  }, [path, isOpen]);
  return event;
}
