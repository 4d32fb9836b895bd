import assert from "node:assert/strict";
import { test } from "node:test";

import { REAL_CLOCK } from "../dist/clock.js";
import { ApiError, Client, SecretaryError, Unreachable } from "../dist/index.js";
import { all, clientOf, failure, misbehaving, nothing, silence, success, TestClock, text } from "./api.mjs";

const ACCEPTED = success({ job_id: "job-1", job: { job_id: "job-1" } }, 202);

test("a submission is repeated under one key until it is answered", async (t) => {
  const api = await misbehaving(
    t,
    nothing,
    failure(503, "STORE_UNAVAILABLE", { "Retry-After": "7" }),
    failure(429, "RATE_LIMITED", { "Retry-After": "999" }),
    text(502, "<html>Bad Gateway</html>"),
    ACCEPTED,
  );
  const { client, clock } = clientOf(api);
  const job = await client.submit("pdf", { url: "u" }, { priority: 9 });
  assert.deepEqual(job, { job_id: "job-1" });
  assert.deepEqual(clock.waits, [500, 7000, 10_000, 10_000]);
  assert.equal(new Set(api.requests.map(({ headers }) => headers["idempotency-key"])).size, 1);
  assert.equal(api.requests.length, 5);
  for (const { method, url, headers, body } of api.requests) {
    assert.equal(`${method} ${url}`, "POST /api/jobs/");
    assert.equal(headers.authorization, "Bearer sk_1");
    const sent = { job_type: "pdf", parameters: { url: "u" }, priority: 9 };
    assert.deepEqual(JSON.parse(body), sent);
  }
});

