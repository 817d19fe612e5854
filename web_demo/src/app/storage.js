// What stays in this browser; where nothing can be stored, it lasts until the page closes.

let works = true;

/** Returns whether the last attempt to store something went well. */
export const canStore = () => works;

/**
 * Returns what was stored, or `otherwise` if that is no longer what this page stores.
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @param {(value: any) => boolean} [good]
 * @returns {T}
 */
export function recall(name, otherwise, good = (value) => typeof value === typeof otherwise) {
  let text;
  try {
    text = localStorage.getItem(`edgectc.${name}`);
  } catch {
    works = false;
    return otherwise;
  }
  try {
    const value = text === null ? otherwise : JSON.parse(text);
    return good(value) ? value : otherwise;
  } catch {
    return otherwise;
  }
}

/**
 * @param {string} name
 * @param {unknown} value
 */
export function store(name, value) {
  try {
    localStorage.setItem(`edgectc.${name}`, JSON.stringify(value));
    works = true;
  } catch {
    works = false;
  }
  return works;
}
