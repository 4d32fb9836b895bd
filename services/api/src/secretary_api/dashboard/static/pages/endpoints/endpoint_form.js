// Register an endpoint, or change one.
import { Dialog } from "../../components/dialog.js";
import { ErrorNote, toast } from "../../components/feedback.js";
import { Field } from "../../components/form.js";
import { ShownOnce } from "../../components/secret.js";
import { patch, post } from "../../lib/api.js";
import { html, useState } from "../../lib/ui.js";
import { faultAt, headersOf } from "../submit/job_fields.js";

const EVENTS = [["processing", "progress, at most once a second for each job"], ["completed", ""], ["failed", ""], ["cancelled", ""]];
const ENDS = ["completed", "failed", "cancelled"];

function fieldsOf(endpoint) {
  return {
    url: endpoint?.url ?? "",
    events: endpoint?.events ?? ENDS,
    job_types: (endpoint?.job_types ?? []).join(", "),
    tags: (endpoint?.tags ?? []).join(", "),
    headers: "",
    hasSecret: true,
  };
}

/** What the fields say, as the API takes it. A field of *endpoint* that is as before is left out. */
function requestOf({ url, events, job_types: types, tags, headers }, endpoint) {
  const words = (text) => {
    const found = text.split(",").map((word) => word.trim()).filter(Boolean);
    return found.length ? found : null;
  };
  const request = { url: url.trim(), events, job_types: words(types), tags: words(tags) };
  if (headers.trim()) request.headers = headersOf(headers);
  if (endpoint && request.url === endpoint.url) delete request.url; // the shown URL is redacted
  return request;
}

export function EndpointForm({ endpoint, path, close, onDone }) {
  const [fields, setFields] = useState(fieldsOf(endpoint));
  const [secret, setSecret] = useState(null);
  const [error, setError] = useState(null);
  const [isRunning, setIsRunning] = useState(false);
  const register = async () => {
    const made = fields.hasSecret ? newSecret() : undefined;
    await post("/api/endpoints", { ...requestOf(fields), secret: made });
    return made;
  };
  const save = async (event) => {
    event.preventDefault();
    setIsRunning(true);
    setError(null);
    try {
      const made = endpoint ? await patch(path, requestOf(fields, endpoint)).then(() => null) : await register();
      toast(endpoint ? "The endpoint is changed" : "The endpoint is registered");
      onDone();
      if (made) setSecret(made);
      else close();
    } catch (fault) {
      setError(fault);
      setIsRunning(false);
    }
  };
  if (secret) return html`<${Dialog} key="secret" title="The endpoint is registered" isWide onClose=${() => {}}><${ShownOnce} name="The signing secret" secret=${secret} close=${close} /><//>`;
  return html`<${Dialog} key="form" title=${endpoint ? "Change the endpoint" : "Register an endpoint"} isWide onClose=${close}>
    <form class="stack form" noValidate onSubmit=${save}>
      <${Fields} fields=${fields} faults=${error?.fields ?? {}} endpoint=${endpoint} onChange=${setFields} />
      <${ErrorNote} error=${error} />
      <div class="actions"><button type="button" class="button" onClick=${close}>Cancel</button><button class="button primary" disabled=${isRunning || !fields.url.trim()}>${endpoint ? "Save" : "Register it"}</button></div>
    </form>
  <//>`;
}

/** A signing secret as Standard Webhooks describes it. */
const newSecret = () => `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))}`;

function Fields({ fields, faults, endpoint, onChange }) {
  const draw = (name, label, more = {}) => html`<${Field} label=${label} autocomplete="off" value=${fields[name]} fault=${faultAt(faults, name)} onInput=${(value) => onChange({ ...fields, [name]: value })} ...${more} />`;
  const set = (event, isChosen) => onChange({ ...fields, events: isChosen ? [...fields.events, event] : fields.events.filter((one) => one !== event) });
  const hasHeaders = endpoint?.headers.length > 0;
  return html`
    ${draw("url", "URL", { required: true, autofocus: true, hint: endpoint ? "Values of its query are not shown. Enter the whole URL only to change it." : "Gets a signed POST for each event." })}
    <fieldset class="field"><legend>Events</legend>
      ${EVENTS.map(([event, text]) => html`<label key=${event} class="row small"><input type="checkbox" checked=${fields.events.includes(event)} onChange=${(change) => set(event, change.currentTarget.checked)} /><span>${event} <span class="muted">${text}</span></span></label>`)}
      ${faultAt(faults, "events") && html`<span class="fault" role="alert">${faultAt(faults, "events")}</span>`}
    </fieldset>
    <div class="form-grid">
      ${draw("job_types", "Job types", { placeholder: "all", hint: "With commas between them." })}
      ${draw("tags", "Tags", { placeholder: "any", hint: "Jobs with one of these." })}
    </div>
    ${draw("headers", "Headers", { kind: "area", rows: 2, placeholder: "X-Api-Key: …", hint: hasHeaders ? `It has ${endpoint.headers.join(", ")}. What you enter replaces them.` : "One a line; the values are stored encrypted." })}
    ${!endpoint && draw("hasSecret", "Make a signing secret of its own", { kind: "check", hint: "It is shown once. Otherwise the service's secret signs." })}`;
}
