// One story's times, as a drawing beside the rows of its table: waiting, queued, being made, and what waited for what.

import { draw } from "./elements.js";

const STEPS = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 259200, 864000];
const label = (seconds) => seconds < 120 ? `${seconds} s` : seconds < 7200 ? `${seconds / 60} min` : seconds < 172800 ? `${seconds / 3600} h` : `${seconds / 86400} d`;
const time = (text) => text ? Date.parse(text) : null;

/** When each stage of an asset began and ended, in milliseconds; what has no end yet ends now. */
export function stages(story) {
  const now = time(story.now), ended = new Map();
  for (const one of story.assets) if (one.completedAt) ended.set(one.asset, time(one.completedAt));
  return story.assets.map((one) => {
    const needs = one.waitsFor.filter((need) => story.assets.some((other) => other.asset === need));
    const last = needs.filter((need) => ended.has(need)).sort((a, b) => ended.get(b) - ended.get(a))[0];
    const free = needs.length ? (last ? ended.get(last) : null) : time(story.startedAt);
    const queued = time(one.queuedAt), end = time(one.completedAt), done = ["ready", "failed", "cancelled"].includes(one.status);
    const began = time(one.startedAt) ?? (one.now?.state === "in_flight" ? time(one.now.since) : null);
    const made = began === null ? null : [Math.max(began, queued ?? began), end ?? (done ? began : now)];
    const stop = made ? made[0] : end ?? (done ? queued : now);
    return { ...one, needs, last, free, queued: queued === null ? null : [Math.min(queued, stop), stop], made, end, retry: time(one.retryAt) };
  });
}

/** Draw into an element whose height is that of the rows. `chosen`: an asset all of whose needs are shown. */
export function waterfall(story, rows, place, chosen) {
  const all = stages(story), box = place.getBoundingClientRect(), width = Math.max(200, Math.floor(box.width)), height = Math.ceil(box.height);
  const times = all.flatMap((one) => [one.queued, one.made].flat()).concat(all.map((one) => one.retry)).filter((at) => at !== null && at !== undefined);
  const from = Math.min(time(story.startedAt), ...times), to = Math.max(from + 1000, ...times, story.status === "generating" ? time(story.now) : from);
  const left = 6, right = width - 46, x = (at) => left + (at - from) / (to - from) * (right - left);
  const middle = new Map(rows.map(({ asset, row }) => { const one = row.getBoundingClientRect(); return [asset, one.top - box.top + one.height / 2]; }));
  const total = (to - from) / 1000, step = STEPS.find((seconds) => total / seconds <= Math.max(3, width / 90)) ?? STEPS.at(-1);
  const art = draw("svg", { class: "fall", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Times of ${all.length} assets over ${label(Math.round(total))}; the table has the same in words.` });
  for (let at = 0; at <= total; at += step) {
    const line = x(from + at * 1000);
    art.append(draw("line", { class: "grid", x1: line, x2: line, y1: 0, y2: height }), draw("text", { x: line, y: -8, "text-anchor": at ? "middle" : "start" }, label(at)));
  }
  if (story.status === "generating") art.append(draw("line", { class: "now", x1: x(time(story.now)), x2: x(time(story.now)), y1: 0, y2: height }));
  const edges = draw("g"), bars = draw("g");
  for (const one of all) {
    const y = middle.get(one.asset), begin = one.queued?.[0] ?? one.made?.[0];
    if (one.asset === chosen) art.append(draw("rect", { class: "lit", x: 0, y: y - 12, width, height: 24, rx: 4 }));
    for (const need of one.asset === chosen ? one.needs : one.last ? [one.last] : []) {
      const source = all.find((other) => other.asset === need), end = source.end ?? source.made?.[1];
      if (begin === undefined || !end) continue;
      const a = x(end), b = x(begin), bend = Math.max(8, Math.min(40, (b - a) / 2));
      edges.append(draw("path", { class: `edge${one.asset === chosen ? " chosen" : ""}`, d: `M${a} ${middle.get(need)}C${a + bend} ${middle.get(need)} ${b - bend} ${y} ${b} ${y}` }));
    }
    const kind = one.status === "failed" ? "failed" : "work", of = draw("g", { class: one.service });
    if (one.free !== null && begin !== undefined && begin - one.free > 200) of.append(draw("line", { class: "wait", x1: x(one.free), x2: x(begin), y1: y, y2: y }));
    if (one.queued) of.append(draw("rect", { class: "queued", x: x(one.queued[0]), y: y - 6, width: Math.max(1, x(one.queued[1]) - x(one.queued[0])), height: 12, rx: 2 }));
    if (one.made) {
      const end = x(one.made[1]);
      of.append(draw("rect", { class: kind, x: x(one.made[0]), y: y - 6, width: Math.max(2, end - x(one.made[0])), height: 12, rx: 2 }));
      const took = (one.made[1] - one.made[0]) / 1000;
      of.append(draw("text", { x: end + 4, y: y + 4 }, `${took < 10 ? `${took.toFixed(1)} s` : label(Math.round(took))}${kind === "failed" ? " ✕ failed" : ""}`));
    } else if (one.status === "failed" && one.end) of.append(draw("rect", { class: "failed", x: x(one.end) - 2, y: y - 6, width: 4, height: 12, rx: 2 }));
    if (one.retry) of.append(draw("path", { class: "retry", d: `M${x(one.retry)} ${y - 7}v14` }));
    bars.append(of);
  }
  art.append(edges, bars);
  return art;
}
