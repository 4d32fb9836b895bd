import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";

import { Unreachable } from "../dist/index.js";
import { all, clientOf, event, failure, misbehaving, nothing, stream, success, text } from "./api.mjs";

const STORED = success({ file_id: "file-1" }, 201);
const CONTENT = Buffer.from("content \r\n\r\n--boundary \u{1f600}");

/** Return the name and the content of the file in a form. */
async function sent({ headers, body }) {
  const response = new Response(body, { headers: { "Content-Type": headers["content-type"] } });
  const file = (await response.formData()).get("file");
  // Node 18 leaves the escapes in the name.
  return [file.name.replaceAll("%22", '"'), Buffer.from(await file.arrayBuffer())];
}

async function fileWith(t, name) {
  const folder = await mkdtemp(join(tmpdir(), "upload-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), CONTENT);
  return join(folder, name);
}

const sources = [
  ["a path", (t) => fileWith(t, 'Bericht "1".pdf'), 'Bericht "1".pdf'],
  ["bytes", () => new Uint8Array(CONTENT), "upload"],
  ["a Blob", () => new Blob([CONTENT]), "upload"],
  ["a web stream", () => new Blob([CONTENT]).stream(), "upload"],
  ["a stream of Node", () => Readable.from([CONTENT.subarray(0, 9), CONTENT.subarray(9)]), "upload"],
  ["an ArrayBuffer", () => new Uint8Array(CONTENT).buffer, "upload"],
];
for (const [what, make, name] of sources) {
  test(`${what} is uploaded`, async (t) => {
    const api = await misbehaving(t, STORED);
    assert.equal((await clientOf(api).client.upload(await make(t))).file_id, "file-1");
    assert.deepEqual(await sent(api.requests[0]), [name, CONTENT]);
  });
}

test("an upload has the name that is given", async (t) => {
  const api = await misbehaving(t, STORED);
  await clientOf(api).client.upload(new Blob([CONTENT]), { filename: "Grüße.pdf" });
  assert.equal((await sent(api.requests[0]))[0], "Grüße.pdf");
});

for (const [what, make] of sources.slice(0, 3)) {
  test(`${what} is sent again, whole, if the connection breaks`, async (t) => {
    const api = await misbehaving(t, nothing, failure(503, "OVERLOADED"), STORED);
    await clientOf(api).client.upload(await make(t));
    assert.deepEqual((await sent(api.requests[2]))[1], CONTENT);
  });
}

test("something else is refused before anything is sent", async (t) => {
  const api = await misbehaving(t);
  const { client } = clientOf(api);
  for (const source of [undefined, null, 5, {}]) await assert.rejects(client.upload(source), TypeError);
  assert.equal(api.requests.length, 0);
});

test("a stream is sent only once", async (t) => {
  const api = await misbehaving(t, nothing, STORED);
  await assert.rejects(clientOf(api).client.upload(Readable.from([CONTENT])), Unreachable);
  assert.equal(api.requests.length, 1);
});

test("a source that fails ends the upload with its own error", async (t) => {
  const api = await misbehaving(t, STORED);
  const reason = new Error("the disk is gone");
  async function* failing() {
    yield CONTENT;
    throw reason;
  }
  await assert.rejects(clientOf(api).client.upload(failing()), reason);
  await assert.rejects(clientOf(api).client.upload("/no/such/file"), { code: "ENOENT" });
});

test("a large upload is not held in memory, and a refusal is seen before its end", async (t) => {
  const refused = (response) => failure(413, "BODY_TOO_LARGE", { Connection: "close" })(response);
  refused.unread = true;
  const api = await misbehaving(t, refused);
  let pieces = 0;
  async function* endless() {
    for (; pieces < 100_000; pieces++) yield new Uint8Array(65_536);
  }
  const call = clientOf(api, { retryMs: 0 }).client.upload(endless());
  await assert.rejects(call, { name: /ApiError|Unreachable/ });
  assert(pieces < 100_000);
});

test("a download gives the bytes, and continues after a broken connection", async (t) => {
  const piece = (from, end) => (response) => {
    response.writeHead(200, { ETag: '"1"' });
    response.write(CONTENT.subarray(0, from), () => (end ? response.end() : response.destroy()));
  };
  const api = await misbehaving(t, piece(7, false), nothing, piece(CONTENT.length, true));
  const { client } = clientOf(api);
  const content = await new Response(await client.download("job-1", "a ü.png")).arrayBuffer();
  assert.deepEqual(Buffer.from(content), CONTENT);
  assert.equal(api.requests[0].url, "/api/jobs/job-1/files/a%20%C3%BC.png");
});

test("a download whose file has changed meanwhile fails", async (t) => {
  const version = (tag, end) => (response) => {
    response.writeHead(200, { ETag: tag });
    response.write(CONTENT, () => (end ? response.end() : response.destroy()));
  };
  const api = await misbehaving(t, version('"1"', false), version('"2"', true));
  const content = await clientOf(api).client.download("job-1", "a.png");
  await assert.rejects(all(content), Unreachable);
  assert.equal(api.requests.length, 2);
});

test("a download that breaks again and again at the same place fails", async (t) => {
  const broken = (response) => {
    response.writeHead(200, { ETag: '"1"' });
    response.write(CONTENT.subarray(0, 5), () => response.destroy());
  };
  const api = await misbehaving(t, broken);
  const content = await clientOf(api).client.download("job-1", "a.png");
  await assert.rejects(all(content), Unreachable);
});

test("a reader that leaves a download ends it, and nothing is fetched again", async (t) => {
  let left;
  const hasLeft = new Promise((resolve) => (left = resolve));
  const api = await misbehaving(t, (response) => {
    response.on("close", left);
    response.writeHead(200, { ETag: '"1"' });
    response.write(CONTENT);
  });
  const { client, clock } = clientOf(api);
  const reader = (await client.download("job-1", "a.png")).getReader();
  assert.deepEqual(Buffer.from((await reader.read()).value), CONTENT);
  const next = reader.read();
  await new Promise(setImmediate); // the client waits for the next piece now
  await reader.cancel();
  assert.equal((await next).done, true);
  await hasLeft;
  assert.equal(api.requests.length, 1);
  assert.deepEqual(clock.waits, []);
});

test("an archive of a job that is retried meanwhile is that of the new run", async (t) => {
  const ended = [stream([event(1, "completed")]), success({ job_id: "job-1", status: "completed" })];
  const retried = success({ job_id: "job-1", status: "pending" }, 202);
  const api = await misbehaving(t, ...ended, retried, ...ended, text(200, "the zip"));
  const content = await clientOf(api).client.archive("job-1");
  assert.equal(await new Response(content).text(), "the zip");
  assert.equal(api.requests.length, 6);
});
