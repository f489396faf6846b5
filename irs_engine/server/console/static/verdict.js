// Whether a photo is an original, or a photo of a screen or of a print.

import { el, svg } from "./dom.js";

const WORDS = {
  true: ["original", "An original", "Nothing speaks of a screen or of a print."],
  false: ["recaptured", "A recaptured photo", ""],
  uncertainty: ["uncertain", "Not certain", "Neither answer is certain enough at this threshold."],
};
const SIGNS = { original: "m5 13 4.500 4.500L19 7", recaptured: "M7 7l10 10M17 7 7 17", uncertain: "M9 9a3 3 0 1 1 4 2.800c-.700.300-1 .800-1 1.700M12 17v.010" };

export function showVerdict(result, given, values, place) {
  const [kind, title, standard] = WORDS[result.suggestion];
  const screen = Number(result.screen);
  const print = Number(result.print);
  const what = screen >= print ? "a screen" : "a print";
  const text = result.reason || (kind === "recaptured" ? `It looks like a photo of ${what}.` : standard);
  place.replaceChildren(
    el(
      "div",
      { class: `verdict ${kind}` },
      sign(SIGNS[kind]),
      el("div", {}, el("p", { class: "verdict-title" }, title), el("p", {}, text)),
      el("p", { class: "verdict-score number" }, `${(100 * result.score).toFixed(1)} %`, el("span", { class: "quiet" }, " confidence")),
    ),
    el(
      "dl",
      { class: "shares" },
      share("Original", 1 - screen - print),
      share("Photo of a screen", screen),
      share("Photo of a print", print),
    ),
    el("p", { class: "muted small" }, result.barcode ? "A barcode can be read in it." : "No barcode can be read in it."),
  );
  return {
    shown: () => result,
    summary: () => `${title}, ${(100 * result.score).toFixed(1)} per cent. ${text}`,
  };
}

function sign(path) {
  const stroke = { fill: "none", stroke: "currentColor", "stroke-width": 2.4, "stroke-linecap": "round", "stroke-linejoin": "round" };
  return svg("svg", { viewBox: "0 0 24 24", width: 32, height: 32, "aria-hidden": "true" }, svg("path", { d: path, ...stroke }));
}

function share(name, value) {
  const percent = Math.max(0, 100 * value);
  const bar = el("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--part", `${percent}%`);
  return el("div", {}, el("dt", {}, name), el("dd", { class: "number" }, `${percent.toFixed(1)} %`), bar);
}
