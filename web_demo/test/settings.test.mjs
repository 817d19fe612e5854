// What the user may choose, and emoji, in a real Chromium.
import assert from "node:assert/strict";
import test from "node:test";

import { demo, shot, swipe, tap, text, trace, type } from "./chromium.mjs";

const { skip, opened, closed } = demo();

/** Chooses as a person does: in the dialog. */
async function choose(page, name, value) {
  await page.tap("#settings-open");
  if (typeof value === "boolean") await page.evaluate((name, value) => document.querySelector(`#choices [name="${name}"]`).checked !== value && document.querySelector(`#choices [name="${name}"]`).click(), name, value);
  else await page.select(`#choices [name="${name}"]`, value);
  await page.tap('#settings [value="close"]');
}

const colours = (page) => page.evaluate(() => {
  const { backgroundColor, color } = getComputedStyle(document.body);
  return [backgroundColor, color].map((one) => one.match(/\d+/g).slice(0, 3).map(Number));
});

/** The ratio of luminances of WCAG 2. */
function contrast([a, b]) {
  const light = (rgb) => rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
  return (bright + 0.05) / (dark + 0.05);
}

test("colours follow the system, or what was chosen, also after a reload", { skip }, async () => {
  const page = await opened({ dark: true });
  const [night] = await colours(page);
  assert.ok(Math.max(...night) < 64, String(night));
  await choose(page, "theme", "light");
  const [day] = await colours(page);
  assert.ok(Math.min(...day) > 200, String(day));
  await page.reload();
  await page.waitForFunction(() => document.getElementById("state").dataset.kind === "ready");
  assert.deepEqual((await colours(page))[0], day);
  await choose(page, "theme", "contrast");
  assert.ok(contrast(await colours(page)) > 20);
  const keys = await page.evaluate(() => [...document.querySelectorAll(".key span")].map((face) => {
    const { backgroundColor, color } = getComputedStyle(face);
    return [backgroundColor, color].map((one) => one.match(/\d+/g).slice(0, 3).map(Number));
  }));
  for (const pair of keys) assert.ok(contrast(pair) >= 7, String(pair));
  await shot(page, "contrast");
  await choose(page, "theme", "system");
  assert.deepEqual((await colours(page))[0], night);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  assert.deepEqual((await colours(page))[0], day);
  await closed();
});

test("the settings fit a narrow screen", { skip }, async () => {
  const page = await opened({ width: 320, height: 640 });
  await page.tap("#settings-open");
  await shot(page, "settings");
  const wrong = await page.evaluate(() => {
    const { right } = document.getElementById("settings").getBoundingClientRect();
    return [...document.querySelectorAll("#choices label")].filter((one) => one.getBoundingClientRect().right > right || one.offsetHeight > 44).map((one) => one.textContent);
  });
  assert.deepEqual(wrong, []);
  await closed();
});

test("keys buzz and click only where that was chosen", { skip }, async () => {
  const page = await opened({ before: (page) => page.evaluateOnNewDocument(() => {
    window.felt = [];
    navigator.vibrate = (ms) => window.felt.push(ms) > 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...at) {
      window.felt.push("click");
      start.apply(this, at);
    };
  }) });
  const felt = () => page.evaluate(() => window.felt.splice(0));
  await tap(page, "a");
  assert.deepEqual(await felt(), []);
  await choose(page, "haptics", true);
  await tap(page, "b");
  assert.deepEqual(await felt(), [10]);
  await choose(page, "haptics", false);
  await choose(page, "sound", true);
  await tap(page, "space");
  assert.deepEqual(await felt(), ["click"]);
  await closed();
});

