// A real Chromium for tests: a phone's screen, touch events, the console watched.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const python = process.env.PYTHON ?? "python3";
/** @type {import("node:child_process").ChildProcess[]} */
const servers = [];

/** Returns the address of a demo that is served with these options, until `stop`. */
export function serve(...how) {
  const server = spawn(python, ["-m", "edgectc", "demo", "--port", "0", "--json", ...how], { cwd: root });
  servers.push(server);
  return new Promise((done, fail) => {
    server.stdout.once("data", (line) => done(JSON.parse(line).url));
    server.stderr.once("data", (line) => fail(new Error(String(line))));
  });
}

/** Returns the address of a folder as a plain server has it, and that server. */
export async function serveFolder(folder) {
  const server = spawn(python, ["-m", "http.server", "--bind", "127.0.0.1", "0", "--directory", folder], { env: { ...process.env, PYTHONUNBUFFERED: "1" } });
  servers.push(server);
  const line = await new Promise((done) => server.stdout.once("data", (text) => done(String(text))));
  return { url: `http://127.0.0.1:${line.match(/port (\d+)/)[1]}/`, server };
}

/** Ends all servers. */
export const stop = () => servers.forEach((one) => one.kill());

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Returns why there is no browser to test in, or "". */
export const lacking = () => {
  if (!find()) return "needs Chromium; install it, or name it in CHROMIUM";
  return fs.existsSync(new URL("../../edgectc/commands/serving/site/index.html", import.meta.url)) ? "" : "needs the built page: scripts/build-demo";
};

const find = () => [process.env.CHROMIUM, ...PLACES].find((place) => place && fs.existsSync(place));

/** Returns a browser. */
export async function launch() {
  const { default: puppeteer } = await import("puppeteer-core");
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  return puppeteer.launch({ executablePath: find(), headless: true, args });
}

/**
 * Returns a page as on a phone, and what its console said.
 * @param {any} browser
 * @param {string} url
 * @param {{width?: number, height?: number, dark?: boolean, before?: (page: any) => Promise<void>, ready?: boolean}} how
 */
export async function open(browser, url, { width = 412, height = 800, dark = false, before, ready = true } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const heard = [];
  const origins = new Set();
  page.on("console", (message) => ["error", "warn"].includes(message.type()) && heard.push(message.text()));
  page.on("pageerror", (error) => heard.push(String(error)));
  page.on("request", (request) => origins.add(new URL(request.url()).origin));
  await page.setViewport({ width, height, deviceScaleFactor: 2, isMobile: width < 700, hasTouch: true });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
  await before?.(page);
  await page.goto(url, { waitUntil: "domcontentloaded" });
  await page.waitForFunction(
    (wanted) => wanted ? document.getElementById("state").dataset.kind === "ready" : document.getElementById("state").dataset.kind !== "busy",
    { timeout: 30_000 }, ready,
  );
  return { page, heard, origins, context };
}

/**
 * Has a browser and the demo for the tests of a file, and ends both after them, with the folder that they worked in. Returns how a
 * page of the demo, or of another address, is shown.
 * @param {string} [folder]
 */
export function demo(folder) {
  const skip = lacking() || false;
  /** @type {any} */
  let browser;
  let url = "";
  /** @type {any} */
  let one;
  before(async () => {
    if (skip) return;
    browser = await launch();
    url = await serve();
  });
  after(async () => {
    await browser?.close();
    stop();
    if (folder) fs.rmSync(folder, { recursive: true, force: true });
  });
  const show = (place = "", how = {}) => open(browser, new URL(place, url).href, how);
  /** Opens the keyboard on a small phone, until `closed`. */
  async function opened(how = {}) {
    one = await show("", { width: 360, height: 740, ...how });
    return one.page;
  }
  /** Closes it; its console said nothing. */
  async function closed() {
    assert.deepEqual(one.heard, []);
    await one.context.close();
  }
  return { skip, show, opened, closed };
}

/**
 * Draws a recorded trace with a finger, in its own time; returns ms from finger-up to the word.
 * @param {any} page
 * @param {number[][]} points rows x, y, t in ms, in the letter area
 */
export async function swipe(page, points, { pace = 1, within = 40_000 } = {}) {
  const cdp = (page.cdp ??= await page.createCDPSession());
  const box = await page.evaluate(() => {
    const keys = [...document.querySelectorAll("#keys .key")].map((key) => key.getBoundingClientRect());
    const letters = [...document.querySelectorAll('#keys .key[data-kind="letter"]')].map((key) => key.getBoundingClientRect());
    const area = document.querySelector("#keys .area").getBoundingClientRect();
    return { left: area.left, top: area.top, width: area.width, height: Math.max(...letters.map((r) => r.bottom)) - Math.min(...keys.map((r) => r.top)) };
  });
  const at = ([x, y]) => [{ x: box.left + x * box.width, y: box.top + y * box.height }];
  const word = page.evaluate((within) => new Promise((done) => {
    let up = 0;
    addEventListener("pointerup", () => (up = performance.now()), { once: true, capture: true });
    document.body.addEventListener("word", ({ detail }) => done({ words: detail.words, ms: performance.now() - up, stages: detail.ms, frames: detail.frames }), { once: true });
    setTimeout(() => done(null), within);
  }), within);
  const start = performance.now();
  const [first, ...rest] = points;
  await cdp.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(first) });
  for (const point of rest) {
    const wait = (point[2] - first[2]) * pace - (performance.now() - start);
    if (wait > 1) await new Promise((done) => setTimeout(done, wait));
    await cdp.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: at(point) });
  }
  await cdp.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  return word;
}

/** Returns what `edgectc` with these words did, in the source tree. */
export const edgectc = (...words) => spawnSync(python, ["-m", "edgectc", ...words], { cwd: root, encoding: "utf8" });

/** Writes the demo as files into a folder. */
export function exported(folder) {
  const made = edgectc("demo", "--export", folder);
  assert.equal(made.status, 0, made.stderr);
  return folder;
}

/** Recorded traces, with Python's words for them. */
export const traces = JSON.parse(fs.readFileSync(path.join(root, "tests/golden/traces.json"), "ascii")).cases;

export const trace = (name) => traces.find((one) => one.name === name);

/** Writes a picture of the page into the folder that SHOTS names, if any. */
export const shot = (page, name) => process.env.SHOTS && page.screenshot({ path: path.join(process.env.SHOTS, `${name}.png`) });

/** Returns the text that was written, once all that fingers did is done. */
export async function text(page) {
  await page.waitForFunction(() => !Number(document.body.dataset.turns ?? 0));
  return page.$eval("#text", (area) => area.value);
}

export const tap = (page, id) => page.tap(`#keys [data-id="${id}"]`);

/** Taps letters; a space is the space bar, "<" the key that deletes. */
export async function type(page, letters) {
  for (const id of letters) await tap(page, { " ": "space", "<": "backspace" }[id] ?? id);
}
