import { readFileSync } from "node:fs";
import { Keyboard } from "edgectc";
const { files, keys, points } = JSON.parse(readFileSync(0));
const [keyboard, other] = [await Keyboard.open(files), await Keyboard.open(files)];
const words = (of) => of.swipe(points).map(({ text }) => text);
const answers = [];
for (const one of [keyboard, other]) one.place(keys);
answers.push(words(keyboard));
keyboard.teach("Helo", { uses: 1000 });
keyboard.hide("hello");
answers.push(words(keyboard));
other.takeWords(keyboard.words());
answers.push(words(other));
keyboard.forget("Helo");
keyboard.forget("hello");
answers.push(words(keyboard));
let refused = "";
try {
  other.takeWords(new TextEncoder().encode("{}"));
} catch (error) {
  refused = error.message;
}
answers.push(words(other));
const favoured = [keyboard.favour("Zyx", { nats: 30, spelling: "hello" }), words(keyboard)];
favoured.push(keyboard.favour("\u0434\u0430", { nats: 1 }), keyboard.favour("Zyx", { nats: 0, spelling: "hello" }), words(keyboard));
try {
  keyboard.favour("Zyx", { nats: 101 });
} catch (error) {
  favoured.push(error.message);
}
console.log(JSON.stringify({ answers, favoured, refused, kept: Array.from(other.words()) }));
