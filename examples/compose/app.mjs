// A small application that has its PDFs read by Secretary. Node 18 or newer, no packages.
//
//   POST /documents/report.pdf   submit a file of the shared folder; answers with the job's id
//   GET  /documents/<job id>     what is known about it
//   POST /hook                   Secretary's webhooks
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const SECRETARY = process.env.SECRETARY_URL ?? "http://secretary-api:5001";
const KEY = process.env.SECRETARY_KEY ?? readFileSync("/run/secrets/secretary_key", "utf8").trim();
const MYSELF = process.env.MY_URL ?? "http://app:8000";
// Signs the webhooks of this process's jobs. An application with several processes needs one for all.
const secret = `whsec_${randomBytes(32).toString("base64")}`;
const documents = new Map(); // a real application has a database

async function secretary(path, init = {}) {
  const url = new URL(path, SECRETARY);
  const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json", ...init.headers };
  const answer = await fetch(url, { ...init, headers });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.error.code}: ${body.error.message}`);
  return body.data;
}

async function submit(name) {
  const webhook = { url: `${MYSELF}/hook`, secret, progress: false };
  const parameters = { filename: `/files/${name}`, output: "markdown", webhook };
  const body = JSON.stringify({ job_type: "document", parameters });
  // A repeat after a lost answer finds the same job.
  const headers = { "idempotency-key": randomBytes(16).toString("hex") };
  const { job_id: id } = await secretary("/api/jobs/", { method: "POST", body, headers });
  if (!documents.has(id)) documents.set(id, { name, phase: "pending" }); // the webhook may be first
  return { job_id: id };
}

async function receive(headers, body) {
  if (!isOurs(headers, body)) return false;
  const event = JSON.parse(body);
  // The end of a large document has no data: it is at data_url, which leads to SECRETARY_API__PUBLIC_URL.
  const data = event.data ?? (event.data_url ? await secretary(event.data_url) : null);
  const text = data?.extracted_text ?? data?.results?.extracted_text;
  documents.set(event.process.id, { phase: event.phase, text, error: event.error });
  return true;
}

function isOurs(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300)) return false;
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const digest = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  return (signatures ?? "").split(" ").some((signature) => {
    const [version, encoded] = signature.split(",");
    const given = Buffer.from(encoded ?? "", "base64");
    return version === "v1" && given.length === digest.length && timingSafeEqual(given, digest);
  });
}

async function answer(request, body) {
  const [, place, name] = new URL(request.url, MYSELF).pathname.split("/");
  if (request.method === "POST" && place === "hook") {
    return (await receive(request.headers, body)) ? [200, {}] : [401, { error: "no valid signature" }];
  }
  if (request.method === "POST" && place === "documents") return [202, await submit(decodeURIComponent(name))];
  if (place === "documents" && documents.has(name)) return [200, documents.get(name)];
  return [404, { error: "not found" }];
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part); // throws if the client leaves amid its request
  return Buffer.concat(parts);
}

const server = createServer(async (request, response) => {
  const answered = bodyOf(request).then((body) => answer(request, body));
  const [status, body] = await answered.catch((error) => {
    console.error(error);
    return [502, { error: error.message }]; // Secretary repeats a webhook that gets this answer
  });
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
});
server.listen(Number(process.env.PORT ?? 8000), () => console.log(`app: listening on ${server.address().port}`));

process.on("SIGTERM", () => process.exit(0));
