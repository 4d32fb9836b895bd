// The bar above the jobs: what is selected, and the actions on the selected jobs or on all that match.
import { confirm } from "../../components/dialog.js";
import { toast } from "../../components/feedback.js";
import { ActionButton } from "../../components/form.js";
import { post, remove } from "../../lib/api.js";
import { count, plural } from "../../lib/format.js";
import { may } from "../../lib/session.js";
import { html, useEffect, useState } from "../../lib/ui.js";

const AT_ONCE = 6;
const ACTIONS = [
  { name: "retry", label: "Retry", done: "retried", all: "failed ", text: "Each job starts a new run. Its results and its error are dropped.", only: "Only failed jobs are retried. To retry others, choose their state in the filters first." },
  { name: "cancel", label: "Cancel", done: "cancelled", all: "waiting and running ", text: "Waiting jobs end at once, running jobs within seconds.", only: "Jobs that have ended stay as they are." },
  { name: "delete", label: "Delete", done: "deleted", all: "", text: "The jobs are removed with their results, files and logs. This cannot be undone.", only: "Running jobs stay.", isDangerous: true },
];
const STATES = {
  retry: ["completed", "failed", "cancelled"],
  cancel: ["pending", "processing"],
  delete: ["pending", "completed", "failed", "cancelled"],
};
const one = {
  retry: (id) => post(`/api/jobs/${id}/retry`),
  cancel: (id) => post(`/api/jobs/${id}/cancel`),
  delete: (id) => remove(`/api/jobs/${id}`),
};

export function BulkActions({ filter, selection, rows, isLastPage, unseen, onDone }) {
  const [isAll, setIsAll] = useState(false);
  const number = selection.ids.size;
  useEffect(() => setIsAll(false), [number]);
  if (!number) {
    return html`<span class="grow muted">${rows ? plural(rows.length, "job") : "Reading …"}${isLastPage ? "" : " on this page"}</span>
      <span role="status">${unseen > 0 && html`<button class="button small" onClick=${onDone}>Show ${plural(unseen, "newer change")}</button>`}</span>`;
  }
  const offersAll = !isLastPage && number === rows?.length;
  const isPossible = ({ name }) => !isAll || !filter.status || STATES[name].includes(filter.status);
  return html`
    <span role="status"><strong>${isAll ? "All that match" : count(number)}</strong> selected</span>
    ${offersAll && html`<button class="button small plain" onClick=${() => setIsAll(!isAll)}>${isAll ? "Only this page" : "Select all that match the filters"}</button>`}
    <span class="grow"></span>
    ${may("submit") && ACTIONS.filter(isPossible).map((action) => html`<${ActionButton} key=${action.name} kind=${action.isDangerous ? "small danger" : "small"}
      action=${() => run({ action, target: isAll ? `all matching ${filter.status ? "" : action.all}jobs` : plural(number, "job"), rows: rows.filter((job) => selection.has(job.job_id)), filter: isAll ? filter : null, finish: () => { selection.clear(); onDone(); } })}>${action.label}<//>`)}
    <button class="button small plain" onClick=${selection.clear}>Clear</button>`;
}

async function run({ action, target, rows, filter, finish }) {
  const isSure = await confirm({ title: `${action.label} ${target}?`, text: filter && !filter.status ? `${action.only} ${action.text}` : action.text, action: `${action.label} ${target}`, isDangerous: action.isDangerous });
  if (!isSure) return;
  const { done, left, fault } = filter ? await applyToAll(action.name, filter) : await applyToEach(action.name, rows);
  const why = left ? `; ${plural(left, "job")} not, because of their state` : "";
  toast(`${plural(done, "job")} ${action.done}${why}${fault ? `. Stopped: ${fault.message}` : ""}`, fault ? "bad" : "good");
  finish();
}

async function applyToEach(name, rows) {
  const waiting = rows.filter((job) => STATES[name].includes(job.status)).map((job) => job.job_id);
  const result = { done: 0, left: rows.length - waiting.length, fault: null };
  const work = async () => {
    while (waiting.length && !result.fault) {
      try {
        await one[name](waiting.pop());
        result.done += 1;
      } catch (error) {
        if (error.code === "INVALID_STATE" || error.code === "NOT_FOUND") result.left += 1;
        else result.fault = error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return result;
}

/**
 * Call the route by filter until no more jobs match; each call changes at most 1,000 jobs. The cursor
 * makes each call go on after the jobs of the call before, because a job that is retried may end and
 * match again.
 */
async function applyToAll(name, filter) {
  const result = { done: 0, left: 0, fault: null };
  const selected = Object.fromEntries(Object.entries({ ...filter, created_before: new Date().toISOString() }).filter(([, value]) => value));
  let cursor = null;
  try {
    do {
      const { matched, done, next } = await post(`/api/jobs/${name}`, { filter: selected, limit: 1000, cursor });
      result.done += done;
      result.left += matched - done;
      cursor = next;
    } while (cursor);
  } catch (error) {
    result.fault = error;
  }
  return result;
}
