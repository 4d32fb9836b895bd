// How many jobs ended in each minute of the last hour.
import { Chart } from "../../components/chart.js";
import { Card } from "../../components/page.js";
import { plural } from "../../lib/format.js";
import { html, useMemo } from "../../lib/ui.js";

const SERIES = [
  { name: "cancelled", label: "Cancelled", token: "line-strong" },
  { name: "failed", label: "Failed", token: "bad-line" },
  { name: "completed", label: "Completed", token: "good-line" },
];
const MINUTES = 60;

export function Throughput({ overview }) {
  const { times, series, sums } = useMemo(() => prepared(overview), [overview]);
  const label = `Jobs that ended in each minute of the last hour: ${sums.completed} completed, ${sums.failed} failed, ${sums.cancelled} cancelled`;
  const legend = html`<span class="row wrap small muted">${SERIES.toReversed().map(({ name, label: text, token }) => html`<span class="row" key=${name}><span class="swatch" style=${{ background: `var(--${token})` }}></span>${text}</span>`)}</span>`;
  const ended = sums.completed + sums.failed + sums.cancelled;
  return html`<${Card} title="Jobs ended a minute" actions=${legend}>
    <${Chart} label=${label} times=${times} series=${series} />
    <p class="small muted">${overview ? say(ended) : "\u00a0"}</p>
  <//>`;
}

function say(ended) {
  if (!ended) return "No job ended in the last hour.";
  return `${plural(ended, "job")} ended in the last hour, ${(ended / MINUTES).toFixed(ended < 600 ? 1 : 0)} a minute.`;
}

/** The last 60 minutes up to the current one, also those in which nothing ended. */
function prepared(overview) {
  const end = Math.floor((overview ? Date.parse(overview.counted_at) : Date.now()) / 60_000) * 60;
  const times = Array.from({ length: MINUTES }, (_, index) => end - (MINUTES - 1 - index) * 60);
  const minutes = new Map((overview?.history.minutes ?? []).map((one) => [Date.parse(one.at) / 1000, one]));
  const series = SERIES.map((one) => ({ ...one, values: times.map((time) => minutes.get(time)?.[one.name] ?? 0) }));
  const sums = Object.fromEntries(series.map(({ name, values }) => [name, values.reduce((total, value) => total + value, 0)]));
  return { times, series, sums };
}
