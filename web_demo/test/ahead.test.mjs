// Words asked for before the finger lifts: when, and that they are those of the points that were lifted.
import assert from "node:assert/strict";
import test from "node:test";

import { Ahead, moved, slows } from "../src/app/ahead.js";

/** A finger over the middle row: so many key widths in each 16 ms. */
function finger(steps) {
  const points = [[0.05, 0.5, 0]];
  for (const step of steps) {
    const [x, y, t] = points[points.length - 1];
    points.push([x + step / 10, y, t + 16]);
  }
  return points;
}

/** A model that answers when told to. */
function model() {
  const asked = [];
  const read = (points, how) => new Promise((done, fail) => asked.push({ points, how, done, fail }));
  return { read, asked };
}

const fast = finger([1, 1, 1, 1, 1, 1]);
const slow = finger([1, 1, 1, 1, 1, 0.1]);

test("a finger is slow by its own mean, whatever its pace", () => {
  assert.equal(slows(fast), false);
  assert.equal(slows(slow), true);
  const lazy = slow.map(([x, y, t]) => [x, y, 5 * t]);
  assert.equal(slows(lazy), true);
  assert.equal(slows(fast.map(([x, y, t]) => [x, y, 5 * t])), false);
  assert.equal(slows(finger([])), false);
});

test("where a finger lifts is where it last moved", () => {
  const lifted = [...slow, [...slow[slow.length - 1].slice(0, 2), 200], [...slow[slow.length - 1].slice(0, 2), 240]];
  assert.deepEqual(moved(lifted), slow);
  assert.deepEqual(moved(slow), slow);
  assert.equal(moved([[0, 0, 0], [0, 0, 9], [0, 0, 12]]).length, 2); // of what never moved enough is left to be refused
});

test("a slow finger's words are asked for once, and taken when it lifts there", async () => {
  const one = model();
  const ahead = new Ahead();
  const points = slow.slice();
  assert.equal(ahead.ask(one, fast.slice(), "so "), false);
  assert.equal(ahead.ask(one, slow.slice(0, 4), "so "), false); // too few to be a swipe
  assert.equal(ahead.ask(one, points, "so "), true);
  points.push([...points[points.length - 1].slice(0, 2), 150]); // it stays
  assert.equal(ahead.ask(one, points, "so "), true);
  assert.equal(one.asked.length, 1);
  const answer = { words: [{ text: "ash" }], ms: 3 };
  one.asked[0].done(answer);
  assert.equal(await ahead.take(one, points, "so "), answer);
  assert.deepEqual(one.asked.map(({ points: all, how }) => [all, how]), [[slow, { before: "so " }]]);
});

test("a finger that went on, another text, finger or model asks anew", () => {
  for (const change of ["points", "before", "finger", "model", "drop"]) {
    const [one, other] = [model(), model()];
    const ahead = new Ahead();
    const points = slow.slice();
    ahead.ask(one, points, "so ");
    if (change === "points") points.push([0.9, 0.5, 130]);
    if (change === "drop") ahead.drop();
    ahead.take(change === "model" ? other : one, change === "finger" ? points.slice() : points, change === "before" ? "as " : "so ");
    assert.equal(one.asked.length + other.asked.length, 2, change);
    assert.equal((change === "model" ? other : one).asked.at(-1).points.length, points.length, change);
  }
});

test("one question at a time; a refusal reaches who takes it, and nobody else", async () => {
  const one = model();
  const ahead = new Ahead();
  const points = slow.slice();
  ahead.ask(one, points, "");
  points.push([0.56, 0.5, 130]);
  assert.equal(ahead.ask(one, points, ""), false); // the first is not answered
  one.asked[0].fail(new Error("no swipe"));
  await new Promise((done) => setTimeout(done)); // unhandled, it would end this process
  assert.equal(ahead.busy, false);
  assert.equal(ahead.ask(one, points, ""), true);
  const taken = ahead.take(one, points, "");
  one.asked[1].fail(new Error("no swipe either"));
  await assert.rejects(taken, /either/);
});
