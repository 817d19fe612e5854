// node host.mjs MODEL LEXICON LANGUAGE_MODEL < [[x, y, t_ms], ...]
import { readFileSync } from "node:fs";
import { Keyboard } from "edgectc";

const [model, lexicon, languageModel] = process.argv.slice(2);
const rows = [["qwertyuiop", 0], ["asdfghjkl", 54], ["zxcvbnm", 162]]; // pixels of a screen 1080 wide
const keyboard = await Keyboard.open({ model, lexicon, languageModel });
keyboard.place(rows.flatMap(([row, x], y) => [...row].map((letter, i) => [letter, x + 108 * i, 160 * y, 108, 160])));
for (const { text, score } of keyboard.swipe(JSON.parse(readFileSync(0)))) console.log(text, score.toFixed(6));
