// From a finger to the network's inputs: docs/host_contract.md, 1 to 3.

import { Refused } from "./manifest.js";

/** @typedef {{name: string, title: string, rows: {keys: string, x: number, key_width: number}[]}} LayoutFile */
/** @typedef {{name: string, title: string, letters: string[], centres: number[][], width: number, height: number}} Layout */

/** A swipe that no model should see; `reason` is a word of docs/refusals.md. */
export class BadSwipe extends Refused {
  /**
   * @param {string} reason
   * @param {string} message
   */
  constructor(reason, message) {
    super(message);
    this.reason = reason;
  }
}

/**
 * Returns where the keys of a layout file lie.
 * @param {LayoutFile} file
 * @returns {Layout}
 */
export function readLayout(file) {
  /** @type {string[]} */ const letters = [];
  /** @type {number[][]} */ const centres = [];
  /** @type {number[]} */ const widths = [];
  if (file.rows.some((row) => typeof row.keys !== "string")) throw new Refused(`“${file.title}” has several letters on a key, which this page cannot draw.`);
  file.rows.forEach((row, i) =>
    [...row.keys].forEach((key, column) => {
      if (key === " ") return;
      letters.push(key);
      widths.push(row.key_width);
      centres.push([row.x + (column + 0.5) * row.key_width, (i + 0.5) / file.rows.length]);
    }),
  );
  widths.sort((a, b) => a - b);
  const half = widths.length >> 1;
  const width = widths.length % 2 ? widths[half] : (widths[half - 1] + widths[half]) / 2;
  return { name: file.name, title: file.title, letters, centres, width, height: 1 / file.rows.length };
}

/**
 * Throws if points are no swipe.
 * @param {number[][]} points rows x, y, t in milliseconds
 */
export function checkPoints(points) {
  const n = points.length;
  if (!n) throw new BadSwipe("empty", "The trace holds no point.");
  if (points.some((row) => row.length !== 3)) throw new BadSwipe("bad_shape", "A point is not x, y, t.");
  if (n === 1) throw new BadSwipe("one_point", "One point is a tap.");
  if (points.some((row) => !row.every(Number.isFinite))) throw new BadSwipe("not_finite", "A coordinate is not finite.");
  const far = points.filter(([x, y]) => Math.abs(x) > 5 || Math.abs(y) > 5).length;
  if (far > n / 2) throw new BadSwipe("pixel_coordinates", "The coordinates are pixels.");
  if (points.some(([x, y]) => x < -0.5 || x > 1.5 || y < -1 || y > 2.5)) {
    throw new BadSwipe("off_keyboard", "The finger left the keyboard.");
  }
  for (let i = 1; i < n; i++)
    if (points[i][2] < points[i - 1][2]) throw new BadSwipe("time_backwards", "Time runs backwards.");
  const duration = points[n - 1][2] - points[0][2];
  if (duration === 0) throw new BadSwipe("time_constant", "All points have the same time.");
  if (duration < 10) throw new BadSwipe("time_too_short", "The trace lasts under 10 ms.");
  if (duration > 60000) throw new BadSwipe("time_too_long", "The trace lasts over a minute.");
}

/**
 * Returns the points of one finger: without those that the trace jumps to and back from.
 * @param {number[][]} points checked
 * @param {Layout} layout
 * @param {number} jumpKeys key widths that a jump is longer than; 0 keeps all
 */
export function ownPoints(points, layout, jumpKeys) {
  if (!jumpKeys) return points;
  /** @param {number} a @param {number} b */
  const apart = (a, b) =>
    Math.hypot((points[b][0] - points[a][0]) / layout.width, (points[b][1] - points[a][1]) / layout.height);
  const kept = [0];
  let before = 0;
  for (let k = 1; k < points.length; k++) {
    const last = kept[kept.length - 1];
    const least = Math.max(jumpKeys, 2 * before);
    /** @param {number} length @param {number} a @param {number} b */
    const jumps = (length, a, b) => length > least && length > 0.06 * (points[b][2] - points[a][2]);
    const there = apart(last, k);
    if (jumps(there, last, k)) {
      for (let end = k + 1; end < Math.min(points.length, k + 7); end++) {
        const step = apart(end - 1, end);
        if (jumps(step, end - 1, end) && apart(last, end) < Math.min(there, step)) {
          k = end;
          break;
        }
        if (step > 0.5 * there) break;
      }
    }
    before = apart(last, k);
    kept.push(k);
  }
  return kept.map((k) => points[k]);
}

