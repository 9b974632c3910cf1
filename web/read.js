// The reading page: a book page by page, picture and words together, read aloud with the spoken word lit.
import { $, API, el, file, findKey, icon, json, key, paint, save, say, secret, story, tint } from "./common.js";
import { Narration, paragraphs } from "./narration.js";

const main = $("#main"), root = document.documentElement;
const KEPT = "storyloom.reading";
const own = { font: "usual", size: 1, leading: 1.7, contrast: "usual", speed: 1, offset: 0, ...JSON.parse(localStorage.getItem(KEPT) || "{}") };
function apply() {
  for (const name of ["font", "contrast"]) root.dataset[name] = own[name];
  root.style.setProperty("--size", own.size);
  root.style.setProperty("--leading", own.leading);
  if (voice) voice.audio.playbackRate = own.speed;
  localStorage.setItem(KEPT, JSON.stringify(own));
}

let voice = null, book, pages, at = -1;
const path = `${API}/stories/${encodeURIComponent(story() || "")}/book`;

async function open() {
  if (!secret) await findKey(open);
  try { book = await json("GET", path); } catch (error) { return closed(error); }
  const seen = JSON.stringify(book);
  draw();
  if (book.status === "generating") watch(seen);
}

/** A book that is still being made grows under its reader's eyes, but not under the voice, nor in the midst of a choice. */
function watch(seen) {
  setTimeout(async () => {
    const heard = voice && (voice.playing || (voice.audio.currentTime > 0 && !voice.audio.ended));
    if (document.hidden || heard || $("dialog[open]")) return watch(seen);
    let fresh;
    try { fresh = await json("GET", path); } catch (error) { return error.status === 401 || error.status === 404 ? closed(error) : watch(seen); }
    const now = JSON.stringify(fresh);
    if (now !== seen) {
      book = fresh;
      draw();
      if (book.status !== "generating") say("The book is complete.");
    }
    if (book.status === "generating") watch(now);
  }, 4000);
}

function closed(error) {
  const why = error.code === "offline" ? ["There is no connection", "Books that were opened on this device before can be read without one. This one was not."]
    : error.status === 404 ? ["There is no such book here", "It may have been erased, or the link belongs to another book."]
    : error.status === 401 && secret ? ["This book is closed", "The link has expired, or was taken back. Ask whoever sent it for another one."]
    : error.status === 401 ? ["This book needs a link", "Open it by the link that you were sent."] : ["That did not work", error.message];
  main.replaceChildren(el(".card.gone", {}, el("h1", { tabIndex: -1 }, why[0]), el("p", {}, why[1]), el(".row", {}, el("button", { onclick: () => location.reload() }, "Try again"), secret ? null : el("a.button", { href: "/" }, "To the stories"))));
  $("h1").focus();
}

const drawn = new Map(), painted = new Map();
let gone = new AbortController();
function place(picture) {
  if (painted.has(picture?.url)) return painted.get(picture.url);
  const made = el(picture?.width === picture?.height ? ".picture.square" : ".picture", picture ? {} : { hidden: true });
  if (picture) { drawn.set(made, picture); painted.set(picture.url, made); }
  return made;
}
/** A picture is fetched when its page is near. */
function fetchPicture(page) {
  for (const [made, picture] of drawn) if (page?.contains(made)) {
    drawn.delete(made);
    paint(made, picture.url, picture.altText).catch(() => { made.classList.add("failed"); made.replaceChildren(el("p.note", {}, picture.altText)); });
  }
}

