// What is wrong with the system, each thing as a sentence that says what to do. Pure.
import { count, duration, plural } from "../../lib/format.js";

const LONG_WAIT_SEC = 60;
const STILL_SEC = 300;
const MUCH_FAILED = 0.2;
const FAILING = 2;
const FEW = 5;
const BACKLOG = 200;
const BACKLOG_SHARE = 0.8;

/** Return `{key, kind, text, link?}` for each trouble in *overview*, the worst first. */
export function troubles(overview) {
  const found = [...ofServices(overview), ...ofTypes(overview), ...ofReceivers(overview), ...ofJobs(overview), ...ofKeys(overview), ...ofFullQueues(overview)];
  return found.sort((one, other) => (one.kind === "bad" ? 0 : 1) - (other.kind === "bad" ? 0 : 1));
}

function* ofServices({ broker, notifiers, workers, deliveries }) {
  if (broker === "disconnected") {
    yield { key: "broker", kind: "bad", text: "RabbitMQ does not answer the API. Nothing is lost: workers and notifiers poll, so jobs start later. Check the broker and broker.url." };
  }
  if (!workers.length) yield { key: "workers", kind: "bad", text: "No worker is alive, so no job starts. Start secretary-worker." };
  if (!notifiers) {
    const waiting = deliveries.pending ? `: ${plural(deliveries.pending, "webhook")} waits for one`.replace("webhooks waits", "webhooks wait") : "";
    yield { key: "notifiers", kind: deliveries.pending ? "bad" : "warn", text: `No notifier is alive${waiting}. Start secretary-notifier.` };
  }
  if (deliveries.dead) {
    yield { key: "dead", kind: "warn", text: `${plural(deliveries.dead, "webhook is", "webhooks are")} dead: the receiver never answered 2xx.`, link: { href: "#/deliveries?status=dead", label: "Look at them" } };
  }
  for (const { id, host, unfit, active } of workers) {
    const lacks = Object.entries(unfit).map(([name, message]) => message || name);
    if (lacks.length) yield { key: `unfit-${id}`, kind: "bad", text: `The worker ${host ?? id} takes no jobs, because it lacks something: ${lacks.join("; ")}.` };
    else if (!active) yield { key: `inactive-${id}`, kind: "warn", text: `The worker ${host ?? id} is switched off (generic_worker.active).` };
  }
}

function* ofTypes({ types, workers }) {
  for (const [name, type] of Object.entries(types)) {
    const link = { href: `#/jobs?status=pending&job_type=${encodeURIComponent(name)}`, label: "Look at them" };
    if (type.paused && type.waiting) {
      yield { key: `paused-${name}`, kind: "warn", text: `The type ${name} is paused, and ${plural(type.waiting, "job")} of it waits.`.replace("jobs of it waits", "jobs of it wait"), link };
    } else if (workers.length && !type.workers && type.waiting) {
      yield { key: `without-${name}`, kind: "bad", text: `No live worker runs the type ${name}, and ${plural(type.waiting, "job")} of it waits. Start a worker that has its handler.`.replace("jobs of it waits", "jobs of it wait"), link };
    } else if (type.oldest_wait_sec > LONG_WAIT_SEC) {
      yield { key: `waits-${name}`, kind: "warn", text: `A job of the type ${name} has been due for ${duration(type.oldest_wait_sec)}; ${plural(type.waiting, "job")} of it waits in all.`.replace("jobs of it waits", "jobs of it wait"), link };
    }
    const ended = type.completed + type.failed;
    if (type.failed >= FEW && type.failed / ended > MUCH_FAILED) {
      yield {
        key: `fails-${name}`,
        kind: "bad",
        text: `${count(type.failed)} of the ${plural(ended, "job")} of the type ${name} that ended in the last hour have failed.`,
        link: { href: `#/jobs?status=failed&job_type=${encodeURIComponent(name)}`, label: "Look at them" },
      };
    }
  }
}

function* ofReceivers({ receivers }) {
  for (const { receiver, breaker, failures, last_status: status, last_error: error, waiting } of receivers) {
    if (breaker === "closed" && failures < FAILING) continue;
    const state = breaker === "closed" ? `has failed ${failures} times in a row` : `is paused after ${plural(failures, "failure")}`;
    const last = status ? `It answered ${status} last` : `The last error is ${error ?? "unknown"}`;
    yield {
      key: `receiver-${receiver}`,
      kind: "bad",
      text: `The receiver ${receiver} ${state}. ${last}${waiting ? `; ${plural(waiting, "webhook")} for it in the queue` : ""}.`,
      link: { href: `#/deliveries?receiver=${encodeURIComponent(receiver)}`, label: "Look at its webhooks" },
    };
  }
}

function* ofJobs({ running, counted_at: at }) {
  const now = Date.parse(at);
  const still = running.filter((job) => now - Date.parse(job.updated_at) >= STILL_SEC * 1000);
  if (!still.length) return;
  const [first] = still; // the one without a report for the longest time
  const longest = duration((now - Date.parse(first.updated_at)) / 1000);
  const what = still.length === 1 ? `A running ${first.job_type} job has reported nothing for ${longest}. It may be stuck.` : `${still.length} running jobs have reported nothing for ${duration(STILL_SEC)} or more, one of them for ${longest}. They may be stuck.`;
  yield { key: "still", kind: "warn", text: what, link: { href: `#/jobs/${first.job_id}`, label: "Look at it" } };
}

function* ofKeys({ waiting_by_key: keys, types }) {
  const total = Object.values(types).reduce((sum, { waiting, scheduled }) => sum + waiting + scheduled, 0);
  const [first] = keys ?? [];
  if (first?.waiting > BACKLOG && first.waiting > total * BACKLOG_SHARE) {
    yield { key: "backlog", kind: "warn", text: `The key ${first.key_id} has ${plural(first.waiting, "waiting job")}, most of all that waits. Other keys take turns with it; the limit max_pending bounds a key.`, link: { href: `#/keys`, label: "Look at the keys" } };
  }
}

function* ofFullQueues({ waiting_by_key: keys }) {
  for (const { key_id: id, name, waiting, most } of keys ?? []) {
    if (most === null || waiting < most) continue;
    const text = `The queue of the key ${name ?? id} is full: ${count(waiting)} of ${count(most)} jobs wait. Its new jobs are refused with 429 until some of them start.`;
    yield { key: `full-${id}`, kind: "bad", text, link: { href: "#/keys", label: "Look at the keys" } };
  }
}
