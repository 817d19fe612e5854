// What fingers do beside tapping and swiping, in a real Chromium: held keys, slides, pages of signs, undo.
import assert from "node:assert/strict";
import test from "node:test";

import { demo, shot, swipe, tap, text, trace, type } from "./chromium.mjs";

const { skip, opened, closed } = demo();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** A finger on a key: down, held so long, moved by that much, up. */
async function finger(page, id, { hold = 0, dx = 0, dy = 0, at = null } = {}) {
  const cdp = (page.cdp ??= await page.createCDPSession());
  const box = await page.$eval(`#keys [data-id="${id}"]`, (key) => key.getBoundingClientRect().toJSON());
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const touch = (type, ...touchPoints) => cdp.send("Input.dispatchTouchEvent", { type, touchPoints });
  await touch("touchStart", { x, y });
  await pause(hold);
  for (let i = 1; i <= 6 && (dx || dy); i++) await touch("touchMove", { x: x + (dx * i) / 6, y: y + (dy * i) / 6 });
  await at?.();
  await touch("touchEnd");
}

test("a finger sees the letter of its key; a mouse does not need to", { skip }, async () => {
  const page = await opened();
  const shown = () => page.evaluate(() => document.querySelector(".popup")?.hidden === false ? document.querySelector(".popup").textContent : "");
  await finger(page, "g", { at: async () => {
    assert.equal(await shown(), "G");
    await shot(page, "preview");
  } });
  assert.equal(await shown(), "");
  await page.evaluate(() => document.querySelector('#keys [data-id="h"]').dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, pointerType: "mouse", clientX: 200, clientY: 600 })));
  assert.equal(await shown(), "");
  await closed();
});

test("a held key offers accents and digits; sliding chooses; leaving no choice is its first", { skip }, async () => {
  const page = await opened();
  await type(page, "caf");
  await finger(page, "e", { hold: 650, dx: 4, at: () => shot(page, "accents") }); // e has a digit first, then é
  assert.equal(await text(page), "Caf3");
  await tap(page, "backspace");
  await finger(page, "e", { hold: 650, dx: 36 });
  assert.equal(await text(page), "Café");
  await tap(page, "space");
  assert.equal(await text(page), "Café "); // what was chosen stays
  await finger(page, "p", { hold: 650 }); // at the edge: the popup stays on the screen
  assert.equal(await text(page), "Café 0");
  await finger(page, ".", { hold: 650, at: async () => {
    const [x, y] = await page.evaluate(() => {
      const box = [...document.querySelectorAll(".popup span")].find((one) => one.textContent === "?").getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    });
    await page.cdp.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [{ x, y }] });
    await shot(page, "marks");
  } });
  assert.match(await text(page), /^Café 0\?/);
  await closed();
});

test("a swipe that begins slowly is a swipe", { skip }, async () => {
  const page = await opened();
  const [first, ...rest] = trace("qwerty-hello").points;
  const slow = [first, [first[0], first[1], first[2] + 600], ...rest.map(([x, y, t]) => [x, y, t + 600])];
  const word = await swipe(page, slow);
  assert.equal(word?.words[0].text, "hello");
  assert.equal(await text(page), "Hello");
  assert.equal(await page.evaluate(() => document.querySelector(".popup").hidden), true);
  await closed();
});

test("pages of signs and digits, and back by space", { skip }, async () => {
  const page = await opened();
  await tap(page, "symbols");
  await type(page, "12#");
  await shot(page, "signs");
  await tap(page, "page-more");
  await tap(page, "€");
  await shot(page, "more");
  await tap(page, "page-signs");
  await tap(page, "page-numbers");
  await type(page, "470");
  await shot(page, "numbers");
  assert.equal(await text(page), "12#€470");
  await tap(page, "page-signs");
  await tap(page, "space");
  await tap(page, "a"); // letters again
  assert.equal((await text(page)).toLowerCase(), "12#€470 a");
  await closed();
});

test("sliding from backspace marks words and takes them; back again takes none; undo brings them back", { skip }, async () => {
  const page = await opened();
  await type(page, "one two three ");
  const selected = () => page.$eval("#text", (area) => area.value.slice(area.selectionStart, area.selectionEnd));
  await finger(page, "backspace", { dx: -90, at: async () => {
    await text(page);
    assert.equal(await selected(), "two three ");
    await shot(page, "deleting");
  } });
  assert.equal(await text(page), "One ");
  await page.$eval("#undo", (button) => button.click());
  assert.equal(await text(page), "One two three ");
  const cdp = await page.createCDPSession();
  const box = await page.$eval('#keys [data-id="backspace"]', (key) => key.getBoundingClientRect().toJSON());
  const touch = (type, x) => cdp.send("Input.dispatchTouchEvent", { type, touchPoints: x === undefined ? [] : [{ x, y: box.y + 20 }] });
  await touch("touchStart", box.x + 20);
  await touch("touchMove", box.x - 60);
  await touch("touchMove", box.x + 18); // thought better of it
  await touch("touchEnd");
  assert.equal(await text(page), "One two three ");
  assert.equal(await selected(), "");
  await closed();
});

