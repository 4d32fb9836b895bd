// The fields of a JSON Schema. The value is the parameters themselves: a field that is not given is
// not in them, so that the service's defaults apply.
import { Field } from "../../components/form.js";
import { localTime, utcTime } from "../../lib/format.js";
import { classes, html, useId, useState } from "../../lib/ui.js";
import { arranged, describe, withPart } from "./schema.js";
import { UploadField } from "./upload_field.js";

const MOST_OPEN = 6;

/**
 * The fields of an object. *path* is its path in the body of the request, for the *faults* that the
 * API reports by path; *onChange* gets the changed value.
 */
export function SchemaFields({ schema, root, value, path, faults, depth = 0, onChange }) {
  const { choice, first, rest } = arranged(schema);
  const draw = (name) => html`<${Part} key=${name} ...${{ name, schema, root, value, path, faults, depth, onChange }} />`;
  const isOpen = rest.length <= MOST_OPEN || rest.some((name) => hasFault(faults, `${path}.${name}`));
  return html`
    ${choice.length > 0 && html`<${Choice} ...${{ names: choice, schema, root, value, onChange }}>${draw}<//>`}
    ${first.length > 0 && html`<div class="form-grid">${first.map(draw)}</div>`}
    ${rest.length > 0 && (isOpen ? html`<div class="form-grid">${rest.map(draw)}</div>` : html`<${More} count=${rest.length}><div class="form-grid">${rest.map(draw)}</div><//>`)}`;
}

const hasFault = (faults, path) => Object.keys(faults).some((one) => one === path || one.startsWith(`${path}.`));

function More({ count, children }) {
  return html`<details class="more"><summary>More options (${count})</summary>${children}</details>`;
}

/** Values of which exactly one is given: the choice between them, and the field of the chosen one. */
function Choice({ names, schema, root, value, onChange, children: draw }) {
  const id = useId();
  const described = names.map((name) => describe(name, schema.properties[name], root));
  const isUpload = ({ kind }) => Number(kind === "upload");
  const fields = described.toSorted((one, other) => isUpload(other) - isUpload(one));
  const given = names.find((name) => value[name] !== undefined);
  const [chosen, setChosen] = useState(given ?? fields[0].name);
  const choose = (name) => {
    setChosen(name);
    onChange(names.reduce((changed, other) => (other === name ? changed : withPart(changed, other, undefined)), value));
  };
  return html`<fieldset class="stack tight">
    <legend class="visually-hidden">Give one of these</legend>
    <div class="segments">${fields.map(({ name, label, kind }) => html`<label key=${name} class=${classes("segment", name === chosen && "current")}>
      <input class="visually-hidden" type="radio" name=${id} checked=${name === chosen} onChange=${() => choose(name)} />${kind === "upload" ? "Upload a file" : label}
    </label>`)}</div>
    ${draw(chosen)}
  </fieldset>`;
}

function Part({ name, schema, root, value, path, faults, depth, onChange }) {
  const field = describe(name, schema.properties[name], root, depth);
  const set = (part) => onChange(withPart(value, name, part, field.default));
  const isRequired = schema.required?.includes(name) ?? false;
  return html`<${Value} field=${field} root=${root} value=${value[name]} path=${`${path}.${name}`} faults=${faults} depth=${depth} isRequired=${isRequired} onChange=${set} />`;
}

/** One value of any kind; *onChange* gets undefined if the value is not given. */
function Value({ field, root, value, path, faults, depth, isRequired, onChange }) {
  const shown = value ?? field.default;
  const common = { label: field.label, hint: field.hint, fault: faults[path], required: isRequired, name: path };
  const setText = (text) => onChange(text === "" ? undefined : text);
  switch (field.kind) {
    case "check":
      return html`<${Field} kind="check" ...${common} value=${shown ?? false} onInput=${onChange} />`;
    case "number":
      return html`<${Field} kind="number" ...${common} min=${field.min} max=${field.max} step=${field.step} value=${shown ?? ""} onInput=${(text) => onChange(text === "" ? undefined : Number(text))} />`;
    case "select":
      return html`<${Select} ...${{ common, field, shown, isRequired, onChange }} />`;
    case "several":
      return html`<${Several} ...${{ common, field, shown, onChange }} />`;
    case "upload":
      return html`<${UploadField} ...${common} label="File" hint="" value=${shown} onChange=${onChange} />`;
    case "datetime-local":
      return html`<${Field} kind="datetime-local" ...${common} value=${localTime(shown)} onInput=${(text) => onChange(utcTime(text))} />`;
    case "list":
      return html`<${List} ...${{ common, field, root, value: shown ?? [], path, faults, depth, onChange }} />`;
    case "object":
      return html`<${Nested} ...${{ common, field, root, value, path, faults, depth, isRequired, onChange }} />`;
    case "json":
      return html`<${JsonField} ...${common} value=${shown} onChange=${onChange} />`;
    default:
      return html`<${Field} kind=${field.kind} ...${common} isWide=${field.kind === "area"} autocomplete=${field.kind === "password" ? "new-password" : "off"} value=${shown ?? ""} onInput=${setText} />`;
  }
}

/** Options have values of any type, so each is named by its JSON. */
function Select({ common, field, shown, isRequired, onChange }) {
  const options = field.options.map((one) => [JSON.stringify(one), String(one)]);
  if (shown === undefined || (!isRequired && field.default === undefined)) options.unshift(["", isRequired ? "Choose …" : "Not set"]);
  return html`<${Field} kind="select" ...${common} options=${options} value=${shown === undefined ? "" : JSON.stringify(shown)} onInput=${(text) => onChange(text ? JSON.parse(text) : undefined)} />`;
}

function Several({ common, field, shown, onChange }) {
  const chosen = shown === undefined ? [] : [shown].flat();
  const set = (option, isChosen) => {
    const next = isChosen ? [...chosen, option] : chosen.filter((one) => one !== option);
    onChange(next.length === 0 ? undefined : next.length === 1 && field.isSingleText ? next[0] : next);
  };
  return html`<${Group} ...${common}>
    <div class="row wrap">${field.options.map((option) => html`<label key=${option} class="row small"><input type="checkbox" checked=${chosen.includes(option)} onChange=${(event) => set(option, event.currentTarget.checked)} />${option}</label>`)}</div>
  <//>`;
}

