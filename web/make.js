// The making page: a form, and under /story/<id> the story as it grows, with its parent's controls.
import { $, API, draw, el, findKey, json, keep, key, say, story } from "./common.js";
import { grow } from "./grow.js";

const main = $("#main");
const TYPES = {
  adventure: "Adventure", bedtime: "Bedtime", birthday: "Birthday", educational: "Learning something", financial_literacy: "Money, and how it works",
  language_learning: "A new language", medical_bravery: "Brave at the doctor's", mental_health: "Big feelings", milestones: "A milestone",
  new_chapter_sequel: "A new chapter of an earlier story", tech_readiness: "Computers, and how they think",
};
const DETAILS = {
  to: "Whose birthday it is", from: "Who the book is from", age_turning: "Which age is reached", message: "What you wish", subject: "What is learned",
  concept: "What it is about", target_language: "The new language", proficiency: "How much is known of it", challenge: "What has to be faced",
  emotion: "Which feeling", milestone: "Which milestone", previous_story_id: "The number of the earlier story",
};
const SPECIES = { human: "Child or grown-up", animal: "Animal", fantasy_being: "Fairy-tale being", monster: "Friendly monster", robot: "Robot", dinosaur: "Dinosaur", alien: "Alien", superhero: "Superhero", elemental: "Spirit of nature" };
const CATEGORIES = { mobility: "Getting about", physical: "Body", neurodiversity: "Mind", sensory: "Senses", skin: "Skin", medical: "Health" };
const SKIN = { "#fbe3d2": "very light", "#f1c9a5": "light", "#d9a066": "tan", "#b57842": "golden brown", "#8d5524": "brown", "#643a1c": "dark brown", "#3f2415": "very dark brown" };
const HAIR = { black: "#211c1a", "dark brown": "#4a2f1d", brown: "#7a4a26", blond: "#e0bd74", red: "#b0492a", grey: "#a5a5a5", white: "#f2efe9", blue: "#4a70b8", pink: "#e08db0" };
const EYES = { brown: "#6b4226", hazel: "#95713a", green: "#4f7f4a", blue: "#4a7fb5", grey: "#8b959c", amber: "#c4862b" };

let words; // what a brief can be made of
const names = (tag) => { try { return new Intl.DisplayNames([navigator.language || "en"], { type: "language" }).of(tag); } catch { return tag; } };

function askForKey(message) {
  const input = el("input", { id: "key", name: "key", type: "password", autocomplete: "off", spellcheck: false, required: true, "aria-describedby": "key-note" });
  main.replaceChildren(el("div.card", {},
    el("h1", { tabIndex: -1 }, "Whose stories?"),
    el("p.lead", {}, "This page needs a key. It stays in this tab and is forgotten when you close it."),
    message ? el("p.bad", { role: "alert" }, message) : null,
    el("form", { onsubmit: (event) => { event.preventDefault(); keep(input.value.trim()); start(); } },
      el(".field", {}, el("label", { htmlFor: "key" }, "Your key"), input, el("p.note", { id: "key-note" }, "It begins with sk_. Whoever runs Storyloom has given it to you, or the address that opens this page.")),
      el(".send", {}, el("button.main", {}, "Go on")))));
}

const field = (pointer, label, input, note) => {
  const id = `f${pointer.replace(/\W/g, "-")}`;
  Object.assign(input, { id });
  input.dataset.pointer = pointer;
  input.setAttribute("aria-describedby", `${id}-note ${id}-bad`);
  return el(".field", {}, el("label", { htmlFor: id }, label), input, note ? el("p.note", { id: `${id}-note` }, note) : null, el("p.bad", { id: `${id}-bad`, hidden: true }));
};
const select = (options, value, properties = {}) => el("select", properties, Object.entries(options).map(([name, label]) => el("option", { value: name, selected: name === value }, label)));
const group = (label, ...children) => el("fieldset.field", {}, el("legend", {}, label), ...children);

