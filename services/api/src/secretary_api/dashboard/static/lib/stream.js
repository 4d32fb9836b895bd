// Server-sent events. The browser reconnects by itself and names the last event it got.
import { loadSession } from "./session.js";
import { signal } from "./ui.js";

const HIDDEN_MS = 30_000;
const LONGEST_RETRY_MS = 30_000;
const EVENTS = ["pending", "progress", "completed", "failed", "cancelled"];

/** `on`, `connecting` or `off`: the state of the streams of this page, for the sign at the top. */
export const liveState = signal("off");
let open = 0;

/**
 * Follow the events at *path* until the returned function is called.
 *
 * A page in the background closes its stream after a while, because browsers allow few connections.
 *
 * @param onEvent gets `(name, data)` of each event.
 * @param onReset is called when events may be missing: read the data again.
 */
export function follow(path, { onEvent, onReset = () => {} }) {
  let source = null;
  let timer = 0;
  let failures = 0;
  let isFirst = true;

  function connect() {
    clearTimeout(timer);
    if (source || stopped) return;
    liveState.value = "connecting";
    let hasMissed = !isFirst; // a new stream does not know where the one before ended
    isFirst = false;
    source = new EventSource(path);
    source.onopen = () => {
      liveState.value = "on";
      failures = 0;
      if (hasMissed) onReset();
      hasMissed = false;
    };
    source.onerror = () => {
      liveState.value = "connecting";
      // The browser tries again after a lost connection, but not after an answer like 503.
      if (source?.readyState !== EventSource.CLOSED) return;
      disconnect();
      loadSession().catch(() => {}); // the answer may have been 401, which the browser does not tell
      failures += 1;
      timer = setTimeout(connect, Math.min(1000 * 2 ** failures, LONGEST_RETRY_MS));
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => onEvent(name, JSON.parse(event.data)));
    }
    source.addEventListener("reset", () => onReset());
  }

  function disconnect() {
    source?.close();
    source = null;
  }

  function onVisibility() {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(disconnect, HIDDEN_MS);
    else connect();
  }

  let stopped = false;
  open += 1;
  document.addEventListener("visibilitychange", onVisibility);
  connect();
  return () => {
    stopped = true;
    open -= 1;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", onVisibility);
    disconnect();
    if (!open) liveState.value = "off";
  };
}
