// The area "Album": the photos of whoever runs this server, found by what they show or by what they look like.

import { ask, get } from "./api.js";
import { announce, chips, el, problem } from "./dom.js";
import { showPhoto } from "./photo.js";
import { thumbnail } from "./thumbnail.js";

const PAGE = 60;
const TAGS = 30;
const HINT = "Words in English or 中文, together or with OR, in brackets, -without; dates such as 2024-07 or 2019..2021; dog:80 where it has to be surer";
// What is shown stays when the area is left: {query} with a page of it, or {like: photo}, or {picture: file}.
const state = { asked: { query: "" }, page: 0, language: navigator.language.startsWith("zh") ? "zh" : "en" };

export async function enter(place) {
  const { tags } = await get(`/irs/v1/album/tags?limit=${TAGS}`);
  const box = el("input", { type: "search", name: "query", placeholder: "dog beach -person 2024", autocomplete: "off", spellcheck: "false", "aria-describedby": "album-hint" });
  box.value = state.asked.query ?? "";
  const file = el("input", { type: "file", accept: "image/*", hidden: true });
  const wrong = el("div");
  const count = el("p", { class: "muted", role: "status" });
  const photos = el("ul", { class: "photos", "aria-label": "Photos" });
  const pages = el("nav", { class: "buttons pages", "aria-label": "Pages", hidden: true });
  const known = el("div", { class: "buttons tag-buttons" });
  let found = [];
  let turn = 0; // an answer that comes after a later question is not shown

  async function show(asked, page = 0) {
    const mine = ++turn;
    photos.setAttribute("aria-busy", "true");
    try {
      const answer = await find(asked, page);
      if (mine !== turn) return false;
      Object.assign(state, { asked, page });
      found = answer.photos;
      wrong.replaceChildren();
      draw();
      tell(answer);
    } catch (error) {
      if (mine === turn) wrong.replaceChildren(inWords(error));
      return false;
    } finally {
      if (mine === turn) photos.removeAttribute("aria-busy");
    }
    return true;
  }

  function draw() {
    photos.replaceChildren(...found.map((photo, index) => el("li", {}, cell(photo, index))));
    known.replaceChildren(...tags.map((tag) => tagButton(tag)));
  }

  function cell(photo, index) {
    const words = photo.tags.slice(0, 3).map((tag) => tag[state.language]);
    return el(
      "button",
      { type: "button", class: "photo", tabindex: index ? -1 : 0, onclick: () => open(index) },
      thumbnail(photo),
      el("span", { class: "photo-words", lang: words.length ? state.language : null }, words.length ? words.join(", ") : photo.name),
    );
  }

  function tagButton(tag) {
    const name = tag[state.language];
    const query = /[\s:()|"-]/.test(name) ? `"${name}"` : name;
    const search = () => ((box.value = query), show({ query }));
    return el("button", { type: "button", onclick: search }, el("span", { lang: state.language }, name), el("span", { class: "muted number" }, ` ${tag.photos.toLocaleString("en")}`));
  }

  function tell({ total }) {
    const { asked, page } = state;
    const pageCount = total === undefined ? 1 : Math.ceil(total / PAGE);
    if (asked.like || asked.picture) {
      const name = asked.like?.name ?? asked.picture.name;
      const back = el("button", { type: "button", class: "plain", onclick: () => show({ query: box.value }).then((shown) => shown && box.focus()) }, "Back to the search");
      count.replaceChildren(`${numbered(found.length)} most like ${name}, the most similar first. `, back);
    } else {
      const some = pageCount > 1 ? `${(page * PAGE + 1).toLocaleString("en")} to ${(page * PAGE + found.length).toLocaleString("en")} of ${numbered(total)}` : numbered(total);
      count.replaceChildren(total ? some : "No photo is like that.");
    }
    pages.hidden = pageCount < 2;
    pages.replaceChildren(
      el("button", { type: "button", disabled: page === 0, onclick: () => turnTo(page - 1) }, "Previous page"),
      el("span", { class: "number" }, `Page ${page + 1} of ${pageCount}`),
      el("button", { type: "button", disabled: page + 1 >= pageCount, onclick: () => turnTo(page + 1) }, "Next page"),
    );
  }

  async function turnTo(page) {
    if (!(await show(state.asked, page))) return;
    count.scrollIntoView({ block: "start" });
    focus(0);
  }

  function focus(index) {
    const cells = [...photos.querySelectorAll("button")];
    if (!cells[index]) return;
    for (const one of cells) one.tabIndex = one === cells[index] ? 0 : -1;
    cells[index].focus();
  }

  // One stop of the tabulator for all photos; arrows move from one to the next.
  photos.addEventListener("keydown", (event) => {
    const cells = [...photos.querySelectorAll("button")];
    const at = cells.indexOf(document.activeElement);
    const top = cells[0]?.offsetTop;
    const columns = cells.filter((one) => one.offsetTop === top).length;
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns, ArrowDown: at + columns, Home: 0, End: cells.length - 1 }[event.key];
    if (at < 0 || next === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (cells[next]) focus(next);
  });

  function open(index) {
    showPhoto(found, index, state.language, {
      onclose: focus,
      onsimilar: async (photo) => {
        if (!(await show({ like: photo }))) return;
        focus(0);
        announce(count.firstChild.textContent);
      },
    });
  }

  const chooseLanguage = (language) => {
    state.language = language;
    draw();
  };
  file.addEventListener("change", () => {
    if (file.files.length) show({ picture: file.files[0] });
    file.value = "";
  });
  const search = (event) => {
    event.preventDefault();
    show({ query: box.value });
  };
  place.replaceChildren(
    el("div", { class: "stack-cards" },
      el("form", { class: "card stack", role: "search", onsubmit: search },
        el("div", { class: "search" },
          el("label", { class: "field" }, "What the photos show", box),
          el("button", { type: "submit", class: "primary" }, "Search"),
          el("button", { type: "button", onclick: () => file.click() }, "By a picture"),
          file),
        el("p", { class: "muted small", id: "album-hint" }, HINT),
        el("div", { class: "card-head album-foot" },
          el("details", {}, el("summary", { class: "small" }, "Tags of the album"), known),
          chips("Language of the tags", [["en", "English"], ["zh", "中文"]], state.language, chooseLanguage, { tight: true })),
        wrong),
      count,
      photos,
      pages),
  );
  await show(state.asked, state.page);
}

function find(asked, page) {
  if (asked.like) return get(`/irs/v1/album/photos/${asked.like.id}/similar?limit=${PAGE}`);
  if (asked.picture) {
    const form = new FormData();
    form.append("limit", PAGE);
    form.append("file", asked.picture, asked.picture.name);
    return ask("POST", "/irs/v1/album/similar", { form });
  }
  return get(`/irs/v1/album/search?${new URLSearchParams({ query: asked.query, limit: PAGE, offset: page * PAGE })}`);
}

const numbered = (count) => `${count.toLocaleString("en")} ${count === 1 ? "photo" : "photos"}`;

// What is wrong with a query is a sentence of its own, with the names that come nearest.
const inWords = (error) => problem(error.code === "AIS.0203" && error.detail ? new Error(error.detail) : error);