function draw() {
  gone.abort();
  gone = new AbortController();
  const focused = main.contains(document.activeElement);
  const words = [], title = book.title || "A story";
  document.title = `${title} · Storyloom`;
  const count = book.pages.length + 2, name = (k) => `Page ${k + 1} of ${count}`;
  const page = (k, kind, ...children) => el(`section.page${kind}`, { tabIndex: -1, "aria-label": name(k), hidden: true, lang: book.language, dir: book.direction }, children);
  pages = [
    page(0, book.cover ? ".cover" : ".cover.plain", place(book.cover), el(".text", {}, el("h2", {}, title), book.logline ? el("p.logline", {}, book.logline) : null,
      el("p.for", { lang: "en", dir: "ltr" }, `A story with ${book.heroes.join(" and ")}`))),
    ...book.pages.map((one, k) => {
      const before = words.length;
      const text = one.words ? paragraphs(one.words, words) : (one.text || "").split(/\n\s*\n/).filter(Boolean).map((part) => el("p", {}, part));
      for (const word of words.slice(before)) word.page = k + 1;
      return page(k + 1, one.picture ? "" : ".plain", place(one.picture), el(".text", {}, text.length ? text : el("p.note", { lang: "en" }, "This page is not written yet.")));
    }),
    page(count - 1, ".plain.end", ending(title)),
  ];
  const back = el("button.turn", { "aria-label": "Page back", onclick: () => turn(at - 1) }, icon("back")), next = el("button.turn", { "aria-label": "Next page", onclick: () => turn(at + 1) }, icon("next"));
  const number = el("output"), play = el("button.main", { "aria-label": "Read aloud" }, icon("play")), settings = el("button", { "aria-label": "How to read", onclick: () => box.showModal() }, icon("gear"));
  const box = options(), leaves = el(".book", {}, pages);
  const controls = el("nav.controls", { "aria-label": "The book", dir: book.direction }, back, number, next, book.narration ? play : null, settings);
  voice = null;
  main.replaceChildren(el("h1.unseen", { lang: book.language, dir: book.direction }, title), leaves, controls, box);

  function turn(to, follow) {
    if (to < 0 || to >= pages.length) return;
    const before = at;
    at = to;
    pages.forEach((one, k) => { one.hidden = k !== to; });
    number.textContent = `${to + 1} / ${pages.length}`;
    back.disabled = to === 0;
    next.disabled = to === pages.length - 1;
    fetchPicture(pages[to]);
    fetchPicture(pages[to + 1]);
    tint((book.pages[to - 1]?.picture || book.cover)?.hueColors);
    history.replaceState({ page: to }, "");
    if (follow || before === to) return;
    scrollTo(0, 0);
    pages[to].focus({ preventScroll: true });
    // Whoever turns the page while it is read aloud goes on there.
    if (voice?.playing) { const first = words.findIndex((one) => one.page === to); if (first >= 0) voice.from(first); else voice.audio.pause(); }
  }
  book.turn = turn;

  if (book.narration && words.length) {
    let loading;
    const load = () => loading ??= file(book.narration.url).then((address) => {
      voice = new Narration(new Audio(address), words, {
        offset: () => own.offset, onpage: (to) => turn(to, true),
        onstate: (playing) => { play.replaceChildren(icon(playing ? "pause" : "play")); play.setAttribute("aria-label", playing ? "Pause" : "Read aloud"); },
      });
      voice.audio.preservesPitch = true;
      book.voice = voice;
      apply();
      return voice;
    }, (error) => { loading = null; throw error; });
    book.load = load;
    const start = async (how) => { try { await how(await load()); } catch (error) { say(error.message); } };
    play.addEventListener("click", () => start(async (one) => {
      if (one.playing) return one.audio.pause();
      const first = words.findIndex((word) => word.page === at), here = one.audio.currentTime;
      const inside = words.some((word) => word.page === at && word.start <= here && here <= word.end + 2);
      return first >= 0 && !inside ? one.from(first) : at === pages.length - 1 ? one.from(0) : one.audio.play();
    }));
    words.forEach((word, k) => word.span.addEventListener("click", () => { if (!voice) start((one) => one.from(k)); }));
    load().catch(() => {});
  }

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || box.open || event.target.matches("input, select, textarea, summary")) return;
    const onward = book.direction === "rtl" ? -1 : 1, step = { ArrowRight: onward, ArrowLeft: -onward, PageDown: 1, PageUp: -1 }[event.key];
    if (step) { event.preventDefault(); turn(at + step); }
    else if (event.key === "Home" || event.key === "End") { event.preventDefault(); turn(event.key === "Home" ? 0 : pages.length - 1); }
    else if (event.key === " " && !event.target.closest("button, a") && book.narration) { event.preventDefault(); play.click(); }
    else if ((event.key === "," || event.key === ".") && voice) voice.skip(event.key === "," ? -1 : 1);
  }, { signal: gone.signal });
  let from = null;
  leaves.addEventListener("pointerdown", (event) => { from = event.isPrimary && event.pointerType !== "mouse" ? [event.clientX, event.clientY] : null; });
  leaves.addEventListener("pointerup", (event) => {
    if (!from) return;
    const x = event.clientX - from[0], y = event.clientY - from[1];
    from = null;
    if (Math.abs(x) > 50 && Math.abs(x) > 2 * Math.abs(y)) turn(at + (x < 0 === (book.direction === "ltr") ? 1 : -1));
  });
  apply();
  if (at < 0) turn(Math.min(history.state?.page || 0, pages.length - 1));
  else { turn(at); if (focused) pages[at].focus({ preventScroll: true }); }
  keepOffline();
}