/**
 * Returns points of which those with one time are spread evenly to the next time.
 * @param {number[][]} points checked
 */
export function spreadTimes(points) {
  const n = points.length;
  const spread = points.map((row) => [...row]);
  for (let i = 0, j = 0; i < n; i = j) {
    for (j = i + 1; j < n && points[j][2] === points[i][2]; ) j++;
    if (j < n)
      for (let k = i; k < j; k++) spread[k][2] += ((points[j][2] - points[i][2]) * (k - i)) / (j - i);
  }
  return spread;
}

/**
 * Returns points with times in which no rest of the finger is longer than `restMs`.
 * @param {number[][]} points checked
 * @param {Layout} layout
 * @param {number} restMs above 0
 */
export function withoutRests(points, layout, restMs) {
  const last = points.length - 1;
  const steps = points.slice(1).map((row, i) => row[2] - points[i][2]);
  /** @param {number} a @param {number} b */
  const apart = (a, b) =>
    Math.hypot((points[b][0] - points[a][0]) / layout.width, (points[b][1] - points[a][1]) / layout.height);
  for (let i = 0, j = 0; i < last; i = Math.max(j, i + 1)) {
    for (j = i; j < last && apart(i, j + 1) <= 0.25; ) j++;
    const span = points[j][2] - points[i][2];
    if (span > restMs) for (let k = i; k < j; k++) steps[k] *= restMs / span;
  }
  let t = points[0][2];
  return points.map(([x, y], i) => [x, y, i ? (t += Math.min(steps[i - 1], restMs)) : t]);
}

/**
 * Returns frames x, y, t in seconds, as many as the finger's way and time ask for.
 * @param {number[][]} all checked points
 * @param {Layout} layout
 * @param {Record<string, any>} options of the frontend
 * @returns {Float64Array} (length, 3)
 */
export function resample(all, layout, options) {
  let points = ownPoints(all, layout, options.jump_keys ?? 0);
  if (options.spread_times) points = spreadTimes(points);
  if (options.rest_ms) points = withoutRests(points, layout, options.rest_ms);
  const n = points.length;
  const first = points[0][2];
  const last = points[n - 1][2] - first;
  const arc = new Float64Array(n);
  for (let i = 1; i < n; i++) {
    const dx = (points[i][0] - points[i - 1][0]) / layout.width;
    const dy = (points[i][1] - points[i - 1][1]) / layout.height;
    arc[i] = arc[i - 1] + Math.hypot(dx, dy);
  }
  const way = arc[n - 1];
  const wanted = Math.ceil(Math.max(last / options.ms_per_frame, way / options.keys_per_frame));
  const length = Math.min(Math.max(wanted, options.min_frames), options.max_frames);
  const share = way > 0 ? options.time_share : 1;
  const u = arc.map((a, i) => (share * (points[i][2] - first)) / last + ((1 - share) * a) / Math.max(way, 1e-9));
  const frames = new Float64Array(3 * length);
  const step = u[n - 1] / (length - 1);
  for (let f = 0, j = 0; f < length; f++) {
    const g = f === length - 1 ? u[n - 1] : f * step;
    while (j + 1 < n && u[j + 1] <= g) j++;
    const k = Math.min(j + 1, n - 1);
    const part = k > j ? (g - u[j]) / (u[k] - u[j]) : 0;
    for (let c = 0; c < 3; c++) {
      const [a, b] = c < 2 ? [points[j][c], points[k][c]] : [(points[j][2] - first) / 1000, (points[k][2] - first) / 1000];
      frames[3 * f + c] = a + (b - a) * part;
    }
  }
  return frames;
}

/**
 * Returns the network's inputs but the trace, which depend on the layout alone.
 * @param {Layout} layout
 * @param {number} slots
 */
export function keyTable(layout, slots) {
  if (layout.letters.length > slots) throw new Refused(`“${layout.title}” has ${layout.letters.length} keys; this model takes ${slots}.`);
  const keys = new Float32Array(2 * slots);
  layout.centres.forEach((centre, k) => keys.set(centre, 2 * k));
  const mask = new Float32Array(slots).fill(1, 0, layout.letters.length);
  return { keys, mask, size: Float32Array.of(layout.width, layout.height) };
}

/**
 * Returns how many frames of log_probs count.
 * @param {number} length of the input
 * @param {{stride: number, window?: number}} output
 */
export const outputLength = (length, { stride, window = 1 }) => Math.max(0, Math.floor((length - window) / stride) + 1);
