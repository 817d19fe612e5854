// Child of second_opinion.py: onnxruntime-web under Node, one thread.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

const [packages, artifact] = process.argv.slice(2);
const ort = createRequire(import.meta.url)(packages);
const { version } = JSON.parse(fs.readFileSync(path.join(packages, "package.json"), "utf8"));
ort.env.wasm.numThreads = 1;
const say = (about) => process.stdout.write(`${JSON.stringify(about)}\n`);
const arrays = { float32: Float32Array, int32: Int32Array };

const session = await ort.InferenceSession.create(new Uint8Array(fs.readFileSync(artifact)), { executionProviders: ["wasm"] });
say({ runtime: `web ${version} wasm` });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const given = Object.fromEntries(
    Object.entries(JSON.parse(line)).map(([name, { dtype, shape, base64 }]) => {
      const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
      return [name, new ort.Tensor(dtype, new arrays[dtype](bytes.buffer), shape)];
    }),
  );
  const { log_probs: out } = await session.run(given);
  const base64 = Buffer.from(out.data.buffer, out.data.byteOffset, out.data.byteLength).toString("base64");
  say({ dtype: out.type, shape: [...out.dims], base64 });
}
