import assert from "node:assert/strict";
import { test } from "node:test";

import { JobFailed, JobNotEnded, Unreachable, WaitTimeout } from "../dist/index.js";
import { all, clientOf, event, failure, misbehaving, nothing, stream, success, TestClock, text } from "./api.mjs";

const names = (events) => events.map(({ name }) => name);
const places = (api) => api.requests.map(({ headers }) => headers["last-event-id"]);

test("a broken stream is resumed where it broke", async (t) => {
  const api = await misbehaving(
    t,
    stream([event(0, "pending"), event(2, "progress"), "id: 3\nevent: prog"], "broken"),
    nothing,
    stream([": nothing new\n\n", event(4, "progress")]),
    stream([event(5, "completed"), event(6, "never")], "open"),
  );
  const events = await all(clientOf(api).client.follow("job-1"));
  assert.deepEqual(names(events), ["pending", "progress", "progress", "completed"]);
  assert.deepEqual(places(api), [undefined, "2", "2", "4"]);
});

test("a silent stream is opened again", async (t) => {
  const api = await misbehaving(
    t,
    stream([event(1, "progress")], "open"),
    stream([event(2, "completed")]),
  );
  const { client, clock } = clientOf(api);
  const found = [];
  for await (const event of client.follow("job-1")) {
    found.push(event);
    if (!event.name.startsWith("c")) setImmediate(() => clock.ring());
  }
  assert.deepEqual(names(found), ["progress", "completed"]);
});

test("events are whole, however the bytes are cut", async (t) => {
  const whole = Buffer.from(event(1, "completed", { error: "Grüße\u2028 \u{1f600}" }).replaceAll("\n", "\r\n"));
  const cut = (response) => {
    response.writeHead(200);
    const send = (place) => {
      if (place === whole.length) response.end();
      else response.write(whole.subarray(place, place + 1), () => setImmediate(send, place + 1));
    };
    send(0);
  };
  const api = await misbehaving(t, cut);
  const [found] = await all(clientOf(api).client.follow("job-1"));
  assert.equal(found.data.error, "Grüße\u2028 \u{1f600}");
});

test("204 ends a stream that was received to its end", async (t) => {
  const api = await misbehaving(t, text(204, undefined));
  const events = await all(clientOf(api).client.follow("job-1", { lastEventId: "9" }));
  assert.deepEqual(events, []);
  assert.deepEqual(places(api), ["9"]);
});

test("a stream that is refused ends with the error, and one that is away with Unreachable", async (t) => {
  const gone = await misbehaving(t, stream([event(1, "pending")]), failure(404, "NOT_FOUND"));
  await assert.rejects(all(clientOf(gone).client.follow("job-1")), { code: "NOT_FOUND" });
  const away = await misbehaving(t, stream([event(1, "pending")]), nothing);
  await assert.rejects(all(clientOf(away).client.follow("job-1")), Unreachable);
});

test("a consumer that leaves closes the stream", async (t) => {
  let closed;
  const isClosed = new Promise((resolve) => (closed = resolve));
  const api = await misbehaving(t, (response) => {
    response.on("close", closed);
    stream([event(1, "pending")], "open")(response);
  });
  for await (const _ of clientOf(api).client.follow("job-1")) break;
  await isClosed;
});

test("a signal ends a stream that is silent", async (t) => {
  const api = await misbehaving(t, stream([event(1, "pending")], "open"));
  const abort = new AbortController();
  const reason = new Error("the user left");
  const following = async () => {
    for await (const _ of clientOf(api).client.follow("job-1", { signal: abort.signal })) {
      setImmediate(() => abort.abort(reason));
    }
  };
  await assert.rejects(following(), reason);
});

test("a wait with a timeout ends, and the job goes on", async (t) => {
  const api = await misbehaving(t, stream([event(1, "pending")], "open"));
  let end;
  const clock = new TestClock();
  clock.sleep = () => new Promise((resolve) => (end = resolve));
  const { client } = clientOf(api, { clock });
  const events = client.follow("job-1", { timeoutMs: 5000 });
  await events.next();
  const next = events.next();
  end();
  const error = await next.catch((caught) => caught);
  assert(error instanceof WaitTimeout && error instanceof JobNotEnded);
  assert.equal(error.jobId, "job-1");
  assert.equal(api.requests.length, 1);
});

test("wait returns the job after its end; run returns the results or rejects", async (t) => {
  const completed = { job_id: "job-1", status: "completed" };
  const failed = { ...completed, status: "failed", error: { code: "PDF_INVALID", message: "no" } };
  const accepted = success({ job: { job_id: "job-1" } }, 202);
  const good = await misbehaving(
    t,
    accepted,
    stream([event(3, "completed")]),
    success(completed),
    success({ status: "completed", results: { pages: 2 } }),
  );
  assert.deepEqual(await clientOf(good).client.run("pdf", {}), { pages: 2 });

  const bad = await misbehaving(t, accepted, stream([event(3, "failed")]), success(failed));
  const error = await clientOf(bad)
    .client.run("pdf", {})
    .catch((caught) => caught);
  assert(error instanceof JobFailed);
  assert.deepEqual([error.code, error.message], ["PDF_INVALID", "job-1: PDF_INVALID: no"]);
  assert.deepEqual(error.job, failed);
});

test("results of a job that has not completed are an error", async (t) => {
  const running = await misbehaving(t, success({ status: "processing", results: null }));
  await assert.rejects(clientOf(running).client.results("job-1"), JobNotEnded);
  const cancelled = { job_id: "job-1", status: "cancelled", error: null };
  const none = await misbehaving(t, success({ status: "cancelled", results: null }), success(cancelled));
  await assert.rejects(clientOf(none).client.results("job-1"), {
    name: "JobFailed",
    message: "job-1: cancelled",
    code: undefined,
  });
});

test("the stream of all jobs continues at the last place, also one of a quiet stream", async (t) => {
  const api = await misbehaving(
    t,
    stream(["retry: 2000\nid: 10-0\n\n", "id: 12-1\n", event(4, "progress").slice(6), "id: 15-0\n\n"]),
    stream(["id: 20-0\nevent: reset\ndata: {}\n\n"]),
    stream([event(9, "completed")], "open"),
  );
  const found = [];
  for await (const each of clientOf(api).client.followAll({ job_type: "pdf", lastEventId: "9-0" })) {
    found.push([each.id, each.name, each.data?.job_id]);
    if (each.name === "completed") break;
  }
  assert.deepEqual(found, [
    ["12-1", "progress", "job-1"],
    ["20-0", "reset", undefined],
    ["9", "completed", "job-1"],
  ]);
  assert.deepEqual(places(api), ["9-0", "15-0", "20-0"]);
  assert.equal(api.requests[0].url, "/api/stream?job_type=pdf");
});
