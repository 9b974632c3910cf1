// The operators' page: what the commands doctor, top and dead show. Everything that is shown is text: no markup comes in.
import { $, draw, el, say } from "./elements.js";
import { waterfall } from "./waterfall.js";

const main = $("#main"), KEY = "storyloom.operator";

async function ask(path, { method = "GET", body } = {}) {
  const key = sessionStorage.getItem(KEY);
  const answer = await fetch(`api/${path}`, { method, cache: "no-store", body: body && JSON.stringify(body), headers: key ? { Authorization: `Bearer ${key}` } : {} });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.detail || `status answers ${answer.status}`), { status: answer.status });
  return said;
}

const number = new Intl.NumberFormat("en");
const count = (value) => number.format(value);
const many = (value, one, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`;
const usd = (value) => value ? `$${value.toFixed(value < 1 ? 4 : 2)}` : "";
const clock = (text) => text ? new Date(text).toISOString().slice(11, 19) : "";
const dated = (text) => text ? new Date(text).toISOString().slice(5, 19).replace("T", " ") : "";
function span(seconds) {
  if (seconds === null || isNaN(seconds)) return "";
  return seconds < 10 ? `${Math.max(0, seconds).toFixed(1)} s` : seconds < 120 ? `${Math.round(seconds)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : seconds < 172800 ? `${(seconds / 3600).toFixed(1)} h` : `${Math.round(seconds / 86400)} d`;
}
const between = (from, to) => from && to ? span((Date.parse(to) - Date.parse(from)) / 1000) : "";
const state = (name, text = name.replaceAll("_", " ")) => el(`span.state.${name}`, {}, text);
const storyLink = (id, text = id.slice(0, 8)) => el("a.id", { href: `#/story/${encodeURIComponent(id)}`, title: id }, text);
const table = (heads, rows, kind = "table") => el(".scroll", { tabIndex: 0, role: "group", "aria-label": heads.filter(Boolean).map((one) => one.replace("#", "")).join(", ") }, el(kind, {}, el("thead", {}, el("tr", {}, heads.map((one) => one ? el(one.startsWith("#") ? "th.n" : "th", { scope: "col" }, one.replace("#", "")) : el("td")))), el("tbody", {}, rows)));
const bar = (total, ...parts) => { let at = 0; return draw("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, draw("rect", { width: 100, height: 8, rx: 2 }), ...parts.map(([kind, value]) => { const width = total ? Math.min(100 - at, 100 * value / total) : 0, one = draw("rect", { class: kind, x: at, width, height: 8, rx: 2 }); at += width; return one; })); };
const card = (title, ...children) => el("section.card", {}, el("h2", {}, title), children);

/* What goes on. */
const LANES = ["urgent", "high", "normal"];
function now(seen, found) {
  const tiles = [
    ["Stories unfinished", count(seen.unfinished), seen.unfinishedSince ? `the oldest for ${between(seen.unfinishedSince, seen.at)}` : "none waits"],
    ["Jobs queued", count(seen.lanes.reduce((sum, one) => sum + one.queued, 0)), `${count(seen.lanes.reduce((sum, one) => sum + one.inFlight, 0))} taken`],
    ["Workers", count(seen.workers.length), `${many(seen.workers.reduce((sum, one) => sum + one.held.length, 0), "job")} in flight`, seen.workers.length ? "" : "bad"],
    ["Projector behind", count(seen.projector.pending + seen.projector.unacked), `${count(seen.projector.unacked)} being applied`, seen.projector.pending > 1000 ? "warn" : ""],
    ["Commands waiting", count(seen.commands), seen.commandsSince ? `for ${between(seen.commandsSince, seen.at)}` : "none", seen.commands ? "warn" : ""],
    ["Webhooks due", count(seen.webhooks.due), seen.webhooks.failing ? `${many(seen.webhooks.failing, "endpoint")} failing` : `${count(seen.webhooks.pending)} pending`, seen.webhooks.failing || seen.webhooks.due ? "warn" : ""],
    ["Dead letters", count(seen.deadLetters), seen.deadLetters ? el("a", { href: "#/dead" }, "look at them") : "none", seen.deadLetters ? "warn" : ""],
  ];
  return [
    el("h1.unseen", { tabIndex: -1 }, "What goes on"),
    el("dl.figures", {}, tiles.map(([name, value, more, kind]) => el(kind ? `div.${kind}` : "div", {}, el("dt", {}, name), el("dd", {}, value), el("dd.note", {}, more)))),
    findings(found),
    el(".columns", {}, card("Lanes", lanes(seen)), card("Providers", providers(seen))),
    card("Workers", workers(seen)),
  ];
}
function findings(found) {
  if (!found) return card("Findings", el("p.note", {}, "Every unfinished asset is being looked at …"));
  const remarks = found.remarks.map((one) => el("p.warn", {}, one));
  const looked = `${many(found.stories, "unfinished story", "unfinished stories")} with ${many(found.assets, "unfinished asset")} examined at ${clock(found.at)}; ${many(found.workers, "worker")} answered.`;
  if (!found.findings.length) return card("Findings", el("p", {}, found.verdict === "healthy" ? el("strong.good", {}, "Nothing is wrong. ") : el("strong.warn", {}, "Undecided. "), el("span.note", {}, looked)), remarks);
  const rows = found.findings.slice(0, 100).map((one) => el("tr", {}, el("th.bad", { scope: "row" }, el("code", {}, one.code)), el("td", {}, one.storyId ? [storyLink(one.storyId), ` ${one.about.split(".")[1] || ""}`] : one.about === one.message ? "" : one.about), el("td.wrap", {}, one.message)));
  const more = found.findings.length - rows.length;
  return card(`Findings (${count(found.findings.length)})`, table(["finding", "about", "what"], rows), more > 0 ? el("p.note", {}, `… and ${count(more)} more: python -m ops doctor --all`) : null, el("p.note", {}, looked), remarks);
}
function lanes(seen) {
  const services = [...new Set(seen.lanes.map((one) => one.service))];
  const rows = services.map((service) => el("tr", {}, el("th", { scope: "row" }, el(`span.dot.${service}`), service), LANES.map((priority) => {
    const one = seen.lanes.find((lane) => lane.service === service && lane.priority === priority), idle = !one.queued && !one.inFlight;
    return [el(`td.n${idle ? ".note" : ""}`, {}, count(one.queued)), el(`td.n${idle ? ".note" : ""}`, {}, count(one.inFlight)), el("td.n.note", {}, between(one.oldest, seen.at) || (one.pulls ? "" : "no worker"))];
  })));
  const heads = el("tr", {}, el("td"), LANES.map((one) => el("th.group", { colSpan: 3, scope: "colgroup" }, one)));
  const made = table(["", ...LANES.flatMap(() => ["#queued", "#taken", "#oldest"])], rows, "table.lanes");
  $("thead", made).prepend(heads);
  return made;
}
function providers(seen) {
  const all = new Map();
  for (const worker of seen.workers) {
    for (const gate of worker.gates) {
      const one = all.get(gate.provider) || { inFlight: 0, limit: 0, waiting: 0, processes: 0, states: new Set(), shut: [] };
      one.inFlight += gate.inFlight; one.limit += gate.limit; one.waiting += gate.waiting; one.processes += 1; one.states.add(gate.state);
      all.set(gate.provider, one);
    }
    for (const shut of worker.shut) all.get(shut.provider)?.shut.push(shut);
  }
  if (!all.size) return el("p.note", {}, "No worker has called a provider yet.");
  const worst = (states) => ["open", "half_open", "closed"].find((one) => states.has(one)) || "closed";
  return table(["provider", "circuit", "calls under way", "#waiting", "#processes"], [...all].sort().map(([name, one]) => el("tr", {}, el("th", { scope: "row" }, name), el("td.wrap", {}, state(worst(one.states)), one.shut.length ? el("p.bad", {}, `${[...new Set(one.shut.map((shut) => shut.why.replaceAll("_", " ")))].join(", ")} since ${clock(one.shut.map((shut) => shut.since).sort()[0])}`) : null),
    el("td", {}, el("span.row", {}, bar(one.limit, ["used", one.inFlight]), `${count(one.inFlight)} of ${count(one.limit)}`)), el("td.n", {}, count(one.waiting)), el("td.n", {}, count(one.processes)))));
}
function workers(seen) {
  if (!seen.workers.length) return el("p.bad", {}, "No worker answers.");
  return table(["worker", "service", "slots: urgent + high + normal", "#jobs", "in flight"], seen.workers.map((one) => el("tr", {}, el("th.id", { scope: "row" }, one.worker), el("td", {}, el(`span.dot.${one.service}`), one.service),
    el("td.note", {}, LANES.map((lane) => one.slots[lane] || 0).join(" + ")), el("td.n", {}, count(one.held.length)),
    el("td.wrap", {}, one.problems.map((problem) => el("p.bad", {}, problem.reason)), one.held.slice(0, 12).map((job, k) => [k ? " " : "", el("span.held", {}, storyLink(job.storyId), ` ${job.asset} `, el("span.note", {}, between(job.since, seen.at)), k + 1 < one.held.length ? "," : "")]), one.held.length > 12 ? ` … and ${one.held.length - 12} more` : ""))));
}

/* Stories. */
function choose(name, label, values, asked, to) {
  return el("label.row", {}, label, el("select", { name, onchange: (event) => go(to, { ...asked, [name]: event.target.value, before: "" }) }, values.map(([value, text]) => el("option", { value, selected: (asked[name] || values[0][0]) === value }, text))));
}
const DAYS = [["7", "a week"], ["1", "a day"], ["30", "30 days"]];
function go(view, asked) {
  const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value));
  location.hash = `#/${view}${query.size ? `?${query}` : ""}`;
}
function stories(found, asked) {
  const find = el("input", { type: "search", placeholder: "a story’s whole id", "aria-label": "Open a story by its id", size: 36, autocomplete: "off" });
  const tenant = el("input", { type: "search", value: asked.tenant || "", placeholder: "all", size: 14, autocomplete: "off", onchange: () => go("stories", { ...asked, tenant: tenant.value.trim(), before: "" }) });
  const rows = found.stories.map((one) => el("tr", {}, el("td", {}, dated(one.startedAt)), el("th", { scope: "row" }, storyLink(one.id)), el("td", {}, one.tenant), 
    el("td", {}, state(one.status, one.awaitingApprovalSince ? "awaits approval" : one.status === "generating" && !one.admittedAt ? "waits for room" : one.status), one.priority === "normal" ? "" : el("span.note", {}, ` ${one.priority}`)),
    el("td", {}, el("span.row", {}, bar(one.assets, ["ready", one.ready], ["failed", one.failed]), `${one.ready} of ${one.assets}`)), el(`td.n${one.failed ? ".bad" : ""}`, {}, one.failed || ""), el(`td.n${one.retries ? ".warn" : ""}`, {}, one.retries || ""),
    el("td.n", {}, between(one.startedAt, one.endedAt)), el("td.n", {}, usd(one.costUsd)), el("td", {}, one.code ? el("code", {}, one.code) : "")));
  return [
    el("h1", { tabIndex: -1 }, "Stories"),
    el("form.row", { onsubmit: (event) => { event.preventDefault(); if (find.value.trim()) location.hash = `#/story/${encodeURIComponent(find.value.trim())}`; } },
      choose("status", "Status", [["", "any"], ...["generating", "ready", "partial", "failed", "cancelled"].map((one) => [one, one])], asked, "stories"),
      choose("trouble", "Trouble", [["", "any"], ["1", "failed or retried"]], asked, "stories"), choose("days", "Within", DAYS, asked, "stories"),
      el("label.row", {}, "Tenant", tenant), el("span.row", {}, find, el("button", {}, "Open"))),
    el("section.card", {}, rows.length ? table(["began (UTC)", "story", "tenant", "status", "assets", "#failed", "#retries", "#took", "#cost", "code"], rows) : el("p.note", {}, "There is no such story.")),
    el(".row", {}, asked.before ? el("button", { type: "button", onclick: () => go("stories", { ...asked, before: "" }) }, "Newest") : null, found.next ? el("button", { type: "button", onclick: () => go("stories", { ...asked, before: found.next }) }, "Older") : null),
  ];
}

/* One story. */
let chosen = null;
function place(one, at) {
  const here = one.now;
  if (!here) return one.status;
  if (here.state === "in_flight") return `in flight ${between(here.since, at)}`;
  if (here.state === "waiting") return `waits for ${here.waitsFor.slice(0, 2).join(", ")}${here.waitsFor.length > 2 ? ", …" : ""}`;
  if (here.state === "retrying") return `attempt ${here.attempt} at ${clock(here.until)}`;
  return `${here.state.replaceAll("_", " ")}${here.since ? ` ${between(here.since, at)}` : ""}`;
}
function story(one) {
  const fact = (name, ...value) => value.some(Boolean) ? el("div", {}, el("dt", {}, name), el("dd", {}, value)) : null;
  const cost = one.assets.reduce((sum, asset) => sum + asset.costUsd, 0);
  const chart = el("td.chart", { rowSpan: one.assets.length }), drawn = new Map();
  const rows = one.assets.map((asset, k) => {
    const row = el(asset.asset === chosen ? "tr.chosen" : "tr", {},
      el("th", { scope: "row" }, el(`span.dot.${asset.service}`), el("button.plain", { type: "button", id: `asset-${asset.asset}`, "aria-expanded": String(asset.asset === chosen), "aria-controls": "asset", onclick: () => { chosen = chosen === asset.asset ? null : asset.asset; show(story(one)); $(`#asset-${asset.asset}`).focus(); } }, asset.asset)),
      el("td", {}, state(asset.now?.state || asset.status, place(asset, one.now))), el(`td.n${asset.attemptsFailed ? ".warn" : ""}`, {}, asset.attemptsFailed || ""), el("td.n", {}, asset.calls.length || ""), el("td.n", {}, usd(asset.costUsd)), k === 0 ? chart : null);
    drawn.set(asset.asset, row);
    return row;
  });
  const body = table(["asset", "state", "#failed attempts", "#calls", "#cost", ""], rows, "table.jobs");
  watch(chart, () => chart.replaceChildren(waterfall(one, [...drawn].map(([asset, row]) => ({ asset, row: row.firstChild })), chart, chosen)));
  const picked = one.assets.find((asset) => asset.asset === chosen);
  return [
    el(".row", {}, el("h1", { tabIndex: -1 }, "Story ", el("span.id", {}, one.id)), state(one.status)),
    el("dl.facts", {}, fact("tenant", one.tenant), fact("priority", one.priority), fact("began", dated(one.startedAt)), one.endedAt ? fact("took", between(one.startedAt, one.endedAt)) : fact("for", between(one.startedAt, one.now)),
      fact("waits to be approved for", between(one.awaitingApprovalSince, one.now)), fact("cost", usd(cost)), fact("failed by", one.code), fact("trace", one.trace ? el("span.id", {}, one.trace) : "")),
    el("section.card", {}, body, el("p.row.legend", {}, ["content", "images", "audio", "documents"].map((service) => el("span", {}, el(`span.dot.${service}`), service)), el("span", {}, "dotted: free to begin, not queued; pale: queued; full: being made; thin line: the last that it waited for; choose an asset for all of these"))),
    el("section", { id: "asset" }, picked ? details(one, picked) : null),
    updates(one),
  ];
}
function details(one, asset) {
  const fact = (name, ...value) => value.some(Boolean) ? el("div", {}, el("dt", {}, name), el("dd", {}, value)) : null;
  const rows = asset.calls.map((call) => el("tr", {}, el("td", {}, call.provider), el("td", {}, call.model), el("td", {}, call.purpose), el("td.id", {}, call.requestId), el("td.n", {}, span(call.seconds)), el("td.n", {}, usd(call.costUsd)), el(call.error ? "td.bad" : "td.note", {}, call.error || (call.failedAttempt ? "of a failed attempt" : "used"))));
  return el(".card", {}, el("h2", {}, asset.asset), el("dl.facts", {}, fact("state", place(asset, one.now)), fact("with", asset.now?.worker ? el("span.id", {}, asset.now.worker) : ""), fact("code", asset.code), fact("because of", asset.cause ? `${asset.cause.asset}: ${asset.cause.code}` : ""),
    fact("failed attempts", asset.attemptsFailed), fact("revision", asset.revision), fact("fingerprint", asset.fingerprint ? el("span.id", {}, asset.fingerprint) : ""), fact("queued", dated(asset.queuedAt)), fact("began", dated(asset.startedAt)), fact("ended", dated(asset.completedAt)), fact("waited", between(asset.queuedAt, asset.startedAt)), fact("took", between(asset.startedAt, asset.completedAt)),
    fact("waits for", asset.waitsFor.join(", ")), asset.status === "failed" ? el("div", {}, el("a", { href: `#/dead?story=${one.id}` }, "its dead letters")) : null),
    rows.length ? table(["provider", "model", "purpose", "request id", "#took", "#cost", "outcome"], rows) : el("p.note", {}, asset.completedAt ? "It called no provider, or its result was kept from before." : "Its calls are written down when it ends."));
}
function updates(one) {
  const rows = one.updates.slice(-60).reverse().map((told) => el("tr", {}, el("td.n.note", {}, told.seq), el("td", {}, clock(told.at)), el("td.note", {}, `+${between(one.startedAt, told.at)}`), el("td", {}, told.event), el("td", {}, told.asset || ""), el("td", {}, told.status ? state(told.status) : "")));
  return el("details.card", { id: "told", open: told }, el("summary", { onclick: () => { told = !$("#told").open; } }, `What readers were told (${count(one.updates.length)})`), table(["#seq", "at", "after", "event", "asset", "status"], rows));
}
let told = false;

/* Dead letters. */
const picked = new Set();
let outcomes = new Map();
function dead(found, asked) {
  const operator = Boolean(sessionStorage.getItem(KEY)), open = found.letters.filter((one) => one.kind === "job");
  for (const id of picked) if (!open.some((one) => one.id === id)) picked.delete(id);
  const replay = el("button.main", { type: "button", disabled: !picked.size || !operator, onclick: () => send([...picked]) }, operator ? `Replay ${picked.size || ""}`.trim() : "Replay needs an operator’s key");
  const box = (one) => el("input", { type: "checkbox", "aria-label": `Choose dead letter ${one.id}`, checked: picked.has(one.id), disabled: one.kind !== "job", onchange: (event) => { if (event.target.checked) picked.add(one.id); else picked.delete(one.id); replay.disabled = !picked.size || !operator; if (operator) replay.textContent = `Replay ${picked.size || ""}`.trim(); } });
  const rows = found.letters.map((one) => el("tr", {}, el("td", {}, box(one)), el("th.n", { scope: "row" }, one.id), el("td", {}, dated(one.at)), el("td", {}, el(`span.dot.${one.service}`), one.service), el("td", {}, /^[0-9a-f-]{36}$/.test(one.storyId) ? storyLink(one.storyId) : el("span.id", {}, one.storyId)), el("td", {}, one.asset),
    el("td.warn", {}, el("code", {}, one.code)), el("td.n", {}, one.attempts || ""), el("td.n", {}, usd(one.costUsd)), el("td.id", {}, one.requestId || ""), el("td.wrap", {}, outcomes.has(one.id) ? el(outcomes.get(one.id).done ? "span.good" : "span.note", {}, outcomes.get(one.id).message) : "")));
  return [
    el("h1", { tabIndex: -1 }, "Dead letters"),
    el(".row", {}, choose("service", "Service", [["", "any"], ...["content", "images", "audio", "documents", "status"].map((one) => [one, one])], asked, "dead"), choose("days", "Within", DAYS, asked, "dead"),
      asked.story ? el("span.row", {}, "of story ", storyLink(asked.story), el("button", { type: "button", onclick: () => go("dead", { ...asked, story: "" }) }, "All stories")) : null,
      asked.code ? el("span.row", {}, el("code", {}, asked.code), el("button", { type: "button", onclick: () => go("dead", { ...asked, code: "" }) }, "All codes")) : null, replay,
      open.length > 1 ? el("button", { type: "button", disabled: !operator, onclick: () => { for (const one of open) picked.add(one.id); show(dead(found, asked)); } }, "Choose all") : null),
    el("section.card", {}, rows.length ? table(["", "#id", "at (UTC)", "service", "story", "asset", "code", "#attempts", "#cost", "request id", "replay"], rows) : el("p.note", {}, "There is no such dead letter.")),
    found.count > found.letters.length ? el("p.note", {}, `The newest ${count(found.letters.length)} of ${count(found.count)}.`) : null,
    el("p.note", {}, "Why in its provider’s words, which may quote a story: python -m ops dead show ID. Replaying is safe to do twice; an event is replayed by the command alone."),
  ];
}
async function send(ids) {
  if (!confirm(`Replay ${ids.length} dead letter${ids.length === 1 ? "" : "s"}? Failed assets are made again, and paid for again.`)) return;
  try {
    const { replays } = await ask("dead/replay", { method: "POST", body: { ids } });
    outcomes = new Map([...outcomes, ...replays.map((one) => [one.id, one])]);
    picked.clear();
    say(`${replays.filter((one) => one.done).length} of ${replays.length} replayed.`);
  } catch (error) {
    if (error.status === 401 || error.status === 403) forget();
    trouble(error);
  }
  refresh();
}

/* The operator's key: for this tab, and for replaying alone. */
function forget() { sessionStorage.removeItem(KEY); named(); }
function named() { $("#key").textContent = sessionStorage.getItem(KEY) ? "Operator" : "Read-only"; }
$("#key").addEventListener("click", () => {
  if (sessionStorage.getItem(KEY)) { forget(); refresh(); return; }
  const input = el("input", { type: "password", id: "typed", autocomplete: "off", spellcheck: false }), said = el("p.bad", { role: "alert" });
  const box = el("dialog", { "aria-labelledby": "why" }, el("h2", { id: "why" }, "An operator’s key"), el("p.note", {}, "Looking needs none. Replaying takes a key with the scope operator: python -m ops key create --tenant operators --name night --scope operator. It is kept for this tab."),
    el("form", { onsubmit: async (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, input.value.trim());
      try { await ask("operator"); named(); box.close(); refresh(); } catch (error) { forget(); said.textContent = error.message; }
    } }, el("label", { htmlFor: "typed" }, "Key"), input, said, el("p.row", {}, el("button.main", {}, "Use it"), el("button", { type: "button", onclick: () => box.close() }, "Leave it"))));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
});

