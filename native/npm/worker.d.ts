import type { Files, Keyboard } from "./index.js";

type Later<T> = { [K in keyof T]: T[K] extends (...values: infer V) => infer R ? (...values: V) => Promise<R> : never };

/** Every call of `Keyboard` in a thread of its own: answered in order, and the page never waits. */
export interface WorkerKeyboard extends Later<Keyboard> {
  /** Ends the thread; calls that wait, and later ones, are refused. */
  close(): void;
}

export const WorkerKeyboard: { open(files: Files): Promise<WorkerKeyboard> };
