import type { Clock } from "./clock.js";

export interface DeadlineInput {
  /** Undefined: there is no end. */
  timeoutMs: number | undefined;
  signal: AbortSignal | undefined;
  /** Makes the error for a call that is late. */
  late: () => Error;
}

/** A signal that is aborted by the caller's signal, or at the end of a time. */
export function deadlineOf(clock: Clock, { timeoutMs, signal, late }: DeadlineInput) {
  const abort = new AbortController();
  const onAbort = () => abort.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  if (timeoutMs !== undefined) {
    clock.sleep(timeoutMs, abort.signal).then(
      () => abort.abort(late()),
      () => undefined, // the call has ended before
    );
  }
  const close = () => {
    signal?.removeEventListener("abort", onAbort);
    abort.abort();
  };
  return { signal: abort.signal, close };
}