test("a finger on the space bar moves the caret", { skip }, async () => {
  const page = await opened();
  await type(page, "cats ");
  await finger(page, "space", { dx: -40 });
  await text(page);
  const at = await page.$eval("#text", (area) => area.selectionStart);
  assert.ok(at > 0 && at < 5, String(at));
  assert.equal(await text(page), "Cats "); // it wrote no space
  await closed();
});

test("capitals lock, and a lock looks like one", { skip }, async () => {
  const page = await opened();
  await tap(page, "shift"); // a sentence begins with one capital: the second tap locks
  assert.equal(await page.$eval('#keys [data-id="shift"]', (key) => key.classList.contains("lock")), true);
  await shot(page, "lock");
  await type(page, "ok ok");
  assert.equal(await text(page), "OK OK");
  await tap(page, "shift");
  await type(page, "a");
  assert.equal(await text(page), "OK OKa");
  await closed();
});

test("undo takes back a swipe, another candidate, a correction, in turn", { skip }, async () => {
  const page = await opened();
  await swipe(page, trace("qwerty-hello").points);
  await page.waitForSelector("#strip button:nth-child(1)");
  await page.tap("#strip button:nth-child(1)");
  const other = await text(page);
  assert.notEqual(other, "Hello");
  await page.$eval("#undo", (button) => button.click());
  assert.equal(await text(page), "Hello");
  await page.$eval("#undo", (button) => button.click());
  assert.equal(await text(page), "");
  await page.$eval("#undo", (button) => button.click()); // nothing is left
  assert.equal(await text(page), "");
  await type(page, "teh ");
  assert.equal(await text(page), "The ");
  await page.$eval("#undo", (button) => button.click()); // the space
  await page.$eval("#undo", (button) => button.click()); // the correction
  assert.equal(await text(page), "Teh");
  await closed();
});

test("no page of keys is wider than its screen, or wraps, from 320 to 1,280", { skip }, async () => {
  const page = await opened();
  for (const width of [320, 360, 412, 768, 1024, 1280]) {
    await page.setViewport({ width, height: 740, isMobile: width < 700, hasTouch: true });
    await page.waitForFunction(() => document.getElementById("state").dataset.kind === "ready");
    for (const turn of ["symbols", "page-more", "page-signs", "page-numbers", "symbols", "page-emoji-0", "page-emoji-4", "symbols"]) {
      await tap(page, turn);
      const wrong = await page.evaluate(() => [...document.querySelectorAll(".key span, .tools button")].filter((face) => {
        const range = document.createRange();
        range.selectNodeContents(face);
        const box = face.getBoundingClientRect(); // how wide an emoji is, fonts decide
        const lines = new Set([...range.getClientRects()].map((one) => Math.round(one.bottom / 8))).size;
        return (lines > 1 && !face.textContent.includes("\n")) || (face.scrollWidth > face.clientWidth + 1 && face.parentElement.dataset.kind !== "emoji") || box.right > innerWidth + 1 || box.width < 14;
      }).map((face) => face.textContent));
      assert.deepEqual(wrong, [], `${turn} at ${width} px`);
    }
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${width} px`);
  }
  await closed();
});

test("what is written is learnt, kept over a reload, and forgotten when it shall be", { skip }, async () => {
  const page = await opened();
  const first = async () => {
    await page.tap("#clear");
    await type(page, "tomah");
    await page.waitForFunction(() => document.querySelectorAll("#strip .third").length === 3);
    await text(page);
    return page.$eval("#strip .third", (one) => one.textContent);
  };
  const learnt = () =>
    page.evaluate(() => (Object.entries(localStorage).find(([key]) => key.endsWith(".learnt"))?.[1] ?? "").length);
  const asked = await first();
  await page.tap("#dictionary-open");
  await page.$eval("#learn", (box) => box.click()); // off
  await page.tap('#dictionary [value="close"]');
  await page.tap("#clear");
  await type(page, "the tomahawks a ");
  await text(page);
  assert.equal(await learnt(), 0);
  await page.tap("#dictionary-open");
  await page.$eval("#learn", (box) => box.click());
  await page.tap('#dictionary [value="close"]');
  for (let i = 0; i < 4; i++) await type(page, "the tomahawks a ");
  await text(page);
  assert.ok((await learnt()) > 0);
  assert.equal(await first(), "Tomahawks");
  assert.notEqual(asked, "Tomahawks");
  await page.reload();
  await page.waitForFunction(() => document.getElementById("state").dataset.kind === "ready");
  assert.equal(await first(), "Tomahawks");
  await page.tap("#dictionary-open");
  await page.tap("#unlearn");
  await page.waitForFunction(() => document.getElementById("word-problem").textContent.includes("forgotten"));
  await shot(page, "learning");
  await page.tap('#dictionary [value="close"]');
  assert.equal(await first(), asked);
  await closed();
});
