// The fields of a key's limits. An empty field means no limit.
import { Field } from "../../components/form.js";
import { html } from "../../lib/ui.js";

const MEGABYTE = 1_000_000;

/** What the fields show for the *limits* of a key. */
export function fieldsOf(limits = {}) {
  const text = (value) => (value == null ? "" : String(value));
  return {
    max_running: text(limits.max_running),
    max_pending: text(limits.max_pending),
    megabytes: text(limits.max_bytes == null ? null : limits.max_bytes / MEGABYTE),
    requests_per_sec: text(limits.requests_per_sec),
    max_priority: text(limits.max_priority),
    hasModels: limits.models != null,
    models: (limits.models ?? []).join("\n"),
    hasRoots: limits.file_roots != null,
    file_roots: (limits.file_roots ?? []).join("\n"),
    hasPlaces: limits.s3_places != null,
    s3_places: (limits.s3_places ?? []).join("\n"),
  };
}

/** The limits that the *fields* say, as the API takes them; null is no limit. */
export function limitsOf(fields) {
  const number = (text) => (text === "" ? null : Number(text));
  const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);
  return {
    max_running: number(fields.max_running),
    max_pending: number(fields.max_pending),
    max_bytes: fields.megabytes === "" ? null : Math.round(Number(fields.megabytes) * MEGABYTE),
    requests_per_sec: number(fields.requests_per_sec),
    max_priority: number(fields.max_priority),
    models: fields.hasModels ? lines(fields.models) : null,
    file_roots: fields.hasRoots ? lines(fields.file_roots) : null,
    s3_places: fields.hasPlaces ? lines(fields.s3_places) : null,
  };
}

export function LimitFields({ fields, faults, onChange }) {
  const faultOf = (name) => Object.entries(faults).find(([path]) => path === `limits.${name}` || path.startsWith(`limits.${name}.`))?.[1];
  const draw = (name, label, more) => html`<${Field} label=${label} kind="number" placeholder="no limit" value=${fields[name]} fault=${faultOf(name)} onInput=${(value) => onChange({ ...fields, [name]: value })} ...${more} />`;
  return html`<div class="form-grid">
    ${draw("max_running", "Running jobs at most", { min: 1, step: 1, hint: "Further jobs wait." })}
    ${draw("max_pending", "Waiting jobs at most", { min: 1, step: 1, hint: "Further jobs are refused with 429." })}
    ${draw("megabytes", "Uploads at most, in MB", { min: 0, step: "any", fault: faultOf("max_bytes") })}
    ${draw("requests_per_sec", "Requests a second at most", { min: 0, step: "any", hint: "For each process of the API." })}
    ${draw("max_priority", "Highest priority", { min: 0, max: 9, step: 1 })}
    <div class="field wide">
      <${Field} kind="check" label="Only certain language models" value=${fields.hasModels} onInput=${(hasModels) => onChange({ ...fields, hasModels })} />
      ${fields.hasModels && draw("models", "Models", { kind: "area", rows: 2, placeholder: "", hint: "One a line; none: no job may name a model." })}
    </div>
    <div class="field wide">
      <${Field} kind="check" label="Only certain folders" hint="Of those in files.roots, whose files jobs may name." value=${fields.hasRoots} onInput=${(hasRoots) => onChange({ ...fields, hasRoots })} />
      ${fields.hasRoots && draw("file_roots", "Folders", { kind: "area", rows: 2, placeholder: "/srv/files/wiki", hint: "One a line; none: jobs may name no file." })}
    </div>
    <div class="field wide">
      <${Field} kind="check" label="Only certain places in S3" value=${fields.hasPlaces} onInput=${(hasPlaces) => onChange({ ...fields, hasPlaces })} />
      ${fields.hasPlaces && draw("s3_places", "Places", { kind: "area", rows: 2, placeholder: "s3:" + "//bucket/prefix/", hint: "One a line; none: jobs may read from and write to no store." })}
    </div>
  </div>`;
}