function swatches(name, label, colours, named) {
  return group(label, el(".swatches", {}, Object.entries(colours).map(([a, b]) => {
    const [value, colour, title] = named ? [a, b, a] : [a, a, b];
    const input = el("input", { type: "radio", name, value, title, "aria-label": title });
    // Chosen by mistake, a swatch can be put back.
    input.addEventListener("click", () => { if (input.dataset.was === "on") { input.checked = false; input.dataset.was = ""; input.dispatchEvent(new Event("input", { bubbles: true })); } else { for (const one of document.getElementsByName(name)) one.dataset.was = one === input ? "on" : ""; } });
    return el("span.swatch", {}, input, draw("svg", { viewBox: "0 0 40 40", "aria-hidden": "true" }, draw("circle", { cx: 20, cy: 20, r: 19, fill: colour })));
  })));
}

function details(type) {
  return (words.types[type] || []).map((name) => field(`/typeDetails/${name}`, DETAILS[name] || name.replaceAll("_", " "),
    el("input", { name: `detail:${name}`, type: name === "age_turning" ? "number" : "text", maxLength: 300, inputMode: name === "age_turning" ? "numeric" : undefined })));
}

function brief(form) {
  const data = new FormData(form), text = (name) => (data.get(name) || "").trim();
  const put = (target, name, value) => { if (value !== "" && value !== undefined) target[name] = value; };
  const hero = { name: text("name") }, look = {};
  put(hero, "age", text("heroAge") && Number(text("heroAge")));
  put(hero, "species", text("species"));
  put(hero, "pronouns", text("pronouns"));
  put(look, "skin", text("skin"));
  put(look, "hair", [text("hairStyle"), text("hair")].filter(Boolean).join(" "));
  put(look, "eyes", text("eyes"));
  put(look, "clothing", text("clothing"));
  if (Object.keys(look).length) hero.appearance = look;
  const traits = data.getAll("trait"), likes = text("personality").split(",").map((one) => one.trim()).filter(Boolean);
  if (traits.length) hero.traits = traits;
  if (likes.length) hero.personality = likes;
  const made = { storyType: text("type") || "adventure", characters: [hero] };
  put(made, "premise", text("wish"));
  put(made, "setting", text("setting"));
  put(made, "age", text("age") && Number(text("age")));
  put(made, "language", text("language"));
  if (data.get("approval")) made.approval = "required";
  const own = [...data].filter(([name, value]) => name.startsWith("detail:") && value.trim());
  if (own.length) made.typeDetails = Object.fromEntries(own.map(([name, value]) => [name.slice(7), name === "detail:age_turning" ? Number(value) : value.trim()]));
  return made;
}

const sentence = (told) => `${/^(must|is|has|holds|stands) /.test(told) ? "This " : ""}${told}.`
  .replace(/needs (.*) here/, (_, needed) => `needs more here: ${needed.split(", ").map((one) => DETAILS[one] || one).join(", ")}`)
  .replace(/^\p{Ll}/u, (letter) => letter.toUpperCase());

/** Show what the API has against the brief, each thing at its field. Only where somebody has been, unless ``all``. */
function complain(form, errors, all) {
  const inputs = [...form.querySelectorAll("[data-pointer]")], shown = new Map();
  for (const { pointer, detail } of errors) {
    const at = inputs.filter((one) => pointer === one.dataset.pointer || pointer.startsWith(`${one.dataset.pointer}/`)).pop()
      || inputs.find((one) => one.dataset.pointer.startsWith(`${pointer}/`) && !one.value) || null;
    const key = at || form;
    if (!shown.has(key)) shown.set(key, `${key === form ? `${pointer.slice(1)} ` : ""}${detail}`);
  }
  for (const one of inputs) {
    const told = shown.get(one), visible = told && (all || one.dataset.been);
    const place = $(`#${one.id}-bad`);
    one.setAttribute("aria-invalid", visible ? "true" : "false");
    place.hidden = !visible;
    place.textContent = visible ? sentence(told) : "";
    if (visible && all) one.closest("details")?.setAttribute("open", "");
  }
  return [...shown.keys()].find((one) => one !== form) || null;
}

