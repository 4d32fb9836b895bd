// Fields with their labels, hints and faults, and buttons that wait for their action.
import { classes, html, useId, useState } from "../lib/ui.js";
import { toast } from "./feedback.js";

/**
 * A labelled field. *kind* is `text`, `password`, `number`, `datetime-local`, `search`, `select`
 * (with *options*: `[value, label]`), `area` or `check`; *onInput* gets the new value.
 */
export function Field({ label, kind = "text", value, options, hint, fault, isWide, onInput, ...others }) {
  const id = useId();
  const notes = classes(hint && `${id}-hint`, fault && `${id}-fault`) || undefined;
  const common = { id, "aria-describedby": notes, "aria-invalid": fault ? "true" : undefined, ...others };
  const set = (event) => onInput(event.currentTarget.value);
  if (kind === "check") {
    return html`<div class="field">
      <label class="row" for=${id}><input type="checkbox" ...${common} checked=${value} onChange=${(event) => onInput(event.currentTarget.checked)} />${label}</label>
      ${hint && html`<span class="hint" id=${`${id}-hint`}>${hint}</span>`}
    </div>`;
  }
  return html`<div class=${classes("field", isWide && "wide")}>
    <label for=${id}>${label}</label>
    ${kind === "select"
      ? html`<select class="input" ...${common} value=${value} onChange=${set}>
          ${options.map(([one, text]) => html`<option key=${one} value=${one} selected=${one === value}>${text}</option>`)}
        </select>`
      : kind === "area"
        ? html`<textarea class="input" ...${common} value=${value} onInput=${set}></textarea>`
        : html`<input class="input" type=${kind} ...${common} value=${value} onInput=${set} />`}
    ${hint && html`<span class="hint" id=${`${id}-hint`}>${hint}</span>`}
    ${fault && html`<span class="fault" id=${`${id}-fault`}>${fault}</span>`}
  </div>`;
}

/** A button that is disabled while *action* (a promise) runs, and shows its error as a toast. */
export function ActionButton({ action, kind, isDisabled, children, ...others }) {
  const [isRunning, setIsRunning] = useState(false);
  const run = async () => {
    setIsRunning(true);
    try {
      await action();
    } catch (error) {
      toast(error);
    } finally {
      setIsRunning(false);
    }
  };
  return html`<button type="button" class=${classes("button", kind)} disabled=${isDisabled || isRunning} onClick=${run} ...${others}>${children}</button>`;
}
