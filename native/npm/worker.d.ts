import type { Files, Key, Point, Word } from "./index.js";

/** `Keyboard` in a thread of its own: calls are answered in order, and the page never waits. */
export class WorkerKeyboard {
  private constructor();
  static open(files: Files): Promise<WorkerKeyboard>;
  test(): Promise<void>;
  place(keys: Iterable<Key>): Promise<void>;
  before(text: string, how?: { whole?: boolean }): Promise<void>;
  prepare(): Promise<void>;
  swipe(points: Iterable<Point>, how?: { nbest?: number; moving?: boolean }): Promise<Word[]>;

  /** Ends the thread; calls that wait, and later ones, are refused. */
  close(): void;
}
