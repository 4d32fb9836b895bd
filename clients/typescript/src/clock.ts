/** The time and the waits of the client, in milliseconds; tests replace it. */
export interface Clock {
  now(): number;
  /** Wait; reject with the signal's reason if it is aborted meanwhile. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Call *ring* after a time, unless the returned function is called before. */
  alarm(ms: number, ring: () => void): () => void;
}

/** The longest time of a timer of the platform: a longer one, and `Infinity`, would ring at once. */
const LONGEST_MS = 2 ** 31 - 1;

function alarm(ms: number, ring: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (left: number) => {
    const next = left > LONGEST_MS ? () => wait(left - LONGEST_MS) : ring;
    timer = setTimeout(next, Math.min(left, LONGEST_MS));
  };
  wait(ms);
  return () => clearTimeout(timer);
}

export const REAL_CLOCK: Clock = {
  now: () => performance.now(),
  alarm,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = () => {
        stop();
        reject(signal?.reason);
      };
      const stop = alarm(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};
