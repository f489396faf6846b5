"use strict";
// The whole album is in this page: #album says what there is, each .pictures holds the thumbnails of some photos.
const $ = (id) => document.getElementById(id);
const album = JSON.parse($("album").textContent);
const WORDS = {
  en: {
    search: "Search: dog beach -person 2024", other: "中文", count: (n, all) => n === all ? `${n} photos` : `${n} of ${all} photos`,
    none: "No photo is like that.", unknown: (w) => `No tag here is called “${w}”.`, open: "Open the photo",
    close: "Close", previous: "Previous", next: "Next", keys: "/ search · arrows move · Enter opens · Esc closes",
  },
  zh: {
    search: "搜索：狗 海滩 -人 2024", other: "English", count: (n, all) => n === all ? `${n} 张照片` : `${n} / ${all} 张照片`,
    none: "没有符合的照片。", unknown: (w) => `没有名为“${w}”的标签。`, open: "打开照片",
    close: "关闭", previous: "上一张", next: "下一张", keys: "/ 搜索 · 方向键移动 · Enter 打开 · Esc 关闭",
  },
};
const PAGE = 120; // photos that are laid out at a time
const AHEAD = 1500; // pixels below what is seen
const FACETS = 30;
const LONGEST_NAME = 5; // words
const tags = album.tags.map(([id, en, zh, kind]) => ({ id, en, zh, kind }));
const photos = album.photos.map(([name, link, taken, width, height, pairs], number) => {
  const has = new Map();
  for (let i = 0; i < pairs.length; i += 2) has.set(pairs[i], pairs[i + 1]);
  return { number, name, link, taken, width, height, tags: has };
});
let language = album.language;
let found = photos, laid = 0, shown = -1;

// Names of tags, and what stands for them.
const fold = (text) => text.normalize("NFKC").toLowerCase().trim().replace(/\s+/g, " ");
const singular = (word) => word.replace(/ies$/, "y").replace(/([sxz]|[cs]h)es$/, "$1").replace(/([^s])s$/, "$1");
const called = new Map();
tags.forEach((tag, number) => {
  for (const name of new Set([tag.en, tag.zh, tag.id, singular(fold(tag.en))].map(fold))) {
    if (!called.has(name)) called.set(name, []);
    called.get(name).push(number);
  }
});
const exactly = (text) => called.get(fold(text)) ?? called.get(singular(fold(text)));
const beginning = (text) => {
  const start = fold(text);
  return [...called].filter(([name]) => name.startsWith(start)).flatMap(([, numbers]) => numbers);
};

// A query is a function from a photo to the probability that it fits; 0: it does not.
function parse(text) {
  const tokens = text.match(/-?"[^"]*"?|[()（）]|[^\s()（）]+/g) ?? [];
  let at = 0, unknown = null;
  const isOr = (token) => /^(OR|\||或)$/.test(token ?? "");
  function either() {
    const parts = [both()];
    while (isOr(tokens[at])) { at++; parts.push(both()); }
    return parts.length === 1 ? parts[0] : (photo) => 1 - parts.reduce((no, part) => no * (1 - part(photo)), 1);
  }
  function both() {
    const parts = [];
    while (at < tokens.length && !isOr(tokens[at]) && !/^[)）]$/.test(tokens[at])) parts.push(one());
    return (photo) => parts.reduce((yes, part) => yes && yes * part(photo), 1);
  }
  function one() {
    let token = tokens[at];
    if (token === "NOT" || token === "-") { at++; return at < tokens.length ? not(one()) : () => 1; }
    if (/^[(（]$/.test(token)) {
      at++;
      const inner = either();
      if (/^[)）]$/.test(tokens[at] ?? "")) at++;
      return inner;
    }
    if (token.length > 1 && token[0] === "-") { tokens[at] = token.slice(1); return not(one()); }
    if (token[0] === '"') { at++; return word(token.replaceAll('"', ""), 0); }
    return when(token) ?? plain();
  }
  function plain() {
    // The longest run of words that is a name, as of "traffic light".
    for (let count = Math.min(LONGEST_NAME, tokens.length - at); count > 1; count--) {
      const words = tokens.slice(at, at + count);
      const [, name, least] = words.join(" ").match(/^(.*?)(?::(\d+))?$/);
      if (exactly(name)) { at += count; return word(name, Number(least ?? 0)); }
    }
    const [, name, least] = tokens[at++].match(/^(.*?)(?::(\d*))?$/);
    return word(name, Number(least || 0));
  }
  function word(name, least) {
    const numbers = exactly(name) ?? (fold(name) ? beginning(name) : []);
    if (!numbers.length && fold(name)) unknown = name;
    return (photo) => {
      let best = 0;
      for (const number of numbers) best = Math.max(best, photo.tags.get(number) ?? 0);
      return best >= least ? best / 100 : 0;
    };
  }
  function when(token) {
    const match = token.match(/^(\d{4}(?:-\d\d){0,2})(?:\.\.(\d{4}(?:-\d\d){0,2}))?$/);
    if (!match || exactly(token)) return null;
    at++;
    const [, first, last = first] = match;
    return ({ taken }) => Number(!!taken && taken >= first && taken.slice(0, last.length) <= last);
  }
  const not = (part) => (photo) => Number(part(photo) === 0);
  const all = [];
  while (at < tokens.length) {
    all.push(either());
    if (at < tokens.length && /^[)）]$/.test(tokens[at])) at++;
  }
  return { fits: (photo) => all.reduce((yes, part) => yes && yes * part(photo), 1), any: tokens.length > 0, unknown };
}

