/** A program that uses every call, for the compiler: `npm run check`. It is never run. */

import {
  ApiError,
  type Batch,
  Client,
  type Job,
  JobFailed,
  JobNotEnded,
  SecretaryError,
  Unreachable,
  verifyWebhook,
  WaitTimeout,
  type WebhookEvent,
  WebhookRefused,
} from "../src/index.js";

const { signal } = new AbortController();
const secretary = new Client("http://localhost:5001", "sk_1", {
  retryMs: 1000,
  timeoutMs: 1000,
  fetch: globalThis.fetch,
});

export async function jobs(): Promise<string | undefined> {
  const { file_id } = await secretary.upload("report.pdf", { filename: "a.pdf", signal });
  await secretary.upload(new Blob(["a"]));
  await secretary.upload(new Uint8Array(1));
  await secretary.upload(new Blob(["a"]).stream());
  const job: Job = await secretary.submit(
    "pdf",
    { file_id, webhook: { url: "https://example.com" } },
    { priority: 8, run_at: new Date(), tags: ["a"], idempotencyKey: "mine", signal },
  );
  const results = await secretary.run<{ extracted_text: string }>("pdf", {}, { timeoutMs: 1 });
  for await (const event of secretary.follow(job.job_id, { lastEventId: "4", signal })) {
    const percent: number | undefined = event.data.progress?.percent;
    console.log(event.name, percent);
  }
  for await (const event of secretary.followAll({ job_type: "pdf", lastEventId: "1-0" })) {
    if (event.name === "reset") break;
    console.log(event.data?.tags);
  }
  for await (const one of secretary.list({ status: "failed", limit: 250 }, { signal })) {
    await secretary.retry(one.job_id);
  }
  for await (const line of secretary.logs(job.job_id, { level: "warning" })) {
    console.log(line.message);
  }
  const [attempt] = await secretary.attempts(job.job_id);
  console.log(attempt?.outcome, (await secretary.show(job.job_id)).results);
  const content: ReadableStream<Uint8Array> = await secretary.download(job.job_id, "a.png");
  await secretary.archive(job.job_id, { timeoutMs: 1 });
  console.log((await secretary.files(job.job_id))[0]?.sha256);
  await content.cancel();
  await secretary.wait(job.job_id, { timeoutMs: 1, signal });
  await secretary.results(job.job_id);
  const cancelled = await secretary.cancel(job.job_id);
  // @ts-expect-error the answer is as in a listing: without the results
  console.log(cancelled.status, cancelled.results);
  await secretary.delete(job.job_id);
  return results.extracted_text;
}

export async function batches(): Promise<Batch> {
  const submitted = await secretary.batches.submit(
    [{ job_type: "pdf", parameters: { filename: "a.pdf" }, run_at: new Date() }],
    { batch_name: "a", idempotencyKey: "mine" },
  );
  await secretary.batches.cancel(submitted.batch_id);
  await secretary.batches.retryFailed(submitted.batch_id);
  for await (const batch of secretary.batches.list()) console.log(batch.counts.total);
  const { done } = await secretary.many.cancel({ batch_id: "b", status: "pending" }, { limit: 2 });
  const { next } = await secretary.many.retry({ tag: "a" }, { signal });
  await secretary.many.delete({ tag: `${done}` }, { cursor: next ?? null });
  await secretary.batches.get(submitted.batch_id);
  return secretary.batches.wait(submitted.batch_id, { timeoutMs: 1, signal });
}

export async function webhooks(request: Request): Promise<WebhookEvent> {
  for await (const { id } of secretary.deliveries.list({ status: "dead" })) {
    await secretary.deliveries.resend(id);
  }
  for await (const { attempts } of secretary.deliveries.ofJob("job-1")) console.log(attempts[0]?.at);
  const count: number = await secretary.deliveries.recover({ since: new Date(0) });
  const { id } = await secretary.endpoints.create({ url: "https://example.com", events: ["failed"] });
  await secretary.endpoints.change(id, { enabled: false, tags: null });
  const { secret } = await secretary.endpoints.rotateSecret(id, { overlap_sec: 60 });
  await secretary.endpoints.replay(id, { since: new Date(0), until: "2026-01-01T00:00:00Z" });
  await secretary.endpoints.test(id);
  await secretary.endpoints.get(id);
  for await (const endpoint of secretary.endpoints.list()) console.log(endpoint.url, count);
  await secretary.endpoints.delete(id);
  await secretary.system.testWebhook({ url: "https://example.com", token: "t" });
  const body = await request.text();
  return verifyWebhook(body, request.headers, [secret, "whsec_"], { toleranceSec: 60 });
}

export async function operators(): Promise<void> {
  const { key_id, key } = await secretary.keys.create({ name: "wiki", scopes: ["read"] });
  await secretary.keys.setLimits(key_id, { max_running: 2, models: null });
  for (const each of await secretary.keys.list()) console.log(each.name, key);
  await secretary.keys.delete(key_id);
  for (const { job_type, schema } of await secretary.system.jobTypes()) console.log(job_type, schema);
  await secretary.system.pause("pdf");
  await secretary.system.resume("pdf");
  await secretary.system.templates();
  const [worker] = await secretary.system.workers();
  const { types } = await secretary.system.stats();
  console.log(worker?.slots, types["pdf"]?.waiting);
  const [receiver] = await secretary.system.receivers();
  console.log(receiver, (await secretary.system.overview()).types["pdf"]?.running);
  for await (const { action } of secretary.system.audit()) console.log(action);
  await secretary.call<{ entries: unknown[] }>("GET", "/api/audit", { query: { limit: 1 } });
}

export function words(error: unknown): string {
  if (error instanceof ApiError) return `${error.status} ${error.fields[0]?.field}`;
  if (error instanceof JobFailed) return error.job.job_id + error.code;
  if (error instanceof WaitTimeout || error instanceof JobNotEnded) return error.jobId;
  if (error instanceof WebhookRefused) return error.code;
  if (error instanceof Unreachable) return String(error.cause);
  return error instanceof SecretaryError ? error.message : "";
}
