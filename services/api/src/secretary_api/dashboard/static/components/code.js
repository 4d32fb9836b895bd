// JSON, ids and other text to read and to copy.
import { html } from "../lib/ui.js";
import { toast } from "./feedback.js";

/** A button that copies *text*. */
export function CopyButton({ text, label = "Copy" }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied");
    } catch {
      toast("The browser does not allow copying here. Select the text and copy it.", "bad");
    }
  };
  return html`<button type="button" class="button small plain" aria-label=${`${label}: ${String(text).slice(0, 60)}`} onClick=${copy}>${label}</button>`;
}

/** A value as indented JSON. */
export function Json({ value, label }) {
  return html`<pre class="code" tabindex="0" aria-label=${label}>${JSON.stringify(value, null, 2)}</pre>`;
}
