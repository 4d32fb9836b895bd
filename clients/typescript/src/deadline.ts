import type { Clock } from "./clock.js";

export interface DeadlineInput {
  /** Undefined: there is no end. */
  timeoutMs: number | undefined;
  signal: AbortSignal | undefined;
  /** Makes the error for a call that is late. */
  late: () => Error;
}

/** A controller that the caller's signal aborts too, until `close` aborts it. */
export function linkedTo(signal: AbortSignal | undefined) {
  const abort = new AbortController();
  const onAbort = () => abort.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const close = () => {
    signal?.removeEventListener("abort", onAbort);
    abort.abort();
  };
  return { abort, close };
}

/** A signal that is aborted by the caller's signal, or at the end of a time. */
export function deadlineOf(clock: Clock, { timeoutMs, signal, late }: DeadlineInput) {
  const { abort, close } = linkedTo(signal);
  if (timeoutMs !== undefined) {
    clock.sleep(timeoutMs, abort.signal).then(
      () => abort.abort(late()),
      () => undefined, // the call has ended before
    );
  }
  return { signal: abort.signal, close };
}
