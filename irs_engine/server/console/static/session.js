// Who is signed in, and the form to sign in with.

import { ask, get, setCsrf } from "./api.js";
import { byId, el, problem } from "./dom.js";

// The signed-in user, and whether there is an album to look at; or null where somebody has to sign in first.
export async function whoIsThere() {
  const { signed_in: known, album } = await get("/console/session");
  if (!known) return null;
  const me = await get("/irs/v1/me");
  setCsrf(me.csrf_token);
  return { ...me, album };
}

// Shows the form until somebody signs in.
export function signIn() {
  const section = byId("sign-in");
  const form = byId("sign-in-form");
  const wrong = byId("sign-in-problem");
  section.hidden = false;
  wrong.hidden = true;
  form.elements.account.focus();
  return new Promise((resolve) => {
    form.onsubmit = async (event) => {
      event.preventDefault();
      const { account, user, password } = form.elements;
      try {
        const json = { account: account.value, user: user.value || account.value, password: password.value };
        await ask("POST", "/irs/v1/session", { json });
        password.value = "";
        section.hidden = true;
        resolve(await whoIsThere()); // with the project, which the answer to a password has not
      } catch (error) {
        wrong.replaceChildren(...problem(error).childNodes);
        wrong.hidden = false;
        password.select();
      }
    };
  });
}

export async function signOut() {
  await ask("DELETE", "/irs/v1/session");
  location.reload();
}

export function showWho(me) {
  if (me.by === "nobody") {
    byId("who").replaceChildren("open to everybody on this machine");
    return;
  }
  const name = me.user_name === me.account_name ? me.user_name : `${me.user_name} of ${me.account_name}`;
  byId("who").replaceChildren(el("span", {}, name), el("button", { type: "button", class: "plain", onclick: signOut }, "Sign out"));
}