function search() {
  const { fits, any, unknown } = parse($("query").value);
  found = photos;
  if (any) {
    const scored = photos.map((photo) => [fits(photo), photo]).filter(([score]) => score > 0);
    found = scored.sort(([a, p], [b, q]) => b - a || p.number - q.number).map(([, photo]) => photo);
  }
  $("photos").replaceChildren();
  laid = 0;
  fill();
  const words = WORDS[language];
  $("count").textContent = words.count(found.length, photos.length);
  $("hint").textContent = unknown !== null ? words.unknown(unknown) : found.length ? words.keys : words.none;
  showFacets();
  try {
    history.replaceState(null, "", $("query").value ? `#${encodeURIComponent($("query").value)}` : location.pathname);
  } catch { /* a page in a frame without an origin */ }
}

// Thumbnails are read where they are needed: text that nobody looks at costs nothing.
const sheets = [...document.querySelectorAll(".pictures")].map((element) => ({ element, lines: null }));
function thumbnail(photo) {
  const sheet = sheets[Math.floor(photo.number / album.sheet)];
  sheet.lines ??= sheet.element.textContent.split("\n");
  const data = sheet.lines[photo.number % album.sheet];
  return data && `data:image/webp;base64,${data}`;
}

// As much as can be seen soon.
function fill() {
  do layOut(); while (laid < found.length && $("hint").getBoundingClientRect().top < innerHeight + AHEAD);
}
function layOut() {
  const part = document.createDocumentFragment();
  for (const photo of found.slice(laid, laid + PAGE)) {
    const cell = document.createElement("button");
    const ratio = Math.min(Math.max(photo.width / photo.height, 0.4), 3);
    cell.style.flex = `${ratio} 1 calc(${ratio} * var(--row))`;
    cell.style.aspectRatio = ratio;
    cell.style.maxWidth = `calc(${ratio} * 2 * var(--row))`;
    cell.tabIndex = part.childElementCount || laid ? -1 : 0;
    cell.photo = photo;
    const source = thumbnail(photo);
    const caption = document.createElement("span");
    caption.textContent = best(photo).slice(0, 4).map(([tag]) => tag[language]).join(", ") || photo.name;
    cell.setAttribute("aria-label", [photo.name, day(photo), caption.textContent].filter(Boolean).join(", "));
    if (source) {
      const image = document.createElement("img");
      image.alt = "";
      image.src = source;
      cell.append(image);
    } else {
      cell.className = "broken";
      caption.textContent = photo.name;
    }
    cell.append(caption);
    part.append(cell);
  }
  laid += part.childElementCount;
  $("photos").append(part);
}
const best = (photo) => [...photo.tags].map(([number, confidence]) => [tags[number], confidence]);
const day = (photo) => (photo.taken ?? "").replace("T", " ").slice(0, 16);

