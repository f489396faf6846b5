// The frame of the console: who is there, and which area is shown.

import { byId, problem } from "./dom.js";
import { describe } from "./description.js";
import { showWho, signIn, whoIsThere } from "./session.js";
import * as access from "./access.js";
import * as album from "./album.js";
import * as health from "./health.js";
import * as services from "./services.js";
import * as statistics from "./statistics.js";
import * as trying from "./try.js";

const AREAS = { try: trying, album, services, statistics, access, health };
let me = null;
let shown = "";

async function start() {
  me = (await whoIsThere()) ?? (await signIn());
  showWho(me);
  byId("areas").hidden = false;
  byId("album-link").hidden = !me.album;
  const { version } = await describe();
  byId("version").textContent = `irs_engine ${version}`;
  await trying.start(me);
  addEventListener("hashchange", () => show(true));
  await show(false);
}

// The area that the address names; its heading gets the focus after a choice of somebody.
async function show(chosen) {
  const asked = location.hash.slice(1);
  const area = AREAS[asked] && (asked !== "album" || me.album) ? asked : "try";
  if (area === shown) return;
  if (shown) AREAS[shown].leave?.();
  shown = area;
  for (const name of Object.keys(AREAS)) byId(name).hidden = name !== area;
  for (const link of document.querySelectorAll("#areas a")) {
    if (link.hash === `#${area}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = byId(`${area}-title`);
  document.title = `${heading.textContent} · irs_engine`;
  if (chosen) heading.focus();
  const { enter } = AREAS[area];
  if (!enter) return;
  const content = byId(area).querySelector(".content");
  content.inert = true; // what stands there from the last visit is about to be replaced: nothing of it is to be used
  try {
    await enter(content, me);
  } catch (error) {
    content.replaceChildren(problem(error));
  }
  content.inert = false;
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});

// A session that ended (after a night, or because the password was changed) starts again with the form.
document.addEventListener("signed-out", async () => {
  if (!me) return;
  const before = me;
  me = null; // what is asked here may be refused too
  if (await whoIsThere()) me = before; // it was a password in a form that was wrong
  else location.reload();
});

start().catch((error) => byId("main").prepend(problem(error)));
