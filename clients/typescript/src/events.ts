/** Server-sent events (https://html.spec.whatwg.org, "server-sent events"). */

import type { JobFailure, JobProgress } from "./types.js";

/** The ends of a job. */
export const TERMINAL: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

/** One change of a job. */
export interface JobEvent {
  /** The place in the stream: continue after it with `lastEventId`. */
  id: string;
  /** `pending`, `progress`, `completed`, `failed` or `cancelled`. */
  name: string;
  data: {
    seq: number;
    job_id: string;
    status: string;
    progress: JobProgress | null;
    error: JobFailure | null;
  };
}

/** One change of any job. */
export interface AnyJobEvent extends JobEvent {
  data: JobEvent["data"] & {
    job_type: string;
    job_name: string | null;
    batch_id: string | null;
    user_id: string | null;
    tags: string[];
    run: number;
    attempt: number;
  };
}

/** Changes are missing: list the jobs again. The stream continues after this event. */
export interface ResetEvent {
  id: string;
  name: "reset";
  data: null;
}

/** One block of a stream; without `data` it only moves the place. */
export interface Block {
  id: string | undefined;
  name: string | undefined;
  data: string | undefined;
}

/** Yield the blocks in a stream of bytes; a block that is cut off is dropped. */
export async function* blocksIn(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Block, void, undefined> {
  let fields: { [name: string]: string } = {};
  for await (const line of linesIn(chunks)) {
    if (line) {
      const [, name = "", value = ""] = FIELD.exec(line) ?? [];
      fields[name] = name === "data" && "data" in fields ? `${fields["data"]}\n${value}` : value;
    } else {
      yield { id: fields["id"], name: fields["event"], data: fields["data"] };
      fields = {};
    }
  }
}

/** `name: value`; a comment has no name. */
const FIELD = /^([^:]*)(?:: ?(.*))?$/s;

/** Yield the lines; an unfinished last line is dropped. */
async function* linesIn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  for await (const chunk of chunks) {
    const [first = "", ...others] = decoder.decode(chunk, { stream: true }).split("\n");
    pieces.push(first);
    for (const other of others) {
      const line = pieces.join("");
      yield line.endsWith("\r") ? line.slice(0, -1) : line;
      pieces = [other];
    }
  }
}
