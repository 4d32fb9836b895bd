// The API keys: what each may do, how much of its limits it uses, and when it was used last.
import { Label } from "../components/badge.js";
import { confirm } from "../components/dialog.js";
import { Note, toast } from "../components/feedback.js";
import { ActionButton } from "../components/form.js";
import { Page } from "../components/page.js";
import { Table } from "../components/table.js";
import { Ago } from "../components/time.js";
import { get, remove } from "../lib/api.js";
import { bytes, count, plural } from "../lib/format.js";
import { now, useData } from "../lib/live.js";
import { session } from "../lib/session.js";
import { classes, html, useState } from "../lib/ui.js";
import { ChangeLimits } from "./keys/change_limits.js";
import { CreateKey } from "./keys/create_key.js";

export default function Keys() {
  const { data, error, reload } = useData((abort) => get("/api/keys", {}, { signal: abort }), [], { everySec: 10 });
  const [changed, setChanged] = useState(null);
  const full = data?.keys.filter(isFull) ?? [];
  return html`<${Page} title="API keys" lead="Each program gets a key of its own. A key sees and changes only its own jobs; the scope admin sees and changes all." actions=${html`<${CreateKey} onDone=${reload} />`}>
    ${full.length > 0 && html`<${Note} kind="warn">${plural(full.length, "key has", "keys have")} a full queue (${full.map(({ name }) => name).join(", ")}): new jobs are refused with 429 until waiting jobs start. Start more workers, or raise max_pending.<//>`}
    <${Table} caption="API keys" columns=${columnsOf(reload, setChanged)} rows=${data?.keys} rowKey=${({ key_id: id }) => id} error=${error} empty=${EMPTY} />
    ${changed && html`<${ChangeLimits} apiKey=${changed} close=${() => setChanged(null)} onDone=${reload} />`}
  <//>`;
}

const EMPTY = {
  title: "There are no API keys yet",
  text: "Until now only the bootstrap key exists, which is an admin's. Create a key for each program, and keep the bootstrap key for emergencies.",
};

const BOUNDING = ["submit", "read", "deliveries"];
const isFull = ({ limits, used }) => limits.max_pending !== null && used.pending >= limits.max_pending;
const isOver = (at) => at && Date.parse(at) <= now.peek();

const columnsOf = (reload, change) => [
  { key: "name", label: "Name", kind: "main", cell: Name },
  { key: "scopes", label: "May", cell: Scopes },
  { key: "running", label: "Running", align: "right", cell: ({ used, limits }) => html`<${Share} used=${used.running} most=${limits.max_running} />` },
  { key: "waiting", label: "Waiting", align: "right", cell: (key) => html`<${Share} used=${key.used.pending} most=${key.limits.max_pending} isBad=${isFull(key)} />` },
  { key: "bytes", label: "Uploads", align: "right", cell: ({ used, limits }) => html`<${Share} used=${used.bytes} most=${limits.max_bytes} say=${bytes} />` },
  { key: "last", label: "Last used", align: "right", cell: ({ last_used_at: at }) => (at ? html`<${Ago} at=${at} />` : html`<span class="muted">never</span>`) },
  { key: "expires", label: "Expires", align: "right", cell: ({ expires_at: at }) => (isOver(at) ? html`<span class="bad-text">expired</span>` : at ? html`<${Ago} at=${at} />` : html`<span class="muted">never</span>`) },
  { key: "act", label: "", align: "right", cell: (key) => html`<div class="row nowrap">
      <button class="button small" aria-label=${`Change the limits of ${key.name}`} onClick=${() => change(key)}>Limits</button><${DeleteKey} apiKey=${key} onDone=${reload} />
    </div>` },
];

/** A key with none of the scopes that bound a key may do the same as a key with all of them. */
function Scopes({ scopes }) {
  if (scopes.includes("admin")) return html`<${Label} colour="warn">admin<//>`;
  const chosen = BOUNDING.filter((scope) => scopes.includes(scope));
  const words = chosen.length % BOUNDING.length ? chosen : ["all of its own"];
  return html`<span class="nowrap">${[...words, scopes.includes("metrics") && "metrics"].filter(Boolean).join(", ")}</span>`;
}

function Name({ key_id: id, name, limits }) {
  const further = furtherLimits(limits);
  return html`<span title=${id}>${name}</span> ${id === session.value.key_id && html`<span class="muted">(yours)</span>`}<div class="muted small ellipsis" title=${further}><span class="mono">${id}</span>${further && ` · ${further}`}</div>`;
}

function Share({ used, most, isBad, say = count }) {
  if (most === null) return say(used);
  return html`<span class=${classes("nowrap", isBad ? "bad-text" : used >= most && "warn-text")} title=${used >= most ? "At its limit" : ""}>${say(used)} <span class="muted">of ${say(most)}</span></span>`;
}

function furtherLimits({ requests_per_sec: rate, max_priority: priority, models, file_roots: roots, s3_places: places }) {
  return [
    rate !== null && `${count(rate)} requests/s`,
    priority !== null && `priority ≤ ${priority}`,
    models !== null && plural(models.length, "model"),
    roots !== null && plural(roots.length, "folder"),
    places !== null && plural(places.length, "S3 place"),
  ].filter(Boolean).join(", ");
}

function DeleteKey({ apiKey: { key_id: id, name }, onDone }) {
  const drop = async () => {
    const text = id === session.value.key_id ? "This is the key of your session: you are signed out at once. Its jobs stay." : "Programs with this key are refused within 5 seconds. Its jobs stay. This cannot be undone.";
    if (!(await confirm({ title: `Delete the key ${name}?`, text, action: "Delete the key", isDangerous: true }))) return;
    await remove(`/api/keys/${encodeURIComponent(id)}`);
    toast(`The key ${name} is deleted`);
    onDone();
  };
  return html`<${ActionButton} kind="small danger" action=${drop} aria-label=${`Delete the key ${name}`}>Delete<//>`;
}
