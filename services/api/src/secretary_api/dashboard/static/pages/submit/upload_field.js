// A file that is uploaded as soon as it is chosen or dropped; the value is the id of the upload.
import { CopyButton } from "../../components/code.js";
import { ErrorNote } from "../../components/feedback.js";
import { upload } from "../../lib/api.js";
import { bytes } from "../../lib/format.js";
import { classes, html, useEffect, useId, useRef, useState } from "../../lib/ui.js";

/** The uploads of this page by id, so that a form shows their names after a change of the tab. */
const uploads = new Map();

export function UploadField({ label, hint, fault, value, onChange }) {
  const id = useId();
  const chooser = useRef(null);
  const running = useRef(null);
  const [state, setState] = useState({ file: null, share: 0, error: null });
  const [isOver, setIsOver] = useState(false);
  const send = async (file) => {
    if (!file) return;
    running.current?.abort();
    const abort = (running.current = new AbortController());
    setState({ file, share: 0, error: null });
    onChange(undefined);
    try {
      const stored = await upload(file, (share) => setState({ file, share, error: null }), abort.signal);
      uploads.set(stored.file_id, stored);
      onChange(stored.file_id);
      setState({ file: null, share: 0, error: null });
    } catch (error) {
      if (error.name !== "AbortError") setState({ file: null, share: 0, error });
    }
  };
  const drop = () => {
    running.current?.abort();
    setState({ file: null, share: 0, error: null });
    onChange(undefined);
    chooser.current.value = "";
  };
  useEffect(() => () => running.current?.abort(), []);
  useDrop({ send, setIsOver });
  const notes = classes(hint && `${id}-hint`, fault && `${id}-fault`) || undefined;
  return html`<div class="field wide">
    <label for=${id}>${label}</label>
    <div class=${classes("drop", isOver && "over", fault && "wrong")}>
      <input id=${id} ref=${chooser} class="visually-hidden" type="file" aria-describedby=${notes} aria-invalid=${fault ? "true" : undefined} onChange=${(event) => send(event.currentTarget.files[0])} />
      <${Content} state=${state} value=${value} choose=${() => chooser.current.click()} drop=${drop} />
    </div>
    <span class="visually-hidden" role="status">${state.file ? `Uploading ${state.file.name}` : value ? "The file is uploaded" : ""}</span>
    ${state.error && html`<${ErrorNote} error=${state.error} />`}
    ${hint && html`<span class="hint" id=${`${id}-hint`}>${hint}</span>`}
    ${fault && html`<span class="fault" id=${`${id}-fault`}>${fault}</span>`}
  </div>`;
}

function Content({ state: { file, share }, value, choose, drop }) {
  if (file) {
    return html`<div class="stack tight grow">
      <div class="row apart small"><span class="ellipsis">${file.name}</span><span class="muted number nowrap">${Math.round(share * 100)} % of ${bytes(file.size)}</span></div>
      <progress class="progress" max="1" value=${share} aria-label="Progress of the upload"></progress>
    </div><button type="button" class="button small plain" onClick=${drop}>Stop</button>`;
  }
  if (value) {
    const known = uploads.get(value);
    return html`<span class="grow ellipsis" title=${value}>${known ? html`<strong>${known.filename}</strong> <span class="muted">${bytes(known.size)}, uploaded</span>` : html`<span class="mono">${value}</span>`}</span>
      <${CopyButton} text=${value} label="Copy the id" /><button type="button" class="button small" onClick=${drop}>Remove</button>`;
  }
  return html`<span class="muted grow">Drop a file here, or</span><button type="button" class="button" tabindex="-1" onClick=${choose}>Choose a file</button>`;
}

/** Take files that are dropped anywhere: without this, a drop beside the field would leave the page. */
function useDrop({ send, setIsOver }) {
  const latest = useRef(send);
  latest.current = send;
  useEffect(() => {
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const onOver = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setIsOver(true);
    };
    const onLeave = (event) => event.relatedTarget === null && setIsOver(false);
    const onDrop = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setIsOver(false);
      latest.current(event.dataTransfer.files[0]);
    };
    const handlers = { dragover: onOver, dragleave: onLeave, drop: onDrop };
    for (const [name, handler] of Object.entries(handlers)) addEventListener(name, handler);
    return () => {
      for (const [name, handler] of Object.entries(handlers)) removeEventListener(name, handler);
    };
  }, []);
}
