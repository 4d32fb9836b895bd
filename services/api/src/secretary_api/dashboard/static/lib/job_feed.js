// The changes of all jobs, gathered so that a page is drawn at most twice a second.
import { withQuery } from "./api.js";
import { follow } from "./stream.js";
import { useEffect, useRef, useState } from "./ui.js";

const DRAW_MS = 500;

/**
 * Follow the jobs that *filters* of GET /api/stream select. Return `{changes, unseen, forget}`:
 * *changes* has the last event of each job of *shownIds*, by id; *unseen* counts the other jobs
 * that changed; `forget()` drops both, after the page has read its data again.
 */
export function useJobFeed(filters, shownIds, onReset) {
  const [state, setState] = useState({ changes: new Map(), unseen: 0 });
  const gathered = useRef({ changes: new Map(), others: new Set() });
  const shown = useRef(shownIds);
  const reset = useRef(onReset);
  shown.current = shownIds;
  reset.current = onReset;
  const path = withQuery("/api/stream", filters);
  useEffect(() => {
    gathered.current = { changes: new Map(), others: new Set() };
    let timer = 0;
    const draw = () => {
      timer = 0;
      const { changes, others } = gathered.current;
      setState({ changes: new Map(changes), unseen: others.size });
    };
    const onEvent = (_name, data) => {
      const { changes, others } = gathered.current;
      if (shown.current.has(data.job_id)) changes.set(data.job_id, data);
      else others.add(data.job_id);
      timer ||= setTimeout(draw, DRAW_MS);
    };
    const stop = follow(path, { onEvent, onReset: () => reset.current() });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [path]);
  const forget = () => {
    gathered.current = { changes: new Map(), others: new Set() };
    setState({ changes: new Map(), unseen: 0 });
  };
  return { ...state, forget };
}

/** Return *job* with what *event* knows better. */
export function merged(job, event) {
  return event && event.seq > job.seq ? { ...job, ...event } : job;
}
