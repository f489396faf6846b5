// The area "Services": what is subscribed, what answers it, what is left of the month.

import { ask, get } from "./api.js";
import { billingCard } from "./billing.js";
import { announce, bytes, el } from "./dom.js";
import { serverSwitch } from "./table.js";

export async function enter(place, me) {
  const [{ services, currency, obs_authorised: obs }, about] = await Promise.all([get("/irs/v1/services"), get("/irs/v1/about")]);
  const may = me.permissions.includes("Administrator");
  const billing = await billingCard(services, may);
  place.replaceChildren(
    may ? "" : el("p", { class: "notice" }, "Only administrators of the account can change what is subscribed."),
    el("div", { class: "service-cards" }, services.map((service) => serviceCard(service, currency, about, may)), obsCard(obs, may)),
    billing ?? "",
  );
}

function serviceCard(service, currency, about, may) {
  const installed = about.apis.filter(({ service: of }) => of === service.name);
  const title = service.apis[0].title;
  const id = `service-${service.name}`;
  const wrong = el("div");
  const state = el("p", { class: "state" });
  const works = installed.some((api) => api.installed);
  const show = (on) => {
    state.textContent = on ? "Subscribed" : "Not subscribed";
    state.className = `state ${on ? "on" : "off"}`;
  };
  show(service.subscribed);
  const change = async (on) => {
    await ask("POST", `/irs/v1/services/${service.name}/${on ? "subscribe" : "unsubscribe"}`, { json: {} });
    show(on);
    announce(`${title}: ${on ? "subscribed" : "not subscribed any more"}`);
  };
  const models = installed.flatMap((api) => api.models).filter((model, index, all) => all.findIndex(({ name }) => name === model.name) === index);
  return el("section", { class: "card service", "aria-labelledby": id },
    el("div", { class: "card-head" }, el("h2", { id }, title), serverSwitch(`Subscribe to ${title}`, service.subscribed, change, wrong, !may)),
    el("div", { class: "states" }, state, works ? null : el("p", { class: "state off" }, "Not installed here")),
    works ? null : el("p", { class: "small" }, installed[0].problem),
    wrong,
    el("dl", { class: "facts-list" }, service.apis.map((api) => apiFacts(api, service.apis.length > 1, currency)), works ? fact("At once", installed[0].at_once === 1 ? "one call" : `${installed[0].at_once} calls`) : null),
    models.length ? modelList(models) : null);
}

const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", { class: "number" }, value));

function apiFacts(api, several, currency) {
  const calls = `${api.successful_this_month.toLocaleString("en")} ${api.successful_this_month === 1 ? "call" : "calls"}`;
  const rows = [fact(several ? `${api.title}, this month` : "This month", calls)];
  if (api.free_calls_left !== null) rows.push(fact("Free calls left", `${api.free_calls_left.toLocaleString("en")} of ${api.monthly_free_calls.toLocaleString("en")}`));
  if (api.package_calls_left) rows.push(fact("Left in packages", api.package_calls_left.toLocaleString("en")));
  for (const { above, per_thousand: price } of api.prices) rows.push(fact(above ? `1,000 calls, above ${above.toLocaleString("en")}` : "1,000 calls", `${price} ${currency}`));
  return rows;
}

function modelList(models) {
  return el("details", { class: "models" },
    el("summary", {}, models.length === 1 ? "Its model" : `Its ${models.length} models`),
    el("ul", { class: "small" }, models.map(({ name, architecture, license, bytes: size, installed }) =>
      el("li", {}, el("code", {}, name), ` ${[architecture, bytes(size), license].filter(Boolean).join(", ")}`, installed ? "" : el("strong", {}, " missing")))));
}

function obsCard(on, may) {
  const wrong = el("div");
  const change = (authorised) => ask("PUT", "/irs/v1/obs-authorisation", { json: { authorised } });
  return el("section", { class: "card service", "aria-labelledby": "obs-title" },
    el("div", { class: "card-head" }, el("h2", { id: "obs-title" }, "OBS authorisation"), serverSwitch("The services may read private objects", on, change, wrong, !may)),
    el("p", { class: "muted small" }, "With it the services read private objects of the account's buckets, which are folders of this machine. Public ones and those with a signed address are read without."),
    wrong);
}
