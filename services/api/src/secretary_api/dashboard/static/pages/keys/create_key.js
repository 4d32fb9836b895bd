// Create an API key; its secret is shown once.
import { Dialog } from "../../components/dialog.js";
import { ErrorNote } from "../../components/feedback.js";
import { Field } from "../../components/form.js";
import { ShownOnce } from "../../components/secret.js";
import { post } from "../../lib/api.js";
import { html, useState } from "../../lib/ui.js";
import { fieldsOf, LimitFields, limitsOf } from "./limit_fields.js";

const SCOPES = [
  ["submit", "submit, cancel, retry and delete its own jobs, upload files"],
  ["read", "read its own jobs, results, files and webhooks"],
  ["deliveries", "send its own webhooks again, test receivers, change endpoints"],
  ["metrics", "read /metrics, as Prometheus does"],
  ["admin", "see all jobs of all keys, and do everything"],
];
const BOUNDING = ["submit", "read", "deliveries"];
const DAY_MS = 86_400_000;
const LIVES = [["", "Never"], ["30", "In 30 days"], ["90", "In 90 days"], ["365", "In a year"]];

export function CreateKey({ onDone }) {
  const [isOpen, setIsOpen] = useState(false);
  return html`<button class="button primary" onClick=${() => setIsOpen(true)}>Create a key</button>
    ${isOpen && html`<${Creation} close=${() => setIsOpen(false)} onDone=${onDone} />`}`;
}

function Creation({ close, onDone }) {
  const [made, setMade] = useState(null);
  const end = () => {
    close();
    if (made) onDone();
  };
  if (made) return html`<${Dialog} key="made" title="The key is created" isWide onClose=${() => {}}><${ShownOnce} name="The API key" secret=${made.key} close=${end} /><//>`;
  return html`<${Dialog} key="form" title="Create an API key" isWide onClose=${close}><${Form} close=${close} onMade=${setMade} /><//>`;
}

function Form({ close, onMade }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState(BOUNDING);
  const [days, setDays] = useState("");
  const [limits, setLimits] = useState(fieldsOf());
  const [error, setError] = useState(null);
  const [isRunning, setIsRunning] = useState(false);
  const faults = error?.fields ?? {};
  const create = async (event) => {
    event.preventDefault();
    setIsRunning(true);
    const expiresAt = days ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : undefined;
    try {
      onMade(await post("/api/keys", { name: name.trim(), scopes, expires_at: expiresAt, limits: limitsOf(limits) }));
    } catch (fault) {
      setError(fault);
      setIsRunning(false);
    }
  };
  const set = (scope, isChosen) => setScopes(isChosen ? [...scopes, scope] : scopes.filter((one) => one !== scope));
  const isUnbound = !scopes.some((scope) => BOUNDING.includes(scope) || scope === "admin");
  return html`<form class="stack form" noValidate onSubmit=${create}>
    <div class="form-grid">
      <${Field} label="Name" required autofocus autocomplete="off" placeholder="the wiki" value=${name} fault=${faults.name} onInput=${setName} hint="The program that uses it." />
      <${Field} label="Expires" kind="select" options=${LIVES} value=${days} fault=${faults.expires_at} onInput=${setDays} />
    </div>
    <fieldset class="field"><legend>The key may</legend>
      ${SCOPES.map(([scope, text]) => html`<label key=${scope} class="row small"><input type="checkbox" checked=${scopes.includes(scope)} onChange=${(event) => set(scope, event.currentTarget.checked)} /><span><strong>${scope}</strong> <span class="muted">${text}</span></span></label>`)}
      ${isUnbound && html`<span class="hint">With none of submit, read and deliveries the key may do all three with its own jobs.</span>`}
    </fieldset>
    <details class="more"><summary>Limits</summary><${LimitFields} fields=${limits} faults=${faults} onChange=${setLimits} /></details>
    <${ErrorNote} error=${error} />
    <div class="actions"><button type="button" class="button" onClick=${close}>Cancel</button><button class="button primary" disabled=${isRunning || !name.trim()}>Create the key</button></div>
  </form>`;
}