function ending(title) {
  const name = title.replace(/[^\p{L}\p{N} -]/gu, "").trim() || "story", files = [[book.printed, "Printed book (PDF)", "pdf"], [book.ebook, "E-book that reads aloud (EPUB)", "epub"], [book.narration && `${book.narration.url}&part=tagged`, "Narration (MP3)", "mp3", book.narration?.url], [book.narration?.captions, "Captions (VTT)", "vtt"]].filter(([address]) => address);
  return el(".text", { lang: "en", dir: "ltr" }, el("h2", {}, "The end"), el("p", {}, el("button.main", { onclick: () => book.turn(0) }, icon("again"), "Once more")),
    book.activities?.length ? [el("h3", {}, "To do together"), el("ul", {}, book.activities.map((one) => el("li", {}, el("details", {}, el("summary", { lang: book.language, dir: "auto" }, one.title),
      el("div", { lang: book.language, dir: "auto" }, el("p", {}, one.description), one.steps?.length ? el("ol", {}, one.steps.map((step) => el("li", {}, step))) : null)))))] : null,
    files.length ? [el("h3", {}, "To keep"), el(".row", {}, files.map(([address, text, suffix, kept]) => el("button", { onclick: () => save(address, `${name}.${suffix}`, kept).catch((error) => say(error.message)) }, icon("down"), text)))] : null,
    secret || !key() ? null : el("p", {}, el("a", { href: `/story/${book.id}` }, "Change or share this book")));
}

let asleep;
function options() {
  const choice = (name, label, values) => el("div", {}, el("label", { htmlFor: name }, label), el("select", { id: name, onchange: (event) => { const value = event.target.value; own[name] = isNaN(value) ? value : Number(value); apply(); } },
    values.map(([value, text]) => el("option", { value, selected: String(own[name]) === String(value) }, text))));
  const told = el("output", {}, `${own.offset} ms`);
  const offset = el("input", { type: "range", id: "offset", min: -300, max: 300, step: 20, value: own.offset, oninput: () => { own.offset = Number(offset.value); told.textContent = `${own.offset} ms`; apply(); } });
  const sleep = el("select", { id: "sleep", onchange: () => {
    clearTimeout(asleep);
    if (sleep.value === "0") return;
    asleep = setTimeout(() => {
      // It goes out gently.
      const fade = setInterval(() => { if (!voice) return clearInterval(fade); voice.audio.volume = Math.max(0, voice.audio.volume - 0.05); if (voice.audio.volume === 0) { voice.audio.pause(); voice.audio.volume = 1; sleep.value = "0"; clearInterval(fade); } }, 200);
    }, Number(sleep.value) * 60000);
  } }, [[0, "Off"], [5, "5 minutes"], [10, "10 minutes"], [20, "20 minutes"], [30, "30 minutes"]].map(([value, text]) => el("option", { value }, text)));
  const box = el("dialog", { "aria-labelledby": "how" }, el(".settings", {}, el("h2", { id: "how" }, "How to read"),
    choice("size", "Size of the letters", [[0.85, "Small"], [1, "Usual"], [1.25, "Large"], [1.6, "Very large"]]),
    choice("font", "Letters", [["usual", "Atkinson Hyperlegible"], ["dyslexic", "OpenDyslexic"]]),
    choice("leading", "Space between lines", [[1.4, "Narrow"], [1.7, "Usual"], [2.2, "Wide"]]),
    choice("contrast", "Colours", [["usual", "Those of the book"], ["more", "Black on white"], ["night", "Night"]]),
    book.narration ? [choice("speed", "Speed of the voice", [[0.7, "Very slow"], [0.85, "Slow"], [1, "Usual"], [1.15, "Quick"]]),
      el("div", {}, el("label", { htmlFor: "sleep" }, "Stop reading after"), sleep),
      el("div", {}, el("label", { htmlFor: "offset" }, "The lit word comes later or sooner "), told, offset, el("p.note", {}, "For loudspeakers that are late, as wireless ones are."))] : null,
    el("p.note", {}, "Arrow keys turn the page, the space bar reads aloud, comma and full stop go back and on by a sentence."),
    el("button.main", { onclick: () => box.close() }, "Read on")));
  return box;
}

// A link becomes a script by this policy alone, and it knows one.
const policy = window.trustedTypes?.createPolicy("storyloom", { createScriptURL: (url) => { if (url !== "/worker.js") throw new TypeError(url); return url; } });
/** Once it was opened, the book is there without a connection; what came into it later too. */
async function keepOffline() {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register(policy ? policy.createScriptURL("/worker.js") : "/worker.js", { scope: "/read/" });
    const { active } = await navigator.serviceWorker.ready;
    const files = [book.cover?.url, ...book.pages.map((one) => one.picture?.url), book.narration?.url].filter(Boolean);
    const loaded = performance.getEntriesByType("resource").map((one) => new URL(one.name)).filter((one) => one.pathname.startsWith("/web/")).map((one) => one.pathname);
    active.postMessage({ keep: [location.pathname, `${API}/stories/${book.id}/book`, ...files, ...loaded], authorization: `Bearer ${secret || key() || ""}`, id: book.id });
  } catch { /* reading needs no worker */ }
}

addEventListener("hashchange", () => location.reload());
open();
export const reading = { get voice() { return voice; }, get book() { return book; } };
