/** The time and the waits of the client, in milliseconds; tests replace it. */
export interface Clock {
  now(): number;
  /** Wait; reject with the signal's reason if it is aborted meanwhile. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Call *ring* after a time, unless the returned function is called before. */
  alarm(ms: number, ring: () => void): () => void;
}

export const REAL_CLOCK: Clock = {
  now: () => performance.now(),
  alarm: (ms, ring) => {
    const timer = setTimeout(ring, ms);
    return () => clearTimeout(timer);
  },
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};
