// A control for each parameter of an API, made from its schema.

import { chips, el, newId } from "./dom.js";

const LABELS = {
  threshold: "Least confidence",
  limit: "Most tags",
  language: "Language",
  brightness: "Brightness",
  gamma: "Gamma",
  natural_look: "Natural look",
  scale: "Times as wide",
  model: "Network",
};
const CHOICES = { zh: "中文", en: "English" };

// Writes into `values`; `changed(name)` is told of every change.
export function showParameters(place, { parameters }, values, changed) {
  place.replaceChildren(
    ...Object.entries(parameters).map(([name, schema]) => {
      const set = (value) => {
        values[name] = value;
        changed(name);
      };
      return control(name, { ...schema, default: values[name] }, set);
    }),
  );
}

function control(name, schema, set) {
  const label = LABELS[name] ?? name;
  const choices = schema.enum ?? fewNumbers(schema);
  if (choices) {
    const named = choices.map((value) => [value, CHOICES[value] ?? String(value)]);
    return chips(label, named, schema.default, set);
  }
  if (schema.type === "boolean") return toggle(label, schema, set);
  return slider(label, schema, set);
}

function fewNumbers({ type, minimum, maximum }) {
  if (type !== "integer" || maximum - minimum > 4) return null;
  return Array.from({ length: maximum - minimum + 1 }, (_, index) => minimum + index);
}

function toggle(label, { default: value, description }, set) {
  const help = newId("help");
  return el(
    "div",
    { class: "parameter" },
    el(
      "label",
      { class: "toggle" },
      label,
      el("input", { type: "checkbox", role: "switch", checked: value, "aria-describedby": help, onchange: ({ target }) => set(target.checked) }),
    ),
    el("p", { class: "muted small", id: help }, description),
  );
}

function slider(label, { minimum, maximum, type, default: value, description }, set) {
  const [id, help] = [newId("slider"), newId("help")];
  const step = type === "integer" ? 1 : (maximum - minimum) / 100 > 0.5 ? 1 : maximum > 1 ? 0.1 : 0.01;
  const output = el("output", { for: id, class: "number" }, String(value));
  return el(
    "div",
    { class: "parameter" },
    el("label", { for: id }, label),
    output,
    el("input", {
      type: "range",
      id,
      min: minimum,
      max: maximum,
      step,
      value,
      "aria-describedby": help,
      oninput: ({ target }) => {
        output.textContent = target.value;
        set(Number(target.value));
      },
    }),
    el("p", { class: "muted small", id: help }, description),
  );
}
