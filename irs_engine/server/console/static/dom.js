// Elements in one expression, and small things that every area of the console needs.

const SVG = "http://www.w3.org/2000/svg";

// el("button", { class: "primary", onclick: run }, "Run"): attributes as in HTML, "on..." are listeners; children that
// are null or false are left out.
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

// What a screen reader says without anything getting the focus.
export function announce(text) {
  byId("announce").textContent = text;
}

let names = 0;
export const newId = (start) => `${start}-${++names}`;

// Several choices of which one holds, as radio buttons that look like chips. `onchoice` gets its value.
export function chips(label, choices, chosen, onchoice, { tight = false } = {}) {
  const group = newId("chips");
  return el(
    "fieldset",
    { class: tight ? "chips tight" : "chips" },
    el("legend", tight ? { class: "quiet" } : {}, label),
    chipLabels(group, choices, chosen, onchoice),
  );
}

export function chipLabels(group, choices, chosen, onchoice) {
  return choices.map(([value, text]) =>
    el(
      "label",
      {},
      el("input", { type: "radio", name: group, value, checked: value === chosen, onchange: () => onchoice(value) }),
      el("span", {}, text),
    ),
  );
}

export function copyButton(text, what) {
  const button = el("button", { type: "button" }, "Copy");
  button.setAttribute("aria-label", `Copy ${what}`);
  button.addEventListener("click", async () => {
    await copy(typeof text === "function" ? text() : text);
    button.textContent = "Copied";
    announce(`${what} copied`);
    setTimeout(() => (button.textContent = "Copy"), 1800);
  });
  return button;
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).catch(() => copyBySelection(text));
  return copyBySelection(text); // pages that were loaded by plain http from another machine
}

function copyBySelection(text) {
  const area = el("textarea", { class: "quiet" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = el("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// A failure in words, with its code for those who look it up.
export function problem(error) {
  const code = error.code ? [el("code", {}, error.code), " "] : [];
  const detail = error.detail ? ` (${error.detail})` : "";
  return el("p", { class: "problem", role: "alert" }, ...code, error.message + detail);
}

// A modal dialog that gives the focus back when it closes. `build(close)` returns its children.
export function dialog(title, build) {
  const heading = newId("dialog");
  const box = el("dialog", { "aria-labelledby": heading });
  const close = () => box.close();
  box.append(el("div", { class: "stack" }, el("h2", { id: heading }, title), build(close)));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

// As the service counts: its 7.5 MB are 7.5 times 1024 times 1024.
export const bytes = (count) => {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) [count, unit] = [count / 1024, unit + 1];
  return `${count < 10 && unit && count % 1 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
};

export const ms = (time) => (time < 10 ? `${time.toFixed(1)} ms` : `${Math.round(time)} ms`);