test("a rotation sends the same new secret again if its answer is lost", async (t) => {
  const api = await misbehaving(t, nothing, success({ secret: "whsec_new", rotated_until: null }));
  const { client } = clientOf(api);
  await client.endpoints.rotateSecret("ep-1", { overlap_sec: 60 });
  await client.endpoints.rotateSecret("ep-1");
  const [first, repeat, other] = api.requests.map(({ body }) => JSON.parse(body));
  assert.deepEqual(first, { secret: first.secret, overlap_sec: 60 });
  assert.deepEqual(repeat, first);
  assert.match(first.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.notEqual(other.secret, first.secret);
});

test("each submission has a key of its own unless one is given", async (t) => {
  const api = await misbehaving(t, ACCEPTED);
  const { client } = clientOf(api);
  await client.submit("pdf", {});
  await client.submit("pdf", {});
  await client.submit("pdf", {}, { idempotencyKey: "mine" });
  const [first, second, third] = api.requests.map(({ headers }) => headers["idempotency-key"]);
  assert.notEqual(first, second);
  assert.equal(third, "mine");
});

test("a refused call is not repeated, and its error names the fields", async (t) => {
  const fields = [{ field: "parameters.url", message: "is no URL" }];
  const api = await misbehaving(t, failure(422, "VALIDATION_ERROR", {}, { fields }));
  const error = await clientOf(api)
    .client.submit("pdf", {})
    .catch((caught) => caught);
  assert(error instanceof ApiError && error instanceof SecretaryError);
  assert.deepEqual([error.name, error.status, error.code], ["ApiError", 422, "VALIDATION_ERROR"]);
  assert.equal(error.message, "VALIDATION_ERROR: why");
  assert.deepEqual(error.fields, fields);
  assert.equal(api.requests.length, 1);
});

for (const [what, answer, kind] of [
  ["a closed connection", nothing, Unreachable],
  ["an overloaded API", failure(503, "STORE_UNAVAILABLE"), ApiError],
  ["a proxy without its API", text(502, "<html>Bad Gateway</html>"), ApiError],
]) {
  test(`the client gives up in time: ${what}`, async (t) => {
    const api = await misbehaving(t, answer);
    const { client, clock } = clientOf(api, { retryMs: 20_000 });
    await assert.rejects(client.show("job-1"), kind);
    assert(clock.time > 10_000 && clock.time <= 20_000);
  });
}

test("an error that the API did not write names the URL", async (t) => {
  const api = await misbehaving(t, text(404, "<html>nginx</html>"));
  const message = `UNKNOWN: ${api.url}/api/jobs/job-1 answered 404, and not as Secretary does`;
  await assert.rejects(clientOf(api).client.show("job-1"), { code: "UNKNOWN", message });
});

test("a redirect is not followed, so the key goes to no other server", async (t) => {
  const api = await misbehaving(t, text(307, "", { Location: "http://127.0.0.1:9/" }));
  await assert.rejects(clientOf(api).client.show("job-1"), { code: "UNKNOWN", status: 307 });
  assert.equal(api.requests.length, 1);
});

test("Unreachable names the URL and the cause", async (t) => {
  const api = await misbehaving(t, nothing);
  const { client } = clientOf(api, { retryMs: 0 });
  const error = await client.show("job-1").catch((caught) => caught);
  assert(error instanceof Unreachable);
  assert(error.message.startsWith(`${api.url}: `));
  assert.notEqual(error.message, `${api.url}: fetch failed`);
});

test("an API that is silent for too long counts as unreachable", async (t) => {
  const clock = new TestClock();
  const none = () => clock.ring();
  const half = (response) => response.writeHead(200).write('{"status":', () => clock.ring());
  const api = await misbehaving(t, none, half, success({ job_id: "job-1" }));
  const { client } = clientOf(api, { clock });
  assert.deepEqual(await client.show("job-1"), { job_id: "job-1" });
  assert.equal(api.requests.length, 3);
});

test("a signal ends a call, a wait for the next attempt, and refuses later calls", async (t) => {
  const api = await misbehaving(t, silence);
  const abort = new AbortController();
  const call = new Client(api.url, "sk_1").show("job-1", { signal: abort.signal });
  const reason = new Error("the user left");
  setImmediate(() => abort.abort(reason));
  await assert.rejects(call, reason);

  const away = await misbehaving(t, nothing);
  const waiting = new AbortController();
  const clock = new TestClock();
  clock.sleep = async (_, signal) => {
    waiting.abort(reason);
    signal.throwIfAborted();
  };
  const { client } = clientOf(away, { clock });
  await assert.rejects(client.show("job-1", { signal: waiting.signal }), reason);
  assert.equal(away.requests.length, 1);
  await assert.rejects(client.show("job-1", { signal: waiting.signal }), reason);
  assert.equal(away.requests.length, 1);
});

test("ids with any characters stay one part of the path, and empty ids are refused", async (t) => {
  const api = await misbehaving(t, success({}));
  const { client } = clientOf(api);
  await client.show("../keys?x#y");
  assert.equal(api.requests[0].url, "/api/jobs/..%2Fkeys%3Fx%23y");
  for (const id of ["", ".", ".."]) assert.throws(() => client.show(id), TypeError);
  assert.equal(api.requests.length, 1);
});

test("the URL of the API is checked when the client is made", () => {
  assert.throws(() => new Client("localhost:5001", "sk_1"), TypeError);
  assert.throws(() => new Client("api", "sk_1"), TypeError);
  assert.throws(() => new Client(undefined, "sk_1"), /the URL of the API is "undefined"/);
});

test("spaces around the URL do not count", async (t) => {
  const api = await misbehaving(t, success({ job_id: "a" }));
  await new Client(` ${api.url}/ \n`, "sk_1", { retryMs: 0 }).show("a");
  assert.equal(api.requests[0].url, "/api/jobs/a");
});

test("a wait of many days does not end at once, as a timer of the platform would", (t) => {
  const timers = [];
  t.mock.method(globalThis, "setTimeout", (ring, ms) => timers.push({ ring, ms }));
  let rings = 0;
  const ring = () => rings++;
  REAL_CLOCK.alarm(2 ** 31 + 5, ring);
  assert.equal(timers[0].ms, 2 ** 31 - 1);
  timers[0].ring();
  assert.deepEqual([rings, timers[1].ms], [0, 6]);
  timers[1].ring();
  assert.equal(rings, 1);
  REAL_CLOCK.alarm(Infinity, ring);
  assert.equal(timers[2].ms, 2 ** 31 - 1);
});

test("a key that no request can carry is refused and not shown", async (t) => {
  for (const key of ["", " \n", undefined, "sk_ü", "sk_1\nX: 2"]) {
    assert.throws(
      () => new Client("http://api", key),
      (error) => error instanceof TypeError && /the API key/.test(error.message) && !/sk_/.test(error.message),
    );
  }
  const api = await misbehaving(t, success({ job_id: "a" }));
  await new Client(api.url, "sk_1\n").show("a");
  assert.equal(api.requests[0].headers.authorization, "Bearer sk_1");
});

test("a list yields the items of all pages", async (t) => {
  const page = (ids, next) => success({ jobs: ids.map((job_id) => ({ job_id })), next });
  const api = await misbehaving(t, page(["c", "b"], "2"), page([], "3"), page(["a"], null));
  const { client } = clientOf(api);
  const found = await all(client.list({ status: "failed", tag: "ü&" }));
  assert.deepEqual(
    found.map(({ job_id }) => job_id),
    ["c", "b", "a"],
  );
  assert.equal(api.requests[1].url, "/api/jobs/?status=failed&tag=%C3%BC%26&cursor=2");
});

test("times are sent as ISO 8601", async (t) => {
  const api = await misbehaving(t, ACCEPTED);
  await clientOf(api).client.submit("pdf", {}, { run_at: new Date(0) });
  assert.equal(JSON.parse(api.requests[0].body).run_at, "1970-01-01T00:00:00.000Z");
});
