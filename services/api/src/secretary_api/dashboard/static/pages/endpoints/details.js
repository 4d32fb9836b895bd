// One endpoint: its facts, and what an operator can do with it.
import { Label } from "../../components/badge.js";
import { confirm, Dialog } from "../../components/dialog.js";
import { Bone, ErrorNote, Note, toast } from "../../components/feedback.js";
import { ActionButton } from "../../components/form.js";
import { Facts } from "../../components/page.js";
import { Ago, Clock } from "../../components/time.js";
import { get, post, remove } from "../../lib/api.js";
import { useData } from "../../lib/live.js";
import { href } from "../../lib/router.js";
import { may } from "../../lib/session.js";
import { html, useState } from "../../lib/ui.js";
import { Outcome } from "../receivers/try_receiver.js";
import { EndpointForm } from "./endpoint_form.js";
import { Replay } from "./replay.js";
import { Rotate } from "./rotate.js";

const STEPS = { change: EndpointForm, rotate: Rotate, replay: Replay };

const REFRESH_SEC = 5;

/** The dialog reads its endpoint itself, so it does not depend on the rows of the page below it. */
export function Details({ id, close, onDone }) {
  const path = `/api/endpoints/${encodeURIComponent(id)}`;
  const { data, error, reload } = useData((abort) => get(path, {}, { signal: abort }), [path], { everySec: REFRESH_SEC });
  const [step, setStep] = useState(null);
  const changed = () => {
    reload();
    onDone();
  };
  if (!data) {
    return html`<${Dialog} title="Endpoint" isWide onClose=${close}>
      ${error ? html`<${ErrorNote} error=${error} retry=${reload} />` : html`<${Bone} width="100%" />`}
      <div class="actions"><button class="button" autofocus onClick=${close}>Close</button></div>
    <//>`;
  }
  if (step) return html`<${STEPS[step]} endpoint=${data.endpoint} path=${path} close=${() => setStep(null)} onDone=${changed} />`;
  return html`<${Shown} endpoint=${data.endpoint} path=${path} setStep=${setStep} close=${close} onDone=${onDone} />`;
}

function Shown({ endpoint, path, setStep, close, onDone }) {
  const [outcome, setOutcome] = useState(null);
  const test = async () => setOutcome(await post(`${path}/test`));
  const drop = async () => {
    if (!(await confirm({ title: "Delete this endpoint?", text: "Its deliveries that are not delivered yet are dropped. This cannot be undone.", action: "Delete the endpoint", isDangerous: true }))) return;
    await remove(path);
    toast("The endpoint is deleted");
    close();
    onDone();
  };
  return html`<${Dialog} title="Endpoint" isWide onClose=${close}>
    ${endpoint.last_failure && html`<${Note} kind="warn">Last failure <${Ago} at=${endpoint.last_failure.at} />: ${endpoint.message}<//>`}
    <${Facts} facts=${factsOf(endpoint)} />
    <div role="status">${outcome && html`<${Outcome} delivery=${outcome} />`}</div>
    ${may("deliveries") && html`<div class="row wrap">
      <button class="button" onClick=${() => setStep("change")}>Change</button>
      <button class="button" onClick=${() => setStep("rotate")}>Rotate the secret</button>
      <button class="button" onClick=${() => setStep("replay")}>Replay events</button>
      <${ActionButton} action=${test}>Send a test<//>
      <${ActionButton} kind="danger" action=${drop}>Delete<//>
    </div>`}
    <div class="actions"><a class="button" href=${href("/deliveries", { endpoint: endpoint.id })}>Its deliveries</a><button class="button" autofocus onClick=${close}>Close</button></div>
  <//>`;
}

function factsOf(one) {
  const labels = (words) => words && html`<span class="row wrap">${words.map((word) => html`<${Label} key=${word}>${word}<//>`)}</span>`;
  return [
    ["URL", one.url],
    ["Id", html`<span class="mono">${one.id}</span>`],
    ["State", one.enabled ? "enabled" : "disabled: the ends of jobs are kept as skipped deliveries"],
    ["Events", labels(one.events)],
    ["Job types", labels(one.job_types) ?? "all"],
    ["Tags", labels(one.tags) ?? "any"],
    ["Headers", labels(one.headers.length ? one.headers : null) ?? "none of its own"],
    ["Signed with", one.has_secret ? "a secret of its own" : "the service's secret"],
    ["Old secret", Date.parse(one.rotated_until) > Date.now() && html`signs too until <${Clock} at=${one.rotated_until} />`],
    ["Created", html`<${Clock} at=${one.created_at} />`],
  ];
}
