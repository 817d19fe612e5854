// The keyboard in a real Chromium: recorded traces replayed by touch, and all that can go wrong.
//
// PYTHON names the interpreter that has edgectc (default python3); SHOTS a folder for screenshots.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { demo, edgectc, exported, serveFolder, shot, swipe, tap, text, trace, traces, type } from "./chromium.mjs";

const work = fs.mkdtempSync(path.join(os.tmpdir(), "edgectc-demo-"));
const { skip, show } = demo(work);

/** Serves an exported keyboard whose files were changed. */
async function serveChanged(name, change) {
  const folder = exported(path.join(work, name));
  change(path.join(folder, "model"));
  return (await serveFolder(folder)).url;
}

/** Waits for the offers of the strip. */
const offers = async (page, wanted) => {
  await page.waitForFunction((wanted) => [...document.querySelectorAll("#strip .third")].some((one) => one.textContent === wanted), { timeout: 5000 }, wanted);
  return page.$$eval("#strip .third", (all) => all.map((one) => one.textContent));
};
const quiet = ({ heard, origins }) => {
  assert.deepEqual(heard, [], "the console said something");
  assert.equal(origins.size, 1, `asked other origins: ${[...origins]}`);
};

/** Python's answer to the points that the finger really drew. */
const near = (found, wanted, name) =>
  assert.deepEqual(found.map((one) => one.text.toLowerCase()).slice(0, 1), [wanted.words[0].text], name);

