// Keeps the page and its model, so that it opens without a network. The server is asked first: it knows what is new.

const CACHE = "edgectc-1";
const FILES = [
  "./", "index.html", "phone.html", "manifest.json", "icon.svg", "style.css", "dark.css", "contrast.css",
  ...["ahead", "dictionary", "download", "editor", "feedback", "keyboard", "keys", "ledger", "loader", "main", "panel", "phone", "popup", "recorder", "settings", "storage", "strip", "trail", "writer"].map((name) => `app/${name}.js`),
  ...["files", "index", "library", "signature", "worker", "worker-side"].map((name) => `package/${name}.js`),
  "package/library.wasm",
];

/** Fetches all that the page needs, the first artifact of the model with it. */
async function keep() {
  const cache = await caches.open(CACHE);
  const index = await (await fetch("model/index.json")).json();
  const model = [index.artifacts[0].file, index.lexicon, index.language_model].filter(Boolean).map((name) => `model/${name}`);
  await cache.addAll([...FILES, "model/index.json", "model/trials.json", ...model]);
}

/** @param {Request} request */
async function answer(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

const worker = /** @type {any} */ (self);
worker.addEventListener("install", (/** @type {any} */ event) => event.waitUntil(keep().then(() => worker.skipWaiting())));
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === location.origin) event.respondWith(answer(request));
});
