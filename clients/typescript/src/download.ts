/** Contents of files that continue over broken connections. */

import { type Connection, ConnectionLost } from "./connection.js";
import { linkedTo } from "./deadline.js";
import { Unreachable } from "./errors.js";
import type { CallOptions, Transport } from "./transport.js";

const RECONNECT_MS = 2000;
/** How often a content is fetched again without a further byte. */
const MOST_VAIN = 5;

/**
 * Return the content of *first*, which was opened at *path*.
 *
 * Reading fails with `Unreachable` if the connection breaks and cannot be continued.
 */
export function contentAfter(
  first: Connection,
  transport: Transport,
  path: string,
  options: CallOptions,
): ReadableStream<Uint8Array> {
  const { abort, close } = linkedTo(options.signal);
  const { signal } = abort;
  const pieces = piecesOf(first, async () => {
    await transport.clock.sleep(RECONNECT_MS, signal);
    return transport.open(path, { ...options, signal });
  });
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await pieces.next().catch((error: unknown) => {
        close();
        throw error;
      });
      if (!done) return controller.enqueue(value);
      close();
      controller.close();
    },
    cancel: async () => {
      close(); // nothing is fetched again
      first.close();
      await pieces.return();
    },
  });
}

/** Yield the content; after a broken connection fetch it again, and leave out what was yielded. */
async function* piecesOf(
  first: Connection,
  openAgain: () => Promise<Connection>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let connection = first;
  let yielded = 0;
  for (let vain = 0; ; vain++) {
    let lost: Unreachable;
    try {
      for await (const piece of after(yielded, connection.chunks())) {
        yielded += piece.length;
        vain = 0;
        yield piece;
      }
      return;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      lost = new Unreachable(`the download broke: ${error.message}`, { cause: error });
    } finally {
      connection.close();
    }
    if (vain === MOST_VAIN || !versionOf(first)) throw lost;
    connection = await openAgain();
    if (versionOf(connection) !== versionOf(first)) {
      connection.close();
      throw lost;
    }
  }
}

/** Without a version the next answer may have other bytes. */
function versionOf({ response }: Connection): string | null {
  return response.headers.get("ETag");
}

async function* after(count: number, pieces: AsyncIterable<Uint8Array>) {
  let left = count;
  for await (const piece of pieces) {
    if (piece.length > left) yield piece.subarray(left);
    left = Math.max(0, left - piece.length);
  }
}
