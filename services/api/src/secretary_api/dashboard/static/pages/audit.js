// What API keys have changed.
import { Page } from "../components/page.js";
import { Table } from "../components/table.js";
import { Ago } from "../components/time.js";
import { get } from "../lib/api.js";
import { clock, shortId } from "../lib/format.js";
import { useData, usePages } from "../lib/live.js";
import { href } from "../lib/router.js";
import { isAdmin, session } from "../lib/session.js";
import { html } from "../lib/ui.js";

const ACTIONS = {
  "batch.cancel": "Cancelled a batch",
  "batch.retry_failed": "Retried the failed jobs of a batch",
  "deliveries.recover": "Recovered dead deliveries",
  "delivery.resend": "Sent a webhook again",
  "endpoint.change": "Changed an endpoint",
  "endpoint.create": "Registered an endpoint",
  "endpoint.delete": "Deleted an endpoint",
  "endpoint.replay": "Replayed the events of an endpoint",
  "endpoint.rotate": "Rotated the secret of an endpoint",
  "job.cancel": "Cancelled a job",
  "job.delete": "Deleted a job",
  "job.retry": "Retried a job",
  "job_type.pause": "Paused a job type",
  "job_type.resume": "Resumed a job type",
  "jobs.cancel": "Cancelled all jobs of a filter",
  "jobs.delete": "Deleted all jobs of a filter",
  "jobs.retry": "Retried all jobs of a filter",
  "key.change": "Changed the limits of an API key",
  "key.create": "Created an API key",
  "key.delete": "Deleted an API key",
};

export default function Audit() {
  const { rows, error, pager } = usePages("/api/audit", {}, "entries", { everySec: 10 });
  const names = useKeyNames();
  const columns = [
    { key: "action", label: "What", kind: "main", cell: ({ action }) => html`<span title=${action}>${ACTIONS[action] ?? action}</span>` },
    { key: "target", label: "Target", cell: ({ target }) => html`<${Target} id=${target} name=${names.get(target)} />` },
    { key: "key", label: "By the API key", cell: ({ key_id: id }) => html`<span title=${id}>${names.get(id) ?? id}</span>` },
    { key: "details", label: "Details", kind: "clip", cell: ({ details }) => details && html`<span class="muted" title=${JSON.stringify(details, null, 1)}>${inWords(details)}</span>` },
    { key: "at", label: "When", align: "right", cell: ({ at }) => html`<${Ago} at=${at} />` },
  ];
  return html`<${Page} title="Audit" lead=${isAdmin() ? "What all API keys have changed. Entries are kept for 90 days." : "What this API key has changed. Entries are kept for 90 days."}>
    <${Table} caption="Changes, newest first" columns=${columns} rows=${rows} rowKey=${({ id }) => id} error=${error} pager=${pager}
      empty=${{ title: "Nothing has been changed yet", text: "Cancelled, retried and deleted jobs, API keys, endpoints, paused job types and webhooks that are sent again appear here." }} />
  <//>`;
}

/** The names of keys by their id; others than admins only know their own. */
function useKeyNames() {
  const { data } = useData(async (abort) => (isAdmin() ? (await get("/api/keys", {}, { signal: abort })).keys : []));
  const own = [session.value.key_id, session.value.name];
  return new Map([own, ...(data ?? []).map(({ key_id: id, name }) => [id, name])]);
}

function Target({ id, name }) {
  if (name) return html`<a href="#/keys" title=${id}>${name}</a>`;
  if (!id) return html`<span class="muted">–</span>`;
  const place = placeOf(id);
  const text = html`<span class="mono nowrap" title=${id}>${shortId(id)}</span>`;
  return place ? html`<a href=${place}>${text}</a>` : text;
}

function placeOf(id) {
  const job = id.match(/^(?:msg_)?(job-[0-9a-f-]{36})/)?.[1];
  if (job) return href(`/jobs/${job}`, { tab: id.startsWith("msg_") ? "webhooks" : "" });
  if (id.startsWith("batch-")) return href(`/batches/${id}`);
  return id.startsWith("ep-") ? href("/endpoints", { open: id }) : null;
}

/** Details as `name: value`. */
function inWords(details) {
  return Object.entries(details).map(([name, value]) => `${name}: ${asText(value)}`).join("; ");
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

function asText(value) {
  if (Array.isArray(value)) return value.map(asText).join(", ") || "none";
  if (typeof value === "string" && TIME.test(value)) return clock(value);
  return value !== null && typeof value === "object" ? `(${inWords(value)})` : String(value);
}
