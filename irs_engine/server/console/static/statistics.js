// The area "Statistics": calls per minute and per month, and how the server has done since it started.

import { get } from "./api.js";
import { BarChart, legend } from "./chart.js";
import { describe } from "./description.js";
import { chips, el, problem } from "./dom.js";
import { readMetrics, sinceStart } from "./prometheus.js";
import { table } from "./table.js";

const MINUTE = 60;
const SPANS = { hour: ["Hour", 60 * MINUTE, MINUTE], day: ["Day", 24 * 60 * MINUTE, 20 * MINUTE], week: ["Week", 7 * 24 * 60 * MINUTE, 240 * MINUTE] };
const SERIES = [["successful", "ok", "successful_call_times_of_service"], ["failed", "failed", "failed_call_times_of_service"]];
const EVERY = 10_000; // ms between looks at the last hour

let span = "hour";
let api = "";
let timer = 0;

export function leave() {
  clearInterval(timer);
}

export async function enter(place) {
  leave();
  const { apis } = await describe();
  const [minutes, months] = [new BarChart("Calls"), new BarChart("Calls of each month")];
  const wrong = el("div");
  const chosenMonth = el("div");
  const server = el("div");
  const select = el("select", { "aria-label": "API", onchange: ({ target }) => ((api = target.value), update()) },
    el("option", { value: "" }, "All APIs"), apis.map(({ name, title }) => el("option", { value: name, selected: name === api }, title)));
  const names = Object.entries(SPANS).map(([key, [name]]) => [key, name]);
  const kinds = SERIES.map(([name, kind]) => ({ name, kind }));

  place.replaceChildren(
    el("div", { class: "stack-cards" },
      el("section", { class: "card", "aria-labelledby": "minutes-title" },
        el("div", { class: "card-head" }, el("h2", { id: "minutes-title" }, "Calls"),
          el("div", { class: "filters" }, select, chips("Time", names, span, (value) => ((span = value), update()), { tight: true }))),
        legend(kinds), minutes.node, wrong),
      el("section", { class: "card", "aria-labelledby": "months-title" },
        el("div", { class: "card-head" }, el("h2", { id: "months-title" }, "Months")), legend(kinds), months.node, chosenMonth),
      el("section", { class: "card", "aria-labelledby": "server-title" }, el("h2", { id: "server-title" }, "Since the server started"),
        el("p", { class: "muted small" }, "Calls of all accounts, from ", el("a", { href: "/metrics" }, "the numbers for Prometheus"), "."), server)));

  async function update() {
    try {
      await showSpan(minutes);
      server.replaceChildren(sinceStart(await readMetrics()));
      wrong.replaceChildren();
    } catch (error) {
      wrong.replaceChildren(problem(error));
    }
  }
  await Promise.all([update(), showMonths(months, chosenMonth, apis)]);
  timer = setInterval(() => document.hidden || update(), EVERY);
}

async function showSpan(chart) {
  const [, seconds, period] = SPANS[span];
  const to = Date.now();
  const query = new URLSearchParams({ from: to - 1000 * (seconds - period), to: to + 1, period });
  if (api) query.set("api", api);
  const found = await get(`/irs/v1/metrics?${query}`);
  const count = Math.round((found.to - found.from) / 1000 / found.period);
  const series = SERIES.map(([name, kind, metric]) => ({ name, kind, values: sumOf(found.series.filter(({ metric_name }) => metric_name === metric), count) }));
  const time = (index, options) => new Date(found.from + 1000 * found.period * index).toLocaleString("en-GB", options);
  const clock = { hour: "2-digit", minute: "2-digit" };
  const date = { weekday: "short", day: "numeric", month: "short" };
  const unit = found.period === MINUTE ? "minute" : found.period < 3600 ? `${found.period / 60} minutes` : `${found.period / 3600} hours`;
  chart.show({
    series,
    axis: (index) => time(index, span === "week" ? date : clock),
    labels: (index) => time(index, span === "hour" ? clock : { ...date, ...clock }),
    summary: `${total(series[0]).toLocaleString("en")} successful, ${total(series[1]).toLocaleString("en")} failed; each bar is ${/^\d/.test(unit) ? unit : `a ${unit}`}.`,
  });
}

const total = ({ values }) => values.reduce((sum, value) => sum + value, 0);
const sumOf = (rows, count) => Array.from({ length: count }, (_, index) => rows.reduce((sum, { values }) => sum + values[index], 0));

async function showMonths(chart, place, apis) {
  const now = new Date();
  const months = Array.from({ length: 12 }, (_, back) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 11 + back, 1)).toISOString().slice(0, 7));
  const usages = await Promise.all(months.map((month) => get(`/irs/v1/usage?month=${month}`)));
  const series = SERIES.map(([name, kind]) => ({ name, kind, values: usages.map(({ apis: rows }) => rows.reduce((sum, row) => sum + row[name], 0)) }));
  const name = (month, length) => new Date(`${month}-01T00:00Z`).toLocaleString("en", { month: length, year: length === "long" ? "numeric" : undefined, timeZone: "UTC" });
  chart.show({
    series,
    axis: (index) => name(months[index], "short"),
    labels: (index) => name(months[index], "long"),
    summary: `${total(series[0]).toLocaleString("en")} successful, ${total(series[1]).toLocaleString("en")} failed in twelve months.`,
  });

  const titles = Object.fromEntries(apis.map((one) => [one.name, one.title]));
  const rows = el("div");
  const csv = el("a", { class: "button" }, "CSV");
  const select = el("select", { "aria-label": "Month", onchange: ({ target }) => show(Number(target.value)) },
    months.map((month, index) => el("option", { value: index, selected: index === 11 }, name(month, "long"))).reverse());
  function show(index) {
    const { apis: found, currency } = usages[index];
    csv.href = `/irs/v1/usage?month=${months[index]}&format=csv`;
    csv.download = `irs-usage-${months[index]}.csv`;
    csv.setAttribute("aria-label", `Usage of ${name(months[index], "long")} as CSV`);
    const number = (value) => el("span", { class: "number" }, value.toLocaleString("en"));
    rows.replaceChildren(table("Calls of the month", ["API", "Successful", "Failed", "Free", "Of packages", "Paid", "Amount"],
      found.map((row) => [titles[row.api] ?? row.api, ...["successful", "failed", "free", "packaged", "paid"].map((key) => number(row[key])), `${row.amount} ${currency}`]),
      "No calls in this month."));
  }
  place.replaceChildren(el("div", { class: "card-head month-head" }, select, csv), rows);
  show(11);
}