test("a row of digits, other heights and one hand: keys lie where they are read", { skip }, async () => {
  const page = await opened();
  const board = () => page.$eval("#keys .area", (area) => area.getBoundingClientRect().toJSON());
  const usual = await board();
  await choose(page, "height", "high");
  assert.ok(Math.abs((await board()).height / usual.height - 1.15) < 0.02);
  await choose(page, "hand", "right");
  await choose(page, "number_row", true);
  const small = await board();
  assert.ok(small.width < 0.8 * usual.width && Math.abs(small.right - usual.right) < 8);
  await type(page, "3");
  const drawn = trace("qwerty-hello").points;
  const cdp = (page.cdp ??= await page.createCDPSession());
  const letters = await page.evaluate(() => {
    const boxes = [...document.querySelectorAll('#keys .key[data-kind="letter"]')].map((key) => key.getBoundingClientRect());
    return { top: Math.min(...boxes.map((box) => box.top)), bottom: Math.max(...boxes.map((box) => box.bottom)) };
  });
  const at = ([x, y]) => [{ x: small.x + x * small.width, y: letters.top + y * (letters.bottom - letters.top) }];
  await tap(page, "space");
  await cdp.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(drawn[0]) });
  const began = performance.now();
  for (const point of drawn.slice(1)) {
    await new Promise((done) => setTimeout(done, Math.max(0, point[2] - drawn[0][2] - (performance.now() - began))));
    await cdp.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: at(point) });
  }
  await cdp.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await page.waitForFunction(() => document.getElementById("text").value.length > 3);
  assert.equal(await text(page), "3 hello");
  await shot(page, "one-hand");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  await closed();
});

test("what the keyboard does by itself can be switched off", { skip }, async () => {
  const page = await opened();
  await choose(page, "correct", false);
  await type(page, "teh ");
  assert.equal(await text(page), "Teh ");
  await choose(page, "correct", true);
  await type(page, "hte "); // "teh" is a word of the user's now
  assert.equal(await text(page), "Teh the ");
  await choose(page, "suggest", false);
  await type(page, "wor");
  await text(page);
  assert.equal(await page.$eval("#strip", (strip) => strip.childElementCount), 0);
  await choose(page, "live", false);
  await choose(page, "preview", false);
  await page.evaluate(() => {
    window.seen = [];
    new MutationObserver(() => window.seen.push(document.querySelector("#strip .live") ? "live" : "")).observe(document.getElementById("strip"), { childList: true });
    new MutationObserver(() => window.seen.push(document.querySelector(".popup")?.hidden === false ? "popup" : "")).observe(document.getElementById("keys"), { childList: true, subtree: true });
  });
  await tap(page, "space");
  assert.ok(await swipe(page, trace("qwerty-hello").points));
  assert.deepEqual(await page.evaluate(() => window.seen.filter(Boolean)), []);
  await choose(page, "live", true);
  await choose(page, "preview", true);
  await swipe(page, trace("qwerty-hello").points);
  assert.deepEqual(await page.evaluate(() => [...new Set(window.seen.filter(Boolean))].sort()), ["live", "popup"]);
  await closed();
});

test("emoji are typed, stand apart from swiped words, and are taken back whole", { skip }, async () => {
  const page = await opened();
  await swipe(page, trace("qwerty-hello").points);
  await tap(page, "page-emoji-0");
  await shot(page, "emoji");
  await tap(page, "😀");
  assert.equal(await text(page), "Hello 😀");
  await tap(page, "page-emoji-2");
  await tap(page, "❤️"); // two code points
  assert.equal(await text(page), "Hello 😀❤️");
  await tap(page, "backspace");
  assert.equal(await text(page), "Hello 😀");
  await tap(page, "symbols");
  await swipe(page, trace("qwerty-hello").points);
  assert.equal(await text(page), "Hello 😀 hello");
  await tap(page, "enter");
  await tap(page, "page-emoji-0");
  await tap(page, "page-emoji-1");
  await tap(page, "👍");
  await tap(page, "symbols");
  await type(page, "teh "); // a word of its own, so it is corrected
  assert.equal(await text(page), "Hello 😀 hello\n👍the ");
  await closed();
});

test("what is stored of settings and is none is left alone", { skip }, async () => {
  const held = JSON.stringify({ theme: "pink", height: 3, preview: "yes", haptics: true });
  const page = await opened({
    before: (page) => page.evaluateOnNewDocument((name, text) => localStorage.setItem(`edgectc.${name}`, text), "settings", held),
  });
  const shown = await page.evaluate(() => Object.fromEntries(["theme", "height", "preview", "haptics"].map((name) => {
    const field = document.querySelector(`#choices [name="${name}"]`);
    return [name, field.type === "checkbox" ? field.checked : field.value];
  })));
  assert.deepEqual(shown, { theme: "system", height: "normal", preview: true, haptics: true });
  await closed();
});
