// Reads {files, cases: [{keys, points, before}], worker}; answers each case, in a thread of its own or not.
import { readFileSync } from "node:fs";
import { EdgectcError, Keyboard } from "edgectc";
import { WorkerKeyboard } from "edgectc/worker";
const { files, cases, worker } = JSON.parse(readFileSync(0));
const keyboard = await (worker ? WorkerKeyboard : Keyboard).open(files);
await keyboard.test();
const answers = [];
for (const { keys, points, before, whole, moving = false } of cases) {
  try {
    await keyboard.place(keys);
    await keyboard.before(before, { whole });
    await keyboard.prepare();
    const words = await keyboard.swipe(points, { moving });
    const { rows, columns, values } = await keyboard.logProbs();
    answers.push({ words, heat: { rows, columns, values: Array.from(values) } });
  } catch (error) {
    if (!(error instanceof EdgectcError)) throw error;
    answers.push({ message: error.message, reason: error.reason });
  }
}
if (worker) keyboard.close();
console.log(JSON.stringify(answers));
