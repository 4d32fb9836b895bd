// The log of a job, which follows while the job runs.
import { Empty, toast } from "../../components/feedback.js";
import { clock, fullTime } from "../../lib/format.js";
import { get } from "../../lib/api.js";
import { classes, html, useEffect, useRef, useState } from "../../lib/ui.js";

const FOLLOW_MS = 2000;
const PAGE = 1000;
const MOST_SHOWN = 20_000;
const LEVELS = [["debug", "All levels"], ["info", "Info and above"], ["warning", "Warnings and errors"], ["error", "Errors"]];
const RANKS = ["debug", "info", "warning", "error", "critical"];

const placeOf = (entry) => `${entry.attempt}:${entry.seq}`;

export function Log({ job, path, isRunning }) {
  const [entries, setEntries] = useState(job.logs);
  const [isWhole, setIsWhole] = useState(job.logs.length < 100);
  const [level, setLevel] = useState("debug");
  const last = useRef(null);
  last.current = entries.at(-1);
  const readOn = async () => {
    const place = () => (last.current ? placeOf(last.current) : null);
    const after = place();
    const { logs } = await get(`${path}/logs`, { after, limit: PAGE });
    if (logs.length && place() === after) setEntries((before) => [...before, ...logs].slice(-MOST_SHOWN));
  };
  useEffect(() => {
    readOn().catch(() => {}); // the next turn tries again
    if (!isRunning) return undefined;
    const timer = setInterval(() => !document.hidden && readOn().catch(() => {}), FOLLOW_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  const readAll = async () => {
    const found = [];
    let after;
    do {
      const page = await get(`${path}/logs`, { after, limit: PAGE });
      found.push(...page.logs);
      after = page.next;
    } while (after && found.length < MOST_SHOWN);
    setEntries(found);
    setIsWhole(true);
  };
  if (!entries.length) return html`<${Empty} title="The log is empty" text=${isRunning ? "Lines appear here while the job runs." : "The handler writes to it while a job runs."} />`;
  const shown = entries.filter((entry) => RANKS.indexOf(entry.level) >= RANKS.indexOf(level));
  return html`<div class="stack tight">
    <div class="row wrap">
      <label class="row small">Level <select class="input" value=${level} onChange=${(event) => setLevel(event.currentTarget.value)}>
        ${LEVELS.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}
      </select></label>
      ${!isWhole && html`<button class="button small" onClick=${() => readAll().catch(toast)}>Show the log from its start</button>`}
      <span class="grow"></span>
      <span class="muted small">${isRunning ? "Follows while the job runs" : `${entries.length} lines`}</span>
    </div>
    <${Lines} entries=${shown} isRunning=${isRunning} />
  </div>`;
}

/** The lines; the newest stays in sight unless the operator has scrolled away from the end. */
function Lines({ entries, isRunning }) {
  const box = useRef(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [entries.length]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40;
  };
  return html`<div class=${classes("code log", isRunning && "running")} role="log" tabindex="0" aria-label="Log" ref=${box} onScroll=${onScroll}>
    ${entries.map((entry) => html`<div key=${placeOf(entry)} class=${classes("line", entry.level)}>
      <time datetime=${entry.timestamp} title=${fullTime(entry.timestamp)}>${clock(entry.timestamp)}</time><span class="level">${entry.level}</span><span class="text">${entry.message}</span>
    </div>`)}
  </div>`;
}
