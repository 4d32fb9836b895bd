// The parameters of a job type, as its JSON Schema describes them.
import { Json } from "../../components/code.js";
import { html } from "../../lib/ui.js";
import { describe } from "../submit/schema.js";

const KINDS = { text: "text", area: "text", password: "text, stored encrypted", number: "number", check: "true or false", "datetime-local": "time", date: "date", upload: "id of an upload", list: "list", object: "object", json: "JSON" };

export function ParameterTable({ schema }) {
  if (!schema?.properties) return html`<p>This job type describes no parameters, so any JSON object is accepted.</p>`;
  return html`
    ${schema.description && html`<p>${schema.description}</p>`}
    <dl class="parameters">${Object.entries(schema.properties).map(([name, part]) => {
      const field = describe(name, part, schema);
      return html`<div key=${name}>
        <dt><code>${name}</code> <span class="muted small">${kindOf(field)}${schema.required?.includes(name) ? ", required" : ""}</span></dt>
        <dd>${field.hint}</dd>
      </div>`;
    })}</dl>
    <details class="more"><summary>JSON Schema</summary><${Json} value=${schema} label="The JSON Schema" /></details>`;
}

function kindOf({ kind, options, default: given }) {
  const text = options ? `${kind === "several" ? "some of" : "one of"} ${options.join(", ")}` : KINDS[kind];
  return given === undefined ? text : `${text}; default ${JSON.stringify(given)}`;
}
