// The state of the whole system at a glance.
import { Page } from "../components/page.js";
import { ErrorNote } from "../components/feedback.js";
import { get } from "../lib/api.js";
import { count } from "../lib/format.js";
import { useData } from "../lib/live.js";
import { html } from "../lib/ui.js";

export default function Overview() {
  const { data, error, reload } = useData((abort) => get("/api/stats", {}, { signal: abort }), [], { everySec: 5 });
  const types = Object.values(data?.types ?? {});
  const sum = (name) => (data ? count(types.reduce((total, one) => total + one[name], 0)) : "–");
  return html`<${Page} title="Overview">
    ${error && html`<${ErrorNote} error=${error} retry=${reload} />`}
    <div class="figures">
      ${[["Waiting", "waiting"], ["Scheduled", "scheduled"], ["Running", "running"]].map(([label, name]) => html`<div class="figure" key=${name}>
        <div class="label">${label}</div><div class="value">${sum(name)}</div>
      </div>`)}
    </div>
  <//>`;
}
