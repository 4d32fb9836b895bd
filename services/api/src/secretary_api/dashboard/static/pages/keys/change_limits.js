// Change the limits of a key.
import { Dialog } from "../../components/dialog.js";
import { ErrorNote, toast } from "../../components/feedback.js";
import { patch } from "../../lib/api.js";
import { html, useState } from "../../lib/ui.js";
import { fieldsOf, LimitFields, limitsOf } from "./limit_fields.js";

export function ChangeLimits({ apiKey: { key_id: id, name, limits }, close, onDone }) {
  const [fields, setFields] = useState(fieldsOf(limits));
  const [error, setError] = useState(null);
  const [isRunning, setIsRunning] = useState(false);
  const save = async (event) => {
    event.preventDefault();
    setIsRunning(true);
    try {
      await patch(`/api/keys/${encodeURIComponent(id)}`, { limits: limitsOf(fields) });
      toast(`The limits of ${name} hold everywhere within 5 seconds`);
      close();
      onDone();
    } catch (fault) {
      setError(fault);
      setIsRunning(false);
    }
  };
  return html`<${Dialog} title=${`Limits of ${name}`} isWide onClose=${close}>
    <form class="stack form" noValidate onSubmit=${save}>
      <${LimitFields} fields=${fields} faults=${error?.fields ?? {}} onChange=${setFields} />
      <${ErrorNote} error=${error} />
      <div class="actions"><button type="button" class="button" onClick=${close}>Cancel</button><button class="button primary" disabled=${isRunning}>Save the limits</button></div>
    </form>
  <//>`;
}
