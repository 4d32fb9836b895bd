// The state of a job, a webhook or an attempt as a word on a colour.
import { classes, html } from "../lib/ui.js";

const JOB = { pending: ["Waiting", ""], processing: ["Running", "busy"], completed: ["Completed", "good"], failed: ["Failed", "bad"], cancelled: ["Cancelled", ""] };
const DELIVERY = {
  pending: ["Waiting", ""],
  sending: ["Sending", "busy"],
  delivered: ["Delivered", "good"],
  dead: ["Dead", "bad"],
  dropped: ["Dropped", ""],
  superseded: ["Superseded", ""],
  skipped: ["Skipped", "warn"],
};
const ATTEMPT = {
  running: ["Running", "busy"],
  completed: ["Completed", "good"],
  failed: ["Failed", "bad"],
  cancelled: ["Cancelled", ""],
  retry: ["Failed, retried", "warn"],
  handed_back: ["Handed back", "warn"],
  lost: ["Lost", "bad"],
};
const BREAKER = { closed: ["Working", "good"], open: ["Paused", "bad"], probing: ["Probing", "warn"], failing: ["Failing", "warn"] };
const KNOWN = { job: JOB, delivery: DELIVERY, attempt: ATTEMPT, breaker: BREAKER };

/** Show *state* of a `job`, `delivery`, `attempt` or `breaker`; an unknown state as it is. */
export function StateBadge({ of = "job", state }) {
  const [label, colour] = KNOWN[of][state] ?? [state, ""];
  return html`<span class=${classes("badge", colour)}>${label}</span>`;
}

/** The state of a job: a job that waits for a time is scheduled, and a running job may be stopping. */
export function JobState({ job, now }) {
  if (job.status === "pending" && job.run_at && Date.parse(job.run_at) > now + 1500) {
    const [label, colour] = job.attempt > 0 ? ["Waits to retry", "warn"] : ["Scheduled", ""];
    return html`<span class=${classes("badge", colour)}>${label}</span>`;
  }
  if (job.status === "processing" && job.cancel_requested) return html`<span class="badge warn">Cancelling</span>`;
  return html`<${StateBadge} state=${job.status} />`;
}

/** A word on a quiet colour: a tag, a scope. *colour* is a state's colour or nothing. */
export const Label = ({ colour, children }) => html`<span class=${classes("badge plain", colour)}>${children}</span>`;
