// Stacked bars over time as SVG. The chart has the focus as one thing; arrow keys read one bar after the other.

import { el, newId, svg } from "./dom.js";

const HIGH = 220;
const MARGIN = { top: 12, right: 8, bottom: 26, left: 44 };

// `series`: [{name, kind, values}], the first at the bottom; `labels(index)` is what a bar is called, short for the axis.
export class BarChart {
  constructor(title) {
    this.readout = el("p", { class: "readout small number", role: "status" });
    this.place = el("div", { class: "chart-place" });
    this.title = title;
    this.chosen = null;
    this.node = el("figure", { class: "chart" }, this.place, this.readout);
    new ResizeObserver(() => this.#draw()).observe(this.place);
  }

  show({ series, labels, axis, summary }) {
    this.data = { series, labels, axis, summary, count: series[0].values.length };
    this.chosen = null;
    this.#draw();
  }

  #draw() {
    const wide = this.place.clientWidth;
    if (!this.data || !wide) return;
    const { series, axis, summary, count } = this.data;
    const sums = Array.from({ length: count }, (_, index) => series.reduce((sum, { values }) => sum + values[index], 0));
    const ticks = niceTicks(Math.max(1, ...sums));
    const most = ticks.at(-1);
    const inner = { wide: wide - MARGIN.left - MARGIN.right, high: HIGH - MARGIN.top - MARGIN.bottom };
    const y = (value) => MARGIN.top + inner.high * (1 - value / most);
    const step = inner.wide / count;
    const x = (index) => MARGIN.left + step * index;
    const bar = Math.max(1, Math.min(step - 1, step * 0.82, 48));

    const title = newId("chart");
    const drawing = svg(
      "svg",
      { viewBox: `0 0 ${wide} ${HIGH}`, width: wide, height: HIGH, role: "img", tabindex: 0, "aria-labelledby": title },
      svg("title", { id: title }, `${this.title}. ${summary} Arrow keys read the bars.`),
      ticks.map((tick) => [
        svg("line", { class: "grid", x1: MARGIN.left, x2: wide - MARGIN.right, y1: y(tick), y2: y(tick) }),
        svg("text", { class: "axis", x: MARGIN.left - 8, y: y(tick) + 4, "text-anchor": "end" }, tick.toLocaleString("en")),
      ]),
      this.#axis(count, axis, inner.wide, (index) => x(index) + step / 2),
    );
    this.marker = svg("rect", { class: "marker", y: MARGIN.top, width: Math.max(step, 3), height: inner.high, visibility: "hidden" });
    drawing.append(this.marker);
    for (let index = 0; index < count; index++) {
      let below = 0;
      for (const { kind, values } of series) {
        const value = values[index];
        if (!value) continue;
        const [top, bottom] = [y(below + value), y(below)];
        drawing.append(svg("rect", { class: `bar-${kind}`, x: x(index) + (step - bar) / 2, y: top, width: bar, height: Math.max(1, bottom - top), rx: Math.min(2, bar / 3) }));
        below += value;
      }
    }
    this.#listen(drawing, count, (clientX) => Math.floor((clientX - drawing.getBoundingClientRect().left - MARGIN.left) / step));
    this.x = (index) => x(index) - (Math.max(step, 3) - step) / 2;
    const focused = this.place.contains(document.activeElement);
    this.place.replaceChildren(drawing);
    if (focused) drawing.focus({ preventScroll: true });
    this.#choose(this.chosen);
  }

  // As many labels as have room, the last one among them.
  #axis(count, axis, wide, x) {
    const each = Math.max(1, Math.ceil(count / Math.max(2, Math.floor(wide / 84))));
    const shown = [];
    for (let index = count - 1; index >= 0; index -= each) shown.push(index);
    return shown.map((index) => {
      const anchor = x(index) > MARGIN.left + wide - 20 ? "end" : "middle";
      const at = anchor === "end" ? MARGIN.left + wide : x(index);
      return svg("text", { class: "axis", x: at, y: HIGH - 8, "text-anchor": anchor }, axis(index));
    });
  }

  #listen(drawing, count, indexAt) {
    drawing.addEventListener("pointermove", ({ clientX }) => {
      const index = indexAt(clientX);
      this.#choose(index >= 0 && index < count ? index : null);
    });
    drawing.addEventListener("pointerleave", () => this.#choose(null));
    drawing.addEventListener("blur", () => this.#choose(null));
    drawing.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -count, End: count };
      if (!(event.key in moves)) return;
      event.preventDefault();
      this.#choose(Math.min(count - 1, Math.max(0, (this.chosen ?? count - 1) + (this.chosen === null ? 0 : moves[event.key]))));
    });
  }

  #choose(index) {
    this.chosen = index;
    const { series, labels, summary } = this.data;
    this.marker.setAttribute("visibility", index === null ? "hidden" : "visible");
    if (index === null) {
      this.readout.textContent = summary;
      return;
    }
    this.marker.setAttribute("x", this.x(index));
    const values = series.map(({ name, values: all }) => `${all[index].toLocaleString("en")} ${name}`);
    this.readout.textContent = `${labels(index)}: ${values.join(", ")}`;
  }
}

// 0 and up to five steps of 1, 2 or 5 times a power of ten.
function niceTicks(most) {
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough));
  const ticks = [];
  for (let tick = 0; tick < most + step; tick += step) ticks.push(tick);
  return ticks;
}

export const legend = (series) =>
  el("ul", { class: "legend small" }, series.map(({ name, kind }) => el("li", {}, el("span", { class: `dot fill-${kind}`, "aria-hidden": "true" }), name)));
