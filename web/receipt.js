// What was checked of a story: a row a claim, and no total.
import { el, json } from "./common.js";

const OUTCOMES = { pass: "Passed", fail: "Failed", not_checked: "Not checked" };

/** The panel of a story's receipt, which is fetched once somebody wants to see it. */
export function receiptPanel(base) {
  const found = el("div", { role: "status" }), show = el("button", { onclick: async () => {
    show.disabled = true;
    found.replaceChildren(el("p.note", {}, "The story is being checked. The first time that takes some seconds …"));
    try { found.replaceChildren(...rows(await receipt(base))); show.hidden = true; } catch (error) { found.replaceChildren(el("p.bad", {}, error.message)); }
    show.disabled = false;
  } }, "Show what was checked");
  return el("section.card.panel.wide", { "aria-label": "What was checked" }, el("h2", {}, "What was checked"), el("p", {}, "Measured on the finished story, by programs that had no part in making it where that can be."), show, found);
}

/** The receipt; asked for again while it is being made, for two minutes. */
async function receipt(base) {
  for (let tries = 0; ; tries++) {
    try { return await json("GET", `${base}/receipt`); } catch (error) {
      if (error.code !== "receipt_being_made" || tries > 30) throw error;
      await new Promise((resolve) => setTimeout(resolve, 4000));
    }
  }
}

function rows({ claims, signature }) {
  const order = ["fail", "pass", "not_checked"];
  const sorted = [...claims].sort((one, other) => order.indexOf(one.outcome) - order.indexOf(other.outcome));
  return [
    el(".claims", {}, sorted.map((one) => el("details", {}, el("summary", {}, el("span", {}, el(`strong.${one.outcome}`, {}, `${OUTCOMES[one.outcome]}: `), one.title)), el("p.note", {}, told(one))))),
    el("p.note", {}, signature ? `Signed with the key ${signature.keyId}.` : "It is not signed."),
  ];
}

function told({ value, unit, atLeast, atMost, reason, evaluator, version, independent, error }) {
  const shown = (number) => (unit === "share" ? `${Math.round(number * 1000) / 10} %` : `${number}`);
  const bounds = [atLeast === null ? null : `at least ${shown(atLeast)}`, atMost === null ? null : `at most ${shown(atMost)}`].filter(Boolean).join(", ");
  const measured = value === null ? "" : `${shown(value)}${unit === "share" ? "" : ` ${unit}`}${bounds ? ` (${bounds})` : ""}. `;
  const tried = error?.defects ? ` It found ${error.found} of ${error.defects} known defects, and claimed ${error.falseAlarms} in ${error.sound} stories as they were.` : "";
  return `${measured}${reason} ${independent ? "Measured" : "Recorded, by a check that belongs to the making,"} by ${evaluator}, version ${version}.${tried}`.trim();
}
