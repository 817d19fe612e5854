import { readFileSync } from "node:fs";
import { EdgectcError, Keyboard } from "edgectc";
import { WorkerKeyboard } from "edgectc/worker";
const [model, lexicon, languageModel] = process.argv.slice(2);
const bytes = new Uint8Array(readFileSync(model));
bytes[5000] ^= 1;
const calls = {
  damaged: () => Keyboard.open({ model: bytes, lexicon, languageModel }),
  swapped: () => Keyboard.open({ model, lexicon: languageModel }),
  missing: () => Keyboard.open({ model: "nowhere.edgectc", lexicon }),
  "no lexicon": () => Keyboard.open({ model }),
  constructed: async () => new Keyboard(),
  key: async () => (await Keyboard.open({ model, lexicon })).place([["ab", 0, 0, 1, 1]]),
  "no keys": async () => (await Keyboard.open({ model, lexicon })).swipe([[0, 0, 0], [1, 1, 50]]),
  "in a worker": () => WorkerKeyboard.open({ model: bytes, lexicon, languageModel }),
  closed: async () => {
    const keyboard = await WorkerKeyboard.open({ model, lexicon });
    const waiting = keyboard.test();
    keyboard.close();
    await waiting.then(() => { throw new Error("it answered"); }, () => {});
    await keyboard.test();
  },
};
const told = {};
for (const [name, call] of Object.entries(calls))
  told[name] = await call().then(() => "nothing", (error) => `${error.name}: ${error.message}`);
console.log(JSON.stringify(told));
