// Words as letters, and as a language model knows them: docs/host_contract.md, 4.

/** @param {string} text */
const fold = (text) => text.normalize("NFC").toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ").normalize("NFC");

/**
 * Returns a word in normal form: casefolded, NFC, with a plain apostrophe.
 * @param {string} word
 */
export const normalize = (word) => fold(word).replaceAll("’", "'");

/**
 * Returns the letters to swipe for a word, or null if the alphabet cannot type it.
 * @param {string} word
 * @param {Set<string>} alphabet
 */
export function spell(word, alphabet) {
  const letters = [...fold(word)].filter((c) => /\p{Alphabetic}/u.test(c) && /\p{L}/u.test(c));
  const spelled = letters.map((c) => (alphabet.has(c) ? c : c.normalize("NFD").replace(/\p{M}/gu, ""))).join("");
  return spelled && [...spelled].every((c) => alphabet.has(c)) ? spelled : null;
}

/**
 * Returns the words of the sentence that a text ends in, in normal form, after "<s>" for its beginning.
 * @param {string} text all that stands before the cursor
 */
export function contextOf(text) {
  const sentence = text.split(/[.!?\n]/).pop() ?? "";
  const words = (sentence.match(/[\p{L}\p{M}\p{N}'’-]+/gu) ?? []).map(normalize);
  return ["<s>", ...words.filter((word) => /\p{L}/u.test(word))];
}
