// What stays in this browser; where nothing can be stored, it lasts until the page closes.

let works = true;

/** Returns whether the last attempt to store something went well. */
export const canStore = () => works;

/**
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @returns {T}
 */
export function recall(name, otherwise) {
  try {
    const text = localStorage.getItem(`edgectc.${name}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    works = false;
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
