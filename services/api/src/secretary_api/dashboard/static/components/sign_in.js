// The page of a browser without a session.
import { endReason } from "../lib/api.js";
import { signIn } from "../lib/session.js";
import { html, useEffect, useState } from "../lib/ui.js";
import { Field } from "./form.js";
import { ErrorNote, Note } from "./feedback.js";
import { Logo } from "./shell.js";

export function SignIn() {
  const [key, setKey] = useState("");
  const [fault, setFault] = useState(null);
  const [isRunning, setIsRunning] = useState(false);
  useEffect(() => {
    document.title = "Sign in · Secretary";
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    setIsRunning(true);
    setFault(null);
    try {
      await signIn(key.trim());
    } catch (error) {
      setFault(error.code === "UNAUTHORIZED" ? { message: "This API key is not known, or it has expired.", code: error.code } : error);
      setIsRunning(false);
    }
  };
  return html`<main class="sign-in"><form onSubmit=${submit}>
    <h1 class="brand"><${Logo} />Secretary</h1>
    <p class="muted">Sign in with an API key. You see here what this key may see by the API.</p>
    <div role="status">${endReason.value && html`<${Note} kind="warn">${endReason.value}<//>`}</div>
    <${Field} label="API key" kind="password" name="key" value=${key} onInput=${setKey} required autocomplete="current-password" autofocus
      hint="It begins with sk_. An admin makes keys; the first one is the setting api.bootstrap_key." />
    ${fault && html`<${ErrorNote} error=${{ ...fault, message: fault.message, code: fault.code === "UNAUTHORIZED" ? "" : fault.code }} />`}
    <button class="button primary" disabled=${isRunning || !key.trim()}>Sign in</button>
  </form></main>`;
}
