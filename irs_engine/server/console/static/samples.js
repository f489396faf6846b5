// Pictures for those who have none at hand. One is a photo, for what photos show; the others are drawn here: a lake in the
// mountains, in the state of which the capability shows what it does.

import { el } from "./dom.js";

const [WIDE, HIGH] = [1024, 680];
const STATES = { "recapture-detect": onScreen, "dark-enhance": atNight, defog: inFog, "super-resolution": small };

export async function samplePicture(capability) {
  if (!STATES[capability]) {
    // Chelsea the cat by Stefan van der Walt, CC0.
    const photo = await (await fetch("/console/cat.jpg")).blob();
    return new File([photo], "cat.jpg", { type: photo.type });
  }
  const canvas = STATES[capability](lake());
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.93));
  return new File([blob], "lake.jpg", { type: blob.type });
}

// Numbers in 0..1 that look like chance and are the same each time.
function chance(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function gradient(pen, top, bottom, ...stops) {
  const found = pen.createLinearGradient(0, top, 0, bottom);
  for (const [index, color] of stops.entries()) found.addColorStop(index / (stops.length - 1), color);
  return found;
}

function lake() {
  const canvas = el("canvas", { width: WIDE, height: HIGH });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const random = chance(7);
  const shore = 400;
  pen.fillStyle = gradient(pen, 0, shore, "#4f86c6", "#9cc4e4", "#f3dfc1");
  pen.fillRect(0, 0, WIDE, shore);
  clouds(pen, random);
  ridge(pen, random, 250, 95, 5, gradient(pen, 130, shore, "#e8edf2", "#8d9fb5", "#7d93a8"));
  ridge(pen, random, 320, 70, 5, gradient(pen, 230, shore, "#5f7d83", "#4b6a63"));
  ridge(pen, random, 368, 32, 4, gradient(pen, 320, shore, "#35574a", "#2b4a3b"));
  forest(pen, random, shore);
  // The lake is the land upside down, darker, and torn by ripples.
  const land = el("canvas", { width: WIDE, height: shore });
  land.getContext("2d").drawImage(canvas, 0, 0);
  const water = HIGH - shore;
  for (let row = 0; row < water; row++) {
    const depth = row / water;
    const shift = Math.sin(row * 0.9 + Math.sin(row * 0.21) * 4) * (0.5 + 5 * depth);
    pen.drawImage(land, 0, shore - 1 - row * 1.25, WIDE, 1, shift - 8, shore + row, WIDE + 16, 1);
  }
  pen.fillStyle = gradient(pen, shore, HIGH, "rgb(18 44 62 / 35%)", "rgb(10 34 54 / 72%)");
  pen.fillRect(0, shore, WIDE, water);
  boat(pen, 640, 470);
  meadow(pen, random);
  return canvas;
}

function clouds(pen, random) {
  for (const [x, y, size] of [[150, 92, 44], [420, 58, 30], [700, 110, 52], [905, 62, 34], [560, 150, 26]]) {
    for (let puff = 0; puff < 90; puff++) {
      const along = random() + random() - 1; // most of them in the middle
      const [px, radius] = [x + along * size * 3.2, size * (0.25 + 0.75 * random()) * (1 - 0.6 * Math.abs(along))];
      const py = y - radius * 0.55 * random() * (1 - Math.abs(along)); // flat below, round above
      const soft = pen.createRadialGradient(px, py, 0, px, py, radius);
      soft.addColorStop(0, "rgb(255 253 249 / 17%)");
      soft.addColorStop(0.6, "rgb(255 253 249 / 8%)");
      soft.addColorStop(1, "rgb(255 253 249 / 0%)");
      pen.fillStyle = soft;
      pen.fillRect(px - radius, py - radius, 2 * radius, 2 * radius);
    }
  }
}

// A line of mountains by halving: each middle is moved by chance, less and less far.
function ridge(pen, random, level, height, detail, color) {
  let line = [level, level - height * 0.6, level - height * 0.2, level - height, level];
  for (let round = 0; round < detail; round++) {
    line = line.flatMap((y, index) => (index ? [(line[index - 1] + y) / 2 + ((random() - 0.5) * height) / 1.9 ** round / 1.6, y] : [y]));
  }
  pen.fillStyle = color;
  pen.beginPath();
  pen.moveTo(0, 400);
  for (const [index, y] of line.entries()) pen.lineTo((index * WIDE) / (line.length - 1), y);
  pen.lineTo(WIDE, 400);
  pen.fill();
}

function forest(pen, random, shore) {
  for (let tree = 0; tree < 190; tree++) {
    const [x, tall] = [random() * WIDE, 14 + random() * 34];
    pen.fillStyle = `hsl(${138 + random() * 26} ${26 + random() * 14}% ${13 + random() * 12}%)`;
    for (let layer = 0; layer < 4; layer++) {
      const [y, half] = [shore + 2 - (tall * layer) / 4.6, (tall / 4.2) * (1 - layer / 5)];
      pen.beginPath();
      pen.moveTo(x - half, y);
      pen.lineTo(x, y - tall / 2.2);
      pen.lineTo(x + half, y);
      pen.fill();
    }
  }
}

function boat(pen, x, y) {
  const shape = (color, ...points) => {
    pen.fillStyle = color;
    pen.beginPath();
    for (const [px, py] of points) pen.lineTo(x + px, y + py);
    pen.fill();
  };
  shape("rgb(20 26 28 / 35%)", [-44, 20], [50, 20], [34, 34], [-30, 34]);
  shape("rgb(253 250 240 / 30%)", [0, 34], [0, 120], [50, 34]);
  shape("rgb(217 87 63 / 30%)", [-6, 34], [-6, 104], [-34, 34]);
  shape("#fdfaf0", [0, -6], [0, -112], [56, -6]);
  shape("#d9573f", [-6, -6], [-6, -92], [-40, -6]);
  shape("#6b4a33", [-56, 0], [66, 0], [46, 20], [-40, 20]);
  shape("#8a6346", [-56, 0], [66, 0], [62, 5], [-52, 5]);
  shape("#4a3526", [-5, 0], [-1, 0], [-1, -118], [-5, -118]);
}

function meadow(pen, random) {
  pen.fillStyle = gradient(pen, 570, HIGH, "#5c7a35", "#33491d");
  pen.beginPath();
  pen.moveTo(0, HIGH);
  pen.lineTo(0, 560);
  pen.bezierCurveTo(240, 555, 420, 640, 700, 640);
  pen.bezierCurveTo(860, 640, 950, 625, WIDE, 632);
  pen.lineTo(WIDE, HIGH);
  pen.fill();
  const ground = (x) => 566 + 74 * Math.min(1, x / 620) ** 1.5;
  for (let blade = 0; blade < 2600; blade++) {
    const x = random() * WIDE;
    const y = ground(x) + random() * (HIGH - ground(x));
    const tall = 5 + random() * 17;
    pen.strokeStyle = `hsl(${70 + random() * 42} ${35 + random() * 25}% ${20 + random() * 30}% / 80%)`;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.quadraticCurveTo(x + 1, y - tall / 2, x + (random() - 0.5) * 10, y - tall);
    pen.stroke();
  }
  for (let flower = 0; flower < 110; flower++) {
    const x = random() * WIDE;
    pen.fillStyle = ["#f6e27a", "#ffffff", "#e0728c", "#c9a2e8"][Math.floor(random() * 4)];
    pen.beginPath();
    pen.arc(x, ground(x) + random() * (HIGH - ground(x)), 1.5 + random() * 2.2, 0, 7);
    pen.fill();
  }
}

// Every pixel through a function (red, green, blue, x, y) => [red, green, blue].
function repaint(canvas, change) {
  const pen = canvas.getContext("2d");
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height);
  const { data } = pixels;
  for (let at = 0; at < data.length; at += 4) {
    const pixel = at / 4;
    const found = change(data[at], data[at + 1], data[at + 2], pixel % canvas.width, Math.floor(pixel / canvas.width));
    [data[at], data[at + 1], data[at + 2]] = found;
  }
  pen.putImageData(pixels, 0, 0);
  return canvas;
}

