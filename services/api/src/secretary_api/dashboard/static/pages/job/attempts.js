// The attempts of a job on one scale of time: how long each waited and ran, and why it ended.
import { StateBadge } from "../../components/badge.js";
import { ErrorNote } from "../../components/feedback.js";
import { Card } from "../../components/page.js";
import { Clock } from "../../components/time.js";
import { get } from "../../lib/api.js";
import { duration, shortId } from "../../lib/format.js";
import { now, useData } from "../../lib/live.js";
import { classes, html } from "../../lib/ui.js";

const REASONS = {
  shutdown: "Its worker was shut down.",
  lease_unconfirmed: "Its worker could not confirm its lease in time.",
  worker_unfit: "Its worker lacked something that the job needs.",
  lease_lost: "Its worker died or was cut off, so its lease ended.",
  worker_failure: "The job's own code froze or ended the worker.",
};
const COLOURS = { running: "busy", completed: "good", failed: "bad", lost: "bad", retry: "warn", handed_back: "warn" };

export function Attempts({ job, path }) {
  const { data, error, reload } = useData((abort) => get(`${path}/attempts`, {}, { signal: abort }), [path, job.status, job.attempt, job.run]);
  if (error) return html`<${ErrorNote} error=${error} retry=${reload} />`;
  const attempts = data?.attempts ?? [];
  const span = spanOf(attempts);
  return html`<${Card} title="Attempts" isFlush=${attempts.length > 0}>
    ${!data && html`<span class="bone"></span>`}
    ${data && !attempts.length && html`<p class="muted">${job.status === "pending" ? "No attempt yet: the job waits for a worker that runs its type." : "The job had no attempt."}</p>`}
    ${data?.omitted > 0 && html`<p class="muted small" style=${{ padding: "0.5rem 1rem" }}>${data.omitted} earlier attempts are not recorded any more.</p>`}
    ${attempts.length > 0 && html`<ol class="attempts">${attempts.map((attempt) => html`<${Attempt} key=${attempt.attempt} attempt=${attempt} span=${span} />`)}</ol>`}
  <//>`;
}

function startOf(attempt) {
  return Date.parse(attempt.started_at) - (attempt.waited_sec ?? 0) * 1000;
}

function endOf(attempt) {
  return attempt.ended_at ? Date.parse(attempt.ended_at) : now.peek();
}

function spanOf(attempts) {
  const timed = attempts.filter((one) => one.started_at);
  const from = Math.min(...timed.map(startOf));
  return { from, length: Math.max(Math.max(...timed.map(endOf)) - from, 1) };
}

function Attempt({ attempt, span }) {
  const { outcome, started_at: startedAt, waited_sec: waited, ran_sec: ran, error, reason } = attempt;
  const share = (ms) => `${Math.max((ms / span.length) * 100, 0.3)}%`;
  return html`<li class="attempt">
    <div class="row wrap">
      <strong>Attempt ${attempt.attempt}</strong>
      <${StateBadge} of="attempt" state=${outcome} />
      ${attempt.run > 1 && html`<span class="muted small">run ${attempt.run}</span>`}
      ${attempt.forgiven && html`<span class="muted small" title="It does not count against the most attempts">forgiven</span>`}
      <span class="grow"></span>
      <span class="muted small number">${startedAt ? html`<${Clock} at=${startedAt} />` : ""} · waited ${duration(waited)} · ${outcome === "running" ? "runs" : `ran ${duration(ran)}`}</span>
    </div>
    ${startedAt && html`<div class="track" aria-hidden="true">
      <span class="bar wait" style=${{ left: share(startOf(attempt) - span.from), width: share((waited ?? 0) * 1000) }}></span>
      <span class=${classes("bar", COLOURS[outcome])} style=${{ left: share(Date.parse(startedAt) - span.from), width: share(endOf(attempt) - Date.parse(startedAt)) }}></span>
    </div>`}
    <div class="small muted breakable">
      ${attempt.worker && html`<span>Worker <code title=${attempt.worker}>${shortId(attempt.worker)}</code>${attempt.host ? ` on ${attempt.host}` : ""}. </span>`}
      ${reason && html`<span>${REASONS[reason] ?? reason} </span>`}
      ${attempt.next_attempt_at && html`<span>The next attempt starts at <${Clock} at=${attempt.next_attempt_at} />.</span>`}
    </div>
    ${error && html`<div class="small bad-text breakable"><code>${error.code}</code> ${error.message}</div>`}
  </li>`;
}
