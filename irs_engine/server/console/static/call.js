// One call of an API on pictures, with the time of each of its phases.

import { refuse, send } from "./api.js";
import { toBase64 } from "./picture.js";

export const pathOf = (capability, me) => capability.path.replace("{project_id}", me.project_id ?? "");

// {json | blob, phases: [[name, ms], ...]}
export async function callApi(capability, { blob, name }, values, me, signal) {
  const began = performance.now();
  const body = capability.file ? { form: asForm(blob, name, values) } : { json: { image: await toBase64(blob), ...values } };
  const ready = performance.now();
  const response = await send("POST", pathOf(capability, me), { ...body, signal });
  const answered = performance.now();
  await refuse(response);
  const found = capability.file ? { blob: await response.blob() } : { json: await response.json() };
  const done = performance.now();

  const server = serverTiming(response.headers.get("Server-Timing"));
  const spent = Object.values(server).reduce((sum, time) => sum + time, 0);
  const { work = 0, receive = 0 } = server;
  const phases = [["Read", ready - began], ["Send", Math.max(0, answered - ready - spent) + receive + done - answered]];
  phases.push(["Look", work], ["Service", Math.max(0, spent - work - receive)]);
  return { ...found, phases };
}

function asForm(blob, name, values) {
  const form = new FormData();
  for (const [key, value] of Object.entries(values)) form.append(key, String(value));
  form.append("file", blob, name);
  return form;
}

// "identify;dur=0.3, work;dur=41" as {identify: 0.3, work: 41}
function serverTiming(header) {
  const parts = (header ?? "").matchAll(/([\w-]+);dur=([\d.]+)/g);
  return Object.fromEntries([...parts].map(([, name, time]) => [name, Number(time)]));
}
