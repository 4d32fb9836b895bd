// Send all dead deliveries of a span of time again, for example after a receiver's outage.
import { SpanDialog } from "../../components/span_dialog.js";
import { html, useState } from "../../lib/ui.js";

const MINUTE_MS = 60_000;

export function Recover({ onDone }) {
  const [isOpen, setIsOpen] = useState(false);
  return html`<button class="button" onClick=${() => setIsOpen(true)}>Recover dead deliveries</button>
    ${isOpen && html`<${SpanDialog} title="Recover dead deliveries" path="/api/deliveries/recover" labels=${["Created since", "Created before"]} until=${Date.now() + MINUTE_MS}
      hint="Both in your time zone." sayNone="No delivery of this time is dead" close=${() => setIsOpen(false)} onDone=${onDone}>
      <p>Every dead delivery that was created in this time is sent again, with the same id and the same bytes. Its schedule of attempts starts again.</p>
    <//>`}`;
}