function askForStory(shelf) {
  const type = select(TYPES, "adventure", { name: "type" }), detailFields = el(".details", { hidden: true });
  const approval = el("input", { type: "checkbox", name: "approval", value: "required" });
  const tick = (properties, label) => el("label.tick", {}, el("input", { type: "checkbox", ...properties }), label);
  const time = el("span.note", { role: "status" }), bad = el("p.bad", { role: "alert", hidden: true }), send = el("button.main", {}, "Make the story");
  const byCategory = Map.groupBy ? Map.groupBy(words.traits, (one) => one.category) : words.traits.reduce((found, one) => found.set(one.category, [...(found.get(one.category) || []), one]), new Map());
  const form = el("form", { noValidate: true, autocomplete: "off", "aria-label": "The story" },
    field("/characters/0/name", "The hero's name", el("input.big", { name: "name", maxLength: 60, required: true, spellcheck: false })),
    field("/premise", "What should happen?", el("textarea.big", { name: "wish", rows: 3 }), "A wish in a sentence or two, like “a fox who has lost her lantern”."),
    el("details", {}, el("summary", {}, "More about the hero"), el(".more", {},
      el(".pair", {}, field("/characters/0/species", "Who the hero is", select(SPECIES, "human", { name: "species" })),
        field("/characters/0/age", "The hero's age", el("input", { name: "heroAge", type: "number", min: 0, max: 120, inputMode: "numeric" })),
        field("/characters/0/pronouns", "Pronouns", select({ "they/them": "they/them", "she/her": "she/her", "he/him": "he/him" }, "they/them", { name: "pronouns" }))),
      swatches("skin", "Skin", SKIN, false), swatches("hair", "Colour of the hair", HAIR, true),
      el(".pair", {}, field("/characters/0/appearance/hair", "How the hair is worn", el("input", { name: "hairStyle", placeholder: "curly, in two braids" })),
        field("/characters/0/appearance/clothing", "Clothes", el("input", { name: "clothing", placeholder: "yellow dress" }))),
      swatches("eyes", "Eyes", EYES, true),
      field("/characters/0/personality", "What the hero is like", el("input", { name: "personality" }), "A few words with commas between them: curious, loves foxes."),
      el("fieldset.field.traits", {}, el("legend", {}, "What belongs to the hero"),
        el("p.note", {}, "Pictures show it and words honour it. Up to six."),
        [...byCategory].map(([category, ones]) => [el("p.kind", {}, CATEGORIES[category] || category), el(".ticks", {}, ones.map((one) => tick({ name: "trait", value: one.id }, one.label)))])))),
    el("details", {}, el("summary", {}, "More about the story"), el(".more", {},
      el(".pair", {}, field("/storyType", "Kind of story", type), field("/age", "The listener's age", select({ "": "5", 3: "3", 4: "4", 6: "6", 7: "7", 8: "8", 9: "9", 10: "10", 11: "11", 12: "12" }, "", { name: "age" })),
        field("/language", "Language", select({ "": names("en"), ...Object.fromEntries(words.languages.filter((tag) => tag !== "en").map((tag) => [tag, names(tag)]).sort((a, b) => a[1].localeCompare(b[1]))) }, "", { name: "language" }))),
      detailFields, field("/setting", "Where it takes place", el("input", { name: "setting", placeholder: "a foggy forest" })),
      el("label.tick", {}, approval, "I read the words before pictures are painted"))),
    bad, el(".send", {}, send, time));

  type.addEventListener("change", () => { detailFields.replaceChildren(...details(type.value)); detailFields.hidden = !detailFields.children.length; });
  let timer, asked;
  const check = async () => {
    asked?.abort();
    asked = new AbortController();
    if (!form.elements.name.value.trim() && !form.elements.name.dataset.been) return;
    try {
      const { seconds } = await json("POST", `${API}/stories/estimate`, { body: brief(form), signal: asked.signal });
      complain(form, []);
      const minutes = (value) => Math.max(1, Math.round(value / 60)), [from, to] = [minutes(seconds.from), minutes(seconds.to)];
      time.textContent = seconds.to < 90 ? "It takes about a minute." : `It takes about ${from === to ? from : `${from} to ${to}`} minutes.`;
    } catch (error) {
      if (error.errors) { complain(form, error.errors); time.textContent = ""; }
    }
  };
  form.addEventListener("input", (event) => {
    if (event.target.dataset.pointer && event.target.getAttribute("aria-invalid") === "true") event.target.dataset.been = "1";
    clearTimeout(timer); timer = setTimeout(check, 350);
  });
  form.addEventListener("focusout", (event) => { if (event.target.value) { event.target.dataset.been = "1"; clearTimeout(timer); timer = setTimeout(check, 50); } });
  let idempotencyKey = crypto.randomUUID(), sent = "";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = brief(form), written = JSON.stringify(body);
    if (sent !== written) [idempotencyKey, sent] = [crypto.randomUUID(), written]; // the same twice is one story
    send.disabled = true; bad.hidden = true;
    try {
      const made = await json("POST", `${API}/stories`, { body, headers: { "Idempotency-Key": idempotencyKey } });
      history.pushState(null, "", `/story/${made.id}`);
      start();
    } catch (error) {
      const first = complain(form, error.errors || [], true);
      bad.textContent = first ? "Something above is not right yet." : error.message;
      bad.hidden = false;
      (first || send).focus();
      if (error.status === 401) { keep(null); askForKey(error.message); }
    } finally { send.disabled = false; }
  });
  main.replaceChildren(el(".asking", {}, el("div", {}, el("h1", { tabIndex: -1 }, "A story of your own"),
    el("p.lead", {}, "A name and a wish is enough. You will see it being written and painted, and can read it, hear it and print it."), form), shelf));
}