/* What is shown, and when it is asked for again. */
const watched = new ResizeObserver((all) => { for (const { target } of all) target.redraw?.(); });
function watch(target, redraw) {
  let width = 0;
  target.redraw = () => { const now = Math.floor(target.getBoundingClientRect().width); if (now !== width) { width = now; redraw(); } };
  watched.observe(target);
}
function show(nodes) {
  const at = document.activeElement?.id, scrolled = [...main.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  watched.disconnect();
  main.replaceChildren(...nodes.flat(Infinity).filter(Boolean));
  main.querySelectorAll(".scroll").forEach((one, k) => { one.scrollLeft = scrolled[k] || 0; });
  for (const one of main.querySelectorAll(".chart")) { one.redraw(); watched.observe(one); }
  if (at && at !== "main") document.getElementById(at)?.focus({ preventScroll: true });
}
function trouble(error) { $("#outage").textContent = error ? error instanceof TypeError ? "status does not answer" : error.message : ""; }

let found = null, timer, turn = 0;
function judged(report) {
  found = report;
  const verdict = $("#verdict");
  verdict.className = report.verdict;
  verdict.textContent = report.verdict === "findings" ? `${count(report.findings.length)} finding${report.findings.length === 1 ? "" : "s"}` : report.verdict;
}
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?"), [view, ...rest] = path.split("/");
  return { view: ["stories", "story", "dead"].includes(view) ? view : "now", id: decodeURIComponent(rest.join("/")), asked: Object.fromEntries(new URLSearchParams(query || "")) };
}
const VIEWS = {
  now: { every: 3, ask: async () => now(await ask("now"), found) },
  stories: { every: 5, ask: async ({ asked }) => stories(await ask(`stories?${new URLSearchParams(asked)}`), asked) },
  story: { every: 2, ask: async ({ id }) => story(await ask(`stories/${encodeURIComponent(id)}`)) },
  dead: { every: 10, ask: async ({ asked }) => dead(await ask(`dead?${new URLSearchParams(asked)}`), asked) },
};
/** Whether somebody is typing or choosing: what they do is not to be taken from under their hands. */
const busy = () => main.contains(document.activeElement) && document.activeElement.matches("input:not([type=checkbox]), select") || Boolean(getSelection()?.toString());
async function refresh({ first = false } = {}) {
  clearTimeout(timer);
  const mine = ++turn, where = route(), view = VIEWS[where.view];
  try {
    if (first || !busy() && !document.hidden) {
      const nodes = await view.ask(where);
      if (mine !== turn) return;
      if (first || !busy()) show(nodes);
      $("#asof").textContent = `${clock(new Date())} UTC`;
      trouble(null);
      if (first) { scrollTo(0, 0); $("h1")?.focus({ preventScroll: true }); }
    }
  } catch (error) {
    if (mine !== turn) return;
    if (error.status === 404 || error.status === 400) show([el("h1", { tabIndex: -1 }, error.message)]);
    else trouble(error);
  }
  timer = setTimeout(refresh, view.every * 1000);
}
async function examine() {
  if (!document.hidden) try { judged(await ask("findings")); if (route().view === "now") refresh(); } catch { /* the view says what does not answer */ }
  setTimeout(examine, 15000);
}
function navigate() {
  const { view } = route();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${view === "story" ? "stories" : view}`) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  document.title = `${{ now: "Now", stories: "Stories", story: "A story", dead: "Dead letters" }[view]} · Operations · Storyloom`;
  chosen = null;
  refresh({ first: true });
}
addEventListener("hashchange", navigate);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
named();
navigate();
examine();
