import { readFileSync } from "node:fs";
const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const exports = WebAssembly.Module.exports(module).map((one) => one.name);
console.log(JSON.stringify([WebAssembly.Module.imports(module), exports]));
