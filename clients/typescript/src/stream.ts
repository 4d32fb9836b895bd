/** Streams of events that continue over broken connections. */

import { ConnectionLost } from "./connection.js";
import { type Block, blocksIn } from "./events.js";
import type { QueryValues, Transport } from "./transport.js";

const RECONNECT_MS = 2000;
const NO_CONTENT = 204;

export interface StreamInput {
  path: string;
  query?: QueryValues | undefined;
  lastEventId: string | undefined;
  signal: AbortSignal | undefined;
}

/** An event of a stream with its place. */
export interface StreamEvent {
  id: string;
  name: string;
  data: unknown;
}

/**
 * Yield the events of a stream, over broken connections, until the API says that there are no more.
 *
 * @throws ApiError, Unreachable: the stream cannot be opened (again).
 */
export async function* eventsOf(
  transport: Transport,
  { path, query, lastEventId, signal }: StreamInput,
): AsyncGenerator<StreamEvent, void, undefined> {
  let place = lastEventId;
  for (;;) {
    const headers: { [name: string]: string } =
      place === undefined ? {} : { "Last-Event-ID": place };
    const connection = await transport.open(path, { query, headers, signal });
    try {
      if (connection.response.status === NO_CONTENT) return;
      for await (const block of blocksIn(connection.chunks())) {
        place = block.id ?? place;
        const event = eventIn(block, place);
        if (event) yield event;
      }
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    } finally {
      connection.close();
    }
    await transport.clock.sleep(RECONNECT_MS, signal);
  }
}

function eventIn({ name, data }: Block, place: string | undefined): StreamEvent | undefined {
  if (name === undefined || data === undefined) return undefined;
  return { id: place ?? "", name, data: JSON.parse(data) };
}
