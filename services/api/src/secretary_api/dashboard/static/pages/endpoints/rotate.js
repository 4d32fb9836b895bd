// Give an endpoint a new signing secret; it is shown once.
import { Dialog } from "../../components/dialog.js";
import { ErrorNote, Note } from "../../components/feedback.js";
import { Field } from "../../components/form.js";
import { ShownOnce } from "../../components/secret.js";
import { post } from "../../lib/api.js";
import { fullTime } from "../../lib/format.js";
import { html, useState } from "../../lib/ui.js";

const OVERLAPS = [["0", "Not at all"], ["3600", "For an hour"], ["86400", "For a day"], ["604800", "For a week"]];

export function Rotate({ path, close, onDone }) {
  const [overlap, setOverlap] = useState("86400");
  const [made, setMade] = useState(null);
  const [error, setError] = useState(null);
  const [isRunning, setIsRunning] = useState(false);
  const rotate = async (event) => {
    event.preventDefault();
    setIsRunning(true);
    try {
      setMade(await post(`${path}/rotate-secret`, { overlap_sec: Number(overlap) }));
      onDone();
    } catch (fault) {
      setError(fault);
      setIsRunning(false);
    }
  };
  if (made) {
    return html`<${Dialog} key="secret" title="The secret is rotated" isWide onClose=${() => {}}>
      ${overlap !== "0" && html`<${Note}>The old secret signs too until ${fullTime(made.rotated_until)}. Change the receiver before that time.<//>`}
      <${ShownOnce} name="The signing secret" secret=${made.secret} close=${close} />
    <//>`;
  }
  return html`<${Dialog} key="form" title="Rotate the secret" onClose=${close}>
    <form class="stack form" noValidate onSubmit=${rotate}>
      <p>The endpoint gets a new signing secret. During the overlap each event has both signatures, so the receiver can change without a gap.</p>
      <${Field} label="The old secret signs too" kind="select" options=${OVERLAPS} value=${overlap} onInput=${setOverlap} />
      <${ErrorNote} error=${error} />
      <div class="actions"><button type="button" class="button" onClick=${close}>Cancel</button><button class="button primary" disabled=${isRunning}>Rotate it</button></div>
    </form>
  <//>`;
}
