// Data that stay current: read once, read again, read page by page.
import { get } from "./api.js";
import { signal, useCallback, useEffect, useRef, useState } from "./ui.js";

/** The current time in milliseconds; it changes once a second while the page is visible. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);

const SHORTEST_SEC = 2;
const RETRY_SEC = 5;
const PATIENCE_SEC = 30;
/** Failures that pass by themselves, so that a page need not wait for the operator. */
const PASSING = new Set(["UNREACHABLE", "STORE_UNAVAILABLE", "OVERLOADED", "RATE_LIMITED"]);

/**
 * Read data with *load* now, when one of *inputs* changes, and every *everySec* while the page is
 * visible. The data of before stay until new data are there, so that nothing jumps. After a failure
 * that passes by itself, such as a restart of the API, the data are read again.
 *
 * Returns `{data, error, isLoading, reload}`.
 */
export function useData(load, inputs = [], { everySec = 0 } = {}) {
  const [state, setState] = useState({ data: undefined, error: null, isLoading: true });
  const latest = useRef(load);
  const running = useRef(null);
  const began = useRef(0);
  const retry = useRef(0);
  latest.current = load;
  const reload = useCallback(async () => {
    running.current?.abort();
    clearTimeout(retry.current);
    const abort = (running.current = new AbortController());
    began.current = Date.now();
    setState((before) => ({ ...before, isLoading: true }));
    try {
      const data = await latest.current(abort.signal);
      if (!abort.signal.aborted) setState({ data, error: null, isLoading: false });
    } catch (error) {
      if (abort.signal.aborted) return;
      setState((before) => ({ ...before, error, isLoading: false }));
      if (!everySec && PASSING.has(error.code)) retry.current = setTimeout(reload, RETRY_SEC * 1000);
    } finally {
      if (running.current === abort) running.current = null;
    }
  }, []);
  useEffect(() => {
    reload();
    return () => {
      running.current?.abort();
      clearTimeout(retry.current);
    };
  }, inputs);
  useEffect(() => {
    if (!everySec) return undefined;
    const repeat = () => {
      // An answer may take longer than the interval, but a lost connection never answers.
      const waits = running.current && Date.now() - began.current < PATIENCE_SEC * 1000;
      if (!document.hidden && !waits) reload();
    };
    const timer = setInterval(repeat, Math.max(everySec, SHORTEST_SEC) * 1000);
    document.addEventListener("visibilitychange", repeat);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", repeat);
    };
  }, [everySec]);
  return { ...state, reload };
}

/**
 * Read a listing page by page. *items* is the name of the list in the answer, e.g. `jobs`.
 *
 * Returns what `useData` returns, and `{rows, pager}` for `Table` and `Pager`.
 */
export function usePages(path, query, items, { limit = 50, everySec = 0 } = {}) {
  const key = JSON.stringify([path, query]);
  const [place, setPlace] = useState({ key, cursors: [null] });
  const cursors = place.key === key ? place.cursors : [null];
  useEffect(() => setPlace((before) => (before.key === key ? before : { key, cursors: [null] })), [key]);
  const cursor = cursors.at(-1);
  const shown = JSON.stringify([key, cursor]);
  const { data: page, ...found } = useData(
    async (abort) => ({ shown, answer: await get(path, { ...query, limit, cursor }, { signal: abort }) }),
    [key, cursor],
    { everySec },
  );
  const data = page?.answer;
  // Until the new page is there, the rows and `next` are those of the page before.
  const next = page?.shown === shown ? data.next : null;
  const pager = {
    number: cursors.length,
    hasNext: Boolean(data?.next),
    goNext: next ? () => setPlace({ key, cursors: [...cursors, next] }) : null,
    goBack: cursors.length > 1 ? () => setPlace({ key, cursors: cursors.slice(0, -1) }) : null,
  };
  return { ...found, data, rows: data?.[items], pager };
}
