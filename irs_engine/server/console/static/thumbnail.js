// Small copies of photos of the album, fetched when they come into sight.

import { el } from "./dom.js";

export const addressOf = (photo, form) => `/irs/v1/album/photos/${photo.id}/${form}`;

export function thumbnail(photo) {
  const image = el("img", { src: addressOf(photo, "thumbnail"), alt: photo.name, loading: "lazy", decoding: "async", width: photo.width, height: photo.height });
  // Its file may be gone: the name stands there then.
  image.addEventListener("error", () => image.replaceWith(el("span", { class: "no-picture" }, `${photo.name} cannot be shown`)));
  return image;
}
