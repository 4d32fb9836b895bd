// Times and durations that stay current without a new drawing of the page.
import { clock, duration, fullTime, relative } from "../lib/format.js";
import { now } from "../lib/live.js";
import { html, useComputed } from "../lib/ui.js";

/** How long ago *at* is; the whole time stands in the title. */
export function Ago({ at }) {
  if (!at) return html`<span class="muted">–</span>`;
  return html`<time class="nowrap number" datetime=${at} title=${fullTime(at)}><${RelativeText} at=${at} key=${at} /></time>`;
}

function RelativeText({ at }) {
  return html`${useComputed(() => relative(at, now.value))}`;
}

/** The time of day of *at*. */
export function Clock({ at }) {
  if (!at) return html`<span class="muted">–</span>`;
  return html`<time class="nowrap number" datetime=${at} title=${fullTime(at)}>${clock(at)}</time>`;
}

/** The time from *from* to *to*; without *to* it counts on. */
export function Elapsed({ from, to }) {
  if (!from) return html`<span class="muted">–</span>`;
  if (to) return html`<span class="nowrap number">${duration((Date.parse(to) - Date.parse(from)) / 1000)}</span>`;
  return html`<span class="nowrap number"><${RunningText} from=${from} key=${from} /></span>`;
}

function RunningText({ from }) {
  return html`${useComputed(() => duration(Math.max(Math.floor((now.value - Date.parse(from)) / 1000), 1)))}`;
}

/** A duration in seconds. */
export const Duration = ({ sec }) => html`<span class="nowrap number">${duration(sec)}</span>`;
