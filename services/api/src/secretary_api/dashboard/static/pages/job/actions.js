// Cancel, retry or delete a job.
import { confirm } from "../../components/dialog.js";
import { toast } from "../../components/feedback.js";
import { ActionButton } from "../../components/form.js";
import { post, remove } from "../../lib/api.js";
import { navigate } from "../../lib/router.js";
import { may } from "../../lib/session.js";
import { html } from "../../lib/ui.js";

const ENDED = new Set(["completed", "failed", "cancelled"]);

export function JobActions({ job, onDone }) {
  if (!may("submit")) return null;
  const path = `/api/jobs/${job.job_id}`;
  const hasEnded = ENDED.has(job.status);
  const cancel = async () => {
    const isSure = await confirm({ title: "Cancel this job?", text: "A running job ends within seconds. You can retry it later.", action: "Cancel the job" });
    if (!isSure) return;
    await post(`${path}/cancel`);
    toast("The job is being cancelled");
    onDone();
  };
  const retry = async () => {
    const losesResults = job.status === "completed";
    const isSure = !losesResults || (await confirm({ title: "Run this job again?", text: "Its results are dropped.", action: "Run it again" }));
    if (!isSure) return;
    await post(`${path}/retry`);
    toast("A new run of the job waits for a worker");
    onDone();
  };
  const drop = async () => {
    const isSure = await confirm({ title: "Delete this job?", text: "It is removed with its results, files and log. This cannot be undone.", action: "Delete the job", isDangerous: true });
    if (!isSure) return;
    await remove(path);
    toast("The job is deleted");
    navigate("/jobs");
  };
  return html`
    ${hasEnded && html`<${ActionButton} kind=${job.status === "failed" ? "primary" : ""} action=${retry}>${job.status === "failed" ? "Retry" : "Run again"}<//>`}
    ${!hasEnded && html`<${ActionButton} isDisabled=${job.cancel_requested} action=${cancel}>Cancel<//>`}
    ${job.status !== "processing" && html`<${ActionButton} kind="danger" action=${drop}>Delete<//>`}`;
}
