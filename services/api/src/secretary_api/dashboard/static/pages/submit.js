// Submit a job: a form made from the JSON Schema of its job type.
import { JsonField, SchemaFields } from "./submit/schema_form.js";
import { JobFields, jobOf, NO_FIELDS, NO_WEBHOOK, WebhookFields, webhookOf } from "./submit/job_fields.js";
import { initial } from "./submit/schema.js";
import { Bone, Empty, ErrorNote, Note } from "../components/feedback.js";
import { Field } from "../components/form.js";
import { Card, Page } from "../components/page.js";
import { get, post } from "../lib/api.js";
import { plural } from "../lib/format.js";
import { useData } from "../lib/live.js";
import { setQuery } from "../lib/router.js";
import { html, useEffect, useRef, useState } from "../lib/ui.js";

const LEAD = "The form has the parameters that the job type describes. What you leave out gets the default of the service.";

export default function Submit({ query }) {
  const { data, error, reload } = useData((abort) => get("/api/job-types", {}, { signal: abort }));
  const types = data?.job_types ?? [];
  const chosen = types.find(({ job_type: name }) => name === query.type) ?? types[0];
  return html`<${Page} title="Submit a job" lead=${LEAD}>
    ${error && html`<${ErrorNote} error=${error} retry=${reload} />`}
    ${!data && !error && html`<${Card} title="Job type"><${Bone} /><//>`}
    ${data && !types.length && html`<${Empty} title="No job type is known yet" text="A worker announces its job types when it starts, and secretary-init announces the built-in ones. Start a worker, then open this page again." />`}
    ${chosen && html`<${Form} key=${chosen.job_type} type=${chosen} types=${types} />`}
  <//>`;
}

function Form({ type, types }) {
  const schema = type.schema ?? {};
  const hasForm = Object.keys(schema.properties ?? {}).length > 0;
  const [parameters, setParameters] = useState(() => initial(schema, schema));
  const [fields, setFields] = useState(NO_FIELDS);
  const [webhook, setWebhook] = useState(NO_WEBHOOK);
  const [isForm, setIsForm] = useState(hasForm);
  const { send, state } = useSubmission();
  const form = useRef(null);
  const faults = state.error?.fields ?? {};
  useEffect(() => {
    if (!state.error) return;
    const refused = form.current.querySelector("[aria-invalid=true]");
    for (let box = refused?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    (refused ?? form.current.querySelector("[role=alert]"))?.focus();
  }, [state.error]);
  const onSubmit = (event) => {
    event.preventDefault();
    const wrong = form.current.querySelector("[data-wrong]");
    if (wrong) wrong.focus();
    else send({ job_type: type.job_type, parameters: { ...parameters, webhook: webhookOf(webhook) ?? parameters.webhook }, ...jobOf(fields) });
  };
  const hasWebhookFault = Object.keys(faults).some((path) => path.startsWith("parameters.webhook"));
  return html`<form class="stack form" ref=${form} noValidate onSubmit=${onSubmit}>
    <${Accepted} state=${state} />
    <${Refused} error=${state.error} />
    <${Card} title="Job type">
      <${Field} label="Job type" kind="select" options=${types.map(({ job_type: name }) => [name, name])} value=${type.job_type} onInput=${(name) => setQuery({ type: name })} hint=${schema.description} fault=${faults.job_type} />
      <${Readiness} type=${type} />
    <//>
    <${Card} title="Parameters" actions=${hasForm && html`<button type="button" class="button small" onClick=${() => setIsForm(!isForm)}>${isForm ? "Edit as JSON" : "Back to the form"}</button>`}>
      <div class="stack">${isForm
        ? html`<${SchemaFields} schema=${schema} root=${schema} value=${parameters} path="parameters" faults=${faults} onChange=${setParameters} />
            ${schema.additionalProperties === true && html`<${Further} schema=${schema} value=${parameters} onChange=${setParameters} />`}`
        : html`<${JsonField} label="Parameters" rows=${12} value=${parameters} fault=${faults.parameters} onChange=${(value) => setParameters(value ?? {})}
            hint=${hasForm ? "" : "This job type describes no parameters, so any JSON object is accepted."} />`}</div>
    <//>
    <${Card} title="Job"><${JobFields} fields=${fields} faults=${faults} onChange=${setFields} /><//>
    <details class="card" open=${hasWebhookFault || undefined}><summary>Webhook</summary><div class="body"><${WebhookFields} webhook=${webhook} faults=${faults} onChange=${setWebhook} /></div></details>
    <div class="row"><button class="button primary" disabled=${state.isRunning}>Submit the job</button></div>
  </form>`;
}

/** Parameters that the schema does not name; the job type takes them too. */
function Further({ schema, value, onChange }) {
  const known = Object.entries(value).filter(([name]) => Object.hasOwn(schema.properties, name));
  const further = Object.entries(value).filter(([name]) => !Object.hasOwn(schema.properties, name));
  return html`<${JsonField} label="Further parameters" hint="This job type takes parameters with other names too." value=${further.length ? Object.fromEntries(further) : undefined}
    onChange=${(given) => onChange({ ...Object.fromEntries(known), ...given })} />`;
}

function Readiness({ type }) {
  if (type.paused) return html`<${Note} kind="warn">This job type is paused: its jobs are accepted, and they wait until an admin resumes it.<//>`;
  if (!type.workers) return html`<${Note} kind="warn">No live worker runs this job type: its jobs are accepted, and they wait for one.<//>`;
  return html`<p class="muted small">${plural(type.workers, "live worker runs it", "live workers run it")}.</p>`;
}

function Accepted({ state: { accepted } }) {
  const link = useRef(null);
  useEffect(() => link.current?.focus(), [accepted?.job_id]);
  if (!accepted) return html`<div role="status" hidden></div>`;
  return html`<div class="note good" role="status"><div class="grow">
    The job is accepted: <a ref=${link} href=${`#/jobs/${accepted.job_id}`}>${accepted.job.job_name ?? accepted.job_id}</a>.
    ${accepted.workers === 0 && " No live worker runs its type, so it waits for one."}
  </div></div>`;
}

/** Every refused field with its reason; the fields that the form shows have the reason too. */
function Refused({ error }) {
  if (!error) return null;
  const listed = Object.entries(error.fields);
  if (!listed.length) return html`<${ErrorNote} error=${error} />`;
  return html`<div class="note bad" role="alert" tabindex="-1"><div class="grow">
    <strong>The job is not accepted.</strong>
    <ul>${listed.map(([path, message]) => html`<li key=${path}><code>${path}</code> ${message}</li>`)}</ul>
  </div></div>`;
}

/**
 * Send the job. The same body is sent under the same Idempotency-Key, so a second click, or a click
 * after an answer that was lost, makes no second job.
 */
function useSubmission() {
  const [state, setState] = useState({ isRunning: false, accepted: null, error: null });
  const sent = useRef({ body: null, key: null });
  const send = async (body) => {
    const text = JSON.stringify(body);
    if (sent.current.body !== text) sent.current = { body: text, key: newKey() };
    setState({ isRunning: true, accepted: null, error: null });
    try {
      const accepted = await post("/api/jobs/", body, { headers: { "Idempotency-Key": sent.current.key } });
      sent.current = { body: null, key: null };
      setState({ isRunning: false, accepted, error: null });
    } catch (error) {
      setState({ isRunning: false, accepted: null, error });
    }
    document.querySelector("main").scrollIntoView();
  };
  return { send, state };
}

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
