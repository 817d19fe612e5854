// What runs in the worker's thread: calls come in, answers go out, in order.

import { Keyboard } from "./index.js";

/** @type {Keyboard | null} */
let keyboard = null;
/** @type {Promise<void>} */
let turn = Promise.resolve();

/** @param {{id: number, name: string, values: any[]}} message */
async function answer({ id, name, values }) {
  try {
    if (name === "open") keyboard = await Keyboard.open(values[0]);
    return { id, value: name === "open" ? null : /** @type {any} */ (keyboard)[name](...values) };
  } catch (thrown) {
    const error = /** @type {any} */ (thrown);
    return { id, error: { message: error.message, reason: error.reason ?? "" } };
  }
}

/**
 * @param {any} port
 * @param {(use: (message: any) => void) => void} listen
 */
function serve(port, listen) {
  listen((message) => {
    turn = turn.then(async () => port.postMessage(await answer(message)));
  });
}

if (typeof self === "object" && typeof self.postMessage === "function") {
  const channel = new BroadcastChannel(self.name); // see `start` in worker.js
  const port = {
    /** @param {any} message */
    postMessage(message) {
      channel.postMessage(message);
      self.postMessage(message);
    },
  };
  serve(port, (use) => { self.onmessage = ({ data }) => use(data); });
} else {
  const { parentPort } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "node:worker_threads");
  serve(parentPort, (use) => parentPort?.on("message", use));
}