/** Fields that belong together, with a common label, hint and fault. */
function Group({ label, hint, fault, children }) {
  return html`<fieldset class="field wide">
    <legend>${label}</legend>
    ${hint && html`<span class="hint">${hint}</span>`}
    ${children}
    ${fault && html`<span class="fault" role="alert">${fault}</span>`}
  </fieldset>`;
}

function List({ common, field, root, value, path, faults, depth, onChange }) {
  const item = describe("", field.item, root, depth + 1);
  const set = (index, part) => onChange(value.map((one, place) => (place === index ? (part ?? emptyOf(item)) : one)));
  const drop = (index) => onChange(value.length > 1 ? value.filter((_, place) => place !== index) : undefined);
  return html`<${Group} ...${common}>
    ${value.map((one, index) => html`<div class="list-item" key=${index}>
      <div class="grow"><${Value} field=${{ ...item, label: `${common.label} ${index + 1}`, hint: "" }} root=${root} value=${one} path=${`${path}.${index}`} faults=${faults} depth=${depth + 1} isRequired=${item.kind === "object"} onChange=${(part) => set(index, part)} /></div>
      <button type="button" class="button small plain" aria-label=${`Remove ${common.label} ${index + 1}`} onClick=${() => drop(index)}>Remove</button>
    </div>`)}
    <div><button type="button" class="button small" aria-label=${`Add to ${common.label}`} onClick=${() => onChange([...value, emptyOf(item)])}>Add</button></div>
  <//>`;
}

const emptyOf = ({ kind }) => ({ object: {}, number: null, check: false, list: [], several: [] })[kind] ?? "";

/** An object. An optional one is given or not as a whole, because {} may mean something. */
function Nested({ common, field, root, value, path, faults, depth, isRequired, onChange }) {
  const isGiven = isRequired || value !== undefined;
  const fields = isGiven && html`<div class="nested stack"><${SchemaFields} schema=${field.schema} root=${root} value=${value ?? {}} path=${path} faults=${faults} depth=${depth + 1} onChange=${onChange} /></div>`;
  if (isRequired) return html`<${Group} ...${common}>${fields}<//>`;
  return html`<div class="field wide">
    <${Field} kind="check" label=${common.label} hint=${common.hint} value=${isGiven} onInput=${(isChosen) => onChange(isChosen ? {} : undefined)} />
    ${common.fault && html`<span class="fault" role="alert">${common.fault}</span>`}
    ${fields}
  </div>`;
}

/** A value as JSON. A form with a field that has `data-wrong` is not sent. */
export function JsonField({ label, hint, fault, value, required, onChange, rows = 3 }) {
  const written = value === undefined ? "" : JSON.stringify(value, null, 2);
  const [text, setText] = useState(written);
  const [isWrong, setIsWrong] = useState(false);
  const set = (next) => {
    setText(next);
    if (!next.trim()) {
      setIsWrong(false);
      onChange(undefined);
      return;
    }
    try {
      onChange(JSON.parse(next));
      setIsWrong(false);
    } catch {
      setIsWrong(true);
    }
  };
  return html`<${Field} kind="area" isWide rows=${rows} label=${`${label} (JSON)`} hint=${hint} required=${required} spellcheck="false" value=${text}
    data-wrong=${isWrong || undefined} fault=${isWrong ? "This is not valid JSON." : fault} onInput=${set} />`;
}
