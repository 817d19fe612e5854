// Real swipes in a real Chromium, against Python's answers at the beginning of a text, and how fast the page is.
//
//   PYTHON=python node test/measure.mjs SWIPES.jsonl        in web_demo, the page built
import assert from "node:assert/strict";
import fs from "node:fs";

import { edgectc, launch, open, serve, stop, swipe } from "./chromium.mjs";

const ARTIFACT = "models/swipe-en/artifacts/swipe-en-int8-dynamic.edgectc"; // what the page takes first
const [file] = process.argv.slice(2);
const lines = (text) => text.trim().split("\n").map((line) => JSON.parse(line));
const swipes = lines(fs.readFileSync(file, "utf8"));
const decoded = edgectc("decode", ARTIFACT, "--context", "", "--input", fs.realpathSync(file), "--json");
assert.ok(decoded.stdout, decoded.stderr); // a page begins at the start of a text, hence the context
const answers = lines(decoded.stdout);
const url = await serve();
for (const row of swipes) row.points = row.points.map((point) => (Array.isArray(point) ? point : [point.x, point.y, point.t]));
const browser = await launch();
const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const round = (value) => Number(value.toFixed(1));
const report = { browser: await browser.version(), swipes: swipes.length };

// How soon the page is there, in a browser that has not seen it.
const ready = [];
for (let i = 0; i < 5; i++) {
  const { page, context } = await open(browser, url);
  ready.push(await page.evaluate(() => performance.getEntriesByName("ready")[0].startTime));
  await context.close();
}
report.ready_ms = ready.map(Math.round);

// A finger, in its own time: from lifting it to the word.
const first = [];
const later = [];
for (let i = 0; i < 3; i++) {
  const { page, context } = await open(browser, url);
  for (const [n, one] of swipes.slice(12 * i, 12 * i + 12).entries()) {
    const word = await swipe(page, one.points);
    if (word) (n ? later : first).push(word.ms);
  }
  await context.close();
}
report.first_word_ms = first.map(round);
report.later_words_ms = { n: later.length, p50: round(middle(later)), most: round(Math.max(...later)) };

// All of them, through the page's own keyboard.
const { page } = await open(browser, url);
const found = await page.evaluate(async (rows) => {
  const { index, load } = await import("./app/loader.js");
  const served = await index();
  const model = await load(served, served.artifacts[0].file);
  const all = [];
  for (const { layout = "qwerty", points } of rows) {
    await model.use(model.layouts.find((one) => one.name === layout));
    try {
      all.push(await model.read(points));
    } catch (error) {
      all.push({ words: [], ms: 0, reason: error.reason ?? String(error) });
    }
  }
  return all;
}, swipes.map(({ layout, points }) => ({ layout, points })));
let same = 0;
let five = 0;
let off = 0;
found.forEach(({ words }, i) => {
  const wanted = answers[i].candidates ?? [];
  same += words[0]?.text === wanted[0]?.text;
  five += words.map((one) => one.text).join() === wanted.map((one) => one.text).join();
  for (const [n, one] of words.entries())
    if (one.text === wanted[n]?.text) off = Math.max(off, Math.abs(one.score - wanted[n].score));
});
report.same_top_1 = same / found.length;
report.same_top_5 = five / found.length;
report.largest_score_difference = off;
report.swipe_ms_p50 = round(middle(found.map((one) => one.ms)));
console.log(JSON.stringify(report, null, 1));
await browser.close();
stop();