test("a swipe writes its word, the next one in context, both sizes, light and dark", { skip }, async () => {
  for (const [width, height, dark] of [[360, 740, false], [412, 860, true], [1180, 820, false]]) {
    const one = await show("", { width, height, dark });
    near((await swipe(one.page, trace("qwerty-hello").points)).words, trace("qwerty-hello"), "hello");
    await swipe(one.page, trace("qwerty-keyboard").points);
    assert.equal(await text(one.page), "Hello keyboard");
    assert.equal(await one.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    await shot(one.page, `swiped-${width}-${dark ? "dark" : "light"}`);
    await one.page.tap("#panel-open");
    await shot(one.page, `panel-${width}-${dark ? "dark" : "light"}`);
    quiet(one);
    await one.context.close();
  }
});

test("answers of the thread come on either way: as its messages, which Chrome holds for a frame, and over a channel", { skip }, async () => {
  for (const name of ["Worker", "BroadcastChannel"]) {
    const before = (page) => page.evaluateOnNewDocument((name) => {
      globalThis[name] = class extends globalThis[name] {
        set onmessage(_) {} // nothing of this way is heard
      };
    }, name);
    const one = await show("", { before });
    await swipe(one.page, trace("qwerty-hello").points);
    assert.equal(await text(one.page), "Hello", name);
    quiet(one);
    await one.context.close();
  }
});

test("the best words, through the page's own keyboard, are Python's", { skip }, async () => {
  const one = await show();
  const sure = traces.filter(({ words }) => words[0].probability > 0.55);
  assert.ok(sure.length > 8);
  for (const { name, layout, points, context, words } of sure) {
    const found = await one.page.evaluate(async (model, ...how) => {
      const { index, load } = await import("./app/loader.js");
      const served = await index();
      const made = (globalThis.held ??= await load(served, served.artifacts[0].file));
      await made.use(made.layouts.find((one) => one.name === how[0]));
      return (await made.read(how[1], { before: how[2].join(" ") })).words;
    }, null, layout, points, context.filter((word) => word !== "<s>"));
    assert.equal(found[0].text, words[0].text, name); // int8: the places behind may change
  }
  quiet(one);
  await one.context.close();
});

test("another candidate, backspace, taps, shift, signs", { skip }, async () => {
  const one = await show();
  const { page } = one;
  const { words } = await swipe(page, trace("qwerty-hello").points);
  await page.tap("#strip button:nth-child(1)");
  const other = words[1].text;
  assert.equal((await text(page)).toLowerCase(), other);
  await tap(page, "o");
  assert.equal((await text(page)).toLowerCase(), `${other} o`); // a tap begins a word of its own
  for (const id of ["k", "."]) await tap(page, id);
  assert.equal((await text(page)).toLowerCase(), `${other} ok.`);
  await tap(page, "space");
  await tap(page, "a"); // begins a sentence
  assert.ok((await text(page)).endsWith(". A"));
  await tap(page, "symbols");
  await tap(page, "7");
  await tap(page, "symbols");
  assert.ok((await text(page)).endsWith("A7"));
  for (let i = 0; i < 7; i++) await tap(page, "backspace");
  assert.equal((await text(page)).toLowerCase(), other);
  await tap(page, "backspace"); // the whole swiped word
  assert.equal(await text(page), "");
  quiet(one);
  await one.context.close();
});

test("a word is asked for before the finger lifts where it slows down, and after it where it does not", { skip }, async () => {
  const one = await show();
  const { page } = one;
  await page.evaluate(() => {
    const say = Worker.prototype.postMessage;
    window.asked = [];
    addEventListener("pointerup", () => window.asked.push("lift"), { capture: true });
    Worker.prototype.postMessage = function (message, ...rest) {
      if (message.name === "swipe" && !message.values[1]?.moving) window.asked.push("words");
      return say.call(this, message, ...rest);
    };
  });
  const { points } = trace("qwerty-keyboard");
  const [x, y, t] = points[points.length - 1];
  const slowed = await swipe(page, [...points, [x, y, t + 150], [x, y, t + 160]]);
  assert.equal(slowed.words[0].text.toLowerCase(), "keyboard");
  const asked = await page.evaluate(() => window.asked.splice(0));
  assert.equal(asked.at(-1), "lift"); // nothing after it
  const hasty = await swipe(page, Array.from({ length: 9 }, (_, i) => [0.15 + i / 11, 0.17, 16 * i])); // from w to p
  assert.ok(hasty.words.length);
  assert.deepEqual((await page.evaluate(() => window.asked)).slice(-2), ["lift", "words"]);
  quiet(one);
  await one.context.close();
});

test("suggestions while the finger moves; a cancelled swipe writes nothing; a mouse will do", { skip }, async () => {
  const one = await show();
  const { page } = one;
  const box = await page.$eval("#keys .area", (area) => area.getBoundingClientRect().toJSON());
  const at = ([x, y]) => ({ x: box.x + x * box.width, y: box.y + (y * box.height * 3) / 4 });
  const { points } = trace("qwerty-keyboard");
  const cdp = await page.createCDPSession();
  const touch = (type, ...touchPoints) => cdp.send("Input.dispatchTouchEvent", { type, touchPoints });
  await touch("touchStart", at(points[0]));
  for (const point of points.slice(1)) {
    await touch("touchMove", at(point));
    await new Promise((done) => setTimeout(done, 12));
  }
  await page.waitForSelector("#strip .live");
  await shot(page, "moving");
  await touch("touchCancel");
  assert.equal(await text(page), "");
  const [first, ...rest] = points.map(at);
  await page.mouse.move(first.x, first.y);
  await page.mouse.down();
  for (const { x, y } of rest) {
    await page.mouse.move(x, y);
    await new Promise((done) => setTimeout(done, 12));
  }
  await page.mouse.up();
  await page.waitForFunction(() => document.getElementById("text").value !== "");
  assert.equal(await text(page), "Keyboard");
  await page.tap("#clear");
  await touch("touchStart", at([0.05, 0.17]), at([0.95, 0.17])); // two thumbs at once
  await touch("touchEnd");
  assert.equal((await text(page)).toLowerCase(), "qp");
  quiet(one);
  await one.context.close();
});

test("four layouts, one model", { skip }, async () => {
  const one = await show();
  for (const name of ["azerty-quick", "qwertz-crazy", "dvorak-thanks"]) {
    await one.page.select("#layout", name.split("-")[0]);
    near((await swipe(one.page, trace(name).points)).words, trace(name), name);
    await shot(one.page, name);
  }
  assert.equal((await text(one.page)).toLowerCase(), "quick crazy thanks");
  quiet(one);
  await one.context.close();
});

test("the user's words: added, swiped, hidden, kept over a reload", { skip }, async () => {
  const one = await show();
  const { page } = one;
  await page.tap("#dictionary-open");
  await page.type("#word", "Helo-o");
  await page.tap('#word-form [value="add"]');
  await page.type("#word", "hello");
  await page.tap('#word-form [value="hide"]');
  await shot(page, "dictionary");
  await page.tap('#dictionary [value="close"]');
  const first = (await swipe(page, trace("qwerty-hello").points)).words;
  assert.ok(!first.some((word) => word.text === "hello"), JSON.stringify(first));
  await page.reload();
  await page.waitForFunction(() => document.getElementById("state").dataset.kind === "ready");
  const again = (await swipe(page, trace("qwerty-hello").points)).words;
  assert.ok(!again.some((word) => word.text === "hello"));
  await page.tap("#dictionary-open");
  assert.equal(await page.$$eval("#words li", (rows) => rows.length), 2);
  await page.type("#word", "42");
  await page.tap('#word-form [value="add"]');
  assert.match(await page.$eval("#word-problem", (place) => place.textContent), /42.*no word/);
  quiet(one);
  await one.context.close();
});

test("recorded swipes are read by edgectc", { skip }, async () => {
  const one = await show();
  const { page } = one;
  await page.tap("#panel-open");
  await page.$eval("#record", (box) => box.click());
  const { words } = await swipe(page, trace("qwerty-hello").points);
  await page.tap("#strip button:nth-child(1)");
  await swipe(page, trace("qwerty-keyboard").points);
  const saved = path.join(work, "saved.jsonl");
  const rows = await page.evaluate(async () => {
    let blob;
    URL.createObjectURL = (made) => ((blob = made), "blob:none");
    HTMLAnchorElement.prototype.click = () => {};
    document.getElementById("save").click();
    return blob.text();
  });
  fs.writeFileSync(saved, rows);
  const first = JSON.parse(rows.split("\n")[0]);
  assert.equal(first.word.toLowerCase(), words[1].text); // as it was corrected
  assert.deepEqual(JSON.parse(rows.split("\n")[1]).context, ["<s>", words[1].text]);
  const decoded = edgectc("decode", "--input", saved, "--strict", "--json");
  assert.equal(decoded.status, 0, decoded.stderr);
  const [line] = decoded.stdout.trim().split("\n").map((row) => JSON.parse(row));
  assert.equal(line.candidates[0].text, words[0].text);
  quiet(one);
  await one.context.close();
});

test("keys by keyboard alone, and names for all that can be pressed", { skip }, async () => {
  const one = await show();
  const { page } = one;
  await page.focus('#keys [data-id="q"]');
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.match(await text(page), /^[as]$/i);
  const nameless = await page.$$eval("button, select, input, textarea", (all) =>
    all.filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length)).map((one) => one.outerHTML));
  assert.deepEqual(nameless, []);
  await page.tap("#panel-open");
  for (const width of [320, 360, 768, 1280]) {
    await page.setViewport({ width, height: 740, isMobile: width < 700, hasTouch: true });
    const wrapped = await page.evaluate(() => [...document.querySelectorAll(".key span, header span, .tools button, figcaption, dt, .switch span, .third, select")].filter((place) => {
      const range = document.createRange();
      range.selectNodeContents(place);
      return place.offsetParent && new Set([...range.getClientRects()].map((box) => Math.round(box.bottom / 8))).size > 1;
    }).map((place) => place.textContent));
    assert.deepEqual(wrapped, [], `${width} px`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${width} px`);
  }
  await one.context.close();
});

const broken = {
  "model missing": [(model) => fs.rmSync(path.join(model, "swipe-en-int8-dynamic.edgectc")), /model is missing/],
  "model corrupted": [(model) => flip(path.join(model, "swipe-en-int8-dynamic.edgectc"), 100_000), /damaged/],
  "model cut": [(model) => fs.truncateSync(path.join(model, "swipe-en-int8-dynamic.edgectc"), 1_000_000), /no manifest|damaged/],
  "model of another version": [(model) => replace(path.join(model, "swipe-en-int8-dynamic.edgectc"), '{"edgectc_manifest":1', '{"edgectc_manifest":9'), /another version/],
  "no model at all": [(model) => fs.rmSync(model, { recursive: true }), /list of models is missing/],
  "lexicon mismatch": [(model) => flip(path.join(model, "lexicon.trie"), 2_000_000), /not the lexicon that the model was made with/],
  "lexicon missing": [(model) => fs.rmSync(path.join(model, "lexicon.trie")), /lexicon is missing/],
};

function flip(file, at) {
  const bytes = fs.readFileSync(file);
  bytes[at] ^= 1;
  fs.writeFileSync(file, bytes);
}

function replace(file, old, now) {
  const bytes = fs.readFileSync(file);
  bytes.write(now, bytes.indexOf(old), "latin1");
  fs.writeFileSync(file, bytes);
}

for (const [name, [change, message]] of Object.entries(broken)) {
  test(`${name}: said in words, taps still work`, { skip }, async () => {
    const place = await serveChanged(name.replaceAll(" ", "-"), change);
    const { page, context } = await show(place, { ready: false });
    assert.equal(await page.$eval("#state", (state) => state.dataset.kind), "taps");
    assert.match(await page.$eval("#problem", (place) => place.textContent), message);
    for (const id of ["o", "k"]) await tap(page, id);
    assert.equal(await text(page), "Ok");
    await swipe(page, [[0.1, 0.2, 0], [0.5, 0.2, 60], [0.9, 0.2, 120]], { within: 400 });
    assert.equal(await text(page), "Ok");
    if (name === "model corrupted") await shot(page, "corrupted");
    await context.close();
  });
}

test("without its language model it goes on, and says so", { skip }, async () => {
  for (const change of [(model) => fs.rmSync(path.join(model, "words.lm")), (model) => flip(path.join(model, "words.lm"), 90_000)]) {
    const place = await serveChanged(`lm-${Math.random()}`, change);
    const { page, context } = await show(place);
    assert.match(await page.$eval("#problem", (one) => one.textContent), /Words before.*language model/);
    near((await swipe(page, trace("qwerty-hello").points)).words, trace("qwerty-hello"), "hello");
    await context.close();
  }
});

test("without crypto.subtle, as over http from another machine, it is the same", { skip }, async () => {
  const one = await show("", {
    before: (page) => page.evaluateOnNewDocument(() => Object.defineProperty(crypto, "subtle", { value: undefined })),
  });
  near((await swipe(one.page, trace("qwerty-hello").points)).words, trace("qwerty-hello"), "hello");
  quiet(one);
  await one.context.close();
});

test("without storage it goes on, and says so", { skip }, async () => {
  const one = await show("", {
    before: (page) => page.evaluateOnNewDocument(() => Object.defineProperty(window, "localStorage", { get() { throw new Error("denied"); } })),
  });
  assert.match(await one.page.$eval("#state", (state) => state.textContent), /stores nothing/);
  near((await swipe(one.page, trace("qwerty-hello").points)).words, trace("qwerty-hello"), "hello");
  quiet(one);
  await one.context.close();
});

test("what another page or a fault left in storage is ignored", { skip }, async () => {
  for (const broken of ["{", "null", "[1]", '{"hello":3}', '"text"']) {
    const one = await show("", {
      before: (page) => page.evaluateOnNewDocument((text) => ["words", "swipes", "layout", "ledger", "ledger-on"].forEach((name) => localStorage.setItem(`edgectc.${name}`, text)), broken),
    });
    near((await swipe(one.page, trace("qwerty-hello").points)).words, trace("qwerty-hello"), `${broken}: hello`);
    quiet(one);
    await one.context.close();
  }
});

test("a message by taps: corrected, undone and learnt, completed, foretold; full stops and capitals", { skip }, async () => {
  for (const [width, height] of [[360, 740], [1280, 800]]) {
    const one = await show("", { width, height });
    const { page } = one;
    await type(page, "teh ");
    assert.equal(await text(page), "The ");
    await tap(page, "backspace"); // takes the correction back
    assert.equal(await text(page), "Teh");
    await tap(page, "space");
    assert.equal(await text(page), "Teh "); // and now it is a word
    await page.tap("#clear");
    await type(page, "see yoy  ");
    assert.equal(await text(page), "See you. ");
    await type(page, "tomor");
    const shown = await offers(page, "Tomorrow");
    assert.equal(shown[0], "Tomorrow");
    await shot(page, `completion-${width}`);
    await page.click("#strip .third");
    assert.equal(await text(page), "See you. Tomorrow ");
    await tap(page, ".");
    assert.equal(await text(page), "See you. Tomorrow. ");
    await type(page, "thank ");
    await offers(page, "you");
    await shot(page, `next-${width}`);
    await page.evaluate(() => [...document.querySelectorAll("#strip .third")].find((one) => one.textContent === "you").click());
    assert.equal(await text(page), "See you. Tomorrow. Thank you ");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    quiet(one);
    await one.context.close();
  }
});

test("behind a swipe and a full stop comes a capital; what is no word is offered as typed", { skip }, async () => {
  const one = await show();
  const { page } = one;
  await type(page, "catxq");
  await offers(page, "“Catxq”");
  await page.tap("#clear");
  await swipe(page, trace("qwerty-hello").points);
  await tap(page, ".");
  await swipe(page, trace("qwerty-keyboard").points);
  assert.equal(await text(page), "Hello. Keyboard");
  quiet(one);
  await one.context.close();
});

test("the ledger holds no text, is off at first, and edgectc report reads it", { skip }, async () => {
  const one = await show();
  const { page } = one;
  await type(page, "hello ");
  assert.equal(await page.$eval("#noted", (place) => place.textContent), "0 words");
  await page.$eval("#ledger", (box) => box.click());
  await type(page, "wrold ");
  await swipe(page, trace("qwerty-hello").points);
  assert.match(await text(page), /world hello/i);
  await page.evaluate(() => document.querySelector("#strip button:nth-child(1)").click());
  const saved = path.join(work, "ledger.jsonl");
  fs.writeFileSync(saved, await page.evaluate(async () => {
    let blob;
    URL.createObjectURL = (made) => ((blob = made), "blob:none");
    HTMLAnchorElement.prototype.click = () => {};
    document.getElementById("ledger-save").click();
    return blob.text();
  }));
  const lines = fs.readFileSync(saved, "utf8");
  assert.doesNotMatch(lines, /hello|world/i);
  const [head, taps, swiped] = lines.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(head.edgectc_ledger, 1);
  assert.deepEqual([taps.by, taps.rank, taps.corrected], ["taps", 1, true]);
  assert.deepEqual([swiped.by, swiped.rank], ["gesture", 2]);
  const told = edgectc("report", saved, "--json");
  assert.equal(told.status, 0, told.stderr);
  assert.equal(JSON.parse(told.stdout).words, 2);
  quiet(one);
  await one.context.close();
});

test("once seen, it opens and swipes without its server", { skip }, async () => {
  const { url: address, server } = await serveFolder(exported(path.join(work, "offline")));
  const one = await show(address);
  await one.page.evaluate(() => navigator.serviceWorker.ready);
  await one.page.waitForFunction(() => navigator.serviceWorker.controller);
  server.kill();
  await new Promise((done) => server.once("exit", done));
  await one.page.reload({ waitUntil: "domcontentloaded" });
  await one.page.waitForFunction(() => document.getElementById("state").dataset.kind === "ready", { timeout: 20_000 });
  near((await swipe(one.page, trace("qwerty-hello").points)).words, trace("qwerty-hello"), "hello");
  await one.context.close();
});
