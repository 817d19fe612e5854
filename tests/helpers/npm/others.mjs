import { readFileSync } from "node:fs";
import { Keyboard } from "edgectc";
import { checkSignature } from "./node_modules/edgectc/signature.js";
const { files, texts, signatures } = JSON.parse(readFileSync(0));
const keyboard = await Keyboard.open(files);
const told = async (call) => call.then(() => null, (error) => error.reason);
const refused = [];
for (const { sha256, signature, trust } of signatures) refused.push(await told(checkSignature(sha256, signature, trust)));
const [{ trust, signature }] = signatures;
const opened = [];
for (const how of [{ signature: "nobody asked" }, { trust }, { trust, signature }, { trust: [], signature }])
  opened.push(await told(Keyboard.open({ ...files, ...how })));
const contexts = texts.map(({ text, whole }) => keyboard.contextOf(text, { whole }));
const known = ["hello", "Hello", "it's", "it’s", "xqzzy", "", "a".repeat(10000)].map((word) => keyboard.knows(word));
console.log(JSON.stringify({ refused, opened, contexts, known }));
