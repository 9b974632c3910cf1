// Keeps the books that were opened on this device, so that they can be read without a connection.
// A book that the API does not give any more, since its link was taken back or it was erased, is forgotten.
const BOOKS = "books-1", MOST = 12;
const storyOf = (url) => /\/(?:stories|read)\/([0-9a-f-]{36})/.exec(url)?.[1];

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function forget(id) {
  const books = await caches.open(BOOKS);
  for (const request of await books.keys()) if (storyOf(request.url) === id) await books.delete(request);
}
self.addEventListener("message", (event) => event.waitUntil((async () => {
  const { keep, authorization, id } = event.data, books = await caches.open(BOOKS);
  const kept = [...new Set((await books.keys()).map((one) => storyOf(one.url)).filter(Boolean))];
  for (const old of kept.filter((one) => one !== id).slice(0, Math.max(0, kept.length - MOST + 1))) await forget(old);
  await Promise.all(keep.map(async (path) => {
    if (path.includes("?v=") && await books.match(path)) return;
    const answer = await fetch(path, { headers: path.startsWith("/api/") ? { Authorization: authorization } : {}, credentials: "omit" }).catch(() => null);
    if (answer?.ok) await books.put(path, answer);
  }));
})()));

self.addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  const path = url.pathname, lasting = path.startsWith("/web/") || url.searchParams.has("v");
  if (!(lasting || path.startsWith("/read/") || path.endsWith("/book"))) return;
  event.respondWith((async () => {
    const books = await caches.open(BOOKS), kept = () => books.match(path + url.search, { ignoreVary: true });
    // Who has the right to read it is for the API to say whenever it can be asked: the book comes first, its files after it.
    if (lasting) { const found = await kept(); if (found) return found; }
    try {
      const answer = await fetch(request);
      if (path.endsWith("/book")) {
        if (answer.ok) await books.put(path, answer.clone());
        else if ([401, 403, 404].includes(answer.status)) await forget(storyOf(path));
      }
      return answer;
    } catch (error) {
      const found = await kept();
      if (found) return found;
      throw error;
    }
  })());
});
