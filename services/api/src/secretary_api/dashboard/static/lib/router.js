// The place in the dashboard is the fragment of the URL: `#/jobs?status=failed`. So the server knows
// one page only, and no filter that an operator types appears in a log of a proxy.
import { signal } from "./ui.js";

function current() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  return { path: path || "/", query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The current place: `{path, query}`. */
export const route = signal(current());

addEventListener("hashchange", () => {
  route.value = current();
});

/** The `href` of a place; parameters of *query* that are not set are left out. */
export function href(path, query = {}) {
  const set = Object.entries(query).filter(([, value]) => value !== "" && value != null);
  const text = new URLSearchParams(set).toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

/** Go to a place; with *replace*, the browser's "back" leaves out the place before. */
export function navigate(path, query = {}, { replace = false } = {}) {
  const target = href(path, query);
  if (replace) {
    history.replaceState(null, "", target);
    route.value = current();
  } else {
    location.hash = target;
  }
}

/** Change single parameters of the current place; null removes a parameter. */
export function setQuery(changes, options = { replace: true }) {
  navigate(route.value.path, { ...route.value.query, ...changes }, options);
}

/** Return *text* without percent-encoding; null if its encoding is broken, as in a link that was cut off. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Return the parameters of *path* if it fits *pattern*, e.g. `/jobs/:id`; otherwise null. */
export function match(pattern, path) {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return null;
  const params = {};
  for (const [place, name] of wanted.entries()) {
    const value = name.startsWith(":") ? decoded(given[place]) : given[place];
    if (value === null || (value !== name && !name.startsWith(":"))) return null;
    if (name.startsWith(":")) params[name.slice(1)] = value;
  }
  return params;
}
