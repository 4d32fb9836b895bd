import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { test } from "node:test";

import { verifyWebhook, WebhookRefused } from "../dist/index.js";

const [MINE, OLD, OTHER] = [24, 32, 64].map((size) => `whsec_${randomBytes(size).toString("base64")}`);
const NOW = new Date("2026-01-01T00:00:00Z");
const EVENT = { phase: "completed", message: "Grüße" };
const BODY = Buffer.from(JSON.stringify(EVENT));

function headersOf(body, secrets, now = NOW) {
  const timestamp = String(now.getTime() / 1000);
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    const mac = createHmac("sha256", key).update(`msg_1.${timestamp}.`).update(body);
    return `v1,${mac.digest("base64")}`;
  });
  return {
    "webhook-id": "msg_1",
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}

const verify = (body, headers, secrets, options) =>
  verifyWebhook(body, headers, secrets, { now: NOW, ...options });
const refused = (code) => ({ name: "WebhookRefused", code });

test("the example of the standard verifies", async () => {
  const headers = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const now = new Date(1_614_265_330_000);
  assert.deepEqual(await verify('{"test": 2432232314}', headers, secret, { now }), {
    test: 2432232314,
  });
});

test("a webhook verifies as bytes, as text, and with any kind of headers", async () => {
  const headers = headersOf(BODY, [MINE]);
  const upper = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
  );
  for (const given of [headers, upper, new Headers(headers)]) {
    assert.deepEqual(await verify(BODY, given, MINE), EVENT);
    assert.deepEqual(await verify(BODY.toString(), given, MINE), EVENT);
  }
});

test("during a rotation either secret verifies, on both sides", async () => {
  const both = headersOf(BODY, [MINE, OLD]);
  assert.deepEqual(await verify(BODY, both, MINE), EVENT);
  assert.deepEqual(await verify(BODY, both, OLD), EVENT);
  assert.deepEqual(await verify(BODY, headersOf(BODY, [OLD]), [MINE, OLD]), EVENT);
});

test("other secrets, other bytes and other ids are refused", async () => {
  const headers = headersOf(BODY, [MINE]);
  const no = refused("NO_MATCHING_SIGNATURE");
  await assert.rejects(verify(BODY, headers, OTHER), no);
  await assert.rejects(verify(BODY, headers, []), no);
  await assert.rejects(verify(Buffer.concat([BODY, Buffer.from(" ")]), headers, MINE), no);
  await assert.rejects(verify(BODY, { ...headers, "webhook-id": "msg_2" }, MINE), no);
  for (const signature of ["v1,", "v1", "v2,AAAA", "v1,%%%", headers["webhook-signature"].slice(3)]) {
    await assert.rejects(verify(BODY, { ...headers, "webhook-signature": signature }, MINE), no);
  }
});

test("times out of the tolerance are refused, before and after now", async () => {
  const out = refused("TIMESTAMP_OUT_OF_TOLERANCE");
  for (const seconds of [-301, 301]) {
    const headers = headersOf(BODY, [MINE], new Date(NOW.getTime() + seconds * 1000));
    await assert.rejects(verify(BODY, headers, MINE), out);
    assert.deepEqual(await verify(BODY, headers, MINE, { toleranceSec: 301 }), EVENT);
  }
  for (const timestamp of ["soon", "NaN", "-1", "1e99"]) {
    const headers = { ...headersOf(BODY, [MINE]), "webhook-timestamp": timestamp };
    await assert.rejects(verify(BODY, headers, MINE), out);
  }
});

test("a missing header is refused, and a bad secret is a mistake of the program", async () => {
  const headers = headersOf(BODY, [MINE]);
  for (const name of Object.keys(headers)) {
    const error = await verify(BODY, { ...headers, [name]: undefined }, MINE).catch((it) => it);
    assert(error instanceof WebhookRefused);
    assert.equal(error.code, "HEADERS_MISSING");
  }
  await assert.rejects(verify(BODY, headers, "whsec_%"), TypeError);
  await assert.rejects(verify(BODY, headers, "whsec_"), TypeError);
});
