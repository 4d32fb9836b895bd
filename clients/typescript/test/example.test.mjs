import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const APP = fileURLToPath(new URL("../../../examples/compose/app.mjs", import.meta.url));

test("a client that leaves amid its request does not end the application of the example", async (t) => {
  const env = { ...process.env, SECRETARY_KEY: "sk_1", PORT: "0" };
  const app = spawn(process.execPath, [APP], { env, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => app.kill());
  const [line] = await once(app.stdout, "data");
  const port = Number(/listening on (\d+)/.exec(line)[1]);
  const client = connect(port, "127.0.0.1");
  client.end("POST /hook HTTP/1.1\r\nHost: app\r\nContent-Length: 100\r\n\r\nshort");
  await Promise.race([once(app.stderr, "data"), once(app, "exit")]);
  const answer = await fetch(`http://127.0.0.1:${port}/documents/none`);
  assert.equal(answer.status, 404);
});
