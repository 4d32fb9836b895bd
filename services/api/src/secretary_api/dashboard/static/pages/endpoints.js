// Endpoints: receivers that are registered once and get the events of all jobs of a key.
import { Label } from "../components/badge.js";
import { confirm } from "../components/dialog.js";
import { toast } from "../components/feedback.js";
import { ActionButton } from "../components/form.js";
import { Page } from "../components/page.js";
import { Table } from "../components/table.js";
import { Ago } from "../components/time.js";
import { patch } from "../lib/api.js";
import { usePages } from "../lib/live.js";
import { href, setQuery } from "../lib/router.js";
import { may } from "../lib/session.js";
import { html, useState } from "../lib/ui.js";
import { Details } from "./endpoints/details.js";
import { EndpointForm } from "./endpoints/endpoint_form.js";

export default function Endpoints({ query }) {
  const { rows, error, pager, reload } = usePages("/api/endpoints", {}, "endpoints", { everySec: 5 });
  const [isRegistering, setIsRegistering] = useState(false);
  const register = may("deliveries") && html`<button class="button primary" onClick=${() => setIsRegistering(true)}>Register an endpoint</button>`;
  return html`<${Page} title="Endpoints" lead="An endpoint is registered once and gets the events of all jobs of its API key, beside the webhook that a job may name itself. Each has its own deliveries, order and pauses." actions=${register}>
    <${Table} caption="Endpoints, newest first" columns=${columnsOf(reload)} rows=${rows} rowKey=${({ id }) => id} rowPath=${placeOf} error=${error} pager=${pager}
      empty=${{ title: "No endpoint is registered", text: "Register the URL of a service that shall hear of every job, for example of your own back end. Jobs that are submitted from then on send their events there." }} />
    ${query.open && html`<${Details} key=${query.open} id=${query.open} close=${() => setQuery({ open: null })} onDone=${reload} />`}
    ${isRegistering && html`<${EndpointForm} close=${() => setIsRegistering(false)} onDone=${reload} />`}
  <//>`;
}

const placeOf = ({ id }) => href("/endpoints", { open: id }).slice(1);

const columnsOf = (reload) => [
  { key: "url", label: "URL", kind: "main", cell: (one) => html`<a href=${`#${placeOf(one)}`} title=${one.url}>${one.url}</a>` },
  { key: "state", label: "State", cell: ({ enabled }) => (enabled ? html`<${Label} colour="good">Enabled<//>` : html`<${Label} colour="warn">Disabled<//>`) },
  { key: "events", label: "Events", cell: ({ events }) => html`<span class="nowrap" title=${events.join(", ")}>${sayEvents(events)}</span>` },
  { key: "jobs", label: "Of jobs", cell: (one) => sayJobs(one) },
  { key: "failure", label: "Last failure", kind: "clip", cell: Failure },
  { key: "created", label: "Created", align: "right", cell: ({ created_at: at }) => html`<${Ago} at=${at} />` },
  { key: "act", label: "", align: "right", cell: (one) => html`<${EnableButton} endpoint=${one} onDone=${reload} />` },
];

function sayEvents(events) {
  const hasProgress = events.includes("processing");
  const ends = events.filter((event) => event !== "processing");
  if (ends.length === 3) return hasProgress ? "all" : "all ends";
  return [hasProgress && "progress", ...ends].filter(Boolean).join(", ");
}

function sayJobs({ job_types: types, tags }) {
  const parts = [types?.join(", "), tags && `tagged ${tags.join(", ")}`].filter(Boolean);
  return parts.length ? html`<span class="nowrap">${parts.join(", ")}</span>` : html`<span class="muted">all</span>`;
}

function Failure({ message, last_failure: failure }) {
  if (!failure) return html`<span class="muted">none</span>`;
  return html`<span title=${message}><span class="muted"><${Ago} at=${failure.at} /></span> ${message}</span>`;
}

function EnableButton({ endpoint: { id, url, enabled }, onDone }) {
  if (!may("deliveries")) return null;
  const change = async () => {
    const text = "Events wait as skipped deliveries meanwhile: the ends of jobs are kept, and you can replay them later. Progress is not kept.";
    if (enabled && !(await confirm({ title: "Disable this endpoint?", text, action: "Disable it" }))) return;
    await patch(`/api/endpoints/${encodeURIComponent(id)}`, { enabled: !enabled });
    toast(enabled ? "The endpoint is disabled" : "The endpoint is enabled. Replay it to send what it has missed.");
    onDone();
  };
  const label = enabled ? "Disable" : "Enable";
  return html`<${ActionButton} kind="small" action=${change} aria-label=${`${label} ${url}`}>${label}<//>`;
}
