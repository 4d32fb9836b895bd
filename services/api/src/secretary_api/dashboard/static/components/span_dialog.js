// The dialog that sends the webhooks of a span of time again.
import { post } from "../lib/api.js";
import { localTime, plural, utcTime } from "../lib/format.js";
import { html, useState } from "../lib/ui.js";
import { Dialog } from "./dialog.js";
import { ErrorNote, toast } from "./feedback.js";
import { Field } from "./form.js";

const DAY_MS = 86_400_000;

/**
 * Ask for a span of time, and post it to *path*, which answers `{count}`.
 *
 * @param labels the labels of the beginning and of the end.
 * @param until the end in milliseconds; null: the field is empty, and the API takes the present.
 * @param sayNone what to say if there was nothing to send.
 */
export function SpanDialog({ title, path, labels, until = null, hint, sayNone, close, onDone, children }) {
  const [span, setSpan] = useState({ since: localTime(Date.now() - DAY_MS), until: localTime(until) });
  const [error, setError] = useState(null);
  const [isRunning, setIsRunning] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    setIsRunning(true);
    try {
      const { count } = await post(path, { since: utcTime(span.since), until: utcTime(span.until) });
      toast(count ? `${plural(count, "webhook is", "webhooks are")} sent again` : sayNone);
      onDone();
      close();
    } catch (fault) {
      setError(fault);
      setIsRunning(false);
    }
  };
  const draw = (name, label, more) => html`<${Field} label=${label} kind="datetime-local" value=${span[name]} fault=${error?.fields[name]} onInput=${(value) => setSpan({ ...span, [name]: value })} ...${more} />`;
  return html`<${Dialog} title=${title} onClose=${close}>
    <form class="stack form" noValidate onSubmit=${send}>
      ${children}
      ${draw("since", labels[0], { required: true })}
      ${draw("until", labels[1], { required: until !== null, hint })}
      <${ErrorNote} error=${error} />
      <div class="actions"><button type="button" class="button" onClick=${close}>Cancel</button><button class="button primary" disabled=${isRunning || !span.since || (until !== null && !span.until)}>Send them again</button></div>
    </form>
  <//>`;
}
