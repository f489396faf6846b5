// Two pictures of the same scene, one over the other: a handle moves the edge between them, both zoom together.

import { el } from "./dom.js";

const MOST = 16; // times the size at which the whole picture fits

export class Comparison {
  constructor(stage, zoomBar, before, after) {
    this.cut = 50; // per cent of the width that shows `before`
    this.zoom = 1;
    this.x = this.y = 0; // of the middle, away from the picture's own, in widths and heights of the frame
    this.pointers = new Map();
    this.after = after;
    this.handle = el(
      "div",
      { class: "handle", role: "slider", tabindex: 0, "aria-label": "Edge between before and after", "aria-valuemin": 0, "aria-valuemax": 100, "aria-orientation": "horizontal" },
      el("span", { class: "grip", "aria-hidden": "true" }),
    );
    this.frame = el(
      "div",
      { class: "compare", role: "group", tabindex: 0, "aria-label": "Before and after. Plus and minus zoom, arrow keys move." },
      el("img", { src: before.url, alt: "Before", draggable: "false", class: "before" }),
      el("div", { class: "upper" }, el("img", { src: after.url, alt: "After", draggable: "false" })),
      el("span", { class: "caption left", "aria-hidden": "true" }, "Before"),
      el("span", { class: "caption right", "aria-hidden": "true" }, "After"),
      this.handle,
    );
    this.frame.style.setProperty("aspect-ratio", `${after.width} / ${after.height}`);
    this.frame.style.setProperty("--ratio", after.width / after.height);
    stage.replaceChildren(this.frame);
    this.#listen();
    this.#zoomButtons(zoomBar);
    this.update();
  }

  update() {
    const room = (this.zoom - 1) / 2 / this.zoom;
    this.x = Math.min(room, Math.max(-room, this.x));
    this.y = Math.min(room, Math.max(-room, this.y));
    const { style } = this.frame;
    style.setProperty("--cut", `${this.cut}%`);
    style.setProperty("--zoom", this.zoom);
    style.setProperty("--x", `${-100 * this.x * this.zoom}%`);
    style.setProperty("--y", `${-100 * this.y * this.zoom}%`);
    this.frame.classList.toggle("zoomed", this.zoom > 1);
    this.handle.setAttribute("aria-valuenow", Math.round(this.cut));
    this.handle.setAttribute("aria-valuetext", `${Math.round(this.cut)} % before, ${Math.round(100 - this.cut)} % after`);
    const shown = (100 * this.frame.clientWidth * this.zoom) / this.after.width;
    if (this.percent) this.percent.textContent = `${Math.round(shown)} %`;
  }

  // `at`: the point that stays where it is, in parts of the frame from its middle.
  zoomTo(zoom, at = { x: 0, y: 0 }) {
    const next = Math.min(MOST, Math.max(1, zoom));
    this.x += at.x / this.zoom - at.x / next;
    this.y += at.y / this.zoom - at.y / next;
    this.zoom = next;
    this.update();
  }

  #zoomButtons(bar) {
    const button = (text, name, act) => el("button", { type: "button", "aria-label": name, onclick: act }, text);
    this.percent = el("output", { class: "number small" });
    bar.hidden = false;
    bar.replaceChildren(
      button("−", "Zoom out", () => this.zoomTo(this.zoom / 1.5)),
      this.percent,
      button("+", "Zoom in", () => this.zoomTo(this.zoom * 1.5)),
      button("Fit", "Whole picture", () => this.zoomTo(1)),
      button("1:1", "One pixel for each pixel of the result", () => this.zoomTo(this.after.width / this.frame.clientWidth / devicePixelRatio)),
    );
    this.resize = new ResizeObserver(() => this.update());
    this.resize.observe(this.frame);
  }

  #listen() {
    const keys = { ArrowLeft: -2, ArrowRight: 2, ArrowDown: -2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
    this.handle.addEventListener("keydown", (event) => {
      if (!(event.key in keys)) return;
      event.preventDefault();
      event.stopPropagation();
      this.#cutAt(this.cut + keys[event.key]);
    });
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    this.frame.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "=") this.zoomTo(this.zoom * 1.5);
      else if (event.key === "-") this.zoomTo(this.zoom / 1.5);
      else if (event.key === "0") this.zoomTo(1);
      else if (event.key in moves && this.zoom > 1) {
        this.x += (0.1 * moves[event.key][0]) / this.zoom;
        this.y += (0.1 * moves[event.key][1]) / this.zoom;
        this.update();
      } else return;
      event.preventDefault();
    });
    this.frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls; two fingers on a pad come with ctrlKey
      event.preventDefault();
      this.zoomTo(this.zoom * Math.exp(-event.deltaY / 200), this.#place(event));
    }, { passive: false });
    this.frame.addEventListener("dblclick", (event) => this.zoomTo(this.zoom > 1 ? 1 : 3, this.#place(event)));
    this.frame.addEventListener("pointerdown", (event) => this.#down(event));
    this.frame.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) this.frame.addEventListener(end, ({ pointerId }) => this.pointers.delete(pointerId));
  }

  #cutAt(percent) {
    this.cut = Math.min(100, Math.max(0, percent));
    this.update();
  }

  #place({ clientX, clientY }) {
    const frame = this.frame.getBoundingClientRect();
    return { x: (clientX - frame.left) / frame.width - 0.5, y: (clientY - frame.top) / frame.height - 0.5 };
  }

  #down(event) {
    this.frame.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.#place(event));
    this.cutting = this.handle.contains(event.target) || this.zoom === 1;
    if (this.handle.contains(event.target)) this.handle.focus({ preventScroll: true });
    else if (this.cutting && event.pointerType === "mouse") this.#cutAt(100 * (this.#place(event).x + 0.5));
  }

  #move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const now = this.#place(event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (other) {
      const apart = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 0.001;
      this.zoomTo((this.zoom * apart(now)) / apart(last), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    } else if (this.cutting) {
      this.#cutAt(100 * (now.x + 0.5));
    } else {
      this.x -= (now.x - last.x) / this.zoom;
      this.y -= (now.y - last.y) / this.zoom;
      this.update();
    }
  }

  end() {
    this.resize.disconnect();
    this.frame.remove();
    URL.revokeObjectURL(this.after.url);
  }
}
