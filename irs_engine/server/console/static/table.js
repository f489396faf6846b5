// Tables that turn into cards where the page is narrow, and the questions before something is deleted.

import { dialog, el, problem } from "./dom.js";

// `rows`: arrays of what goes into the cells, text or elements.
export function table(caption, columns, rows, empty = "None yet.") {
  if (!rows.length) return el("p", { class: "muted" }, empty);
  return el(
    "table",
    {},
    el("caption", { class: "quiet" }, caption),
    el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name)))),
    el(
      "tbody",
      {},
      rows.map((cells) => el("tr", {}, cells.map((cell, index) => el("td", { "data-label": columns[index] }, cell)))),
    ),
  );
}

// A switch that tells the server; it goes back where that is refused, and the reason is shown in `place`.
export function serverSwitch(label, on, change, place, disabled = false) {
  const input = el("input", { type: "checkbox", role: "switch", "aria-label": label, checked: on, disabled });
  input.addEventListener("change", async () => {
    input.disabled = true;
    place.replaceChildren();
    try {
      await change(input.checked);
    } catch (error) {
      input.checked = !input.checked;
      place.replaceChildren(problem(error));
    }
    input.disabled = false;
    input.focus();
  });
  return input;
}

export const STAY = "stay";

// A form in a dialog. `fields` are elements with names in them; `send(values)` closes it unless it fails, or returns STAY.
export function formDialog(title, fields, button, send, { danger = false } = {}) {
  return dialog(title, (close) => {
    const wrong = el("div");
    const submit = el("button", { type: "submit", class: danger ? "danger" : "primary" }, button);
    return el(
      "form",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          submit.disabled = true;
          try {
            if ((await send(new FormData(event.target))) !== STAY) close();
          } catch (error) {
            wrong.replaceChildren(problem(error));
          }
          submit.disabled = false;
        },
      },
      fields,
      wrong,
      el("div", { class: "buttons" }, el("button", { type: "button", onclick: close }, "Cancel"), submit),
    );
  });
}

export const textField = (label, name, attributes = {}) => el("label", { class: "field" }, label, el("input", { name, required: true, ...attributes }));

export const day = (seconds) => new Date(seconds * 1000).toLocaleDateString("en-CA");
