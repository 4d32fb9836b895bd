// The receivers of webhooks that are busy or in trouble, as the notifiers see them.
import { StateBadge } from "../components/badge.js";
import { Empty } from "../components/feedback.js";
import { Page } from "../components/page.js";
import { Table } from "../components/table.js";
import { Ago, Clock } from "../components/time.js";
import { get } from "../lib/api.js";
import { count } from "../lib/format.js";
import { useData } from "../lib/live.js";
import { href } from "../lib/router.js";
import { may } from "../lib/session.js";
import { classes, html } from "../lib/ui.js";
import { TryReceiver } from "./receivers/try_receiver.js";

const ORDER = { open: 0, probing: 1, closed: 2 };

export default function Receivers() {
  return html`<${may("read") ? Listed : TestOnly} />`;
}

function TestOnly() {
  return html`<${Page} title="Receivers"><${Empty} title="Your API key may not list receivers" text="For that it needs the scope read. It may let a notifier send one event to a receiver." action=${html`<${TryReceiver} />`} /><//>`;
}

function Listed() {
  const { data, error } = useData((abort) => get("/api/receivers", {}, { signal: abort }), [], { everySec: 5 });
  const rows = data?.receivers.toSorted((one, other) => ORDER[one.breaker] - ORDER[other.breaker] || other.waiting - one.waiting);
  return html`<${Page} title="Receivers" lead="Servers that get webhooks. After failures a receiver is paused for 30 seconds to 15 minutes: nothing is lost, its webhooks wait. Quiet receivers are left out."
    actions=${may("deliveries") && html`<${TryReceiver} />`}>
    <${Table} caption="Receivers, those in trouble first" columns=${COLUMNS} rows=${rows} rowKey=${keyOf} rowPath=${(one) => placeOf(one).slice(1)} error=${error} empty=${EMPTY} />
  <//>`;
}

const keyOf = ({ receiver, endpoint_id: endpoint }) => `${receiver} ${endpoint ?? ""}`;
const placeOf = ({ receiver, endpoint_id: endpoint }) => href("/deliveries", { receiver, endpoint });

/** A receiver whose attempts fail is not paused before it has failed several times. */
const stateOf = ({ breaker, failures }) => (breaker === "closed" && failures > 0 ? "failing" : breaker);

const EMPTY = {
  title: "No receiver is busy or in trouble",
  text: "A receiver appears here while it gets webhooks, and while its attempts fail.",
  action: html`<a class="button" href="#/deliveries">Show all deliveries</a>`,
};

const COLUMNS = [
  { key: "receiver", label: "Receiver", kind: "main", cell: (one) => html`<a href=${placeOf(one)} title=${one.endpoint_id ?? one.receiver}>${one.receiver}</a>` },
  { key: "state", label: "State", cell: (one) => html`<${StateBadge} of="breaker" state=${stateOf(one)} />` },
  { key: "answer", label: "Last answer", kind: "clip", cell: LastAnswer },
  { key: "until", label: "Next try", cell: (one) => (one.open_until ? html`<${Clock} at=${one.open_until} />` : html`<span class="muted">–</span>`) },
  { key: "failures", label: "Failures in a row", align: "right", cell: (one) => html`<span class=${classes(one.failures > 0 && "bad-text")}>${count(one.failures)}</span>` },
  { key: "flight", label: "In flight", align: "right", cell: (one) => count(one.in_flight) },
  { key: "waiting", label: "Waiting", align: "right", cell: (one) => count(one.waiting) },
];

function LastAnswer({ last_at: at, last_status: status, last_error: error }) {
  if (!at) return html`<span class="muted">No attempt yet</span>`;
  const isBad = error || status < 200 || status >= 300;
  return html`<span class=${classes(isBad && "bad-text")}>${error ? `No answer: ${error}` : `Answered ${status}`}</span> <span class="muted"><${Ago} at=${at} /></span>`;
}
