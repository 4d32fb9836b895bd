// Send the skipped and dead deliveries of an endpoint again, from a time on.
import { Dialog } from "../../components/dialog.js";
import { ErrorNote, toast } from "../../components/feedback.js";
import { Field } from "../../components/form.js";
import { post } from "../../lib/api.js";
import { localTime, plural, utcTime } from "../../lib/format.js";
import { html, useState } from "../../lib/ui.js";

const DAY_MS = 86_400_000;

export function Replay({ endpoint, path, close, onDone }) {
  const [since, setSince] = useState(localTime(Date.now() - DAY_MS));
  const [until, setUntil] = useState("");
  const [error, setError] = useState(null);
  const [isRunning, setIsRunning] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    setIsRunning(true);
    try {
      const { count } = await post(`${path}/replay`, { since: utcTime(since), until: utcTime(until) });
      toast(count ? `${plural(count, "event is", "events are")} sent again` : "The endpoint has missed no event of this time");
      onDone();
      close();
    } catch (fault) {
      setError(fault);
      setIsRunning(false);
    }
  };
  const faults = error?.fields ?? {};
  return html`<${Dialog} title="Replay events" onClose=${close}>
    <form class="stack form" noValidate onSubmit=${send}>
      <p>Sends what the endpoint has missed: its skipped and dead deliveries. What is delivered is not sent again.</p>
      ${!endpoint.enabled && html`<p class="warn-text">The endpoint is disabled. Enable it first.</p>`}
      <${Field} label="Since" kind="datetime-local" required value=${since} fault=${faults.since} onInput=${setSince} />
      <${Field} label="Until" kind="datetime-local" value=${until} fault=${faults.until} onInput=${setUntil} hint="Without a time, now. Both in your time zone." />
      <${ErrorNote} error=${error} />
      <div class="actions"><button type="button" class="button" onClick=${close}>Cancel</button><button class="button primary" disabled=${isRunning || !since}>Send them again</button></div>
    </form>
  <//>`;
}
