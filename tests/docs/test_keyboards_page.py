"""The page about other keyboards: both outlines are run as they stand, and write Python's words."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import packages
import pytest

import edgectc

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "keyboards.md").read_text(encoding="utf-8")
BUNDLE = ROOT / "models" / "swipe-en"
FILES = [str(BUNDLE / "artifacts" / "swipe-en-int8-dynamic.edgectc"), str(BUNDLE / "lexicon.trie"),
         str(BUNDLE / "words.lm")]  # fmt: skip
WIDE, HIGH = 1080, 480
ROWS = [("qwertyuiop", 0), ("asdfghjkl", 54), ("zxcvbnm", 162)]  # of a screen 1080 wide
POINTS = [[round(x * WIDE), round(y * HIGH), round(t)] for x, y, t in edgectc.sample().tolist()]
# What a keyboard of the family does: keys, points so far, all points, a tap, a word, one removed.
HOST = """
import java.io.File;
import java.util.*;
import org.edgectc.*;

class Host {
  static int[] column(String numbers, int i) {
    int[] all = Arrays.stream(numbers.split(" ")).mapToInt(Integer::parseInt).toArray();
    int[] one = new int[all.length / 3];
    for (int k = 0; k < one.length; k++) one[k] = all[3 * k + i];
    return one;
  }

  public static void main(String[] given) throws Exception {
    File[] files = {new File(given[0]), new File(given[1]), new File(given[2])};
    try (Keyboard keyboard = Keyboard.open(files[0], files[1], files[2])) {
      String[] rows = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
      int[] starts = {0, 54, 162}, codes = new int[27];
      int[] x = new int[27], y = new int[27], w = new int[27], h = new int[27];
      int n = 0;
      for (int row = 0; row < 3; row++)
        for (int i = 0; i < rows[row].length(); i++, n++) {
          codes[n] = rows[row].charAt(i);
          x[n] = starts[row] + 108 * i;
          y[n] = 160 * row;
        }
      codes[n] = -5; // delete, beside the last row
      x[n] = 918;
      y[n] = 320;
      Arrays.fill(w, 108);
      w[n] = 162;
      Arrays.fill(h, 160);
      Glide glide = new Glide(keyboard);
      glide.keys(codes, x, y, w, h);
      int[] px = column(given[3], 0), py = column(given[3], 1), t = column(given[3], 2);
      System.out.println(glide.words(px, py, t, px.length / 2, "he said ", true, 3).size());
      List<Word> words = glide.words(px, py, t, px.length, "he said ", false, 5);
      StringBuilder texts = new StringBuilder();
      for (Word word : words) texts.append(word.text).append(' ');
      System.out.println(texts.toString().trim());
      System.out.println(Glide.score(words.get(0), 1000000) > Glide.score(words.get(1), 1000000));
      System.out.println(glide.words(px, py, t, 1, "", false, 5).size());
      glide.committed(words.get(0).text, false, "he said hello ");
      int unlearnt = keyboard.words().length;
      glide.committed(words.get(0).text, true, "he said hello ");
      System.out.println(keyboard.words().length > unlearnt);
      glide.removed(words.get(0).text);
      System.out.println(glide.words(px, py, t, px.length, "he said ", false, 1).get(0).text);
    }
  }
}
"""
# A board of elements and a field, as far as the module asks for them.
NODE = """
import { WorkerKeyboard } from "edgectc/worker";
import { glide } from "./glide.mjs";
const { files, keys, points } = JSON.parse(process.argv[2]);
const board = new EventTarget();
const box = (x, y, width, height) => ({ x: x + 7, y: y + 300, width, height });
board.getBoundingClientRect = () => box(0, 0, 1080, 480);
const button = ([letter, ...at]) => {
  return { dataset: { letter }, getBoundingClientRect: () => box(...at) };
};
board.querySelectorAll = () => keys.map(button);
const keyboard = await WorkerKeyboard.open(files);
const written = [], shown = [];
let text = "he said ";
const { place } = glide(board, keyboard, {
  write: (words) => { written.push(words); text += words[0] + " "; },
  show: (words) => shown.push(words),
  before: () => text,
});
await place();
await keyboard.before(text);
const send = (name, [x, y, t]) => {
  const at = { clientX: x + 7, clientY: y + 300, getCoalescedEvents: () => [] };
  const event = Object.assign(new Event(name), at);
  Object.defineProperty(event, "timeStamp", { value: t });
  board.dispatchEvent(event);
};
const wait = (ms) => new Promise((go) => setTimeout(go, ms));
send("pointerdown", points[0]);
for (const point of points.slice(1)) send("pointermove", point);
await wait(500);
send("pointerup", points.at(-1));
while (!written.length) await wait(5);
send("pointerdown", points[0]);
send("pointerup", points[0]);
await wait(100);
keyboard.close();
console.log(JSON.stringify({ written, live: shown.length, text }));
"""

pytestmark = pytest.mark.slow


def block(language: str) -> str:
    """Return the page's one block of a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def words() -> list[str]:
    points = [[x / WIDE, y / HIGH, t] for x, y, t in POINTS]
    return [c.text for c in edgectc.load(FILES[0])(points, context=["<s>", "he", "said"])]


def test_a_keyboard_of_the_family_writes_the_words_of_python(tmp_path: Path) -> None:
    packages.java(tmp_path, tmp_path)
    (tmp_path / "Glide.java").write_text(block("java"), encoding="utf-8")
    (tmp_path / "Host.java").write_text(HOST, encoding="utf-8")
    subprocess.run(["javac", "-cp", ".", "Glide.java", "Host.java"], cwd=tmp_path, check=True)
    numbers = " ".join(str(number) for point in POINTS for number in point)
    done = subprocess.run(
        ["java", "-Djava.library.path=.", "-cp", ".", "Host", *FILES, numbers],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    live, found, above, tap, learnt, other = done.stdout.splitlines()
    assert found.split() == words()
    assert (live, above, tap, learnt) == ("3", "true", "0", "true")
    assert other == words()[1]


def test_a_board_of_elements_writes_the_words_of_python(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    package = packages.build("npm", tmp_path / "built")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "edgectc").symlink_to(package.resolve())
    (tmp_path / "glide.mjs").write_text(block("js"), encoding="utf-8")
    (tmp_path / "host.mjs").write_text(NODE, encoding="utf-8")
    boxes = [(letter, x + 108 * i, 160 * y, 108, 160)
             for y, (row, x) in enumerate(ROWS) for i, letter in enumerate(row)]  # fmt: skip
    files = dict(zip(("model", "lexicon", "languageModel"), FILES, strict=True))
    given = json.dumps({"files": files, "keys": boxes, "points": POINTS})
    done = subprocess.run(
        [node, "host.mjs", given], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["written"] == [words()]
    assert told["live"] >= 1
    assert told["text"] == f"he said {words()[0]} "


def test_the_page_of_the_board_uses_what_the_module_exports() -> None:
    (names,) = re.findall(r"import {(.*)} from \"./glide.mjs\"", block("html"))
    assert [name.strip() for name in names.split(",")] == re.findall(
        r"export function (\w+)", block("js")
    )
