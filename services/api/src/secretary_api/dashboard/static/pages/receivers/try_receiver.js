// Let a notifier send one test event to a URL, and show what the receiver answered.
import { StateBadge } from "../../components/badge.js";
import { DeliveryAttempts } from "../../components/delivery.js";
import { Dialog } from "../../components/dialog.js";
import { ErrorNote } from "../../components/feedback.js";
import { Field } from "../../components/form.js";
import { post } from "../../lib/api.js";
import { html, useState } from "../../lib/ui.js";

export function TryReceiver() {
  const [isOpen, setIsOpen] = useState(false);
  return html`<button class="button" onClick=${() => setIsOpen(true)}>Test a receiver</button>
    ${isOpen && html`<${Trial} close=${() => setIsOpen(false)} />`}`;
}

function Trial({ close }) {
  const [url, setUrl] = useState("");
  const [secret, setSecret] = useState("");
  const [state, setState] = useState({ isRunning: false, outcome: null, error: null });
  const send = async (event) => {
    event.preventDefault();
    setState({ isRunning: true, outcome: null, error: null });
    try {
      const outcome = await post("/api/webhooks/test", { url: url.trim(), secret: secret.trim() || undefined });
      setState({ isRunning: false, outcome, error: null });
    } catch (error) {
      setState({ isRunning: false, outcome: null, error });
    }
  };
  const faults = state.error?.fields ?? {};
  const isSaid = Object.keys(faults).some((name) => name === "url" || name === "secret");
  return html`<${Dialog} title="Test a receiver" isWide onClose=${close}>
    <form class="stack form" noValidate onSubmit=${send}>
      <p>A notifier sends one event of the phase test, signed like any other. It makes one attempt.</p>
      <${Field} label="URL" required value=${url} fault=${faults.url} onInput=${setUrl} autocomplete="off" />
      <${Field} label="Signing secret" kind="password" value=${secret} fault=${faults.secret} onInput=${setSecret} autocomplete="new-password" hint="Without it, the service's secret signs." />
      ${!isSaid && html`<${ErrorNote} error=${state.error} />`}
      <div role="status">${state.outcome && html`<${Outcome} delivery=${state.outcome} />`}</div>
      <div class="actions"><button type="button" class="button" onClick=${close}>Close</button><button class="button primary" disabled=${state.isRunning || !url.trim()}>${state.isRunning ? "Sending …" : "Send a test"}</button></div>
    </form>
  <//>`;
}

export function Outcome({ delivery }) {
  return html`<div class="stack tight"><div><${StateBadge} of="delivery" state=${delivery.state} /></div><${DeliveryAttempts} delivery=${delivery} /></div>`;
}
