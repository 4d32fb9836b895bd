// A chart over time. Its library is loaded with the first chart.
import { count } from "../lib/format.js";
import { html, useEffect, useRef } from "../lib/ui.js";

const HEIGHT = 180;
const library = () => import("uplot");

/** The colour of a token as the canvas needs it. */
function colourOf(token) {
  const probe = document.body.appendChild(document.createElement("span"));
  probe.style.color = `var(--${token})`;
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function optionsFor(uPlot, width, series) {
  const muted = colourOf("muted");
  const axis = { stroke: muted, grid: { stroke: colourOf("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const bars = uPlot.paths.bars({ size: [0.7, 24], radius: 0.2 });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { range: (_chart, low, high) => [low - 40, high + 40] }, y: { range: (_chart, _low, high) => [0, Math.max(high * 1.1, 4)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: 60, values: (_chart, times) => times.map((time) => new Date(time * 1000).toTimeString().slice(0, 5)) },
      { ...axis, size: 44, space: 36, values: (_chart, values) => values.map((value) => (Number.isInteger(value) ? count(value) : "")) },
    ],
    series: [{}, ...series.map(({ label, token }) => ({ label, paths: bars, fill: colourOf(token), stroke: colourOf(token), width: 0, points: { show: false } }))],
  };
}

/**
 * Draw bars over time, one upon the other.
 *
 * @param label what the chart shows, for screen readers, with its main figures.
 * @param times in seconds since 1970.
 * @param series from the top of the bars to the bottom, each `{label, token, values}`.
 */
export function Chart({ label, times, series }) {
  const place = useRef(null);
  const chart = useRef(null);
  const drawn = useRef([]);
  // The first series is drawn behind the others, so it is as high as all of them together.
  const stacked = series.map((_, index) => times.map((_time, at) => series.slice(index).reduce((sum, one) => sum + one.values[at], 0)));
  drawn.current = [times, ...stacked];
  useEffect(() => {
    let isGone = false;
    const box = place.current;
    const draw = async () => {
      const { default: uPlot } = await library();
      if (isGone) return;
      chart.current?.destroy();
      chart.current = new uPlot(optionsFor(uPlot, box.clientWidth, series), drawn.current, box);
    };
    const resize = new ResizeObserver(() => chart.current?.setSize({ width: box.clientWidth, height: HEIGHT }));
    resize.observe(box);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    addEventListener("themechange", draw);
    draw();
    return () => {
      isGone = true;
      resize.disconnect();
      scheme.removeEventListener("change", draw);
      removeEventListener("themechange", draw);
      chart.current?.destroy();
      chart.current = null;
    };
  }, []);
  useEffect(() => chart.current?.setData(drawn.current), [times, series]);
  return html`<div class="chart" role="img" aria-label=${label} style=${{ height: `${HEIGHT}px` }} ref=${place}></div>`;
}
