// What happens inside: milliseconds of a swipe, the model, and the heat map of log_probs.

/** @typedef {{rows: number, columns: number, values: Float32Array, letters: string[]}} Heat */

export class Panel {
  /** @param {{times: HTMLElement, about: HTMLElement, heat: HTMLCanvasElement}} places */
  constructor({ times, about, heat }) {
    this.aboutList = about;
    this.heat = heat;
    /** @type {number[]} */ this.history = [];
    /** @type {Heat | null} */ this.answer = null;
    for (const [id, name] of [["last", "last swipe"], ["p50", "median"], ["most", "slowest"]]) {
      const box = document.createElement("div");
      box.innerHTML = `<dt>${name}</dt><dd id="ms-${id}">–</dd>`;
      times.append(box);
    }
    new ResizeObserver(() => this.draw()).observe(heat);
    for (const media of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) matchMedia(media).addEventListener("change", () => this.draw());
  }

  /**
   * @param {import("./loader.js").Index} served
   * @param {string} file the artifact in use
   */
  about(served, file) {
    const { scheme, bytes, off } = served.artifacts.find((one) => one.file === file) ?? served.artifacts[0];
    const rows = [
      ["Name", served.name],
      ["Number format", scheme],
      ["Size", `${(bytes / 1e6).toFixed(2)} MB`],
      ["Off its original by", off === null ? "–" : `${off.toExponential(1)} nats`],
      ["Decoder", served.decoder],
      ["Lexicon", served.lexicon],
      ["Language model", served.language_model ?? "none"],
      ["Runs on", "edgectc as WebAssembly, one thread"],
    ];
    this.aboutList.replaceChildren(...rows.flatMap(([name, value]) => {
      const [term, held] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      held.textContent = value;
      return [term, held];
    }));
  }

  /**
   * @param {number} ms from the lift of a finger to its words
   * @param {Heat} answer of the network
   */
  show(ms, answer) {
    this.history.push(ms);
    if (this.history.length > 200) this.history.shift();
    const sorted = [...this.history].sort((a, b) => a - b);
    for (const [id, value] of /** @type {[string, number][]} */ ([["last", ms], ["p50", sorted[sorted.length >> 1]], ["most", sorted.at(-1)]])) {
      const place = document.getElementById(`ms-${id}`);
      if (place) place.innerHTML = `${value.toFixed(1)} <i>ms</i>`;
    }
    this.answer = answer;
    this.draw();
  }

  /** Draws the heat map, in the colours that there are now. */
  draw() {
    const { heat, answer } = this;
    const c = heat.getContext("2d");
    const box = heat.getBoundingClientRect();
    if (!c || !box.width) return;
    const scale = Math.min(devicePixelRatio, 2);
    heat.width = box.width * scale;
    heat.height = box.height * scale;
    c.scale(scale, scale);
    const style = getComputedStyle(heat);
    c.font = `11px ${style.fontFamily}`;
    c.textBaseline = "middle";
    c.fillStyle = style.getPropertyValue("--soft");
    if (!answer) {
      c.textAlign = "center";
      c.fillText("Swipe a word.", box.width / 2, box.height / 2);
      return;
    }
    this.#cells(c, box, answer, style);
  }

  /**
   * Letters that had a say, one a row, in the order in which they were surest; then the blank.
   * @param {CanvasRenderingContext2D} c
   * @param {DOMRect} box
   * @param {Heat} answer
   * @param {CSSStyleDeclaration} style
   */
  #cells(c, box, { rows: frames, columns: V, values: logProbs, letters }, style) {
    const p = (/** @type {number} */ t, /** @type {number} */ k) => Math.exp(logProbs[t * V + k]);
    const rows = letters
      .map((letter, k) => {
        let best = 0;
        for (let t = 1; t < frames; t++) if (p(t, k) > p(best, k)) best = t;
        return { letter, k, best, most: p(best, k) };
      })
      .filter((row) => row.most > 0.03)
      .sort((a, b) => b.most - a.most).slice(0, 13)
      .sort((a, b) => a.best - b.best);
    rows.push({ letter: "–", k: V - 1, best: 0, most: 1 });
    const [left, gap] = [22, 1];
    const width = (box.width - left - 6) / frames;
    const height = Math.min(22, (box.height - 8) / rows.length);
    rows.forEach(({ letter, k }, i) => {
      const y = 4 + i * height;
      c.fillStyle = style.getPropertyValue("--soft");
      c.textAlign = "center";
      c.fillText(letter, left / 2, y + height / 2);
      for (let t = 0; t < frames; t++) {
        const share = p(t, k);
        const tint = k === V - 1 ? "128 138 160" : style.getPropertyValue("--trail");
        c.fillStyle = `rgb(${tint} / ${0.05 + (k === V - 1 ? 0.5 : 0.95) * Math.sqrt(share)})`;
        c.fillRect(left + t * width, y, Math.max(1, width - gap), height - gap);
      }
    });
  }
}
