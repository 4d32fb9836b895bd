// All jobs of the key: filters, live changes, and actions on many jobs at once.
import { JobState, Label } from "../components/badge.js";
import { Field } from "../components/form.js";
import { Page } from "../components/page.js";
import { Table } from "../components/table.js";
import { Ago, Elapsed } from "../components/time.js";
import { plural, shortId } from "../lib/format.js";
import { merged, useJobFeed } from "../lib/job_feed.js";
import { now, useData, usePages } from "../lib/live.js";
import { get } from "../lib/api.js";
import { navigate, setQuery } from "../lib/router.js";
import { may } from "../lib/session.js";
import { useSelection } from "../lib/selection.js";
import { html, useEffect, useMemo, useState } from "../lib/ui.js";
import { BulkActions } from "./jobs/bulk_actions.js";

const STATES = [["", "All states"], ["pending", "Waiting"], ["processing", "Running"], ["completed", "Completed"], ["failed", "Failed"], ["cancelled", "Cancelled"]];
const SPANS = [["", "Any time"], ["1", "Last hour"], ["24", "Last day"], ["168", "Last week"]];
const FILTERS = ["status", "job_type", "tag", "user_id", "batch_id", "id_contains", "span"];
const TYPING_MS = 400;

export default function Jobs({ query }) {
  const filter = useFilter(query);
  const { rows, error, pager, reload } = usePages("/api/jobs/", filter, "jobs");
  const ids = useMemo(() => new Set(rows?.map((job) => job.job_id)), [rows]);
  const { job_type, batch_id, tag, user_id } = filter;
  const feed = useJobFeed({ job_type, batch_id, tag, user_id }, ids, reload);
  const selection = useSelection(JSON.stringify([filter, pager.number]));
  useEffect(feed.forget, [rows]);
  useCalmReload({ unseen: feed.unseen, isAllowed: pager.number === 1 && !selection.ids.size, reload });
  const shown = rows?.map((job) => merged(job, feed.changes.get(job.job_id)));
  const isFiltered = FILTERS.some((name) => query[name]);
  return html`<${Page} title="Jobs">
    <${Filters} query=${query} />
    <${Table} caption="Jobs, newest first" columns=${COLUMNS} rows=${shown} rowKey=${(job) => job.job_id} rowPath=${(job) => `/jobs/${job.job_id}`}
      selection=${selection} error=${error} pager=${pager} isFresh=${(job) => feed.changes.has(job.job_id)}
      isBarSelecting=${selection.ids.size > 0}
      bar=${html`<${BulkActions} filter=${filter} selection=${selection} rows=${shown} isLastPage=${!pager.hasNext && pager.number === 1} unseen=${feed.unseen} onDone=${reload} />`}
      empty=${pager.hasNext
        ? { title: "None of the newest jobs fits these filters", text: "The API looks at about 5,000 jobs for a page. Older jobs may fit.", action: html`<button class="button" onClick=${pager.goNext}>Look at older jobs</button>` }
        : isFiltered
        ? { title: "No job fits these filters", text: "Jobs are removed some time after their end.", action: html`<button class="button" onClick=${() => navigate("/jobs")}>Remove the filters</button>` }
        : { title: "There are no jobs yet", text: "Submit a job by the form, with POST /api/jobs/ or with the command secretary submit. It appears here at once.", action: may("submit") && html`<a class="button primary" href="#/submit">Submit a job</a>` }} />
  <//>`;
}

