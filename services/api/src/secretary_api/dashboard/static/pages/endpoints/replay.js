// Send the skipped and dead deliveries of an endpoint again, from a time on.
import { SpanDialog } from "../../components/span_dialog.js";
import { html } from "../../lib/ui.js";

export function Replay({ endpoint, path, close, onDone }) {
  return html`<${SpanDialog} title="Replay events" path=${`${path}/replay`} labels=${["Since", "Until"]} hint="Without a time, now. Both in your time zone."
    sayNone="The endpoint has missed no event of this time" close=${close} onDone=${onDone}>
    <p>Sends what the endpoint has missed: its skipped and dead deliveries. What is delivered is not sent again.</p>
    ${!endpoint.enabled && html`<p class="warn-text">The endpoint is disabled. Enable it first.</p>`}
  <//>`;
}
