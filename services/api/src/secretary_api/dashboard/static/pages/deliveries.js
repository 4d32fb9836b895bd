// The webhooks of all jobs: what waits and why, what is dead, each attempt with its answer.
import { StateBadge } from "../components/badge.js";
import { DeliveryAttempts, DeliveryReason, LastAnswer, ResendButton } from "../components/delivery.js";
import { Dialog } from "../components/dialog.js";
import { ErrorNote, Note } from "../components/feedback.js";
import { Field } from "../components/form.js";
import { Facts, Page } from "../components/page.js";
import { Table } from "../components/table.js";
import { Ago, Clock } from "../components/time.js";
import { get } from "../lib/api.js";
import { count, plural, shortId } from "../lib/format.js";
import { useData, usePages } from "../lib/live.js";
import { href, navigate, setQuery } from "../lib/router.js";
import { may } from "../lib/session.js";
import { classes, html, useEffect, useRef, useState } from "../lib/ui.js";
import { Recover } from "./deliveries/recover.js";

const REFRESH_SEC = 5;
const TYPING_MS = 400;
const STATES = [["", "All states"], ["pending", "Waiting"], ["sending", "Sending"], ["delivered", "Delivered"], ["dead", "Dead"], ["skipped", "Skipped"], ["superseded", "Superseded"], ["dropped", "Dropped"]];

export default function Deliveries({ query }) {
  const { status, receiver, endpoint } = query;
  const found = usePages("/api/deliveries", { status, receiver, endpoint }, "deliveries", { everySec: REFRESH_SEC });
  const { rows, error, pager, reload } = found;
  const open = useOpened(query.open, rows);
  const isFiltered = Boolean(status || receiver || endpoint);
  const isUnattended = rows?.some(({ wait }) => wait?.why === "notifier");
  return html`<${Page} title="Deliveries" lead="Each event of a job is sent to the job's webhook and to the endpoints until the receiver answers 2xx, or the schedule of attempts ends."
    actions=${may("deliveries") && html`<${Recover} onDone=${reload} />`}>
    <${Figures} status=${status} />
    ${isUnattended && html`<${Note} kind="bad"><strong>No notifier is alive.</strong> Nothing is sent until one starts: secretary-notifier. No event is lost meanwhile.<//>`}
    <${Filters} query=${query} rows=${rows} />
    <${Table} caption="Deliveries, newest first" columns=${columnsOf(query, reload)} rows=${rows} rowKey=${(one) => one.id} rowPath=${(one) => placeOf(query, one)}
      error=${error} pager=${pager} empty=${isFiltered ? NO_MATCH : NONE} />
    ${open && html`<${Details} delivery=${open} onDone=${reload} />`}
  <//>`;
}

/** The delivery *id*, also if it is not on the page, or not any more. */
function useOpened(id, rows) {
  const last = useRef(null);
  last.current = rows?.find((one) => one.id === id) ?? (last.current?.id === id ? last.current : null);
  const job = rows && !last.current && id?.match(/^msg_(job-[0-9a-f-]{36})/)?.[1];
  const { data } = useData(async (abort) => (job ? (await get(`/api/jobs/${job}/deliveries`, { limit: 250 }, { signal: abort })).deliveries : []), [job]);
  return last.current ?? data?.find((one) => one.id === id);
}

const NONE = { title: "No deliveries yet", text: "Submit a job with parameters.webhook.url, or register an endpoint that gets the events of all your jobs." };
const NO_MATCH = {
  title: "No delivery fits these filters",
  text: "Webhooks are removed some time after their job.",
  action: html`<button class="button" onClick=${() => navigate("/deliveries")}>Remove the filters</button>`,
};

const placeOf = (query, { id }) => href("/deliveries", { ...query, open: id }).slice(1);

