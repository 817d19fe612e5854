// What stands above a finger: the letter of its key, or what a long press offers.

export class Popup {
  /** @param {HTMLElement} place that the keys fill */
  constructor(place) {
    this.place = place;
    this.box = document.createElement("div");
    this.box.className = "popup";
    this.box.setAttribute("aria-hidden", "true");
    this.box.hidden = true;
    /** @type {string[]} */ this.texts = [];
    this.at = 0;
    this.left = 0;
    this.wide = 1;
    this.top = 0;
    this.bottom = 0;
  }

  /**
   * Shows the letter of a key.
   * @param {HTMLElement} button
   * @param {string} text
   */
  preview(button, text) {
    this.texts = [];
    this.#show(button, [text], button.offsetWidth * 1.15);
  }

  /**
   * Offers what a long press on a key gives.
   * @param {HTMLElement} button
   * @param {string[]} texts
   */
  offer(button, texts) {
    this.texts = texts;
    this.at = 0;
    this.#show(button, texts, Math.min(Math.max(34, button.offsetWidth), this.place.offsetWidth / texts.length) * texts.length);
    this.#mark();
  }

  /**
   * The finger is there now; returns whether it is still at the key or at what is offered.
   * @param {number} x in pixels from the left of the keys
   * @param {number} y from their top
   */
  move(x, y) {
    const near = x > this.left - 40 && x < this.left + this.wide * this.texts.length + 40 && y > this.top - 40 && y < this.bottom;
    if (!near) {
      this.hide();
      return false;
    }
    this.at = Math.min(this.texts.length - 1, Math.max(0, Math.floor((x - this.left) / this.wide)));
    this.#mark();
    return true;
  }

  /** Returns what would be chosen, "" where nothing is offered. */
  get chosen() {
    return this.texts[this.at] ?? "";
  }

  hide() {
    this.box.hidden = true;
    this.texts = [];
  }

  #mark() {
    [...this.box.children].forEach((one, i) => one.classList.toggle("on", i === this.at));
  }

  /**
   * @param {HTMLElement} button
   * @param {string[]} texts
   * @param {number} width
   */
  #show(button, texts, width) {
    const middle = button.offsetLeft + button.offsetWidth / 2;
    this.wide = width / texts.length;
    // The first one lies above the finger, unless there is no room for the others.
    const first = texts.length > 1 ? middle - this.wide / 2 : middle - width / 2;
    this.left = Math.max(0, Math.min(this.place.offsetWidth - width, first));
    this.top = button.offsetTop - 54;
    this.bottom = button.offsetTop + button.offsetHeight;
    this.box.replaceChildren(...texts.map((text) => {
      const one = document.createElement("span");
      one.textContent = text;
      return one;
    }));
    Object.assign(this.box.style, { left: `${this.left}px`, width: `${width}px`, top: `${this.top}px` });
    this.place.append(this.box);
    this.box.hidden = false;
  }
}
