// Words as letters: docs/host_contract.md, 4.

/** @param {string} text */
const fold = (text) => text.normalize("NFC").toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ").normalize("NFC");

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
