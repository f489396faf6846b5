// The area "Access": who one is, the lines that repoint a program, keys, tokens, users.

import { ask, get, send, refuse } from "./api.js";
import { copyButton, el } from "./dom.js";
import { keysCard } from "./keys.js";
import { STAY, day, formDialog, serverSwitch, table, textField } from "./table.js";
import { usersCards } from "./users.js";

const ADMINISTRATOR = "Administrator";

export async function enter(place, me) {
  const lines = environment(me);
  const { tls_port: tls } = await get("/irs/v1/about");
  const cards = [whoCard(me), lines.card, await keysCard(me, lines.show)];
  if (tls !== null) cards.push(certificateCard(tls));
  if (me.permissions.includes(ADMINISTRATOR)) cards.push(...(await usersCards()));
  if (me.operator) cards.push(await accountsCard());
  place.replaceChildren(el("div", { class: "stack-cards" }, cards));
}

function whoCard(me) {
  const line = (name, value, copied) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, copied ? el("code", {}, value) : value), copied ? copyButton(value, name) : null);
  const buttons = me.by === "nobody" ? [] : [
    el("button", { type: "button", onclick: () => getToken(me) }, "Get a token"),
    el("button", { type: "button", onclick: changePassword }, "Change password"),
  ];
  return el("section", { class: "card", "aria-labelledby": "me-title" },
    el("div", { class: "card-head" }, el("h2", { id: "me-title" }, "You"), el("div", { class: "buttons" }, buttons)),
    el("dl", { class: "facts-list" },
      line("Account", me.account_name),
      line("Account id", me.account_id, true),
      line("User", me.user_name),
      line("Project", me.project_name ?? "none"),
      me.project_id ? line("Project id", me.project_id, true) : null,
      line("May", me.permissions.join(", ") || "nothing yet: ask an administrator for a group")));
}

// The lines with which programs for the cloud find this server instead, unchanged.
function environment(me) {
  const region = me.project_name ?? "ap-southeast-1";
  const name = `HUAWEICLOUD_SDK_REGION_IMAGE_${region.toUpperCase().replaceAll("-", "_")}`;
  const code = el("code");
  const show = ({ ak, sk }) => {
    code.textContent = [
      `export ${name}=${location.origin}`,
      `export HUAWEICLOUD_SDK_IAM_ENDPOINT=${location.origin}`,
      `export HUAWEICLOUD_SDK_AK=${ak}`,
      `export HUAWEICLOUD_SDK_SK=${sk ?? "(the secret of this key)"}`,
    ].join("\n");
  };
  show({ ak: "(an access key)" });
  const card = el("section", { class: "card", "aria-labelledby": "lines-title" },
    el("div", { class: "card-head" }, el("h2", { id: "lines-title" }, "Environment"), copyButton(() => code.textContent, "lines")),
    el("p", { class: "muted small" }, "With these lines in its environment a program that uses the cloud's SDK calls this server, without a change. ",
      el("code", {}, "irs-engine env"), " prints them too."),
    el("pre", { tabindex: 0, "aria-label": "Lines for the environment" }, code));
  return { card, show };
}

function certificateCard(port) {
  return el("section", { class: "card", "aria-labelledby": "tls-title" },
    el("div", { class: "card-head" }, el("h2", { id: "tls-title" }, "https"), el("a", { class: "button", href: "/irs/v1/ca.pem", download: "irs-engine-ca.pem" }, "Certificate to trust")),
    el("p", { class: "muted small" }, port ? `https is served on port ${port}. ` : "https is served too. ",
      "The server vouches for itself: programs that check certificates are given this file, Python's by ", el("code", {}, "SSL_CERT_FILE"), "."));
}

function changePassword() {
  const fields = [
    textField("Password now", "password", { type: "password", autocomplete: "current-password" }),
    textField("New password", "new_password", { type: "password", autocomplete: "new-password" }),
    el("p", { class: "muted small" }, "All your tokens and sessions end, this one too."),
  ];
  formDialog("Change password", fields, "Change", async (values) => {
    await ask("PUT", "/irs/v1/me/password", { json: Object.fromEntries(values) });
    location.reload();
  });
}

function getToken(me) {
  const result = el("div", { class: "stack" });
  const fields = [
    el("p", { class: "muted small" }, `For the project ${me.project_name}, valid for 24 hours.`),
    textField("Your password", "password", { type: "password", autocomplete: "current-password" }),
    result,
  ];
  const box = formDialog("Get a token", fields, "Get a token", async (values) => {
    const user = { name: me.user_name, password: values.get("password"), domain: { name: me.account_name } };
    const json = { auth: { identity: { methods: ["password"], password: { user } }, scope: { project: { id: me.project_id } } } };
    const response = await send("POST", "/v3/auth/tokens?nocatalog=true", { json });
    await refuse(response);
    const token = response.headers.get("X-Subject-Token");
    const shown = el("div", { class: "secret" }, el("span", { class: "muted small" }, "X-Auth-Token"), el("code", {}, token), copyButton(`export TOKEN=${token}`, "the token as a line for the shell"));
    box.querySelector("form").replaceChildren(shown,
      el("div", { class: "buttons" }, el("button", { type: "button", class: "primary", onclick: () => box.close() }, "Done")));
    return STAY;
  });
}

async function accountsCard() {
  const [place, wrong] = [el("div"), el("div")];
  async function update() {
    const { accounts } = await get("/irs/v1/accounts");
    const rows = accounts.map((account) => [
      el("strong", {}, account.name),
      el("code", {}, account.id),
      day(account.created),
      serverSwitch(`Account ${account.name} is frozen`, account.frozen, (frozen) => ask("PATCH", `/irs/v1/accounts/${account.id}`, { json: { frozen } }), wrong, account.operator),
    ]);
    place.replaceChildren(table("Accounts", ["Account", "Id", "Created", "Frozen"], rows));
  }
  const add = () =>
    formDialog("A new account", [textField("Name", "name", { autocomplete: "off" }), textField("Password", "password", { type: "password", autocomplete: "new-password" })], "Create", async (values) => {
      await ask("POST", "/irs/v1/accounts", { json: Object.fromEntries(values) });
      await update();
    });
  await update();
  return el("section", { class: "card", "aria-labelledby": "accounts-title" },
    el("div", { class: "card-head" }, el("h2", { id: "accounts-title" }, "Accounts of this server"), el("button", { type: "button", onclick: add }, "Create an account")), place, wrong);
}
