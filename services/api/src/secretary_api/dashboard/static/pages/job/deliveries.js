// The webhooks of a job: each event, each attempt to send it, and the receiver's answer.
import { StateBadge } from "../../components/badge.js";
import { DeliveryAttempts, DeliveryReason, ResendButton } from "../../components/delivery.js";
import { Empty, ErrorNote } from "../../components/feedback.js";
import { Pager } from "../../components/table.js";
import { Ago } from "../../components/time.js";
import { plural } from "../../lib/format.js";
import { usePages } from "../../lib/live.js";
import { html } from "../../lib/ui.js";

const OPEN = new Set(["pending", "sending"]);

export function Deliveries({ job, path }) {
  const { rows, error, pager, reload } = usePages(`${path}/deliveries`, {}, "deliveries", { everySec: 5 });
  if (error && !rows) return html`<${ErrorNote} error=${error} retry=${reload} />`;
  if (!rows) return html`<span class="bone"></span>`;
  if (!rows.length) {
    const hasWebhook = Boolean(job.parameters.webhook);
    return html`<${Empty} title="No webhooks" text=${hasWebhook ? "The first event of this job makes one." : "This job has no parameters.webhook, and no endpoint takes its events."} />`;
  }
  return html`<div class="card">
    ${rows.map((delivery) => html`<details class="delivery" key=${delivery.id} open=${delivery.state === "dead" || OPEN.has(delivery.state)}>
      <summary>
        <${StateBadge} of="delivery" state=${delivery.state} />
        <strong>${delivery.phase}</strong>
        <span class="muted grow ellipsis" title=${delivery.url}>${delivery.url}</span>
        <span class="muted small nowrap">${plural(delivery.attempts.length, "attempt")} · <${Ago} at=${delivery.created_at} /></span>
      </summary>
      <div class="stack tight">
        <div class="row wrap apart">
          <span class="small"><${DeliveryReason} delivery=${delivery} /></span>
          <${ResendButton} delivery=${delivery} onDone=${reload} />
        </div>
        <div class="small muted mono breakable">${delivery.id}</div>
        <${DeliveryAttempts} delivery=${delivery} />
      </div>
    </details>`)}
    <${Pager} ...${pager} />
  </div>`;
}
