// The line that follows a finger and fades behind it.

const LASTS = 380; // ms
const WIDTH = 11; // px at the finger

export class Trail {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    /** @type {number[][]} */ this.points = [];
    this.drawing = false;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  begin(x, y) {
    const scale = Math.min(devicePixelRatio, 2);
    this.box = this.canvas.getBoundingClientRect();
    this.canvas.width = this.box.width * scale;
    this.canvas.height = this.box.height * scale;
    this.context?.scale(scale, scale);
    this.colour = getComputedStyle(this.canvas).getPropertyValue("--trail");
    this.points = [];
    this.add(x, y);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  add(x, y) {
    if (!this.box) return;
    this.points.push([x - this.box.left, y - this.box.top, performance.now()]);
    if (!this.drawing) {
      this.drawing = true;
      requestAnimationFrame(() => this.#draw());
    }
  }

  end() {
    if (this.still.matches) this.points = [];
  }

  #draw() {
    const { context: c } = this;
    if (!c || !this.box) return;
    const now = performance.now();
    c.clearRect(0, 0, this.box.width, this.box.height);
    this.points = this.points.filter(([, , t]) => now - t < LASTS);
    c.lineCap = c.lineJoin = "round"; // opaque, so that joints do not show; the canvas itself is not
    c.strokeStyle = `rgb(${this.colour})`;
    for (let i = 1; i < this.points.length; i++) {
      const [x0, y0] = this.points[i - 1];
      const [x, y, t] = this.points[i];
      const fresh = 1 - (now - t) / LASTS;
      c.lineWidth = WIDTH * fresh * Math.sqrt(fresh);
      c.beginPath();
      c.moveTo(x0, y0);
      c.lineTo(x, y);
      c.stroke();
    }
    this.drawing = this.points.length > 0;
    if (this.drawing) requestAnimationFrame(() => this.#draw());
  }
}
