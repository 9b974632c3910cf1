// What both pages stand on: elements made of text alone, and the API with a key or a link's secret.

export const API = "/api/v1";
const KEY = "storyloom.key";

/** An element. Children are nodes or text: markup in a name or a story stays text. */
export function el(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && !key.includes("-") && key !== "list") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  play: "M7 4.500v15l12-7.500z", pause: "M7 5h3.500v14H7zM13.500 5H17v14h-3.500z", next: "M9 5l7 7-7 7", back: "M15 5l-7 7 7 7",
  book: "M12 6c-3-2-6-2-9-1v13c3-1 6-1 9 1 3-2 6-2 9-1V5c-3-1-6-1-9 1zM12 6v13", gear: "M4 7h10M18 7h2M4 17h2M10 17h10M14 4.500v5M6 14.500v5",
  again: "M5 12a7 7 0 1 0 2-5L4.500 9.500M4.500 4.500v5h5", down: "M12 4v11M7 11l5 5 5-5M5 20h14",
};
/** A drawing beside words; it says nothing by itself. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[name]);
  const solid = name === "play" || name === "pause";
  for (const [key, value] of solid ? [["fill", "currentColor"]] : [["fill", "none"], ["stroke", "currentColor"], ["stroke-width", "2"], ["stroke-linecap", "round"], ["stroke-linejoin", "round"]]) path.setAttribute(key, value);
  drawing.append(path);
  return drawing;
}

export const $ = (selector, root = document) => root.querySelector(selector);

/** Have a screen reader say something. */
export function say(text) { $("#say").textContent = text; }

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
/** The key, or that of another tab of this page that is open; null without one. */
export async function findKey() {
  if (key() || !tabs) return key();
  tabs.postMessage("key?");
  return new Promise((resolve) => {
    const give = ({ data }) => { if (data?.key) { keep(data.key); resolve(data.key); } };
    tabs.addEventListener("message", give);
    setTimeout(() => { tabs.removeEventListener("message", give); resolve(key()); }, 150);
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
/** Save a file of the API's under a name. */
export async function save(path, name) {
  const link = el("a", { href: await file(path), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** The colours of a picture, for the page. They come from the picture, and are used for nothing but a wash. */
export function tint(colours) {
  (colours || []).slice(0, 3).forEach((colour, place) => {
    if (/^#[0-9a-f]{6}$/i.test(colour)) document.documentElement.style.setProperty(`--hue${place + 1}`, colour);
  });
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
