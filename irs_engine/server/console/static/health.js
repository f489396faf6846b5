// The area "Health": whether calls can be answered, what is installed, and a test of every capability.

import { get, send } from "./api.js";
import { callApi } from "./call.js";
import { describe } from "./description.js";
import { announce, bytes, el, ms, problem } from "./dom.js";
import { picture } from "./picture.js";
import { samplePicture } from "./samples.js";
import { table } from "./table.js";

export async function enter(place, me) {
  const response = await send("GET", "/readyz");
  const [ready, about] = [await response.json(), await get("/irs/v1/about")];
  place.replaceChildren(el("div", { class: "stack-cards" }, stateCard(ready, about), testCard(me), aboutCard(about), modelsCard(about)));
}

function stateCard({ status, problem: reason }, { load }) {
  const good = status === "ready";
  const rows = Object.entries(load.apis ?? {}).map(([api, gate]) => [el("code", {}, api), String(gate.in_flight), String(gate.waiting)]);
  return el("section", { class: "card", "aria-labelledby": "state-title" },
    el("h2", { id: "state-title", class: "quiet" }, "State"),
    el("p", { class: `verdict ${good ? "original" : "recaptured"}` }, el("strong", {}, good ? "Ready" : "Not ready"), el("span", {}, good ? "The models are loaded and the database answers." : reason)),
    rows.length ? table("Now at work", ["API", "Worked on now", "Waiting"], rows) : null);
}

function testCard(me) {
  const place = el("div", { role: "status" });
  const button = el("button", { type: "button", class: "primary", onclick: run }, "Test everything");
  async function run() {
    button.disabled = true;
    const { capabilities } = await describe();
    const rows = [];
    let failed = 0;
    for (const capability of capabilities) {
      place.replaceChildren(el("p", { class: "muted" }, `${capability.title} …`));
      const [text, time, good] = await test(capability, me);
      failed += good ? 0 : 1;
      rows.push([el("strong", {}, capability.title), text, time]);
    }
    place.replaceChildren(table("Results of the test", ["Capability", "Result", "Time"], rows));
    announce(failed ? `${failed} of ${rows.length} failed` : "Everything works");
    button.disabled = false;
  }
  return el("section", { class: "card", "aria-labelledby": "test-title" },
    el("div", { class: "card-head" }, el("h2", { id: "test-title" }, "Self-test"), button),
    el("p", { class: "muted small" }, "One call of each capability with its sample picture. They are counted like all calls."), place);
}

async function test(capability, me) {
  try {
    const file = await samplePicture(capability.name);
    const values = Object.fromEntries(Object.entries(capability.parameters).map(([key, { default: value }]) => [key, value]));
    const began = performance.now();
    const answer = await callApi(capability, await picture(file, file.name), values, me);
    const time = el("span", { class: "number" }, ms(performance.now() - began));
    if (answer.blob) await picture(answer.blob); // it can be decoded
    return [el("span", { class: "state on" }, "Works"), time, true];
  } catch (error) {
    return [problem(error), "", false];
  }
}

function aboutCard(about) {
  const facts = {
    Device: `${about.device}, ${about.threads} ${about.threads === 1 ? "thread" : "threads"}, precision ${about.precision}`,
    Machine: about.machine,
    Region: about.region,
    Authentication: about.auth === "on" ? "on" : "off: for everybody on this machine",
    Database: about.database,
    "Pictures by URL": about.downloads ? "allowed" : "off",
    Disk: `${bytes(about.disk.free)} free of ${bytes(about.disk.total)}`,
    Versions: Object.entries(about.versions).filter(([, found]) => found).map(([name, found]) => `${name} ${found}`).join(", "),
  };
  return el("section", { class: "card", "aria-labelledby": "about-title" }, el("h2", { id: "about-title" }, "This server"),
    el("dl", { class: "facts-list" }, Object.entries(facts).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))));
}

function modelsCard({ apis }) {
  const models = new Map(apis.flatMap((api) => api.models.map((model) => [model.name, { ...model, title: api.title }])));
  const rows = [...models.values()].map(({ name, title, architecture, license, bytes: size, installed }) => [
    el("code", {}, name), title.replace(" (V1)", ""), architecture ?? "", bytes(size), license ?? "", installed ? "installed" : el("strong", {}, "missing"),
  ]);
  return el("section", { class: "card", "aria-labelledby": "models-title" }, el("h2", { id: "models-title" }, "Models"),
    table("Models", ["Name", "For", "Network", "Size", "Licence", ""], rows));
}
