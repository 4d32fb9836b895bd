// Modal dialogs, and the question before an action that cannot be taken back.
import { classes, html, render, useEffect, useRef } from "../lib/ui.js";

/** A modal dialog; *onClose* is called by Escape and by a click beside it. */
export function Dialog({ title, isWide, onClose, children }) {
  const element = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    element.current.scrollTop = 0; // the focus may have moved a long dialog to its end
    return () => before?.focus?.();
  }, []);
  const onClick = (event) => event.target === element.current && onClose();
  return html`<dialog ref=${element} class=${classes(isWide && "wide")} aria-label=${title} onClick=${onClick} onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <div class="stack"><h2>${title}</h2>${children}</div>
  </dialog>`;
}

/**
 * Ask before an action; return a promise of true or false.
 *
 * @param action the word on the button, e.g. `Delete 3 jobs`.
 */
export function confirm({ title, text, action, isDangerous = false }) {
  const place = document.body.appendChild(document.createElement("div"));
  return new Promise((resolve) => {
    const end = (answer) => {
      render(null, place);
      place.remove();
      resolve(answer);
    };
    render(
      html`<${Dialog} title=${title} onClose=${() => end(false)}>
        <p>${text}</p>
        <div class="actions">
          <button class="button" onClick=${() => end(false)}>Keep</button>
          <button class=${classes("button primary", isDangerous && "danger")} autofocus onClick=${() => end(true)}>${action}</button>
        </div>
      <//>`,
      place,
    );
  });
}
