// Where the time of a call went: one bar, and the phases in words.

import { el, ms } from "./dom.js";

const MEANING = {
  Read: "the browser read and encoded the picture",
  Send: "sending, receiving and the network between",
  Look: "waiting for the models and their work, with decoding and encoding",
  Service: "identification, admission, counting, JSON",
  Show: "the browser drew the result",
};

export function showTiming(place, phases) {
  const total = phases.reduce((sum, [, time]) => sum + time, 0);
  const bar = el("div", { class: "time-bar", "aria-hidden": "true" });
  const list = el("dl", { class: "times small" });
  for (const [name, time] of phases) {
    const part = el("span", { class: `time-${name.toLowerCase()}` });
    part.style.setProperty("flex-grow", Math.max(time, total / 200));
    bar.append(part);
    list.append(
      el("div", { title: MEANING[name] }, el("dt", {}, el("span", { class: `dot time-${name.toLowerCase()}`, "aria-hidden": "true" }), name), el("dd", { class: "number" }, ms(time))),
    );
  }
  list.append(el("div", { class: "total" }, el("dt", {}, "In all"), el("dd", { class: "number" }, ms(total))));
  place.hidden = false;
  place.replaceChildren(bar, list);
}
