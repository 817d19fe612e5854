import { Keyboard, type Word } from "edgectc";
import { WorkerKeyboard } from "edgectc/worker";
export async function read(points: [number, number, number][]): Promise<Word[]> {
  const lexicon = new URL("file:///l");
  const keyboard = await Keyboard.open({ model: "m", lexicon, languageModel: null });
  keyboard.place([["a", 0, 0, 1, 1]]);
  const shares: Record<string, number> = keyboard.languages();
  const learnt: boolean = keyboard.learn("word", { uses: -1 }) && shares.own > 0.5;
  keyboard.incognito(learnt);
  keyboard.strokes([points, points], { moving: true });
  await Keyboard.open({ model: "m", languages: [{ index: "i", lexicon }, { lexicon }] });
  const worker = await WorkerKeyboard.open({ model: "m", lexicon });
  const waited: Word[] = await worker.swipe(points);
  // @ts-expect-error a worker answers later
  const early: Word[] = worker.swipe(points);
  // @ts-expect-error keys have five parts
  keyboard.place([["a", 0, 0]]);
  return [...waited, ...early, ...keyboard.swipe(points, { nbest: 3, moving: true })];
}
