/** The content of an upload, from a path, memory or a stream. */

/** A path of this machine, bytes, a Blob or File, or a stream. A stream can be sent only once. */
export type UploadSource =
  | string
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

export interface UploadContent {
  filename: string;
  repeatable: boolean;
  /** Returns the content from its start. */
  read(): AsyncIterable<Uint8Array>;
}

const UNNAMED = "upload";

export async function contentOf(source: UploadSource): Promise<UploadContent> {
  if (typeof source === "string") return fileAt(source);
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : source;
    return { filename: UNNAMED, repeatable: true, read: () => once(bytes) };
  }
  if (source instanceof Blob) {
    const filename = "name" in source ? String(source.name) : UNNAMED;
    return { filename, repeatable: true, read: () => piecesOf(source.stream()) };
  }
  if (!isStream(source)) throw new TypeError("no path, bytes, Blob or stream is given");
  const read = () => (Symbol.asyncIterator in source ? source : piecesOf(source));
  return { filename: UNNAMED, repeatable: false, read };
}

function isStream(source: unknown): boolean {
  const given = Object(source);
  return Symbol.asyncIterator in given || "getReader" in given;
}

/** Return the content of a file; only Node and its relatives have paths. */
async function fileAt(path: string): Promise<UploadContent> {
  const [{ createReadStream }, { access }, { basename }] = await Promise.all([
    import("node:fs"),
    import("node:fs/promises"),
    import("node:path"),
  ]);
  await access(path); // a missing file is no lost connection
  return { filename: basename(path), repeatable: true, read: () => createReadStream(path) };
}

/** Yield a form with one file; `boundary` must not be in the content. */
export async function* formOf(
  filename: string,
  boundary: string,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  const name = filename.replace(/["\r\n]/g, encodeURIComponent);
  const head = `Content-Disposition: form-data; name="file"; filename="${name}"`;
  const type = "Content-Type: application/octet-stream";
  yield encoder.encode(`--${boundary}\r\n${head}\r\n${type}\r\n\r\n`);
  yield* content;
  yield encoder.encode(`\r\n--${boundary}--\r\n`);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
