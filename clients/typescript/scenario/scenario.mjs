/**
 * The scenario of the Python clients (`tests/e2e/test_both_clients.py`), with the same parts.
 *
 * `SECRETARY_URL` and `SECRETARY_KEY` name a running system, `REPORT_PDF` a PDF on this machine.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  ApiError,
  Client,
  JobFailed,
  JobNotEnded,
  verifyWebhook,
  WaitTimeout,
} from "secretary-client";

const { SECRETARY_URL, SECRETARY_KEY, REPORT_PDF, REPORT_TITLE } = process.env;
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const client = new Client(SECRETARY_URL, SECRETARY_KEY);

async function all(items, most = Infinity) {
  const found = [];
  for await (const item of items) if (found.push(item) >= most) break;
  return found;
}

const has = (code) => (error) => error instanceof ApiError && error.code === code;
const inAnHour = () => new Date(Date.now() + 3_600_000);
const anHourAgo = () => new Date(Date.now() - 3_600_000);

async function a_document_is_uploaded_read_and_fetched() {
  const { file_id } = await client.upload(REPORT_PDF, { filename: "Bericht.pdf" });
  const given = { file_id, include_images: true };
  const results = await client.run("pdf", given, { timeoutMs: 60_000, tags: ["report-ts"] });
  assert(results.extracted_text.includes(REPORT_TITLE));
  const [{ job_id }] = await all(client.list({ tag: "report-ts", job_type: "pdf" }), 1);
  assert.deepEqual(await client.results(job_id), results);
  assert.equal((await client.show(job_id)).status, "completed");
  const lines = await all(client.logs(job_id));
  assert(lines.some(({ message }) => message.includes("pages read")));
  assert.equal((await client.attempts(job_id))[0].outcome, "completed");
  const files = await client.files(job_id);
  assert(files.some(({ name }) => name === "page_0001.jpg"));
  const folder = await mkdtemp(join(tmpdir(), "scenario-"));
  try {
    await writeFile(join(folder, "1.jpg"), await client.download(job_id, "page_0001.jpg"));
    await writeFile(join(folder, "all.zip"), await client.archive(job_id));
    assert.deepEqual([...(await readFile(join(folder, "1.jpg"))).subarray(0, 2)], [0xff, 0xd8]);
    assert.equal((await readFile(join(folder, "all.zip"))).toString("latin1", 0, 2), "PK");
  } finally {
    await rm(folder, { recursive: true });
  }
  const content = new Uint8Array(await readFile(REPORT_PDF));
  for (const source of [content, new Blob([content]), new Blob([content]).stream()]) {
    assert.equal((await client.upload(source, { filename: "a.pdf" })).size, content.length);
  }
}

async function jobs_are_followed_cancelled_retried_and_deleted() {
  const start = new Date();
  const { job_id } = await client.submit("nap", { seconds: 0.5 }, { run_at: start });
  const events = await all(client.follow(job_id));
  assert.equal(events.at(-1).name, "completed");
  assert(events.slice(0, -1).every(({ name }) => name === "pending" || name === "progress"));
  const [, second] = events;
  const later = await all(client.follow(job_id, { lastEventId: events[0].id }));
  assert(later.every(({ data }) => data.seq >= second.data.seq));
  const place = `${Math.floor(start.getTime() / 1000)}-0`;
  const [change] = await all(client.followAll({ lastEventId: place, job_type: "nap" }), 1);
  assert.equal(change.data.job_type, "nap");

  const waiting = (await client.submit("nap", { seconds: 1 }, { run_at: inAnHour() })).job_id;
  await assert.rejects(client.results(waiting), JobNotEnded);
  await assert.rejects(client.wait(waiting, { timeoutMs: 500 }), WaitTimeout);
  const signal = AbortSignal.timeout(500);
  await assert.rejects(client.wait(waiting, { signal }), { name: "TimeoutError" });
  assert.equal((await client.cancel(waiting)).status, "cancelled");
  await assert.rejects(client.results(waiting), JobFailed);
  await client.retry(waiting);
  assert.equal((await client.wait(waiting)).status, "completed");
  await client.delete(waiting);
  await assert.rejects(client.show(waiting), has("NOT_FOUND"));

  const options = { idempotencyKey: `once-${start.getTime()}`, run_at: inAnHour() };
  const [first, again] = [
    await client.submit("nap", { seconds: 0 }, options),
    await client.submit("nap", { seconds: 0 }, options),
  ];
  assert.equal(first.job_id, again.job_id);
  const other = client.submit("nap", { seconds: 1 }, options);
  await assert.rejects(other, has("IDEMPOTENCY_KEY_REUSED"));
  const refused = await client.submit("nap", { seconds: "x" }).catch((error) => error);
  assert.equal(refused.fields[0].field, "parameters.seconds");
}

async function jobs_are_moved_by_filter_and_in_batches() {
  const nap = { job_type: "nap", parameters: { seconds: 0 }, run_at: inAnHour() };
  const submitted = await client.batches.submit([nap, nap, nap], { batch_name: "naps" });
  const { batch_id } = submitted;
  assert.equal((await client.batches.get(batch_id)).counts.pending, 3);
  assert.equal((await all(client.batches.list(), 1))[0].batch_name, "naps");
  const { matched, done } = await client.many.cancel({ batch_id }, { limit: 2 });
  assert.deepEqual([matched, done], [2, 2]);
  assert.equal((await client.batches.cancel(batch_id)).counts.cancelled, 3);
  const again = await client.many.retry({ batch_id, status: "cancelled" });
  assert.equal(again.done, 3);
  assert.equal((await client.batches.wait(batch_id)).counts.completed, 3);
  assert.equal((await client.batches.retryFailed(batch_id)).counts.total, 3);
  assert.equal((await client.many.delete({ batch_id })).done, 3);
}

async function webhooks_arrive_and_are_sent_again() {
  await receiving(async (url, next) => {
    const tested = await client.system.testWebhook({ url, secret: SECRET });
    assert.equal(tested.state, "delivered");
    assert.equal((await next()).phase, "test");
    const fields = { url: `${url}/events`, secret: SECRET, tags: ["hooked"] };
    const { id } = await client.endpoints.create(fields);
    assert((await all(client.endpoints.list())).some((one) => one.id === id));
    assert.equal((await client.endpoints.test(id)).state, "delivered");
    await next();
    const changed = await client.endpoints.change(id, { events: ["completed"] });
    assert.deepEqual(changed.events, ["completed"]);
    const webhook = { url, secret: SECRET, progress: false };
    const { job_id } = await client.submit("nap", { seconds: 0, webhook });
    const event = await next();
    assert.deepEqual([event.phase, event.process.id], ["completed", job_id]);
    const [sent] = await all(client.deliveries.ofJob(job_id));
    assert((await all(client.deliveries.list(), 5)).some((one) => one.id === sent.id));
    await client.deliveries.resend(sent.id);
    assert.deepEqual(await next(), event);
    assert.equal(await client.deliveries.recover({ since: anHourAgo() }), 0);
    assert.equal(await client.endpoints.replay(id, { since: anHourAgo() }), 0);
    assert((await client.endpoints.rotateSecret(id)).secret.startsWith("whsec_"));
    assert(Array.isArray(await client.system.receivers()));
    await client.endpoints.delete(id);
    await assert.rejects(client.endpoints.get(id), has("NOT_FOUND"));
  });
}

/** Run *part* with the URL of a receiver, and with a function that returns its next event. */
async function receiving(part) {
  const events = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await all(request));
    events.push(verifyWebhook(body, request.headers, ["whsec_AAAA", SECRET]));
    response.writeHead(204).end();
    server.emit("event");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const next = async () => {
    const signal = AbortSignal.timeout(30_000);
    while (!events.length) await once(server, "event", { signal });
    return events.shift();
  };
  try {
    await part(`http://127.0.0.1:${server.address().port}`, next);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function an_admin_manages_keys_and_job_types() {
  const expires_at = new Date(Date.now() + 86_400_000).toISOString();
  const { key_id, key } = await client.keys.create({ name: "wiki", scopes: ["read"], expires_at });
  const reader = new Client(SECRETARY_URL, key);
  await assert.rejects(reader.submit("nap", { seconds: 0 }), has("FORBIDDEN"));
  await client.keys.setLimits(key_id, { max_running: 2 });
  const found = (await client.keys.list()).find((one) => one.key_id === key_id);
  assert.equal(found.limits.max_running, 2);
  await client.keys.delete(key_id);
  await assert.rejects(reader.show("job-1"), has("UNAUTHORIZED"));
  await client.system.pause("nap");
  const type = (await client.system.jobTypes()).find(({ job_type }) => job_type === "nap");
  assert(type.paused);
  await client.system.resume("nap");
  assert("nap" in (await client.system.stats()).types);
  assert((await client.system.overview()).notifiers);
  assert.equal((await client.system.workers()).length, 1);
  assert((await client.system.templates()).length > 0);
  assert.equal((await all(client.system.audit(), 3)).length, 3);
  assert((await client.call("GET", "/health/live")).state);
}

const PARTS = [
  a_document_is_uploaded_read_and_fetched,
  jobs_are_followed_cancelled_retried_and_deleted,
  jobs_are_moved_by_filter_and_in_batches,
  webhooks_arrive_and_are_sent_again,
  an_admin_manages_keys_and_job_types,
];
for (const part of PARTS) {
  await part();
  console.log(part.name);
}
