// The start of the dashboard: the session, then the page of the current place.
import { Empty, ErrorNote } from "./components/feedback.js";
import { isAllowed, Shell, startPath } from "./components/shell.js";
import { SignIn } from "./components/sign_in.js";
import { match, route } from "./lib/router.js";
import { loadSession, session } from "./lib/session.js";
import { html, render, useEffect, useErrorBoundary, useState } from "./lib/ui.js";
import { PAGES } from "./pages.js";

function found(path) {
  for (const page of PAGES) {
    const params = match(page.path, path);
    if (params) return { page, params };
  }
  return { page: null, params: {} };
}

function App() {
  const [fault, setFault] = useState(null);
  const start = () => {
    setFault(null);
    loadSession().catch(setFault);
  };
  useEffect(start, []);
  useEffect(() => {
    // Another tab may have signed out, or signed in with another key.
    const check = () => document.hidden || loadSession().catch(() => {});
    document.addEventListener("visibilitychange", check);
    return () => document.removeEventListener("visibilitychange", check);
  }, []);
  useSessionEnd();
  if (fault) return html`<main><${ErrorNote} error=${fault} retry=${start} /></main>`;
  if (session.value === undefined) return null;
  if (session.value === null) return html`<${SignIn} />`;
  const { path } = route.value;
  const { page, params } = found(path === "/" ? startPath() : path);
  return html`<${Shell} key=${session.value.key_id} page=${page}><${Place} key=${path} page=${page} params=${params} query=${route.value.query} /><//>`;
}

/** Ask for the session again when it should have ended. */
function useSessionEnd() {
  const end = session.value?.expires_at;
  useEffect(() => {
    if (!end) return undefined;
    const timer = setTimeout(() => loadSession().catch(() => {}), Math.max(Date.parse(end) - Date.now(), 0) + 1000);
    return () => clearTimeout(timer);
  }, [end]);
}

function Place({ page, params, query }) {
  const [loaded, setLoaded] = useState(null);
  const [fault, setFault] = useState(null);
  // Without this, an error of one page would leave every later page empty.
  const [crash, forgetCrash] = useErrorBoundary((error) => console.error(error));
  useEffect(() => {
    if (crash) forgetCrash();
  }, [query]);
  useEffect(() => {
    page?.load().then((module) => setLoaded(() => module.default), setFault);
  }, [page]);
  if (!page) return html`<${Empty} title="There is no such page" action=${html`<a href="#/">Go to the overview</a>`} />`;
  if (!isAllowed(page)) {
    const scope = page.isForAdmins ? "admin" : [page.scope].flat().join(" or ");
    return html`<${Empty} title="Your API key may not see this page" text=${`It needs an API key with the scope ${scope}.`} />`;
  }
  if (fault) return html`<${ErrorNote} error=${{ message: "The page could not be loaded.", code: "UNREACHABLE" }} retry=${() => location.reload()} />`;
  if (crash) return html`<${ErrorNote} error=${{ message: "This page cannot be shown, because of an error in the dashboard.", code: "" }} retry=${forgetCrash} />`;
  return loaded && html`<${loaded} params=${params} query=${query} />`;
}

render(html`<${App} />`, document.getElementById("app"));
