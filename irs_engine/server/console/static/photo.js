// One photo of the album: large, with boxes around what is in it, its tags, and the way to the next ones.

import { get } from "./api.js";
import { dialog, el, problem } from "./dom.js";
import { showTags } from "./tags.js";
import { addressOf } from "./thumbnail.js";

// `photos`: those that are gone through, beginning at `index`. `onclose` gets the index of the last one that was seen.
export function showPhoto(photos, index, language, { onclose, onsimilar }) {
  const stage = el("div", { class: "stage" });
  const about = el("div", { class: "photo-about" });
  const place = el("span", { class: "number muted small" });
  const file = el("a", { class: "button", target: "_blank", rel: "noopener" }, "Open the photo");
  let shown = null;
  let similar = false;

  const box = dialog("", (close) => [
    el("div", { class: "photo-view" }, stage, about),
    el("div", { class: "buttons photo-buttons" },
      place,
      el("button", { type: "button", onclick: () => show(index - 1) }, "Previous"),
      el("button", { type: "button", onclick: () => show(index + 1) }, "Next"),
      el("button", { type: "button", onclick: () => ((similar = true), close()) }, "Similar photos"),
      file,
      el("button", { type: "button", class: "primary", onclick: close }, "Close")),
  ]);
  box.classList.add("wide");
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    show(index + step);
  });
  box.addEventListener("close", () => {
    onclose(index);
    if (similar) onsimilar(photos[index]);
  });

  async function show(next) {
    index = (next + photos.length) % photos.length;
    const photo = photos[index];
    shown?.end();
    shown = null;
    box.querySelector("h2").textContent = photo.name;
    place.textContent = `${index + 1} of ${photos.length}`;
    file.href = addressOf(photo, "file");
    stage.replaceChildren(still(photo, language));
    about.replaceChildren();
    try {
      const facts = await get(`/irs/v1/album/photos/${photo.id}?language=${language}`);
      if (photos[index] !== photo) return;
      const tags = el("div");
      about.replaceChildren(factsList(facts), tags);
      shown = showTags(facts, facts, { language, threshold: 0, limit: Infinity }, tags, stage);
    } catch (error) {
      if (photos[index] === photo) about.replaceChildren(problem(error));
    }
  }
  show(index);
}

function still(photo, language) {
  const { name, width, height, tags } = photo;
  const image = el("img", { src: `${addressOf(photo, "thumbnail")}?height=1080`, alt: [name, ...tags.map((tag) => tag[language])].join(", ") });
  const frame = el("div", { class: "still" }, image);
  image.addEventListener("error", () => frame.replaceWith(el("p", { class: "problem", role: "alert" }, `${name} cannot be shown: its file is gone, damaged, or no photo any more.`)));
  frame.style.setProperty("--ratio", width / height);
  frame.style.setProperty("--most", `${2 * Math.max(width, 160)}px`);
  return frame;
}

function factsList({ width, height, taken, place, corrected }) {
  const facts = { Taken: taken?.replace("T", " "), Size: `${width} × ${height}`, Place: place && inDegrees(place), Corrected: corrected.length ? `${corrected.length} ${corrected.length === 1 ? "tag" : "tags"} by hand` : null };
  return el("dl", { class: "facts-list" },
    Object.entries(facts).filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", { class: "number" }, value))));
}

const inDegrees = ({ latitude, longitude }) =>
  `${Math.abs(latitude).toFixed(4)}° ${latitude < 0 ? "south" : "north"}, ${Math.abs(longitude).toFixed(4)}° ${longitude < 0 ? "west" : "east"}`;
