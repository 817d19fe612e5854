// The row of suggestions.

/** @param {number} share */
export const percent = (share) => (share >= 0.995 ? "99 %" : share < 0.005 ? "<1 %" : `${Math.round(100 * share)} %`);

/** Returns the places of words from left to right: the best in the middle of three, those behind them by scrolling. @param {unknown[]} words */
const placed = (words) => [1, 0, 2, 3, 4].filter((place) => place < words.length);

export class Strip {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
  }

  /** @param {string} text */
  hint(text) {
    this.#fill([piece("span", "hint", text)]);
  }

  /** Words of a trace that is still being drawn. @param {import("edgectc").Word[]} words */
  moving(words) {
    this.#fill(placed(words).map((place) => piece("span", place ? "live third" : "live third main", words[place].text)));
  }

  /**
   * @param {import("edgectc").Word[]} words
   * @param {number} chosen
   * @param {(place: number) => void} choose
   */
  words(words, chosen, choose) {
    this.#fill(placed(words).map((place) => {
      const button = /** @type {HTMLButtonElement} */ (piece("button", "third", words[place].text));
      const share = piece("small", "", ` ${percent(words[place].probability)}`);
      button.type = "button";
      button.setAttribute("aria-pressed", String(place === chosen));
      button.append(share);
      button.addEventListener("pointerdown", (event) => event.preventDefault()); // the text keeps the focus
      button.addEventListener("click", () => choose(place));
      return button;
    }));
  }

  /**
   * Three places of one width, the one in the middle is what a space takes.
   * @param {{text: string, act: () => void, main?: boolean}[]} offers at most three
   */
  three(offers) {
    this.#fill(offers.map(({ text, act, main = false }) => {
      const button = /** @type {HTMLButtonElement} */ (piece("button", main ? "third main" : "third", text));
      button.type = "button";
      button.addEventListener("pointerdown", (event) => event.preventDefault());
      button.addEventListener("click", act);
      return button;
    }));
  }

  /** @param {HTMLElement[]} pieces */
  #fill(pieces) {
    this.place.replaceChildren(...pieces);
    requestAnimationFrame(() => { this.place.scrollLeft = 0; }); // at once, the page would be laid out at once
  }
}

/**
 * @param {string} tag
 * @param {string} name
 * @param {string} text
 */
function piece(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = text;
  return made;
}
