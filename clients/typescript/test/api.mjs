/** An API on loopback that misbehaves as a test says. */

import { createServer } from "node:http";

import { Client } from "../dist/index.js";

/**
 * Serve *answers* in order; the last one is for all further requests.
 *
 * An answer is a function of the response and the request, or one of the functions below.
 */
export async function misbehaving(t, ...answers) {
  const requests = [];
  const server = createServer((request, response) => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    const { method, url, headers } = request;
    if (answer.unread) {
      requests.push({ method, url, headers });
      return answer(response, request);
    }
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      requests.push({ method, url, headers, body: Buffer.concat(pieces) });
      answer(response, request);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { requests, url: `http://127.0.0.1:${server.address().port}` };
}

/** A clock that stands still while nothing waits. */
export class TestClock {
  waits = [];
  time = 0;
  alarms = new Set();
  now = () => this.time;
  sleep = async (ms, signal) => {
    signal?.throwIfAborted();
    this.waits.push(ms);
    this.time += ms;
  };
  alarm = (_, ring) => {
    this.alarms.add(ring);
    return () => this.alarms.delete(ring);
  };
  /** Let the client wait in vain for what it waits for now, or will wait for next. */
  ring() {
    const alarms = [...this.alarms];
    this.alarms.clear();
    for (const ring of alarms) ring();
    if (!alarms.length) setImmediate(() => this.ring());
  }
}

/** Return a client of *api*, the clock of which does not wait. */
export function clientOf(api, options = {}) {
  const clock = new TestClock();
  return { client: new Client(api.url, "sk_1", { clock, ...options }), clock };
}

export const success =
  (data, status = 200) =>
  (response) => {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ status: "success", data }));
  };

export const failure =
  (status, code, headers = {}, details = null) =>
  (response) => {
    response.writeHead(status, headers);
    response.end(JSON.stringify({ status: "error", error: { code, message: "why", details } }));
  };

export const text =
  (status, content, headers = {}) =>
  (response) => {
    response.writeHead(status, headers);
    response.end(content);
  };

/** Close the connection without an answer. */
export const nothing = (response) => response.destroy();

/** Answer never. */
export const silence = () => undefined;

/** Send pieces of a stream; then end it, break it (`"broken"`), or stay silent (`"open"`). */
export const stream =
  (pieces, end = "ended") =>
  (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(pieces.join(""), () => {
      if (end === "ended") response.end();
      if (end === "broken") response.destroy();
    });
  };

export const event = (seq, name, more = {}) =>
  `id: ${seq}\nevent: ${name}\ndata: ${JSON.stringify({ seq, job_id: "job-1", status: name, ...more })}\n\n`;

/** Return all items of an async iterable. */
export async function all(items) {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}
