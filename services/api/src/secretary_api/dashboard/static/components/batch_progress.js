// How far the jobs of a batch are: one bar, one colour for each state.
import { count, plural } from "../lib/format.js";
import { html } from "../lib/ui.js";

const PARTS = [["completed", "good"], ["failed", "bad"], ["cancelled", "stopped"], ["processing", "busy"], ["pending", "idle"]];
const WORDS = { completed: "completed", failed: "failed", cancelled: "cancelled", processing: "running", pending: "waiting" };

/** The *counts* of a batch as a bar; the words for a screen reader stand in its label. */
export function BatchProgress({ counts }) {
  const shown = PARTS.filter(([state]) => counts[state] > 0);
  const words = shown.map(([state]) => `${count(counts[state])} ${WORDS[state]}`).join(", ");
  return html`<span class="shares" role="img" aria-label=${words || "no jobs"} title=${words}>
    ${shown.map(([state, colour]) => html`<span key=${state} class=${`share ${colour}`} style=${{ width: `${(100 * counts[state]) / counts.total}%` }}></span>`)}
  </span>`;
}

/** The counts in words: `12 of 40 jobs have ended, 2 failed`. */
export function sayBatch({ total, pending, processing, failed }) {
  if (!total) return "no jobs are left";
  const ended = total - pending - processing;
  const text = ended === total ? `all ${plural(total, "job")} ended` : `${count(ended)} of ${plural(total, "job")} ended`;
  return failed ? `${text}, ${count(failed)} failed` : text;
}
