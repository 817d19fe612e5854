// A message as people write one, by a finger and by a mouse, on a phone's screen and a laptop's, without a network after the first load.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { after, before } from "node:test";

import { exported, lacking, launch, open, serveFolder, shot, stop, text } from "./chromium.mjs";

const skip = lacking() || false;
const work = fs.mkdtempSync(path.join(os.tmpdir(), "edgectc-message-"));
const SIGNS = "1234567890@#$_&-+()/*\"':;!?";
let browser;
let site;

before(() => {
  if (skip) return;
  site = exported(path.join(work, "site"));
});
after(async () => {
  await browser?.close();
  stop();
  fs.rmSync(work, { recursive: true, force: true });
});

/** A hand that presses and slides, by touch or by mouse. */
class Hand {
  constructor(page, kind) {
    this.page = page;
    this.kind = kind;
  }

  async send(phase, x, y) {
    if (this.kind === "mouse") {
      if (phase === "move" || phase === "down") await this.page.mouse.move(x, y);
      if (phase !== "move") await this.page.mouse[phase]();
      return;
    }
    this.cdp ??= await this.page.createCDPSession();
    const type = { down: "touchStart", move: "touchMove", up: "touchEnd" }[phase];
    await this.cdp.send("Input.dispatchTouchEvent", { type, touchPoints: phase === "up" ? [] : [{ x, y }] });
  }

  middle(id) {
    return this.page.evaluate((id) => {
      const box = [...document.querySelectorAll("#keys .key")].find((key) => key.dataset.id === id)?.getBoundingClientRect();
      return box ? [box.x + box.width / 2, box.y + box.height / 2] : null;
    }, id);
  }

  async tap(id) {
    const [x, y] = await this.middle(id);
    await this.send("down", x, y);
    await this.send("up", x, y);
    await text(this.page);
  }

  /** Types as somebody does who looks at the keys: by way of shift and the page of signs. */
  async type(letters) {
    for (const letter of letters) {
      const id = { " ": "space", "\n": "enter" }[letter] ?? letter.toLowerCase();
      const signs = SIGNS.includes(letter);
      const shown = await this.page.evaluate(() => document.querySelector('#keys [data-id="symbols"]').textContent === "ABC");
      if (signs !== shown && !" .,\n".includes(letter)) await this.tap("symbols");
      const capital = letter !== letter.toLowerCase();
      const shifted = await this.page.evaluate(() => document.querySelector('#keys [data-id="shift"]')?.getAttribute("aria-pressed") === "true");
      if (/\p{L}/u.test(letter) && capital !== shifted) {
        await this.tap("shift");
        if (!capital && (await this.page.evaluate(() => document.querySelector('#keys [data-id="shift"]').getAttribute("aria-pressed") === "true"))) await this.tap("shift"); // through the lock
      }
      await this.tap(id);
    }
  }

  /** Moves through the keys of a word, 12 ms a step. */
  async swipe(word) {
    const places = [];
    for (const letter of word) places.push(await this.middle(letter));
    let [x, y] = places[0];
    await this.send("down", x, y);
    for (const [toX, toY] of places) {
      const steps = Math.max(3, Math.round(Math.hypot(toX - x, toY - y) / 14));
      for (let i = 1; i <= steps; i++) {
        await this.send("move", x + ((toX - x) * i) / steps, y + ((toY - y) * i) / steps);
        await new Promise((done) => setTimeout(done, 8));
      }
      [x, y] = [toX, toY];
    }
    const before = await this.page.$eval("#text", (area) => area.value);
    await this.send("up", x, y);
    await this.page.waitForFunction((before) => document.getElementById("text").value !== before, { timeout: 10_000 }, before);
    await text(this.page);
  }
}

for (const kind of ["touch", "mouse"]) {
  for (const [width, height] of [[360, 740], [1280, 800]]) {
    test(`a message by ${kind} at ${width} x ${height}, offline`, { skip }, async () => {
      browser ??= await launch();
      const { url, server } = await serveFolder(site);
      const one = await open(browser, url, { width, height });
      const { page } = one;
      await page.evaluate(() => navigator.serviceWorker.ready);
      await page.waitForFunction(() => navigator.serviceWorker.controller);
      server.kill();
      await new Promise((done) => server.once("exit", done));
      one.heard.length = 0; // from here on
      await page.reload({ waitUntil: "domcontentloaded" });
      await page.waitForFunction(() => document.getElementById("state").dataset.kind === "ready", { timeout: 20_000 });
      const hand = new Hand(page, kind);
      await hand.type("Hi Anna, ");
      await hand.swipe("join");
      await hand.swipe("me");
      await hand.type(" at 10:30 (gate B7)! Mail anna.b@example.org or teh ");
      assert.equal(await text(page), "Hi Anna, join me at 10:30 (gate B7)! Mail anna.b@example.org or the ");
      await hand.tap("backspace"); // takes the correction back
      assert.equal(await text(page), "Hi Anna, join me at 10:30 (gate B7)! Mail anna.b@example.org or teh");
      for (let i = 0; i < 3; i++) await hand.tap("backspace");
      await hand.type("call me.\nSee you ");
      await hand.swipe("tomorrow");
      await hand.type("!");
      assert.equal(await text(page), "Hi Anna, join me at 10:30 (gate B7)! Mail anna.b@example.org or call me.\nSee you tomorrow!");
      await shot(page, `message-${kind}-${width}`);
      
      assert.deepEqual(one.heard, []);
      await one.context.close();
    });
  }
}
