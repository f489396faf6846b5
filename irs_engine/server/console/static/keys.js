// Access keys: a list, and new ones whose secret is shown once.

import { ask, get } from "./api.js";
import { announce, copyButton, dialog, el, problem } from "./dom.js";
import { day, formDialog, serverSwitch, table } from "./table.js";

// Tells `made(key)` of each new one, while its secret is known.
export async function keysCard(me, made) {
  const place = el("div");
  const wrong = el("div");
  const add = el("button", { type: "button", onclick: create }, "Create a key");

  async function create() {
    wrong.replaceChildren();
    try {
      const { key } = await ask("POST", "/irs/v1/keys", { json: {} });
      made(key);
      showSecret(key);
      await update();
    } catch (error) {
      wrong.replaceChildren(problem(error)); // such as: there are as many as a user may have
    }
  }

  async function update() {
    const { keys } = await get("/irs/v1/keys");
    const rows = keys.map((key) => [
      el("code", {}, key.ak),
      key.user_name,
      day(key.created),
      serverSwitch(`Key ${key.ak} may be used`, key.enabled, (enabled) => ask("PATCH", `/irs/v1/keys/${key.ak}`, { json: { enabled } }), wrong),
      el("button", { type: "button", class: "danger", "aria-label": `Delete key ${key.ak}`, onclick: () => remove(key) }, "Delete"),
    ]);
    place.replaceChildren(table("Access keys", ["Access key", "User", "Created", "Enabled", ""], rows, "No key yet: create one for the SDKs."));
    return keys;
  }

  function remove(key) {
    const sure = el("p", {}, "Programs that sign with ", el("code", {}, key.ak), " are refused from now on, and your tokens end.");
    formDialog("Delete this key?", [sure], "Delete", async () => {
      await ask("DELETE", `/irs/v1/keys/${key.ak}`);
      announce("Key deleted");
      await update();
    }, { danger: true });
  }

  const keys = await update();
  const newest = keys.filter((key) => key.enabled && key.user_id === me.user_id).sort((a, b) => b.created - a.created)[0];
  if (newest) made(newest);
  return el("section", { class: "card", "aria-labelledby": "keys-title" },
    el("div", { class: "card-head" }, el("h2", { id: "keys-title" }, "Access keys"), add), place, wrong);
}

function showSecret({ ak, sk }) {
  const line = (label, value) => el("div", { class: "secret" }, el("span", { class: "muted small" }, label), el("code", {}, value), copyButton(value, label));
  dialog("A new access key", (close) => [
    line("Access key", ak),
    line("Secret key", sk),
    el("p", { class: "notice" }, "The secret is shown this once. Copy it now, or the lines under Environment, which have it until this area is left: it cannot be shown again, only replaced."),
    el("div", { class: "buttons" }, el("button", { type: "button", class: "primary", onclick: close }, "Done")),
  ]);
}
