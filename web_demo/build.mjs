// Makes edgectc/commands/serving/site: the sources as they are, onnxruntime-web, and the engine compiled from C.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { commands } from "@yowasp/clang";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "..");
const site = path.join(root, "edgectc/commands/serving/site");
const runtime = path.join(here, "node_modules/onnxruntime-web");

// The one list of sources and flags, see native/build.py.
const build = JSON.parse(fs.readFileSync(path.join(root, "native/build.json"), "utf8"));
const FLAGS = [
  "--target=wasm32-wasip1", "-mexec-model=reactor", "-msimd128", build.standard, ...build.flags,
  ...build.include.map((folder) => `-I${folder}`),
  "-Wl,--export-dynamic", "-Wl,--export=malloc", "-Wl,--export=free", "-Wl,--strip-all",
];

/** Returns the engine as a WebAssembly module that imports nothing. */
async function engine() {
  const headers = build.include.flatMap((folder) =>
    fs.readdirSync(path.join(root, folder)).filter((name) => name.endsWith(".h")).map((name) => `${folder}/${name}`));
  /** @type {any} folders as the compiler sees them */
  const files = {};
  for (const name of [...headers, ...build.engine]) {
    const parts = name.split("/");
    const folder = parts.slice(0, -1).reduce((held, part) => (held[part] ??= {}), files);
    folder[parts.at(-1)] = fs.readFileSync(path.join(root, name));
  }
  const complaints = [];
  const stderr = (bytes) => bytes && complaints.push(Buffer.from(bytes));
  let made;
  try {
    const how = { stderr, fetchProgress: () => {} };
    made = await commands.clang([...FLAGS, "-o", "engine.wasm", ...build.engine], files, how);
  } catch (error) {
    throw new Error(`clang: ${error.message}\n${Buffer.concat(complaints)}`);
  }
  const bytes = made["engine.wasm"];
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
  if (imports.length) throw new Error(`the engine imports ${imports.map((one) => one.name)}, expected nothing`);
  return bytes;
}

const staging = fs.mkdtempSync(`${site}.`);
try {
  fs.cpSync(path.join(here, "src"), staging, { recursive: true });
  fs.mkdirSync(path.join(staging, "runtime"));
  for (const name of ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"])
    fs.copyFileSync(path.join(runtime, "dist", name), path.join(staging, "runtime", name));
  const { version } = JSON.parse(fs.readFileSync(path.join(runtime, "package.json"), "utf8"));
  fs.writeFileSync(
    path.join(staging, "runtime", "NOTICE.txt"),
    `onnxruntime-web ${version}, (c) Microsoft Corporation, MIT licence: https://opensource.org/license/mit\n`,
  );
  fs.writeFileSync(path.join(staging, "engine.wasm"), await engine());
  fs.rmSync(site, { recursive: true, force: true });
  fs.chmodSync(staging, 0o755);
  fs.renameSync(staging, site);
} finally {
  fs.rmSync(staging, { recursive: true, force: true });
}
const bytes = fs.readdirSync(site, { recursive: true })
  .map((name) => fs.statSync(path.join(site, name)))
  .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
console.log(`edgectc/commands/serving/site: ${(bytes / 1e6).toFixed(1)} MB`);
