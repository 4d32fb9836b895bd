// What every job has: its name, its order, its start, its limits, its webhook.
import { Field } from "../../components/form.js";
import { utcTime } from "../../lib/format.js";
import { html } from "../../lib/ui.js";

export const NO_FIELDS = { job_name: "", priority: "", tags: "", user_id: "", run_at: "", max_attempts: "", timeout_sec: "" };
export const NO_WEBHOOK = { url: "", token: "", jobId: "", secret: "", headers: "", progress: true };

/** Return what the fields say in the form of POST /api/jobs/; a field that is not given is left out. */
export function jobOf(fields) {
  const number = (text) => (text === "" ? undefined : Number(text));
  const tags = fields.tags.split(",").map((tag) => tag.trim()).filter(Boolean);
  return {
    job_name: fields.job_name.trim() || undefined,
    priority: number(fields.priority),
    tags: tags.length ? tags : undefined,
    user_id: fields.user_id.trim() || undefined,
    run_at: utcTime(fields.run_at),
    max_attempts: number(fields.max_attempts),
    timeout_sec: number(fields.timeout_sec),
  };
}

/** Return `parameters.webhook`; undefined without a URL. */
export function webhookOf({ url, token, jobId, secret, headers, progress }) {
  if (!url.trim()) return undefined;
  const given = Object.entries({ token, jobId, secret }).filter(([, text]) => text.trim());
  const webhook = { url: url.trim(), ...Object.fromEntries(given) };
  if (headers.trim()) webhook.headers = headersOf(headers);
  if (!progress) webhook.progress = false;
  return webhook;
}

/** Return the headers of lines like `X-Api-Key: abc`. */
export function headersOf(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return Object.fromEntries(lines.map((line) => {
    const [name, ...value] = line.split(":");
    return [name.trim(), value.join(":").trim()];
  }));
}

/** The fault of *path* or of the first path below it. */
export function faultAt(faults, path) {
  const found = Object.keys(faults).find((one) => one === path || one.startsWith(`${path}.`));
  return found && faults[found];
}

export function JobFields({ fields, faults, onChange }) {
  const draw = (name, label, more = {}) => html`<${Field} label=${label} name=${name} autocomplete="off" value=${fields[name]} fault=${faultAt(faults, name)} onInput=${(value) => onChange({ ...fields, [name]: value })} ...${more} />`;
  return html`<div class="form-grid">
    ${draw("job_name", "Name", { hint: "For people; the dashboard shows it instead of the id." })}
    ${draw("tags", "Tags", { hint: "With commas between them." })}
    ${draw("priority", "Priority", { kind: "number", min: 0, max: 9, step: 1, placeholder: "5", hint: "0 to 9, higher first." })}
    ${draw("run_at", "Start", { kind: "datetime-local", hint: "In your time zone; without a time, now." })}
    ${draw("max_attempts", "Attempts at most", { kind: "number", min: 1, max: 100, step: 1, placeholder: "3" })}
    ${draw("timeout_sec", "Timeout of an attempt in seconds", { kind: "number", min: 1, step: "any", placeholder: "none" })}
    ${draw("user_id", "User", { hint: "Your own id of a user, for filters. It grants no rights." })}
  </div>`;
}

export function WebhookFields({ webhook, faults, onChange }) {
  const draw = (name, label, more = {}) => html`<${Field} label=${label} name=${`webhook.${name}`} autocomplete="off" value=${webhook[name]} fault=${faultAt(faults, `parameters.webhook.${name}`)} onInput=${(value) => onChange({ ...webhook, [name]: value })} ...${more} />`;
  const whole = faults["parameters.webhook"];
  return html`<div class="form-grid">
    ${draw("url", "URL", { isWide: true, fault: faultAt(faults, "parameters.webhook.url") ?? whole, hint: "Gets a signed POST at each event of this job. {jobId} stands for the job id below." })}
    ${draw("token", "Token", { kind: "password", autocomplete: "new-password", hint: "Sent as Authorization: Bearer …" })}
    ${draw("secret", "Signing secret", { kind: "password", autocomplete: "new-password", hint: "whsec_ and base64 of 24 to 64 bytes; without it, the service's secret signs." })}
    ${draw("jobId", "Job id of your own", { hint: "Stands in each event as job.id." })}
    ${draw("progress", "Send progress too", { kind: "check", hint: "Otherwise only the end of the job." })}
    ${draw("headers", "Headers", { kind: "area", isWide: true, rows: 2, placeholder: "X-Api-Key: …", hint: "One a line; the values are stored encrypted." })}
  </div>`;
}