function atNight(scene) {
  const random = chance(11);
  return repaint(scene, (...values) => {
    const grain = (random() + random() - 1) * 5;
    return values.slice(0, 3).map((value, channel) => (value / 255) ** 1.5 * [34, 38, 48][channel] + 2 + grain);
  });
}

function inFog(scene) {
  return repaint(scene, (red, green, blue, x, y) => {
    const far = y < 400 ? 1 : Math.max(0, 1 - (y - 400) / 330);
    const veil = 0.22 + 0.56 * far * (0.86 + 0.14 * Math.sin(x / 170 + y / 90));
    return [red, green, blue].map((value, channel) => value * (1 - veil) + [206, 211, 216][channel] * veil);
  });
}

// A photo of a screen: its grid of coloured dots beats with that of the camera, and the room shines in it.
function onScreen(scene) {
  return repaint(scene, (red, green, blue, x, y) => {
    const [u, v] = [x * 0.998 + y * 0.035, y * 0.999 - x * 0.03];
    const beat = 1 + 0.1 * Math.sin(u * 2.13) * Math.sin(v * 2.07) + 0.07 * Math.sin(u / 9.3 + Math.sin(v / 41)) + 0.05 * Math.sin(v / 6.1);
    const shine = 40 * Math.exp(-(((x - 260) / 260) ** 2) - ((y - 120) / 190) ** 2);
    const dot = [0, 2.1, 4.2].map((phase) => 1 + 0.09 * Math.sin(u * 2.09 + phase));
    return [red * 0.86, green * 0.9, blue].map((value, channel) => value * beat * dot[channel] * 0.92 + 12 + shine);
  });
}

function small(scene) {
  const canvas = el("canvas", { width: 256, height: 170 });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(scene, 330, 300, 512, 340, 0, 0, 256, 170);
  return canvas;
}
