/** Lists that come in pages. */

import type { CallOptions, QueryValues, Transport } from "./transport.js";

export interface PagesInput extends CallOptions {
  path: string;
  /** The name of the list in an answer. */
  name: string;
  query?: QueryValues | undefined;
  /** The parameter that takes the place of the next page. */
  cursor?: string;
}

/** Yield the items of all pages. */
export async function* pagesOf<Item>(
  transport: Transport,
  { path, name, query, cursor = "cursor", signal }: PagesInput,
): AsyncGenerator<Item, void, undefined> {
  let next: string | null = null;
  do {
    const place: QueryValues = { ...query, [cursor]: next };
    const page = await transport.data("GET", path, { query: place, signal });
    const found = page as { [name: string]: Item[] } & { next: string | null };
    yield* found[name] ?? [];
    next = found.next;
  } while (next !== null);
}
