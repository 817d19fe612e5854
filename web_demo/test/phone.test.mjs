// The phone kit in a real Chromium, from its button to the table of `edgectc bench`.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { demo, edgectc, shot, swipe, trace } from "./chromium.mjs";

const work = fs.mkdtempSync(path.join(os.tmpdir(), "edgectc-phone-"));
const { skip, show } = demo(work);

const bench = (file, ...more) => edgectc("bench", "--phones", file, ...more);

test("measured, swiped, saved, and read by bench", { skip }, async () => {
  const one = await show("phone.html", { width: 360, height: 740 });
  const { page, heard, origins } = one;
  await page.type("#name", "Test phone");
  await page.tap("#start");
  await page.waitForSelector("#ask:not([hidden])", { timeout: 60_000 });
  const asked = () => page.$eval("#prompt", (place) => place.textContent);
  while ((await asked()) !== "hello") await page.tap("#skip");
  await page.tap('#keys [data-id="h"]');
  assert.match(await page.$eval("#heard", (place) => place.textContent), /tap/);
  assert.equal(await asked(), "hello"); // a tap is no answer
  await swipe(page, trace("qwerty-hello").points, { within: 10 });
  await page.waitForFunction(() => document.getElementById("heard").textContent.startsWith("Heard"));
  assert.equal(await page.$eval("#heard", (place) => place.textContent), "Heard: hello");
  await swipe(page, trace("qwerty-keyboard").points, { within: 10 }); // not the word that is asked for
  await page.waitForFunction(() => document.getElementById("heard").textContent === "Heard: keyboard");
  await shot(page, "phone-ask");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  await page.tap("#finish");
  await shot(page, "phone-done");
  const text = await page.evaluate(async () => {
    let blob;
    URL.createObjectURL = (made) => ((blob = made), "blob:none");
    HTMLAnchorElement.prototype.click = () => {};
    document.getElementById("save").click();
    return blob.text();
  });
  const saved = JSON.parse(text);
  assert.deepEqual(saved.swipes.map(({ rank }) => rank), [1, 0]);
  assert.equal(saved.parity.passed, true);
  assert.ok(saved.memory.bytes > 10e6, "the lexicon alone is as large");
  const file = path.join(work, "phone.json");
  fs.writeFileSync(file, text);
  const told = bench(file, "--json");
  assert.equal(told.status, 0, told.stderr);
  const [row] = JSON.parse(told.stdout).rows;
  assert.deepEqual([row.runtime, row.device, row.status, row.labelled, row.top1], ["web", "phone", "ok", 2, 0.5]);
  assert.match(row.artifact, /Test phone/);
  assert.ok(row.p50_ms > 0 && row.network_p50_ms > 0 && row.network_p50_ms < 10 * row.p50_ms);
  fs.writeFileSync(file, text.slice(0, 400)); // cut on the way
  const refused = bench(file);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /phone results .* cannot be read/);
  assert.deepEqual(heard, []);
  assert.equal(origins.size, 1);
  await one.context.close();
});