const columnsOf = (query, reload) => [
  { key: "event", label: "Event", kind: "main", cell: (one) => html`<a href=${`#${placeOf(query, one)}`}>${one.phase}</a> <span class="muted">of ${one.job_id ? shortId(one.job_id) : "a test"}</span>` },
  { key: "state", label: "State", cell: (one) => html`<${StateBadge} of="delivery" state=${one.state} />` },
  { key: "receiver", label: "Receiver", cell: (one) => html`<span class="ellipsis short" title=${one.url}>${shortUrl(one.url)}</span>` },
  { key: "why", label: "Why", kind: "clip", cell: Why },
  { key: "created", label: "Created", align: "right", cell: (one) => html`<${Ago} at=${one.created_at} />` },
  { key: "act", label: "", align: "right", cell: (one) => html`<${ResendButton} delivery=${one} onDone=${reload} />` },
];

const shortUrl = (url) => (url.startsWith("https:") ? url.slice("https:".length + 2) : url).split("?")[0];

/** What it waits for or why it ended, and the last answer. */
function Why(delivery) {
  const { state, attempts } = delivery;
  const last = attempts.at(-1);
  if (state === "delivered") return html`<span class="muted">${attempts.length > 1 ? `after ${plural(attempts.length, "attempt")}` : ""}</span>`;
  const answer = last && html`<${LastAnswer} attempt=${last} />`;
  if (state === "dead") return html`<span class="bad-text">${answer} <span class="muted"><${DeliveryReason} delivery=${delivery} /></span></span>`;
  return html`<span><${DeliveryReason} delivery=${delivery} /> <span class="muted">${answer}</span></span>`;
}

function Figures({ status }) {
  const { data, error } = useData((abort) => get("/api/stats", {}, { signal: abort }), [], { everySec: REFRESH_SEC });
  const { pending, dead } = data?.deliveries ?? {};
  if (error) return html`<${ErrorNote} error=${error} />`;
  const draw = (label, value, state, note, colour) => html`<a class="figure" href=${href("/deliveries", { status: state })} aria-current=${status === state ? "true" : undefined}>
    <div class="label">${label}</div><div class=${classes("value", value > 0 && colour)}>${count(value)}</div><div class="muted small">${note}</div>
  </a>`;
  return html`<div class="figures narrow">
    ${draw("Waiting", pending, "pending", "for an attempt, or on their way")}
    ${draw("Dead", dead, "dead", "given up; you can send them again", "bad-text")}
  </div>`;
}

function Filters({ query, rows }) {
  const [text, setText] = useState(query.receiver ?? "");
  useEffect(() => setText(query.receiver ?? ""), [query.receiver]);
  useEffect(() => {
    if (text.trim() === (query.receiver ?? "")) return undefined;
    const timer = setTimeout(() => setQuery({ receiver: text.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const known = [...new Set(rows?.map(({ receiver }) => receiver))];
  return html`<search><form class="filters" onSubmit=${(event) => event.preventDefault()}>
    <${Field} label="State" kind="select" options=${STATES} value=${query.status ?? ""} onInput=${(status) => setQuery({ status })} />
    <${Field} label="Receiver" kind="search" isWide list="known-receivers" placeholder="An origin, or a URL of it" value=${text} onInput=${setText} />
    ${query.endpoint && html`<button type="button" class="button" onClick=${() => setQuery({ endpoint: null })}>Of one endpoint: show all</button>`}
    <datalist id="known-receivers">${known.map((one) => html`<option key=${one} value=${one}></option>`)}</datalist>
  </form></search>`;
}

function Details({ delivery, onDone }) {
  const close = () => setQuery({ open: null });
  return html`<${Dialog} title=${`Event ${delivery.phase}`} isWide onClose=${close}>
    <div class="row wrap"><${StateBadge} of="delivery" state=${delivery.state} /><span class="small"><${DeliveryReason} delivery=${delivery} /></span></div>
    <${Facts} facts=${[
      ["Receiver", delivery.url],
      ["Job", delivery.job_id && html`<a href=${`#/jobs/${delivery.job_id}?tab=webhooks`}>${delivery.job_id}</a>`],
      ["Endpoint", delivery.endpoint_id && html`<a href=${href("/endpoints", { open: delivery.endpoint_id })}>${delivery.endpoint_id}</a>`],
      ["webhook-id", html`<span class="mono">${delivery.id}</span>`],
      ["Created", html`<${Clock} at=${delivery.created_at} />`],
    ]} />
    <h3>${delivery.attempts.length ? plural(delivery.attempts.length, "attempt") : "Attempts"}</h3>
    <${DeliveryAttempts} delivery=${delivery} />
    <div class="actions"><${ResendButton} delivery=${delivery} onDone=${onDone} /><button class="button" autofocus onClick=${close}>Close</button></div>
  <//>`;
}
