// The figures at the top of the overview.
import { count, duration } from "../../lib/format.js";
import { classes, html } from "../../lib/ui.js";

export function Figures({ overview }) {
  const types = Object.values(overview?.types ?? {});
  const sum = (name) => (overview ? types.reduce((total, one) => total + one[name], 0) : null);
  const oldest = overview ? Math.max(0, ...types.map((one) => one.oldest_wait_sec)) : null;
  const slots = overview?.workers.reduce((total, one) => total + one.slots, 0) ?? null;
  const busy = overview?.workers.reduce((total, one) => total + one.busy, 0) ?? null;
  const paused = overview?.receivers.filter(({ breaker }) => breaker !== "closed").length ?? null;
  const failed = sum("failed");
  const dead = overview?.deliveries.dead ?? null;
  const { waited, ran } = overview?.history ?? {};
  return html`<div class="figures">
    <${Figure} label="Waiting" value=${count(sum("waiting"))} note=${oldest ? `the oldest for ${duration(oldest)}` : "none is due"} href="#/jobs?status=pending" />
    <${Figure} label="Scheduled" value=${count(sum("scheduled"))} note="for later" href="#/jobs?status=pending" />
    <${Figure} label="Running" value=${count(sum("running"))} note=${slots === null ? "" : `${count(busy)} of ${count(slots)} slots`} href="#/jobs?status=processing" />
    <${Figure} label="Completed, last hour" value=${count(sum("completed"))} note="" href="#/jobs?status=completed&span=1" />
    <${Figure} label="Failed, last hour" value=${count(failed)} kind=${failed ? "bad" : ""} href="#/jobs?status=failed&span=1" />
    <${Figure} label="Wait, p50 / p95" value=${pair(waited)} note="due to start" />
    <${Figure} label="Run, p50 / p95" value=${pair(ran)} note="start to end" />
    <${Figure} label="Webhooks waiting" value=${count(overview?.deliveries.pending)} note=${paused ? `${paused} receivers paused`.replace(/^1 receivers/, "1 receiver") : "no receiver paused"} href="#/deliveries?status=pending" />
    <${Figure} label="Webhooks dead" value=${count(dead)} kind=${dead ? "bad" : ""} href="#/deliveries?status=dead" />
    <${Figure} label="RabbitMQ" value=${BROKER[overview?.broker] ?? "–"} kind=${overview?.broker === "disconnected" ? "bad" : ""} note="MongoDB answers" />
  </div>`;
}

const BROKER = { connected: "Answers", disconnected: "Silent", none: "Not used" };

const pair = (percentiles) => (percentiles ? `${duration(percentiles.p50)} / ${duration(percentiles.p95)}` : "–");

function Figure({ label, value, note, kind, href }) {
  const content = html`<div class="label">${label}</div><div class=${classes("value", kind && `${kind}-text`)}>${value}</div><div class="hint">${note || "\u00a0"}</div>`;
  return href ? html`<a class="figure" href=${href}>${content}</a>` : html`<div class="figure">${content}</div>`;
}
