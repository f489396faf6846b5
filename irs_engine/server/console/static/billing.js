// Balance, packages and bills; nothing of it is shown where nothing costs anything.

import { ask, get } from "./api.js";
import { announce, el } from "./dom.js";
import { formDialog, serverSwitch, table } from "./table.js";

// null where there are neither prices nor packages.
export async function billingCard(services, may) {
  const packages = await get("/irs/v1/packages");
  const priced = services.some(({ apis }) => apis.some(({ prices }) => prices.length));
  if (!priced && !packages.offers.length && !packages.packages.length) return null;
  const place = el("div", { class: "stack" });
  const card = el("section", { class: "card billing", "aria-labelledby": "billing-title" }, el("h2", { id: "billing-title" }, "Balance, packages, bills"), place);
  const wrong = el("div");

  async function update() {
    const [owned, { balance, in_arrears: arrears, currency, not_billed: pending }, { bills }] = await Promise.all([
      get("/irs/v1/packages"), get("/irs/v1/balance?limit=1"), get("/irs/v1/bills?limit=24"),
    ]);
    const money = (amount) => el("span", { class: "number" }, `${amount} ${currency}`);
    place.replaceChildren(
      arrears ? el("p", { class: "problem" }, "The account is in arrears: only what is left in packages can be used until it is topped up.") : "",
      el("dl", { class: "facts-list" },
        el("div", {}, el("dt", {}, "Balance"), el("dd", {}, money(balance))),
        el("div", {}, el("dt", {}, "Not billed yet"), el("dd", {}, money(pending)))),
      el("h3", {}, "Packages"),
      table("Packages bought", ["Package", "Left", "Expires", "Renewed by itself"], owned.packages.map((one) => [
        one.offer,
        one.valid ? `${(one.calls - one.used).toLocaleString("en")} of ${one.calls.toLocaleString("en")}` : "expired",
        one.expires.slice(0, 10),
        serverSwitch(`Renew ${one.offer} by itself`, one.auto_renew, (renew) => ask("PUT", `/irs/v1/packages/${one.id}`, { json: { auto_renew: renew } }), wrong, !may || !one.valid),
      ]), "None bought."),
      owned.offers.length ? table("On offer", ["On offer", "API", "Calls", "Months", "Price", ""], owned.offers.map((offer) => [
        offer.name, offer.api, offer.calls.toLocaleString("en"), String(offer.months), money(offer.price),
        el("button", { type: "button", disabled: !may, "aria-label": `Buy ${offer.name}`, onclick: () => buy(offer, currency) }, "Buy"),
      ])) : "",
      wrong,
      el("h3", {}, "Bills"),
      table("Bills", ["Hour", "Calls", "Amount"], bills.map((bill) => [
        bill.from.slice(0, 16).replace("T", " "), bill.lines.map(({ api, calls }) => `${api} × ${calls.toLocaleString("en")}`).join(", "), money(bill.amount),
      ]), "None yet: they come every hour."));
  }

  function buy(offer, currency) {
    const text = el("p", {}, `${offer.calls.toLocaleString("en")} calls for ${offer.months} months cost ${offer.price} ${currency}, paid in full from the balance now.`);
    formDialog(`Buy ${offer.name}?`, [text], "Buy", async () => {
      await ask("POST", "/irs/v1/packages", { json: { offer: offer.name } });
      announce(`${offer.name} bought`);
      await update();
    });
  }
  await update();
  return card;
}
