// Tags with bars of confidence, and where things are in the picture. All tags are asked for once; language, least
// confidence and number act on what is known.

import { announce, el } from "./dom.js";
import { Boxes } from "./boxes.js";

export function tagsToAskFor({ parameters }, values) {
  return { ...values, threshold: parameters.threshold.minimum, limit: parameters.limit.maximum };
}

export function showTags({ tags }, given, values, place, stage) {
  const boxes = new Boxes(stage, given, tags);
  const count = el("p", { class: "muted small", role: "status" });
  const list = el("ul", { class: "tags" });
  place.replaceChildren(count, list);
  const rows = tags.map((tag, index) => row(tag, boxes.hue(index), () => boxes));
  boxes.onpoint = (index, on) => rows[index].classList.toggle("pointed", on);

  const shown = () => tags.filter((tag) => Number(tag.confidence) >= values.threshold).slice(0, values.limit);

  function update() {
    const visible = shown();
    const [main, other] = values.language === "zh" ? ["zh", "en"] : ["en", "zh"];
    list.replaceChildren(
      ...visible.map((tag) => {
        const node = rows[tags.indexOf(tag)];
        node.rename(tag.i18n_tag[main], tag.i18n_tag[other], tag.i18n_type[main], main, other);
        return node;
      }),
    );
    boxes.show(new Set(visible), main);
    count.textContent = visible.length
      ? `${visible.length} of ${tags.length} tags`
      : "No tag is that certain: move the slider of the least confidence to the left.";
    count.classList.toggle("nothing", !visible.length);
  }
  update();

  function row(tag, hue) {
    const index = tags.indexOf(tag);
    const places = tag.instances.length;
    const name = el("span", { class: "tag-name" });
    const second = el("span", { class: "tag-second" });
    const category = el("span", { class: "tag-category" });
    const bar = el("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--part", `${tag.confidence}%`);
    const content = [
      el("span", { class: "tag-words" }, places ? el("span", { class: `dot hue-${hue}`, "aria-hidden": "true" }) : null, name, second, category),
      el("span", { class: "tag-percent number" }, `${Number(tag.confidence).toFixed(1)} %`),
      bar,
    ];
    const node = el("li");
    if (places) {
      const button = el("button", { type: "button", class: "tag", "aria-pressed": "false" }, content);
      const where = el("span", { class: "quiet" }, `, ${places === 1 ? "one place" : `${places} places`} in the picture`);
      button.querySelector(".tag-words").append(where);
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        boxes.pin(index, on);
        if (on) announce(describePlaces(tag, given));
      });
      for (const [event, on] of [["pointerenter", true], ["pointerleave", false], ["focus", true], ["blur", false]]) {
        button.addEventListener(event, () => boxes.point(index, on));
      }
      node.append(button);
    } else {
      node.append(el("div", { class: "tag" }, content));
    }
    node.rename = (text, other, kind, lang, otherLang) => {
      name.textContent = text;
      name.lang = lang;
      second.textContent = other === text ? "" : other;
      second.lang = otherLang;
      category.textContent = kind;
      category.lang = lang;
    };
    return node;
  }

  return {
    onvalue: update,
    shown: () => ({ tags: shown().map((tag) => inLanguage(tag, values.language)) }),
    summary: () => {
      const visible = shown();
      const first = visible.slice(0, 5).map(({ i18n_tag: names }) => names[values.language]);
      return `${visible.length} tags${first.length ? `: ${first.join(", ")}` : ""}`;
    },
    picture: () => boxes.draw(),
    end: () => boxes.end(),
  };
}

const inLanguage = (tag, language) => ({ ...tag, tag: tag.i18n_tag[language], type: tag.i18n_type[language] });

// For those who do not see the boxes: "at 12 % from the left and 30 % from the top, 40 % wide".
function describePlaces({ instances }, { width, height }) {
  const percent = (part, whole) => `${Math.round((100 * part) / whole)} %`;
  return instances
    .map(({ bounding_box: box }) => {
      const [left, top] = [percent(box.top_left_x, width), percent(box.top_left_y, height)];
      return `${left} from the left, ${top} from the top, ${percent(box.width, width)} wide, ${percent(box.height, height)} high`;
    })
    .join("; ");
}
