// Reads {model, lexicon, keys, taps}; taps them as a word, the first three as the beginning of one, and completes letters.
import { readFileSync } from "node:fs";
import { Keyboard } from "edgectc";
const { model, lexicon, keys, taps } = JSON.parse(readFileSync(0));
const keyboard = await Keyboard.open({ model, lexicon });
keyboard.place(keys);
const whole = keyboard.tap(taps);
const typed = keyboard.typed();
console.log(JSON.stringify({ whole, typed, begun: keyboard.tap(taps.slice(0, 3), { moving: true }), completed: keyboard.complete("hel"), next: keyboard.complete() }));
