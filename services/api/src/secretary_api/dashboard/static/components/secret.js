// A secret that is shown once.
import { html } from "../lib/ui.js";
import { CopyButton } from "./code.js";
import { Note } from "./feedback.js";

/** Show *secret*, which the API never shows again; *name* says what it is, e.g. `The API key`. */
export function ShownOnce({ name, secret, close }) {
  return html`
    <${Note} kind="warn">${name} is shown only now. Store it in a safe place before you close this.<//>
    <div class="row secret"><code class="code grow" tabindex="0" aria-label=${name}>${secret}</code><${CopyButton} text=${secret} label="Copy" /></div>
    <div class="actions"><button type="button" class="button primary" onClick=${close}>I have stored it</button></div>`;
}
