/** Verification of webhooks: Standard Webhooks (https://www.standardwebhooks.com). */

import { webCrypto } from "./crypto.js";
import { WebhookRefused } from "./errors.js";
import type { JobFailure, JsonObject } from "./types.js";

const TOLERANCE_SEC = 300;

/** The body of a webhook. */
export interface WebhookEvent {
  /** `processing`, `completed`, `failed`, `cancelled`, `test` or `operator`. */
  phase: string;
  message: string;
  /** Percent, while `processing`. */
  progress?: number;
  step?: string;
  /** The results, once `completed`; missing if they are too large: fetch `data_url`. */
  data?: JsonObject | null;
  data_url?: string;
  data_left_out?: string[];
  error?: JobFailure;
  /** The id of the job, and its type. */
  process: { id: string; main_processor: string };
  /** Your `jobId`, else the id of the job. */
  job: { id: string };
  schema_version: number;
  /** Grows with every change of the job: order events by it. */
  seq: number;
  run: number;
  occurred_at: string;
}

export interface VerifyOptions {
  /** How far the time of the request may be from now, in seconds; default: 300. */
  toleranceSec?: number;
  /** The time of now; for tests. */
  now?: Date;
}

type HeaderValues =
  | { get(name: string): string | null }
  | { [name: string]: string | string[] | undefined };

/**
 * Check that a request is a webhook of Secretary, and return its body.
 *
 * @param body the body as it was received: bytes, or text that was decoded as UTF-8.
 * @param headers the headers of the request, from `Request.headers` or Node's `request.headers`.
 * @param secrets one secret (`whsec_…`), or several during a rotation.
 * @throws WebhookRefused: a header is missing, the time is too far from now, or no signature
 *   matches.
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: HeaderValues,
  secrets: string | readonly string[],
  { toleranceSec = TOLERANCE_SEC, now = new Date() }: VerifyOptions = {},
): Promise<WebhookEvent> {
  const id = headerIn(headers, "webhook-id");
  const timestamp = headerIn(headers, "webhook-timestamp");
  const signatures = headerIn(headers, "webhook-signature");
  if (!/^\d+$/.test(timestamp) || Math.abs(now.getTime() / 1000 - +timestamp) > toleranceSec) {
    const message = `webhook-timestamp ${timestamp} is not within ${toleranceSec} s of now`;
    throw new WebhookRefused("TIMESTAMP_OUT_OF_TOLERANCE", message);
  }
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const signed = joined(new TextEncoder().encode(`${id}.${timestamp}.`), bytes);
  const keys = await Promise.all([secrets].flat().map(keyOf));
  const given = signatures.split(" ").flatMap(signatureIn);
  if (!(await someMatch(keys, given, signed))) {
    throw new WebhookRefused("NO_MATCHING_SIGNATURE", "no signature matches");
  }
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** `verify` of the platform compares in constant time. */
async function someMatch(
  keys: readonly CryptoKey[],
  signatures: readonly Uint8Array<ArrayBuffer>[],
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const { subtle } = await webCrypto();
  const pairs = keys.flatMap((key) => signatures.map((signature) => ({ key, signature })));
  const found = await Promise.all(
    pairs.map(({ key, signature }) => subtle.verify("HMAC", key, signature, signed)),
  );
  return found.includes(true);
}

function headerIn(headers: HeaderValues, name: string): string {
  const value = typeof headers["get"] === "function" ? headers.get(name) : namedIn(headers, name);
  if (typeof value === "string" && value) return value;
  throw new WebhookRefused("HEADERS_MISSING", `the header ${name} is missing`);
}

function namedIn(headers: HeaderValues, name: string): unknown {
  return Object.entries(headers).find(([found]) => found.toLowerCase() === name)?.[1];
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = bytesIn(secret.replace(/^whsec_/, ""));
  if (!bytes?.length) throw new TypeError("the secret is not whsec_ and base64");
  const { subtle } = await webCrypto();
  return subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

function signatureIn(text: string): Uint8Array<ArrayBuffer>[] {
  const [version, encoded = ""] = text.split(",");
  const bytes = version === "v1" ? bytesIn(encoded) : undefined;
  return bytes ? [bytes] : [];
}

function bytesIn(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}
