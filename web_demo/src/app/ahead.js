// Words asked for before the finger lifts. It slows down where it lifts and stays some milliseconds: the answer is there by then.

/** @typedef {import("./loader.js").Model} Model */

const SLOW = 0.5; // of its own mean speed: two thirds of people's swipes end so, and a quarter of their points are
const SPAN_MS = 16; // over which its speed is taken
const LEAST = 6; // points of what may be a swipe
const KEYS = [10, 3]; // wide and high is the letter area: the speed needs no more of the layout

/**
 * Returns the points up to the last move. Where the finger lifts is where it was, and the library takes rests out.
 * @param {number[][]} points
 */
export function moved(points) {
  let n = points.length;
  while (n > 2 && points[n - 1][0] === points[n - 2][0] && points[n - 1][1] === points[n - 2][1]) n--;
  return points.slice(0, n);
}

/** @param {number[]} a @param {number[]} b */
const far = (a, b) => Math.hypot((a[0] - b[0]) * KEYS[0], (a[1] - b[1]) * KEYS[1]);

/** Whether a finger is slow, as it moves now. @param {number[][]} points */
export function slows(points) {
  const last = points[points.length - 1];
  let back = points.length - 1;
  while (back > 0 && last[2] - points[back][2] < SPAN_MS) back--;
  const way = points.slice(1).reduce((sum, point, i) => sum + far(point, points[i]), 0);
  return far(last, points[back]) * (last[2] - points[0][2]) < SLOW * way * (last[2] - points[back][2]);
}

export class Ahead {
  /** @type {{model: Model, points: number[][], n: number, before: string, answer: Promise<import("./loader.js").Answer>} | null} */
  #asked = null;
  busy = false;

  /**
   * Asks for the words of a swipe that goes on, where the finger is slow and nothing else is asked.
   * @param {Model} model
   * @param {number[][]} points of the finger, which grow
   * @param {string} before the text before the word
   * @returns {boolean} whether it has asked, for these points
   */
  ask(model, points, before) {
    const all = moved(points);
    if (this.#is(model, points, all.length, before)) return true;
    if (this.busy || all.length < LEAST || !slows(all)) return false;
    this.busy = true;
    const answer = model.read(all, { before });
    answer.catch(() => {}).then(() => (this.busy = false)); // whoever takes it sees its error
    this.#asked = { model, points, n: all.length, before, answer };
    return true;
  }

  /**
   * Returns the words of a swipe, as asked for before or now.
   * @param {Model} model
   * @param {number[][]} points
   * @param {string} before
   */
  take(model, points, before) {
    const all = moved(points);
    const known = this.#is(model, points, all.length, before) ? this.#asked : null;
    this.#asked = null;
    return known ? known.answer : model.read(all, { before });
  }

  /** Forgets what was asked: something else was written, or learnt. */
  drop() {
    this.#asked = null;
  }

  /** @param {Model} model @param {number[][]} points @param {number} n @param {string} before */
  #is(model, points, n, before) {
    const one = this.#asked;
    return one?.model === model && one.points === points && one.n === n && one.before === before;
  }
}
