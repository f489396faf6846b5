// Boxes over a picture, one colour for each tag that has any.

import { el } from "./dom.js";

const HUES = 8; // .hue-0 ... in try.css
const LABELLED = 6; // more boxes than these show their names only when they are pointed at

export class Boxes {
  constructor(stage, given, tags) {
    this.given = given;
    this.tags = tags;
    this.layer = el("div", { class: "boxes", "aria-hidden": "true" });
    this.hues = new Map();
    for (const [index, tag] of tags.entries()) if (tag.instances.length) this.hues.set(index, this.hues.size % HUES);
    this.nodes = tags.map((tag, index) => tag.instances.map((instance) => this.#box(index, instance)));
    // The larger ones first, so that small ones inside of them can be pointed at.
    const area = (node) => -Number(node.dataset.area);
    this.layer.append(...this.nodes.flat().sort((a, b) => area(a) - area(b)));
    stage.querySelector(".still").append(this.layer);
    this.onpoint = () => {};
  }

  hue(index) {
    return this.hues.get(index) ?? 0;
  }

  #box(index, { bounding_box: box, confidence }) {
    const { width, height } = this.given;
    const node = el("div", { class: `box hue-${this.hue(index)}`, "data-area": box.width * box.height });
    const place = { left: box.top_left_x / width, top: box.top_left_y / height, width: box.width / width, height: box.height / height };
    for (const [side, part] of Object.entries(place)) node.style.setProperty(side, `${(100 * part).toFixed(3)}%`);
    if (box.top_left_y < 0.08 * height) node.classList.add("at-top");
    if (box.top_left_x > 0.7 * width) node.classList.add("at-right");
    node.append(el("span", { class: "box-label number" }, el("span", { class: "box-name" }), ` ${Math.round(confidence)} %`));
    node.addEventListener("pointerenter", () => this.point(index, true));
    node.addEventListener("pointerleave", () => this.point(index, false));
    return node;
  }

  show(visible, language) {
    let count = 0;
    for (const [index, tag] of this.tags.entries()) {
      for (const node of this.nodes[index]) {
        node.hidden = !visible.has(tag);
        node.querySelector(".box-name").textContent = tag.i18n_tag[language];
        node.lang = language;
        count += visible.has(tag);
      }
    }
    this.layer.classList.toggle("crowded", count > LABELLED);
  }

  point(index, on) {
    for (const node of this.nodes[index]) node.classList.toggle("pointed", on);
    this.onpoint(index, on);
    this.#dim();
  }

  pin(index, on) {
    for (const node of this.nodes[index]) node.classList.toggle("pinned", on);
    this.#dim();
  }

  #dim() {
    this.layer.classList.toggle("choosing", Boolean(this.layer.querySelector(".pointed, .pinned")));
  }

  // The picture with its boxes, as PNG.
  draw() {
    const { width, height, image } = this.given;
    const canvas = el("canvas", { width, height });
    const pen = canvas.getContext("2d");
    const unit = Math.max(1, Math.max(width, height) / 900);
    pen.drawImage(image, 0, 0);
    pen.font = `600 ${14 * unit}px ${getComputedStyle(document.body).fontFamily}`;
    pen.textBaseline = "top";
    for (const node of this.layer.querySelectorAll(".box:not([hidden])")) {
      const part = (side) => Number.parseFloat(node.style.getPropertyValue(side)) / 100;
      const [x, y, w, h] = [part("left") * width, part("top") * height, part("width") * width, part("height") * height];
      const text = node.textContent;
      const wide = pen.measureText(text).width + 10 * unit;
      const above = y > 22 * unit ? y - 22 * unit : y;
      pen.fillStyle = pen.strokeStyle = getComputedStyle(node).getPropertyValue("--hue");
      pen.lineWidth = 2.5 * unit;
      pen.strokeRect(x, y, w, h);
      pen.fillRect(x - 1.25 * unit, above, wide, 22 * unit);
      pen.fillStyle = "#10130f";
      pen.fillText(text, x + 4 * unit, above + 4 * unit);
    }
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  end() {
    this.layer.remove();
  }
}
