// Pictures in memory: their size as shown, whether the service takes them, and copies that it does take.

import { bytes, el } from "./dom.js";

const KINDS = { "image/jpeg": "JPEG", "image/png": "PNG", "image/bmp": "BMP", "image/webp": "WEBP" };

// {blob, name, url, width, height}; fails where the browser cannot decode it.
export async function picture(blob, name = "picture") {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch (error) {
    URL.revokeObjectURL(url);
    throw error;
  }
  return { blob, name, url, image, width: image.naturalWidth, height: image.naturalHeight };
}

// Why the service would refuse it, in words; "" where it would not.
export function unfit({ blob, width, height }, limits) {
  const kind = KINDS[blob.type];
  if (kind === undefined || !limits.formats.includes(kind)) {
    return `The service takes ${limits.formats.join(", ")}, not ${blob.type.replace("image/", "").toUpperCase() || "this format"}.`;
  }
  if (Math.min(width, height) < limits.shortest_side) {
    return `The picture is ${width} × ${height}; its sides need ${limits.shortest_side} pixels or more.`;
  }
  if (Math.max(width, height) > limits.longest_side || width * height > limits.pixels) {
    const most = limits.pixels < limits.longest_side ** 2 ? `${(limits.pixels / 1e6).toFixed(1)} million pixels` : `${limits.longest_side} pixels a side`;
    return `The picture is ${width} × ${height}; up to ${most} are taken.`;
  }
  if (blob.size > limits.bytes) return `The picture has ${bytes(blob.size)}; up to ${bytes(limits.bytes)} are taken.`;
  return "";
}

// Says why, and where a copy helps has a button for one.
export function offerSmaller(place, given, limits, reason, take) {
  place.hidden = false;
  const small = Math.min(given.width, given.height) < limits.shortest_side;
  place.replaceChildren(
    el("p", {}, reason),
    ...(small ? [] : [el("button", { type: "button", onclick: async () => take(await copyThatFits(given, limits)) }, "Use a copy that fits")]),
  );
}

async function copyThatFits({ image, width, height, name }, limits) {
  const side = limits.longest_side / Math.max(width, height);
  let scale = Math.min(1, side, Math.sqrt(limits.pixels / (width * height)));
  for (;;) {
    const canvas = el("canvas", { width: Math.floor(width * scale), height: Math.floor(height * scale) });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
    if (blob.size <= limits.bytes) return new File([blob], `${name.replace(/\.\w+$/, "")}_copy.jpg`, { type: blob.type });
    scale *= 0.8;
  }
}

export function toBase64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
