// A webhook: why it waits, and each attempt to send it.
import { post } from "../lib/api.js";
import { bytes, duration } from "../lib/format.js";
import { may } from "../lib/session.js";
import { html } from "../lib/ui.js";
import { toast } from "./feedback.js";
import { ActionButton } from "./form.js";
import { Ago, Clock } from "./time.js";

const RESENDABLE = new Set(["pending", "dead", "delivered", "skipped", "superseded"]);

const STATE_REASONS = {
  dropped: "a later event of the job overtook it",
  skipped: "the endpoint was disabled",
  superseded: "a later run of the job has its own event",
};

/** Why *delivery* waits or ended undelivered, as a sentence; nothing for a delivered one. */
export function DeliveryReason({ delivery }) {
  const { wait, reason, muted_until: muted, next_attempt_at: next } = delivery;
  if (muted) return html`<span>The URL answered 410 Gone: it gets no events until <${Clock} at=${muted} />.</span>`;
  if (wait?.why === "breaker") return html`<span>Its receiver is paused after failures, until <${Clock} at=${wait.until} />.</span>`;
  if (wait?.why === "notifier") return html`<span class="bad-text">No notifier is alive.</span>`;
  if (wait?.why === "schedule") return html`<span>The next attempt starts <${Ago} at=${wait.until ?? next} />.</span>`;
  if (wait?.why === "turn") return html`<span>It is due; other webhooks go first.</span>`;
  const text = reason ?? STATE_REASONS[delivery.state];
  return text ? html`<span>${text.charAt(0).toUpperCase() + text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}</span>` : null;
}

/** The outcome of an attempt in a few words. */
export function LastAnswer({ attempt: { status_code: status, error } }) {
  return html`<span>${status === null ? `${error ?? "No answer came"}.` : `The receiver answered ${status}.`}</span>`;
}

/** A button that sends *delivery* again; nothing if its state or the key does not allow it. */
export function ResendButton({ delivery, onDone = () => {} }) {
  if (!may("deliveries") || !RESENDABLE.has(delivery.state) || !delivery.job_id) return null;
  const resend = async () => {
    await post(`/api/deliveries/${encodeURIComponent(delivery.id)}/resend`);
    toast("The webhook is sent again");
    onDone();
  };
  const label = delivery.state === "pending" ? "Send now" : "Resend";
  return html`<${ActionButton} kind="small" action=${resend} aria-label=${`${label} ${delivery.id}`}>${label}<//>`;
}

/** Each attempt of *delivery* with the receiver's answer. */
export function DeliveryAttempts({ delivery }) {
  if (!delivery.attempts.length) return html`<p class="muted small">No attempt yet. <${DeliveryReason} delivery=${delivery} /></p>`;
  return html`<ol class="stack tight">${delivery.attempts.map((attempt, index) => html`<li key=${attempt.at} class="stack tight">
    <div class="row wrap small">
      <strong>Attempt ${index + 1}</strong>
      <${Outcome} attempt=${attempt} />
      <span class="muted"><${Clock} at=${attempt.at} /> · took ${duration(attempt.duration_ms / 1000)}${attempt.address ? ` · ${attempt.address}` : ""}</span>
    </div>
    ${attempt.error && html`<p class="bad-text small breakable">${attempt.error}</p>`}
    ${attempt.response && html`<details><summary class="small">Answer of the receiver (${bytes(attempt.response.length)})</summary><pre class="code" tabindex="0">${attempt.response}</pre></details>`}
  </li>`)}</ol>`;
}

function Outcome({ attempt }) {
  const { status_code: status } = attempt;
  if (status === null) return html`<span class="badge bad">No answer</span>`;
  const isGood = status >= 200 && status < 300;
  return html`<span class=${`badge ${isGood ? "good" : "bad"}`}>${status}</span>`;
}
