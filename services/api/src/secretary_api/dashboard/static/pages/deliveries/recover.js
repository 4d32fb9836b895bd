// Send all dead deliveries of a span of time again, for example after a receiver's outage.
import { Dialog } from "../../components/dialog.js";
import { ErrorNote, toast } from "../../components/feedback.js";
import { Field } from "../../components/form.js";
import { post } from "../../lib/api.js";
import { localTime, plural, utcTime } from "../../lib/format.js";
import { html, useState } from "../../lib/ui.js";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

export function Recover({ onDone }) {
  const [isOpen, setIsOpen] = useState(false);
  return html`<button class="button" onClick=${() => setIsOpen(true)}>Recover dead deliveries</button>
    ${isOpen && html`<${Question} close=${() => setIsOpen(false)} onDone=${onDone} />`}`;
}

function Question({ close, onDone }) {
  const [since, setSince] = useState(localTime(Date.now() - DAY_MS));
  const [until, setUntil] = useState(localTime(Date.now() + MINUTE_MS));
  const [error, setError] = useState(null);
  const [isRunning, setIsRunning] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    setIsRunning(true);
    try {
      const { count } = await post("/api/deliveries/recover", { since: utcTime(since), until: utcTime(until) });
      toast(count ? `${plural(count, "delivery is", "deliveries are")} sent again` : "No delivery of this time is dead");
      close();
      onDone();
    } catch (fault) {
      setError(fault);
      setIsRunning(false);
    }
  };
  const faults = error?.fields ?? {};
  return html`<${Dialog} title="Recover dead deliveries" onClose=${close}>
    <form class="stack form" noValidate onSubmit=${send}>
      <p>Every dead delivery that was created in this time is sent again, with the same id and the same bytes. Its schedule of attempts starts again.</p>
      <${Field} label="Created since" kind="datetime-local" required value=${since} fault=${faults.since} onInput=${setSince} />
      <${Field} label="Created before" kind="datetime-local" required value=${until} fault=${faults.until} onInput=${setUntil} hint="Both in your time zone." />
      <${ErrorNote} error=${error} />
      <div class="actions"><button type="button" class="button" onClick=${close}>Cancel</button><button class="button primary" disabled=${isRunning || !since || !until}>Send them again</button></div>
    </form>
  <//>`;
}
