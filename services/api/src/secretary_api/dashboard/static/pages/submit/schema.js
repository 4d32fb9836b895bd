// What a form has to know of a JSON Schema: how each value is drawn, and where values start.

const DEEPEST = 4;
const LONG_TEXT = 10_000;
const LONG_NAMES = /(^|_)(text|content|transcript|prompt|body|message|markdown)$/;
const ACRONYMS = { url: "URL", id: "ID", ocr: "OCR", pdf: "PDF", api: "API", json: "JSON", html: "HTML", ms: "ms" };

/** Return *schema* with its reference followed; what stands beside `$ref` wins. */
export function resolved(schema, root) {
  let found = schema ?? {};
  for (let hops = 0; found.$ref && hops < 20; hops += 1) {
    const { $ref: reference, ...beside } = found;
    found = { ...lookUp(reference, root), ...beside };
  }
  return found.$ref ? {} : found;
}

function lookUp(reference, root) {
  if (!reference.startsWith("#/")) return {};
  const parts = reference.slice(2).split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return parts.reduce((node, part) => (node && Object.hasOwn(node, part) ? node[part] : undefined), root) ?? {};
}

/** Return *schema* without the choice of null: for a form, null and "not given" are the same. */
function withoutNull(schema, root) {
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type) => type !== "null");
    return { ...schema, type: types.length === 1 ? types[0] : types };
  }
  const { anyOf, oneOf, ...beside } = schema;
  const given = anyOf ?? oneOf;
  if (!given) return schema;
  const forms = given.map((form) => resolved(form, root));
  const kept = forms.filter(({ type }) => type !== "null");
  return kept.length === 1 ? { ...kept[0], ...beside } : { ...beside, anyOf: kept };
}

/**
 * Return how the value *name* with *schema* is drawn: `{kind, label, hint, default, …}`.
 *
 * *kind* is `text`, `area`, `password`, `number`, `check`, `select` (with *options*), `several`
 * (with *options*; *isSingleText*: one chosen value is given without a list), `datetime-local`,
 * `date`, `upload`, `list` (with *item*, a schema), `object` (with *schema*), or `json` for all
 * that a form cannot draw.
 */
export function describe(name, schema, root, depth = 0) {
  const plain = withoutNull(resolved(schema, root), root);
  const { description: hint = "", default: given } = plain;
  return { name, label: labelOf(name, schema.title), hint, default: given ?? undefined, ...kindOf(name, plain, root, depth) };
}

function kindOf(name, schema, root, depth) {
  const options = schema.enum ?? (Object.hasOwn(schema, "const") ? [schema.const] : null);
  if (options) return { kind: "select", options };
  if (schema.anyOf) return oneOrSeveral(schema.anyOf, root);
  switch (schema.type) {
    case "boolean":
      return { kind: "check" };
    case "integer":
    case "number":
      return { kind: "number", ...limitsOf(schema) };
    case "string":
      return textKind(name, schema);
    case "array":
      return listKind(schema, root, depth);
    case "object":
      return objectKind(schema, depth);
    default:
      return { kind: "json" };
  }
}

function limitsOf({ type, minimum: min, maximum: max }) {
  return { min, max, step: type === "integer" ? 1 : "any" };
}

function textKind(name, { format, writeOnly, maxLength }) {
  if (format === "upload") return { kind: "upload" };
  if (writeOnly || format === "password") return { kind: "password" };
  if (format === "date-time") return { kind: "datetime-local" };
  if (format === "date") return { kind: "date" };
  return { kind: maxLength >= LONG_TEXT || (LONG_NAMES.test(name) && !(maxLength < LONG_TEXT)) ? "area" : "text" };
}

function listKind({ items }, root, depth) {
  const item = resolved(items, root);
  if (item.enum) return { kind: "several", options: item.enum };
  if (depth >= DEEPEST || describe("", item, root, depth + 1).kind === "json") return { kind: "json" };
  return { kind: "list", item };
}

function objectKind(schema, depth) {
  const isDrawn = depth < DEEPEST && Object.keys(schema.properties ?? {}).length > 0 && schema.additionalProperties !== true;
  return isDrawn ? { kind: "object", schema } : { kind: "json" };
}

/** A value that is one of some words or a list of them is drawn as a list. */
function oneOrSeveral(forms, root) {
  const single = forms.find((form) => form.enum);
  const list = forms.find((form) => form.type === "array" && resolved(form.items, root).enum);
  const isPair = forms.length === 2 && single && list;
  return isPair ? { kind: "several", options: single.enum, isSingleText: true } : { kind: "json" };
}

function labelOf(name, title) {
  const words = (title ?? name).replaceAll("_", " ").trim().split(/\s+/);
  const known = words.map((word, index) => ACRONYMS[word.toLowerCase()] ?? (index ? word.toLowerCase() : word));
  const text = known.join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Return the fields of an object's *schema* in the order in which a form shows them: `{choice, first, rest}`.
 *
 * *choice* has the names of which exactly one must be given; *first* has the required names;
 * *rest* has the optional names.
 */
export function arranged(schema) {
  const names = Object.keys(schema.properties ?? {});
  const choice = choiceOf(schema, names);
  const required = new Set(schema.required ?? []);
  const others = names.filter((name) => !choice.includes(name));
  return { choice, first: others.filter((name) => required.has(name)), rest: others.filter((name) => !required.has(name)) };
}

function choiceOf({ oneOf = [] }, names) {
  const chosen = oneOf.map((form) => (Object.keys(form).length === 1 && form.required?.length === 1 ? form.required[0] : null));
  return chosen.length > 1 && chosen.every((name) => names.includes(name)) ? chosen : [];
}

/** Return the value with which the form of *schema* starts: what is required and has one form only. */
export function initial(schema, root, depth = 0) {
  const value = {};
  for (const name of schema.required ?? []) {
    const field = describe(name, schema.properties?.[name], root, depth);
    if (field.kind === "object") value[name] = initial(field.schema, root, depth + 1);
    else if (field.kind === "select" && field.options.length === 1) value[name] = field.options[0];
  }
  return value;
}

/** Return *value* with *part* under *name*; a part that is undefined or the default is left out. */
export function withPart(value, name, part, given) {
  const { [name]: _before, ...others } = value ?? {};
  const isLeftOut = part === undefined || (given !== undefined && JSON.stringify(part) === JSON.stringify(given));
  return isLeftOut ? others : { ...others, [name]: part };
}
