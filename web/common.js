// What both pages stand on: the API with a key or a link's secret, pictures, and a story's colours.
import { $, draw, el } from "./elements.js";
export { $, draw, el, say } from "./elements.js";

export const API = "/api/v1";
const KEY = "storyloom.key";

const SHAPES = {
  play: "M7 4.5v15l12-7.5z", pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z", next: "M9 5l7 7-7 7", back: "M15 5l-7 7 7 7",
  book: "M12 6c-3-2-6-2-9-1v13c3-1 6-1 9 1 3-2 6-2 9-1V5c-3-1-6-1-9 1zM12 6v13", gear: "M4 7h10M18 7h2M4 17h2M10 17h10M14 4.5v5M6 14.5v5",
  again: "M5 12a7 7 0 1 0 2-5L4.5 9.5M4.5 4.5v5h5", down: "M12 4v11M7 11l5 5 5-5M5 20h14",
};
const SOLID = { fill: "currentColor" }, LINE = { fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round" };
/** A drawing beside words; it says nothing by itself. */
export function icon(name) {
  return draw("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, draw("path", { d: SHAPES[name], ...(name === "play" || name === "pause" ? SOLID : LINE) }));
}

/** What the address ends with belongs to nobody but this page: it is kept for the tab, and taken out of the address. */
function takeFragment() {
  const given = decodeURIComponent(location.hash.slice(1));
  const key = /^key=(sk_[\w-]+)$/.exec(given)?.[1];
  if (key) {
    sessionStorage.setItem(KEY, key);
    history.replaceState(history.state, "", location.pathname);
  }
  return /^sh_[\w-]+$/.test(given) ? given : null;
}
/** The secret of a link to a story, which stays in the address: reloading it must work. */
export const secret = takeFragment();

const tabs = "BroadcastChannel" in window ? new BroadcastChannel("storyloom") : null;
tabs?.addEventListener("message", ({ data }) => {
  const own = sessionStorage.getItem(KEY);
  if (data === "key?" && own) tabs.postMessage({ key: own });
});
export const key = () => sessionStorage.getItem(KEY);
export const keep = (value) => value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY);
/** The key, or that of another tab of this page that is open; null without one. A tab on a busy machine may answer later: then ``late`` is called. */
export async function findKey(late) {
  if (key() || !tabs) return key();
  return new Promise((resolve) => {
    let waiting = true;
    const end = () => { waiting = false; resolve(key()); };
    const heard = ({ data }) => {
      if (!data?.key) return;
      tabs.removeEventListener("message", heard);
      if (key()) return;
      keep(data.key);
      if (waiting) end(); else late();
    };
    tabs.addEventListener("message", heard);
    tabs.postMessage("key?");
    setTimeout(end, 150);
  });
}

/** What the API has against a request, in its own words. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || "Something went wrong.");
    Object.assign(this, { status, code: body.code || "unknown", errors: body.errors || [] });
  }
}

export async function request(method, path, { body, headers = {}, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method, signal, referrerPolicy: "no-referrer", credentials: "omit",
      headers: { Authorization: `Bearer ${secret || key() || ""}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { code: "offline", detail: "There is no connection just now." });
  }
  if (answer.ok) return answer;
  throw new Problem(answer.status, await answer.json().catch(() => ({})));
}
export async function json(method, path, options) {
  const answer = await request(method, path, options);
  return answer.status === 204 ? null : Object.assign(await answer.json(), { etag: answer.headers.get("ETag") });
}
/** A file as an address that an element can have. */
export async function file(path, options) {
  return URL.createObjectURL(await (await request("GET", path, options)).blob());
}
/** Save a file of the API's under a name, or what is kept on this device in its place while there is no connection. */
export async function save(path, name, kept) {
  const link = el("a", { href: await file(path).catch((error) => { if (!kept) throw error; return file(kept); }), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

let washed = "";
/** The colours of a picture, for the page. They come from the picture, and are used for nothing but a wash. */
export function tint(colours) {
  const found = (colours || []).slice(0, 3).filter((colour) => /^#[0-9a-f]{6}$/i.test(colour));
  if (!found.length || washed === found.join()) return;
  washed = found.join();
  found.forEach((colour, place) => document.documentElement.style.setProperty(`--hue${place + 1}`, colour));
  // It comes in by its opacity: colours that change step by step style the whole page anew at every frame, while words are coming.
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) document.body.animate({ opacity: [0, 1] }, { duration: 1500, easing: "ease-out", pseudoElement: "::before" });
}

/** Put a picture into its place, where it fades in. */
export async function paint(place, path, altText, signal) {
  const image = el("img", { alt: altText || "", decoding: "async", src: await file(path, { signal }) });
  await image.decode().catch(() => {});
  const before = $("img", place);
  place.classList.remove("failed");
  place.replaceChildren(image);
  if (before) URL.revokeObjectURL(before.src);
  requestAnimationFrame(() => requestAnimationFrame(() => image.classList.add("here")));
}

export const story = () => location.pathname.split("/")[2];
