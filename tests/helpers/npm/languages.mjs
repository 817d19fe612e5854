// Reads {files, languages, keys, taps, strokes, worker}; writes two languages at once, learns, and swipes a word in strokes.
import { readFileSync } from "node:fs";
import { Keyboard } from "edgectc";
import { WorkerKeyboard } from "edgectc/worker";
const { files, languages, keys, taps, strokes, worker } = JSON.parse(readFileSync(0));
const keyboard = await (worker ? WorkerKeyboard : Keyboard).open({ ...files, languages });
await keyboard.place(keys);
const told = {};
for (const before of ["Ich habe das ", "I want to see the "]) {
  await keyboard.before(before);
  told[before] = { languages: await keyboard.languages(), words: await keyboard.tap(taps), strokes: await keyboard.strokes(strokes) };
}
await keyboard.incognito(true);
const learnt = [await keyboard.learn("Zyxgle")];
await keyboard.incognito(false);
await keyboard.today(20000);
learnt.push(await keyboard.learn("Zyxgle", { uses: 2 }));
const kept = new TextDecoder().decode(await keyboard.words());
await keyboard.today(21000);
const faded = new TextDecoder().decode(await keyboard.words());
let refused = "";
try {
  await keyboard.strokes([[[0, 0, 0], [1, 1, 0]], [[1, 1, 1]]]);
} catch (error) {
  refused = error.reason;
}
const alone = await Keyboard.open({ model: files.model, languages: languages.slice(0, 1) });
alone.place(keys);
console.log(JSON.stringify({ told, learnt, kept: JSON.parse(kept), faded: JSON.parse(faded), refused, alone: alone.languages() }));
if (worker) keyboard.close();
