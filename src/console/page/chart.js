// Lines over time, drawn as SVG.
import { h, s } from "./dom.js";

const WIDTH = 600;
const HEIGHT = 150;
/** Minutes that are shown: the fewest that hold what there is. */
const MINUTES = [1, 2, 5];

/** The smallest round number that is not below `n`: in tens, or in powers of two for bytes. */
function ceiling(n, base) {
  if (!(n > 0)) return 1;
  const power = base ** Math.floor(Math.log(n) / Math.log(base) + 1e-9);
  return (base === 2 ? [1, 1.5, 2] : [1, 2, 2.5, 5, 10]).find((step) => step * power >= n * (1 - 1e-9)) * power;
}

function path(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** A line without axes, for a card. */
export function spark(values) {
  const top = Math.max(...values, 1e-9);
  const step = 100 / Math.max(values.length - 1, 1);
  const points = values.map((v, i) => [i * step, 27 - (25 * v) / top]);
  const line = path(points);
  return s("svg", { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": "true" },
    values.length > 1 && s("path", { class: "fill", d: `${line}L${points.at(-1)[0]} 28L0 28Z` }),
    values.length > 1 && s("path", { class: "line", d: line }));
}

/** A chart that is drawn anew with each `draw(rows)`. `series` are `{ name, of: (row) => number }`, `show` writes a value. */
export function chart(title, series, show, base = 10) {
  const drawing = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const scale = h("div", { class: "scale", "aria-hidden": "true" });
  const begin = h("span", {});
  const readout = h("span", { class: "readout" });
  const legend = h("div", { class: "legend" },
    series.map(({ name }, i) => h("span", { class: `key tone${i}` }, name, h("b", {}))), readout);
  const area = h("div", { class: "plot", onmousemove: hover, onmouseleave: leave }, drawing, scale);
  const element = h("figure", { class: "panel chart" }, h("figcaption", {}, h("h2", {}, title), legend), area,
    h("div", { class: "times", "aria-hidden": "true" }, begin, h("span", {}, "now")));
  let rows = [];
  let pointed = null;
  let minutes = MINUTES[0];

  function x(row) {
    return WIDTH - (WIDTH * (rows.at(-1).at - row.at)) / (minutes * 60_000);
  }

  function draw(data = rows) {
    rows = data;
    if (!rows.length) return;
    const length = (rows.at(-1).at - rows[0].at) / 60_000;
    minutes = MINUTES.find((n) => n >= length) ?? MINUTES.at(-1);
    begin.textContent = `${minutes} min ago`;
    const top = ceiling(Math.max(...rows.flatMap((row) => series.map(({ of }) => of(row)))), base);
    const y = (value) => HEIGHT - 4 - ((HEIGHT - 12) * value) / top;
    const shown = [];
    for (const share of [0, 0.5, 1]) {
      shown.push(s("line", { class: "grid", x1: 0, x2: WIDTH, y1: y(top * share), y2: y(top * share) }));
    }
    series.forEach(({ of }, i) => {
      const points = rows.map((row) => [x(row), y(of(row))]);
      if (i === 0) shown.push(s("path", { class: `fill tone${i}`, d: `${path(points)}L${points.at(-1)[0]} ${y(0)}L${points[0][0]} ${y(0)}Z` }));
      shown.push(s("path", { class: `line tone${i}`, d: path(points) }));
    });
    const row = pointed === null ? rows.at(-1) : nearest(pointed);
    if (pointed !== null) shown.push(s("line", { class: "cursor", x1: x(row), x2: x(row), y1: 0, y2: HEIGHT }));
    drawing.replaceChildren(...shown);
    scale.replaceChildren(h("span", {}, show(top)), h("span", {}, show(top / 2)), h("span", {}, show(0)));
    legend.querySelectorAll("b").forEach((value, i) => { value.textContent = show(series[i].of(row)); });
    readout.textContent = pointed === null ? "" : new Date(row.at).toLocaleTimeString();
    element.setAttribute("aria-label", `${title}: ${series.map(({ name, of }) => `${name} ${show(of(rows.at(-1)))}`).join(", ")}`);
  }

  function nearest(at) {
    return rows.reduce((best, row) => (Math.abs(x(row) - at) < Math.abs(x(best) - at) ? row : best));
  }

  function hover(event) {
    const box = area.getBoundingClientRect();
    pointed = (WIDTH * (event.clientX - box.left)) / box.width;
    draw();
  }

  function leave() {
    pointed = null;
    draw();
  }

  return { element, draw };
}