const COLUMNS = [
  { key: "job", label: "Job", kind: "main", cell: (job) => html`<a href=${`#/jobs/${job.job_id}`} title=${job.job_id}>${job.job_name ?? html`<span class="mono">${shortId(job.job_id)}</span>`}</a>` },
  { key: "state", label: "State", cell: (job) => html`<${JobState} job=${job} now=${now.peek()} />` },
  { key: "type", label: "Type", cell: (job) => job.job_type },
  { key: "what", label: "What happens", kind: "clip", cell: What },
  { key: "attempt", label: "Attempt", align: "right", kind: "wide", cell: (job) => (job.attempt ? `${job.attempt}` : html`<span class="muted">–</span>`) },
  { key: "ran", label: "Ran", align: "right", cell: (job) => html`<${Elapsed} from=${job.processing_started_at} to=${job.status === "processing" ? null : (job.completed_at ?? job.updated_at)} />` },
  { key: "created", label: "Created", align: "right", cell: (job) => html`<${Ago} at=${job.created_at} />` },
];

function What(job) {
  if (job.error) return html`<span class="bad-text" title=${job.error.message}><code>${job.error.code}</code> ${job.error.message}</span>`;
  if (job.status === "processing" && job.progress) {
    return html`<span class="row"><progress class="progress" style=${{ width: "5rem" }} max="100" value=${job.progress.percent} aria-label="Progress"></progress>
      <span class="ellipsis">${job.progress.percent} % ${job.progress.step}</span></span>`;
  }
  if (job.status === "pending" && Date.parse(job.run_at) > now.peek() + 1500) return html`<span class="muted">starts <${Ago} at=${job.run_at} /></span>`;
  return html`<span class="row">${job.tags.slice(0, 3).map((tag) => html`<${Label} key=${tag}>${tag}<//>`)}</span>`;
}

/** The filter for the API. A span of time begins when it is chosen, so that pages stay the same. */
function useFilter(query) {
  return useMemo(() => {
    const { status, job_type, tag, user_id, batch_id, id_contains, span } = query;
    const isKnown = span && SPANS.some(([known]) => known === span); // a link may have any text
    const since = isKnown && new Date(Date.now() - Number(span) * 3_600_000).toISOString();
    return { status, job_type, tag, user_id, batch_id, id_contains, created_after: since || undefined };
  }, FILTERS.map((name) => query[name]));
}

/** Read the page again when other jobs have changed, unless the operator is busy in the table. */
function useCalmReload({ unseen, isAllowed, reload }) {
  useEffect(() => {
    if (!unseen || !isAllowed) return undefined;
    const timer = setTimeout(() => {
      if (!document.querySelector(".table-frame:hover, .table-frame:focus-within")) reload();
    }, 2000);
    return () => clearTimeout(timer);
  }, [Boolean(unseen), isAllowed, reload]);
}

function Filters({ query }) {
  const types = useData((abort) => get("/api/job-types", {}, { signal: abort }));
  const names = types.data?.job_types.map(({ job_type }) => job_type) ?? [];
  const options = [["", "All types"], ...new Set([...names, query.job_type].filter(Boolean))].map((one) => (Array.isArray(one) ? one : [one, one]));
  return html`<search><form class="filters" onSubmit=${(event) => event.preventDefault()}>
    <${Field} label="State" kind="select" options=${STATES} value=${query.status ?? ""} onInput=${(status) => setQuery({ status })} />
    <${Field} label="Type" kind="select" options=${options} value=${query.job_type ?? ""} onInput=${(job_type) => setQuery({ job_type })} />
    <${Field} label="Created" kind="select" options=${SPANS} value=${query.span ?? ""} onInput=${(span) => setQuery({ span })} />
    <${TextFilter} label="Tag" name="tag" query=${query} />
    <${TextFilter} label="User" name="user_id" query=${query} />
    <${TextFilter} label="Batch" name="batch_id" query=${query} />
    <${IdSearch} query=${query} />
  </form></search>`;
}

function TextFilter({ label, name, query }) {
  const [text, setText] = useState(query[name] ?? "");
  useEffect(() => setText(query[name] ?? ""), [query[name]]);
  useEffect(() => {
    if (text.trim() === (query[name] ?? "")) return undefined;
    const timer = setTimeout(() => setQuery({ [name]: text.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<${Field} label=${label} kind="search" value=${text} onInput=${setText} />`;
}

const JOB_ID = /job-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
const BATCH_ID = /batch-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

const PART = /^[A-Za-z0-9_.-]{4,60}$/;

/** Opens the job or the batch whose id stands somewhere in the text; shows the jobs with a part of an id. */
function IdSearch({ query }) {
  const [text, setText] = useState(query.id_contains ?? "");
  useEffect(() => setText(query.id_contains ?? ""), [query.id_contains]);
  const part = text.trim().replace(/^…/, "");
  useEffect(() => {
    const job = text.match(JOB_ID)?.[0];
    const batch = text.match(BATCH_ID)?.[0];
    if (job) navigate(`/jobs/${job}`);
    else if (batch) navigate("/jobs", { batch_id: batch });
    if (job || batch || part === (query.id_contains ?? "") || (part && !PART.test(part))) return undefined;
    const timer = setTimeout(() => setQuery({ id_contains: part }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<${Field} label="Find by id" kind="search" isWide value=${text} onInput=${setText} placeholder="A job, batch or webhook id, or a part of a job's id"
    fault=${part && !PART.test(part) ? "At least 4 characters of one id" : ""} />`;
}