const ENDED = { ready: "ready to read", partial: "ready, but for a part", failed: "could not be made", cancelled: "stopped", generating: "being made" };
async function shelf() {
  const place = el("aside.shelf", { "aria-label": "Your stories" });
  const { stories } = await json("GET", `${API}/stories?limit=8`);
  if (stories.length) place.append(el("h2", {}, "Your stories"), el("ul", {}, stories.map((one) => el("li", {}, el("a", { href: `/story/${one.id}` },
    el("b", {}, one.title || `A story about ${one.characters[0].name}`), el("span", {}, ENDED[one.status]))))));
  return place;
}

let leave = () => {};
async function start() {
  leave();
  leave = () => {};
  if (!(await findKey(start))) return askForKey();
  try {
    if (story()) leave = await grow(main, story(), { onkey: askForKey });
    else {
      words ??= await (await fetch(new URL("vocabulary.json", import.meta.url))).json();
      document.title = "Make a story · Storyloom";
      askForStory(await shelf());
    }
    if (document.activeElement === document.body) $("h1", main)?.focus({ preventScroll: true });
  } catch (error) {
    if (error.status === 401) { keep(null); askForKey(error.message); }
    else if (error.status === 404) main.replaceChildren(el(".card", {}, el("h1", { tabIndex: -1 }, "There is no such story"), el("p", {}, "It may have been erased. ", el("a", { href: "/" }, "Make another one"), ".")));
    else main.replaceChildren(el(".card", {}, el("h1", { tabIndex: -1 }, "That did not work"), el("p", { role: "alert" }, error.message), el("button", { onclick: start }, "Try again")));
    if (!error.status && !(error.code)) throw error;
    say(error.message);
  }
}
addEventListener("popstate", start);
start();
