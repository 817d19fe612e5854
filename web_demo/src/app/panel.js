// What happens inside: milliseconds of each stage, the model, and the heat map of log_probs.

const STAGES = ["resample", "network", "search", "total"];

export class Panel {
  /** @param {{times: HTMLElement, about: HTMLElement, heat: HTMLCanvasElement}} places */
  constructor({ times, about, heat }) {
    this.aboutList = about;
    this.heat = heat;
    /** @type {Record<string, number[]>} */ this.history = Object.fromEntries(STAGES.map((name) => [name, []]));
    /** @type {import("../host/recognizer.js").Answer | null} */ this.answer = null;
    for (const stage of STAGES) {
      const box = document.createElement("div");
      box.innerHTML = `<dt>${stage}</dt><dd id="ms-${stage}">–</dd>`;
      times.append(box);
    }
    new ResizeObserver(() => this.#draw()).observe(heat);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /**
   * @param {Record<string, any>} manifest
   * @param {number} bytes
   */
  about(manifest, bytes) {
    const { parity, decoder, lexicon, language_model: lm } = manifest;
    const rows = [
      ["Name", manifest.name],
      ["Number format", manifest.scheme.type],
      ["Size", `${(bytes / 1e6).toFixed(2)} MB`],
      ["Off its original by", parity?.max_abs_diff === undefined ? "–" : `${parity.max_abs_diff.toExponential(1)} nats`],
      ["Decoder", decoder.type],
      ["Lexicon", lexicon.file],
      ["Language model", lm?.file ?? "none"],
      ["Runs on", "onnxruntime-web, WebAssembly, one thread"],
    ];
    this.aboutList.replaceChildren(...rows.flatMap(([name, value]) => {
      const [term, held] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      held.textContent = value;
      return [term, held];
    }));
  }

  /** @param {import("../host/recognizer.js").Answer} answer of a finished swipe */
  show(answer) {
    for (const stage of STAGES) {
      const held = this.history[stage];
      held.push(answer.ms[stage]);
      if (held.length > 200) held.shift();
      const median = [...held].sort((a, b) => a - b)[held.length >> 1];
      const place = document.getElementById(`ms-${stage}`);
      if (place) place.innerHTML = `${answer.ms[stage].toFixed(1)} <i>ms</i><small>p50 ${median.toFixed(1)}</small>`;
    }
    this.answer = answer;
    this.#draw();
  }

  #draw() {
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
   * @param {import("../host/recognizer.js").Answer} answer
   * @param {CSSStyleDeclaration} style
   */
  #cells(c, box, { logProbs, frames, letters }, style) {
    const V = logProbs.length / frames;
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
