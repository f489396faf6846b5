// What /metrics says of the calls since the server started.

import { el, ms } from "./dom.js";
import { send } from "./api.js";
import { table } from "./table.js";

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)$/;

// [{name, labels, value}]
export async function readMetrics() {
  const text = await (await send("GET", "/metrics")).text();
  return text.split("\n").filter((line) => line && !line.startsWith("#")).map((line) => {
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    return { name, labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, found]) => [key, found])), value: Number(value) };
  });
}

export function sinceStart(samples) {
  const calls = samples.filter(({ name }) => name === "irs_calls_total");
  const apis = [...new Set(calls.map(({ labels }) => labels.api))];
  const rows = apis.map((api) => {
    const own = calls.filter(({ labels }) => labels.api === api);
    const ok = own.find(({ labels }) => labels.outcome === "ok")?.value ?? 0;
    const others = own.filter(({ labels }) => labels.outcome !== "ok").map(({ labels, value }) => `${labels.outcome} × ${value}`);
    const time = (part) => el("span", { class: "number" }, within(samples, api, part));
    return [el("code", {}, api), el("span", { class: "number" }, ok.toLocaleString("en")), others.join(", ") || "none", time(0.5), time(0.95), time(0.99)];
  });
  return table("Since the server started", ["API", "Successful", "Others, by code", "Half within", "95 % within", "99 % within"], rows, "No calls yet.");
}

// The time within which a part of the calls was answered, as exactly as the histogram knows.
function within(samples, api, part) {
  const buckets = samples.filter(({ name, labels }) => name === "irs_call_seconds_bucket" && labels.api === api);
  const all = Math.max(...buckets.map(({ value }) => value));
  if (!(all > 0)) return "–";
  let [low, before] = [0, 0];
  for (const { labels, value } of buckets) {
    const high = Number(labels.le.replace("+Inf", "Infinity"));
    if (value >= part * all) return high === Infinity ? `over ${ms(1000 * low)}` : `≈ ${ms(1000 * (low + ((high - low) * (part * all - before)) / (value - before)))}`;
    [low, before] = [high, value];
  }
  return "–";
}
