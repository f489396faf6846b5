// The area "Try": a picture, a capability with its parameters, and what comes of it.

import { describe } from "./description.js";
import { announce, byId, bytes, chipLabels, el, problem, save } from "./dom.js";
import { openCamera } from "./camera.js";
import { callApi } from "./call.js";
import { offerSmaller, picture, unfit } from "./picture.js";
import { listenForPictures } from "./sources.js";
import { samplePicture } from "./samples.js";
import { showParameters } from "./parameters.js";
import { showSnippets } from "./snippets.js";
import { showTags, tagsToAskFor } from "./tags.js";
import { showTiming } from "./timing.js";
import { showVerdict } from "./verdict.js";
import { Comparison } from "./compare.js";

const state = { capability: null, values: {}, picture: null, running: null, outcome: null };
let capabilities = [];
let me = null;
let language = navigator.language.startsWith("zh") ? "zh" : "en";

export async function start(who) {
  me = who;
  ({ capabilities } = await describe());
  byId("capabilities").append(
    ...chipLabels(
      "capability",
      capabilities.map(({ name, title }) => [name, title]),
      capabilities[0].name,
      choose,
    ),
  );
  listenForPictures(byId("stage"), byId("file"), byId("choose"), take, isShown);
  byId("sample").addEventListener("click", async () => take(await samplePicture(state.capability.name)));
  openCamera(byId("camera"), take);
  byId("call").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  choose(capabilities[0].name);
}

const isShown = () => !byId("try").hidden;

function choose(name) {
  state.capability = capabilities.find((capability) => capability.name === name);
  const { about, verb, parameters, limits } = state.capability;
  state.values = Object.fromEntries(Object.entries(parameters).map(([key, { default: value }]) => [key, value]));
  if ("language" in state.values) state.values.language = language;
  byId("about-capability").textContent = about;
  byId("run").textContent = verb;
  byId("accepted").textContent = `${limits.formats.join(", ")}, up to ${bytes(limits.bytes)}`;
  showParameters(byId("parameters"), state.capability, state.values, changed);
  clear();
  showPicture();
  showSnippets(byId("snippets"), state, me);
}

// A value was changed by hand. Those of tags act on what is known already; the others want a new call.
function changed(name) {
  if (name === "language") language = state.values.language;
  state.outcome?.onvalue?.(name);
  showSnippets(byId("snippets"), state, me);
}

async function take(blob, name = blob.name) {
  try {
    state.picture = await picture(blob, name);
  } catch {
    clear();
    byId("outcome").hidden = false;
    byId("result").replaceChildren(problem(new Error(`${name ?? "This"} is no picture that this browser can show.`)));
    return;
  }
  clear();
  if (showPicture()) await run();
}

// Whether the service would take it.
function showPicture() {
  const { picture: given, capability } = state;
  byId("empty").hidden = Boolean(given);
  byId("show").hidden = !given;
  byId("run").disabled = !given;
  byId("fit").hidden = true;
  if (!given) return false;
  byId("facts").textContent = `${given.name}  ·  ${given.width} × ${given.height}  ·  ${bytes(given.blob.size)}`;
  byId("show").replaceChildren(still(given));
  const reason = unfit(given, capability.limits);
  if (reason) {
    byId("run").disabled = true;
    offerSmaller(byId("fit"), given, capability.limits, reason, take);
  }
  showSnippets(byId("snippets"), state, me);
  return !reason;
}

// Small pictures are enlarged, but not beyond recognition.
function still({ url, name, width, height }) {
  const frame = el("div", { class: "still" }, el("img", { src: url, alt: `The picture ${name}` }));
  frame.style.setProperty("--ratio", width / height);
  frame.style.setProperty("--most", `${2 * Math.max(width, 160)}px`);
  return frame;
}

function clear() {
  state.running?.abort();
  state.outcome?.end?.();
  state.outcome = null;
  byId("outcome").hidden = true;
  byId("timing").hidden = true;
  byId("zoom").hidden = true;
  busy("");
}

function busy(text) {
  byId("working").hidden = !text;
  byId("working-text").textContent = text;
  byId("stage").setAttribute("aria-busy", String(Boolean(text)));
}

async function run() {
  const { capability, picture: given, values } = state;
  if (!given) return;
  clear();
  showPicture();
  const running = (state.running = new AbortController());
  busy("Working");
  announce("Working");
  try {
    const asked = capability.name === "image-tagging" ? tagsToAskFor(capability, values) : values;
    const answer = await callApi(capability, given, asked, me, running.signal);
    if (running.signal.aborted) return;
    busy("");
    await show(answer);
  } catch (error) {
    if (error.name === "AbortError") return;
    busy("");
    byId("outcome").hidden = false;
    byId("outcome-title").textContent = "That did not work";
    byId("save").replaceChildren();
    byId("result").replaceChildren(problem(error));
  } finally {
    if (state.running === running) state.running = null;
  }
}

async function show(answer) {
  const { capability, picture: given, values } = state;
  byId("outcome").hidden = false;
  byId("outcome-title").textContent = capability.done;
  const stem = given.name.replace(/\.\w+$/, "");
  const began = performance.now();
  if (capability.file) {
    state.outcome = await showEnhanced(answer, given, stem);
  } else {
    const showing = capability.name === "recapture-detect" ? showVerdict : showTags;
    state.outcome = showing(answer.json.result, given, values, byId("result"), byId("show"));
    const text = () => JSON.stringify({ result: state.outcome.shown() }, null, 2);
    byId("save").replaceChildren(
      el("button", { type: "button", onclick: () => save(new Blob([text()], { type: "application/json" }), `${stem}.json`) }, "Save JSON"),
      ...(state.outcome.picture
        ? [el("button", { type: "button", onclick: async () => save(await state.outcome.picture(), `${stem}_tags.png`) }, "Save picture")]
        : []),
    );
  }
  answer.phases.push(["Show", performance.now() - began]);
  showTiming(byId("timing"), answer.phases);
  announce(state.outcome.summary());
}

async function showEnhanced({ blob }, given, stem) {
  const after = await picture(blob, `${stem}_${state.capability.name}`);
  const kind = blob.type.split("/")[1].replace("jpeg", "jpg");
  const grown = after.width / given.width;
  const comparison = new Comparison(byId("show"), byId("zoom"), given, after);
  byId("result").replaceChildren(
    el("p", {}, `${after.width} × ${after.height} pixels, ${bytes(blob.size)}.`),
    el("p", { class: "muted small" }, "Drag the handle over the picture, or move it with the arrow keys. Zoom with the buttons, two fingers, or Ctrl and the wheel."),
  );
  byId("save").replaceChildren(
    el("button", { type: "button", onclick: () => save(blob, `${after.name}.${kind}`) }, "Save picture"),
  );
  return {
    end: () => comparison.end(),
    summary: () => `${state.capability.done}: ${after.width} by ${after.height} pixels${grown > 1 ? `, ${grown} times as wide` : ""}`,
  };
}
