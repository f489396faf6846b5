// Users of the account and the groups that say what they may do, for administrators.

import { ask, get } from "./api.js";
import { announce, el } from "./dom.js";
import { day, formDialog, serverSwitch, table, textField } from "./table.js";

const PERMISSIONS = { Administrator: "everything", "Tenant Guest": "call the services", "OBS Buckets Viewer": "pictures in OBS" };
const path = (...parts) => ["/irs/v1", ...parts.map(encodeURIComponent)].join("/");

export async function usersCards() {
  const [usersPlace, groupsPlace, usersWrong, groupsWrong] = [el("div"), el("div"), el("div"), el("div")];
  let users = [];
  let groups = [];

  async function update() {
    [{ users }, { groups }] = await Promise.all([get(path("users")), get(path("groups"))]);
    usersPlace.replaceChildren(table("Users", ["User", "Groups", "Created", "Enabled", ""], users.map(userRow)));
    groupsPlace.replaceChildren(table("Groups", ["Group", "Members", ...Object.keys(PERMISSIONS), ""], groups.map(groupRow), "No group yet. A user may do what the groups it is in may do."));
  }

  const userRow = (user) => [
    el("strong", {}, user.name),
    user.owner ? "the account itself" : groups.filter((group) => group.members.includes(user.id)).map(({ name }) => name).join(", ") || "none",
    day(user.created),
    serverSwitch(`User ${user.name} may sign in`, user.enabled, (enabled) => ask("PATCH", path("users", user.id), { json: { enabled } }), usersWrong, user.owner),
    el("div", { class: "buttons" },
      user.owner || !groups.length ? null : el("button", { type: "button", "aria-label": `Groups of ${user.name}`, onclick: () => chooseGroups(user) }, "Groups"),
      el("button", { type: "button", "aria-label": `New password for ${user.name}`, onclick: () => newPassword(user) }, "Password")),
  ];

  const groupRow = (group) => [
    el("strong", {}, group.name),
    String(group.members.length),
    ...Object.keys(PERMISSIONS).map((name) =>
      serverSwitch(`${group.name}: ${name}`, group.permissions.includes(name), (on) => ask(on ? "PUT" : "DELETE", path("groups", group.id, "permissions", name)), groupsWrong)),
    el("button", { type: "button", class: "danger", "aria-label": `Delete group ${group.name}`, onclick: () => removeGroup(group) }, "Delete"),
  ];

  const groupBoxes = (members) =>
    groups.length
      ? el("fieldset", { class: "boxes-list" }, el("legend", { class: "small" }, "Groups"),
          groups.map((group) => el("label", {}, el("input", { type: "checkbox", name: "group", value: group.name, checked: members(group) }), group.name)))
      : el("p", { class: "muted small" }, "Without a group a user may do nothing yet.");

  function addUser() {
    const fields = [textField("Name", "name", { autocomplete: "off" }), textField("Password", "password", { type: "password", autocomplete: "new-password" }), groupBoxes(() => false)];
    formDialog("A new user", fields, "Create", async (values) => {
      const json = { name: values.get("name"), password: values.get("password"), groups: values.getAll("group") };
      await ask("POST", path("users"), { json });
      announce(`User ${json.name} created`);
      await update();
    });
  }

  function chooseGroups(user) {
    formDialog(`Groups of ${user.name}`, [groupBoxes((group) => group.members.includes(user.id))], "Save", async (values) => {
      const wanted = new Set(values.getAll("group"));
      for (const group of groups) {
        const [is, should] = [group.members.includes(user.id), wanted.has(group.name)];
        if (is !== should) await ask(should ? "PUT" : "DELETE", path("groups", group.id, "members", user.id));
      }
      await update();
    });
  }

  function newPassword(user) {
    formDialog(`New password for ${user.name}`, [textField("Password", "password", { type: "password", autocomplete: "new-password" })], "Set", async (values) => {
      await ask("PATCH", path("users", user.id), { json: { password: values.get("password") } });
      announce("Password set");
    });
  }

  function addGroup() {
    formDialog("A new group", [textField("Name", "name", { autocomplete: "off" })], "Create", async (values) => {
      await ask("POST", path("groups"), { json: { name: values.get("name") } });
      await update();
    });
  }

  function removeGroup(group) {
    const sure = el("p", {}, `Its ${group.members.length} members lose what it permits.`);
    formDialog(`Delete the group ${group.name}?`, [sure], "Delete", async () => {
      await ask("DELETE", path("groups", group.id));
      await update();
    }, { danger: true });
  }

  await update();
  const card = (id, title, button, act, ...rest) =>
    el("section", { class: "card", "aria-labelledby": id },
      el("div", { class: "card-head" }, el("h2", { id }, title), el("button", { type: "button", onclick: act }, button)), ...rest);
  return [
    card("users-title", "Users", "Create a user", addUser, usersPlace, usersWrong),
    card("groups-title", "Groups", "Create a group", addGroup, groupsPlace, groupsWrong),
  ];
}