function showFacets() {
  const counts = new Map();
  for (const photo of found) for (const number of photo.tags.keys()) counts.set(number, (counts.get(number) ?? 0) + 1);
  const chosen = new Set(($("query").value.match(/"[^"]*"|\S+/g) ?? []).flatMap((word) => exactly(word.replaceAll('"', "")) ?? []));
  const some = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const first = some.filter(([number]) => chosen.has(number));
  const others = some.filter(([number, count]) => !chosen.has(number) && (count < found.length || found.length === 1));
  $("facets").replaceChildren(...[...first, ...others].slice(0, FACETS).map(([number, count]) => {
    const button = document.createElement("button");
    const small = document.createElement("small");
    small.textContent = count;
    button.append(tags[number][language], small);
    button.ariaPressed = String(chosen.has(number));
    button.onclick = () => toggle(tags[number]);
    return button;
  }));
}
const quoted = (name) => (/[\s()]/.test(name) ? `"${name}"` : name);
function toggle(tag) {
  const numbers = exactly(tag.en);
  const words = $("query").value.match(/"[^"]*"|\S+/g) ?? [];
  const rest = words.filter((word) => exactly(word.replaceAll('"', "")) !== numbers);
  $("query").value = (rest.length < words.length ? rest : [...words, quoted(tag[language])]).join(" ");
  search();
}

function speak() {
  const words = WORDS[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  $("query").placeholder = words.search;
  $("query").ariaLabel = words.search;
  $("language").textContent = words.other;
  $("language").lang = language === "zh" ? "en" : "zh-CN";
  $("open").textContent = words.open;
  for (const id of ["close", "previous", "next"]) $(id).ariaLabel = words[id];
  $("names").replaceChildren(...tags.map((tag) => new Option("", quoted(tag[language]))));
  search();
}

// One photo, large: the file itself where it can be found, its thumbnail until then.
function view(place) {
  if (place < 0 || place >= found.length) return;
  while (place >= laid) layOut();
  shown = place;
  const photo = found[place];
  const picture = $("picture");
  picture.src = thumbnail(photo) ?? "";
  picture.alt = photo.name;
  picture.style.width = photo.link ? `min(100%, ${photo.width}px)` : "";
  if (photo.link) {
    const file = new Image();
    file.onload = () => { if (found[shown] === photo) picture.src = file.src; };
    file.src = photo.link;
  }
  $("name").textContent = photo.name;
  $("facts").textContent = [day(photo), `${photo.width} × ${photo.height}`].filter(Boolean).join(" · ");
  $("open").hidden = !photo.link;
  if (photo.link) $("open").href = photo.link;
  $("tags").replaceChildren(...best(photo).map(([tag, confidence]) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const track = document.createElement("i"), bar = document.createElement("b");
    item.className = tag.kind;
    bar.style.width = `${confidence}%`;
    track.append(bar);
    const figure = document.createElement("span");
    figure.textContent = Math.round(confidence);
    button.append(tag[language], figure, track);
    button.onclick = () => { $("viewer").close(); $("query").value = quoted(tag[language]); search(); };
    item.append(button);
    return item;
  }));
  $("previous").hidden = place === 0;
  $("next").hidden = place === found.length - 1;
  if (!$("viewer").open) $("viewer").showModal();
}

function focusCell(cell) {
  if (!cell) return;
  $("photos").querySelector('[tabindex="0"]')?.setAttribute("tabindex", -1);
  cell.tabIndex = 0;
  cell.focus();
}
function neighbour(cell, key) {
  if (key === "ArrowLeft") return cell.previousElementSibling;
  if (key === "ArrowRight") return cell.nextElementSibling ?? more(cell);
  const down = key === "ArrowDown", from = cell.getBoundingClientRect();
  const middle = from.left + from.width / 2;
  let row = null, nearest = null, gap = Infinity;
  for (let other = cell; (other = down ? other.nextElementSibling ?? more(other) : other.previousElementSibling);) {
    const box = other.getBoundingClientRect();
    if (Math.abs(box.top - from.top) < 2) continue;
    if (row !== null && Math.abs(box.top - row) >= 2) break;
    row = box.top;
    const distance = Math.abs(box.left + box.width / 2 - middle);
    if (distance < gap) { gap = distance; nearest = other; }
  }
  return nearest;
}
function more(cell) {
  if (laid < found.length) layOut();
  return cell.nextElementSibling;
}

$("query").addEventListener("input", search);
document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  focusCell($("photos").firstElementChild);
});
$("language").onclick = () => {
  language = language === "zh" ? "en" : "zh";
  speak();
};
$("photos").addEventListener("click", (event) => {
  const cell = event.target.closest("button");
  if (cell) view(found.indexOf(cell.photo));
});
$("photos").addEventListener("keydown", (event) => {
  if (!event.key.startsWith("Arrow")) return;
  event.preventDefault();
  const next = neighbour(event.target, event.key);
  if (next) focusCell(next);
  else if (event.key === "ArrowUp") $("query").focus();
});
$("query").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && $("query").value) { $("query").value = ""; search(); event.preventDefault(); }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ($("viewer").open) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) { event.preventDefault(); view(shown + step); }
  } else if (event.key === "/" && document.activeElement !== $("query")) {
    event.preventDefault();
    $("query").select();
  }
});
$("viewer").addEventListener("close", () => focusCell($("photos").children[shown]));
$("previous").onclick = () => view(shown - 1);
$("next").onclick = () => view(shown + 1);
$("close").onclick = () => $("viewer").close();
new IntersectionObserver(fill, { rootMargin: `${AHEAD}px` }).observe($("hint"));
function address() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
}
addEventListener("hashchange", () => {
  if (address() === $("query").value) return;
  $("query").value = address();
  search();
});
$("query").value = address();
speak();
