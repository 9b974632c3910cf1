// A story as it grows: the progress stream as a page, and what its parent can do with it.
import { $, API, el, file, icon, json, keep, paint, Problem, request, save, say, tint } from "./common.js";
import { receiptPanel } from "./receipt.js";

const LABELS = { cover: "The cover", scene_1: "The first picture", scene_2: "The second picture", scene_3: "The third picture", scene_4: "The fourth picture", audio: "The narration", activities: "Things to do", pdf: "The printed book", epub: "The e-book", content: "The words" };
const label = (asset) => LABELS[asset] || LABELS[asset?.replace(/^(text|narration)_\d$/, (_, what) => (what === "text" ? "content" : "audio"))] || "A part";

/** Show a story in ``main`` for as long as the page is there. Answers what ends it. Raises Problem where there is none. */
export async function grow(main, id, { onkey }) {
  const base = `${API}/stories/${id}`, gone = new AbortController();
  let now = await json("GET", base), source, last = 0, reading, late = new Set(), eta = now.eta, progress = now.progress;

  const cover = el(".picture.square", { role: "group", "aria-label": "Cover" }), title = el("h1", { tabIndex: -1 }), logline = el("p.logline"), state = el("p.state"), asides = el("p.asides");
  const bar = el("i"), meter = el(".bar", { role: "progressbar", "aria-label": "How much is done", "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  const actions = el(".row"), notices = el("div"), below = el(".two");
  const scenes = [1, 2, 3, 4].map((k) => {
    const picture = el(".picture", { role: "group", "aria-label": `Picture ${k}` }), words = el(".words", {}), tools = el(".tools"), pictureTools = el(".tools");
    const place = el("section.scene", { "aria-label": `Scene ${k}` }, el("div", {}, picture, pictureTools), el("div", {}, words, tools));
    return { k, picture, words, tools, pictureTools, place, text: null };
  });
  const growing = el("article.growing", {}, el("header.head", {}, cover, el("div", {}, title, logline, meter, state, asides, actions)), notices, ...scenes.map((one) => one.place), below);
  main.replaceChildren(growing);

  const wanted = (asset) => asset in now.assetGenerationStatus.assets;
  const standing = (asset) => now.assetGenerationStatus.assets[asset] || {};

  function write(scene, text, live) {
    if (scene.editing) return;
    scene.text = text;
    const paragraphs = text.split(/\n\s*\n/);
    scene.words.replaceChildren(...paragraphs.map((one, place) => el("p", live && place === paragraphs.length - 1 ? { className: "live" } : {}, one)));
  }
  const shown = new Map();
  async function picture(asset, place, altText) {
    const { status, completedAt, reason, error } = standing(asset);
    if (status === "ready" && shown.get(asset) !== completedAt) {
      shown.set(asset, completedAt);
      try { await paint(place, `${base}/assets/${asset}/file`, altText, gone.signal); } catch { shown.delete(asset); }
    } else if (status === "failed") {
      place.classList.add("failed");
      place.replaceChildren(el("div", {}, el("p", {}, "This picture could not be painted."), el("p.note", {}, error?.message || reason || ""), el("button", { onclick: (event) => retry(event, asset) }, icon("again"), "Try again")));
    } else if (status === "ready") { const image = $("img", place); if (image && altText) image.alt = altText; }
    else if (place.classList.contains("failed")) { place.classList.remove("failed"); place.replaceChildren(); }
  }

  const command = async (button, work) => {
    const was = button?.disabled;
    if (button) button.disabled = true;
    try { await work(); await refresh(); listen(); return true; }
    catch (error) { tell(error.message, true); return false; }
    finally { if (button) button.disabled = was; }
  };
  const tell = (text, sad) => { notices.replaceChildren(el(`.notice${sad ? ".sad" : ""}`, { role: sad ? "alert" : "status" }, el("p", {}, text))); };
  const retry = (event, asset) => command(event.currentTarget, () => json("POST", `${base}/assets/retry`, { body: asset ? { assets: [asset] } : {}, headers: { "Idempotency-Key": crypto.randomUUID() } }));

  function about() {
    const approval = now.assetGenerationStatus.approval?.status;
    if (now.queuePosition) return `It waits for ${now.queuePosition === 1 ? "one other story" : `${now.queuePosition} other stories`} of yours.`;
    if (approval === "awaited") return "The words are written. Pictures and narration wait for your word.";
    if (now.status === "ready") return "It is ready.";
    if (now.status === "partial") return "It is ready, but for a part.";
    if (now.status === "failed") return now.error?.message ? `It could not be made: ${now.error.message}` : "It could not be made.";
    if (now.status === "cancelled") return "It was stopped. What is made stays.";
    if (!eta) return now.scenes.filter((one) => one.text).length === 4 ? "It is being painted and read aloud." : now.title ? "It is being written." : "It has begun.";
    const left = (at) => Math.round((Date.parse(at) - Date.now()) / 1000), [from, to] = [left(eta.from), left(eta.to)];
    if (to <= 5) return "Any moment now.";
    if (to < 90) return `Ready in ${Math.max(5, Math.ceil(to / 10) * 10)} seconds or less.`;
    const minutes = [from, to].map((seconds) => Math.max(1, Math.ceil(seconds / 60)));
    return `Ready in ${minutes[0] === minutes[1] ? `about ${minutes[0]}` : `${minutes[0]} to ${minutes[1]}`} ${minutes[1] === 1 ? "minute" : "minutes"}.`;
  }
  let spoken = "";
  function headline() {
    title.textContent = now.title || "";
    if (!now.title) title.append(el("span.note", {}, `A story for ${now.characters[0].name} …`));
    document.title = `${now.title || "A story"} · Storyloom`;
    logline.textContent = now.logline || "";
    bar.style.transform = `scaleX(${progress / 100})`;
    meter.setAttribute("aria-valuenow", progress);
    meter.classList.toggle("over", now.status !== "generating");
    state.textContent = about();
    const slow = [...late].map(label), waits = Object.entries(now.assetGenerationStatus.assets).filter(([, one]) => one.status === "retrying").map(([name]) => label(name));
    asides.textContent = waits.length ? `${waits[0]} is tried once more.` : slow.length ? `${slow[0]} takes longer than usual.` : "";
    if (now.status !== "generating" && spoken !== state.textContent) say(spoken = state.textContent);
  }

  let buttons = "";
  function controls() {
    const settled = now.status !== "generating", approval = now.assetGenerationStatus.approval?.status, failed = Object.entries(now.assetGenerationStatus.assets).filter(([, one]) => one.status === "failed").map(([name]) => name);
    const key = JSON.stringify([now.status, approval, failed, now.scenes.map((one) => !!one.text), Object.entries(now.assetGenerationStatus.assets).map(([, one]) => one.status === "ready")]);
    if (buttons === key) return;
    buttons = key;
    growing.classList.toggle("done", settled);
    actions.replaceChildren(...[
      settled && now.scenes.some((one) => one.text) ? el("a.button.main", { href: `/read/${id}` }, icon("book"), "Read the book") : null,
      approval === "awaited" ? el("button.main", { onclick: (event) => command(event.currentTarget, () => json("POST", `${base}/approve`, { body: { textVersion: now.assetGenerationStatus.approval.textVersion } })) }, "The words are good: paint it") : null,
      failed.length && now.status !== "cancelled" ? el("button", { onclick: (event) => retry(event) }, icon("again"), failed.length === 1 ? `${label(failed[0])}: try again` : "Try again what failed") : null,
      !settled ? el("button.plain", { onclick: (event) => command(event.currentTarget, () => json("POST", `${base}/cancel`)) }, "Stop") : null,
    ].filter(Boolean));
    const changeable = now.status !== "cancelled" && now.status !== "failed";
    for (const scene of scenes) {
      const written = now.scenes.some((one) => one.scene === scene.k && one.text);
      if (!scene.editing) scene.tools.replaceChildren(...(changeable && written ? [el("button.plain", { "aria-label": `Change the words of scene ${scene.k}`, onclick: () => edit(scene) }, "Change the words")] : []));
      scene.pictureTools.replaceChildren(...(changeable && standing(`scene_${scene.k}`).status === "ready" ? [el("button.plain", { "aria-label": `Paint picture ${scene.k} anew`, onclick: () => repaint(`scene_${scene.k}`) }, "Paint it anew")] : []));
      if (settled && written) scene.pictureTools.append(el("button.plain", { "aria-label": `Something is wrong with page ${scene.k}`, onclick: (event) => wrong(event, scene.k) }, "Something is wrong here"));
    }
    below.replaceChildren(...(settled ? [sharing(), keeping(), receiptPanel(base)] : []));
  }

  const wrong = (event, scene) => command(event.currentTarget, async () => {
    await json("POST", `${base}/shares/pause`, { body: { scene } });
    buttons = "";
  }).then((done) => { if (done) tell(`Thank you. Whoever runs this was told about page ${scene}, and the links to the book are closed until you open them again.`); });
  function edit(scene) {
    const began = scene.text, input = el("textarea", { value: scene.text, rows: 8, id: `edit${scene.k}`, lang: now.language, "aria-describedby": `edit${scene.k}-bad` }), bad = el("p.bad", { id: `edit${scene.k}-bad`, role: "alert" });
    const end = () => { scene.editing = false; write(scene, now.scenes.find((one) => one.scene === scene.k).text); buttons = ""; controls(); $("button", scene.tools)?.focus(); };
    scene.editing = true;
    scene.words.replaceChildren(el(".field", {}, el("label", { htmlFor: input.id }, `The words of scene ${scene.k}`), input, bad));
    scene.tools.replaceChildren(el("button.main", { onclick: async (event) => {
      const button = event.currentTarget;
      button.disabled = true;
      try {
        const put = (tag) => json("PUT", `${base}/scenes/${scene.k}/text`, { body: { text: input.value }, headers: { "If-Match": tag } });
        // The story's tag changes with everything that is made: what counts here is that nobody has changed these words.
        const fresh = await json("GET", base);
        if (fresh.scenes.find((one) => one.scene === scene.k)?.text !== began) throw new Problem(412, {});
        await put(fresh.etag).catch(async (error) => {
          const again = error.status === 412 && (await json("GET", base));
          if (again?.scenes?.find((one) => one.scene === scene.k)?.text !== began) throw error;
          await put(again.etag);
        });
        scene.editing = false;
        write(scene, input.value);
        await refresh(); listen();
        tell("Your words are in. The narration and the books are made anew.");
      } catch (error) {
        bad.textContent = error.status === 412 ? "Somebody has changed these words meanwhile. Copy yours, leave them, and try again." : error.errors?.length ? `The text ${error.errors[0].detail}.` : error.message;
        button.disabled = false;
      }
    } }, "Keep these words"), el("button", { onclick: end }, "Leave them"));
    input.focus();
  }
  function repaint(asset) {
    const hint = el("input", { id: "hint", maxLength: 300, placeholder: "make the fox bigger" }), bad = el("p.bad", { role: "alert" });
    const box = el("dialog", { "aria-labelledby": "repaint", onclose: () => box.remove() }, el("form", { onsubmit: async (event) => {
      event.preventDefault();
      try {
        await json("POST", `${base}/assets/${asset}/regenerate`, { body: hint.value.trim() ? { hint: hint.value.trim() } : {}, headers: { "Idempotency-Key": crypto.randomUUID() } });
        box.close(); await refresh(); listen();
        tell(`${label(asset)} is painted anew. The old one stays until then.`);
      } catch (error) { bad.textContent = error.errors?.length ? `The wish ${error.errors[0].detail}.` : error.message; }
    } }, el("h2", { id: "repaint" }, `${label(asset)} anew`), el(".field", {}, el("label", { htmlFor: "hint" }, "What should be different? You may leave it empty."), hint, bad),
      el(".row", {}, el("button.main", {}, "Paint it anew"), el("button", { type: "button", onclick: () => box.close() }, "Leave it"))));
    document.body.append(box);
    box.showModal();
  }

  function sharing() {
    const list = el("ul"), made = el("div", { role: "status" }), days = el("select", { id: "days" }, [[7, "a week"], [30, "a month"], [365, "a year"]].map(([value, text]) => el("option", { value, selected: value === 30 }, text)));
    const day = (at) => new Date(at).toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" });
    const show = ({ shares }) => {
      const open = shares.filter((one) => one.status === "valid" || one.status === "paused"), paused = open.some((one) => one.status === "paused");
      list.replaceChildren(...open.map((one, place) => el("li", {}, el("span", {}, `Link ${place + 1}, until ${day(one.expiresAt)}${one.status === "paused" ? ": closed for now" : ""}`),
        el("button", { "aria-label": `Take back link ${place + 1}`, onclick: async () => { await request("DELETE", `${base}/shares/${one.id}`); made.replaceChildren(); load(); } }, "Take back"))));
      pause.hidden = !open.length;
      pause.textContent = paused ? "Open the links again" : "Something is wrong with a page: close the links";
      pause.onclick = async () => show(await json("POST", `${base}/shares/${paused ? "resume" : "pause"}`));
    };
    const pause = el("button.plain", { hidden: true }), load = () => json("GET", `${base}/shares`).then(show, () => {});
    load();
    return el("section.card.panel", { "aria-label": "Share" }, el("h2", {}, "Share the book"), el("p", {}, "Whoever has the link reads this book, without a key, and nothing else of yours."),
      el(".row", {}, el("label", { htmlFor: "days" }, "Valid for"), el("div", {}, days), el("button.main", { onclick: async (event) => {
        const button = event.currentTarget;
        button.disabled = true;
        try {
          const { url } = await json("POST", `${base}/shares`, { body: { expiresInDays: Number(days.value) } }), whole = new URL(url, location.origin).href;
          const copy = el("button", { onclick: async () => { await navigator.clipboard?.writeText(whole); copy.textContent = "Copied"; } }, "Copy");
          made.replaceChildren(el("p.link", {}, whole), copy, el("p.note", {}, "Keep it now: it is not shown again."));
          load();
        } catch (error) { made.replaceChildren(el("p.bad", {}, error.message)); }
        button.disabled = false;
      } }, "Make a link")), made, list, pause);
  }
  function keeping() {
    const name = (now.title || "story").replace(/[^\p{L}\p{N} -]/gu, "").trim() || "story";
    const files = [["pdf", "", "Printed book (PDF)", "pdf"], ["epub", "", "E-book that reads aloud (EPUB)", "epub"], ["audio", "?part=tagged", "Narration (MP3)", "mp3"], ["audio", "?part=vtt", "Captions (VTT)", "vtt"]].filter(([asset]) => standing(asset).status === "ready");
    const erase = el("dialog", { "aria-labelledby": "erase" }, el("h2", { id: "erase" }, "Erase this story?"), el("p", {}, "Words, pictures, narration and links go for good."),
      el(".row", {}, el("button.main", { onclick: async () => { await request("DELETE", base); location.href = "/"; } }, "Erase it"), el("button", { onclick: () => erase.close() }, "Keep it")));
    return el("section.card.panel", { "aria-label": "Keep" }, el("h2", {}, "Keep it"), files.length ? el(".row", {}, files.map(([asset, part, text, suffix]) => el("button", { onclick: (event) => command(event.currentTarget, () => save(`${base}/assets/${asset}/file${part}`, `${name}.${suffix}`)) }, icon("down"), text))) : el("p.note", {}, "There is nothing to keep yet."),
      el("div", {}, el("button.plain", { onclick: () => erase.showModal() }, "Erase the story"), erase));
  }

  function draw() {
    headline();
    for (const scene of scenes) {
      const known = now.scenes.find((one) => one.scene === scene.k);
      if (known?.text && known.text !== scene.text) write(scene, known.text);
      else if (!scene.text && !scene.words.children.length) scene.words.append(el("p.waiting", {}, now.status === "generating" ? "Not written yet." : ""));
      scene.words.lang = scene.words.dir = "";
      scene.words.lang = now.language;
      scene.words.dir = "auto";
      scene.picture.hidden = !wanted(`scene_${scene.k}`);
      if (wanted(`scene_${scene.k}`)) picture(`scene_${scene.k}`, scene.picture, known?.altText);
    }
    cover.hidden = !wanted("cover");
    if (wanted("cover")) picture("cover", cover, now.title ? `The cover of ${now.title}` : "The cover");
    tint(standing("cover").hueColors || Object.values(now.assetGenerationStatus.assets).find((one) => one.hueColors)?.hueColors);
    controls();
  }
  async function refresh() {
    now = await json("GET", base, { signal: gone.signal });
    eta = now.eta; progress = now.progress;
    late = new Set(Object.entries(now.assetGenerationStatus.assets).filter(([, one]) => one.late).map(([name]) => name));
    draw();
  }
  let soon;
  const refreshSoon = () => { clearTimeout(soon); soon = setTimeout(() => refresh().catch(() => {}), 250); };

  const heard = {
    snapshot: (data) => { now.status = data.status; now.assetGenerationStatus = data.assetGenerationStatus; draw(); },
    outline: (data) => { Object.assign(now, data); headline(); },
    progress: (data) => { if (data.scene && data.text && !now.scenes.some((one) => one.scene === data.scene && one.text)) write(scenes[data.scene - 1], data.text, true); },
    text: (data) => {
      const known = now.scenes.find((one) => one.scene === data.scene);
      if (known) Object.assign(known, { text: data.text, altText: data.altText ?? known.altText }); else now.scenes.push(data);
      write(scenes[data.scene - 1], data.text);
      controls();
    },
    asset: ({ asset, ...data }) => { now.assetGenerationStatus.assets[asset] = data; late.delete(asset); draw(); if (data.status === "ready") refreshSoon(); },
    eta: (data) => { eta = data.eta; progress = data.progress; headline(); },
    late: (data) => { late.add(data.asset); headline(); },
    queue: (data) => { now.queuePosition = data.queuePosition; headline(); },
    approval: (data) => { now.assetGenerationStatus.approval = data; headline(); controls(); refreshSoon(); },
    story: (data) => { now.status = data.overall; now.queuePosition = null; headline(); controls(); refreshSoon(); },
    deleted: () => { location.href = "/"; },
  };
  /** Follow the stream, for which a browser needs a token; one that has ended meanwhile is asked for anew. */
  async function listen() {
    if (source || reading) return;
    reading = true;
    for (let delay = 1000; !gone.signal.aborted; delay = Math.min(15000, delay * 2)) {
      try {
        const { url } = await json("POST", `${base}/events-token`, { signal: gone.signal });
        follow(new URL(url, location.origin));
        if (notices.dataset.away) { notices.dataset.away = ""; notices.replaceChildren(); refreshSoon(); }
        break;
      } catch (error) {
        if (error.name === "AbortError" || error.status === 404) break;
        if (error.status === 401) { keep(null); onkey(error.message); break; }
        if (!notices.dataset.away) tell("The connection is gone. The story goes on without you, and this page comes back by itself.");
        notices.dataset.away = "1";
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
    reading = false;
  }
  function follow(address) {
    if (last) address.searchParams.set("after", last);
    source = new EventSource(address.pathname + address.search);
    for (const [name, act] of Object.entries(heard)) source.addEventListener(name, (event) => { if (event.lastEventId) last = Number(event.lastEventId); act(JSON.parse(event.data)); });
    source.addEventListener("end", () => { source.close(); source = null; refreshSoon(); });
    // A browser connects again by itself, until it is refused: then the token is too old.
    source.addEventListener("error", () => { if (source?.readyState === EventSource.CLOSED) { source = null; setTimeout(listen, 1500); } });
  }

  draw();
  // Its stream is over; commands open it again.
  if (now.status === "generating" || now.pendingCommands.length) listen();
  const clock = setInterval(() => { if (now.status === "generating") headline(); }, 5000);
  return () => { gone.abort(); source?.close(); clearInterval(clock); };
}
