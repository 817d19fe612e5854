"""Each tutorial is run from top to bottom, and ends in what it promises."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import packages
import pages
import pytest

import edgectc

TUTORIALS = pages.ROOT / "docs" / "tutorials"
BUNDLE = pages.ROOT / "models" / "swipe-en"
FILES = [BUNDLE / "artifacts" / "swipe-en-int8-dynamic.edgectc", BUNDLE / "lexicon.trie",
         BUNDLE / "words.lm"]  # fmt: skip
ROWS = [("qwertyuiop", 0), ("asdfghjkl", 54), ("zxcvbnm", 162)]  # of a screen 1080 wide
# Answers as a view does: before, points so far, all points, and a tap.
JAVA = """
import java.io.File;
import java.util.*;
import java.util.concurrent.*;
import org.edgectc.*;

class Host {
  static List<Word> words(Swipes swipes, double[] points, boolean moving) throws Exception {
    SynchronousQueue<List<Word>> found = new SynchronousQueue<>();
    swipes.down();
    for (int i = 0; i < points.length; i += 3)
      swipes.point(points[i], points[i + 1], points[i + 2]);
    swipes.words(moving, words -> {
      try {
        found.put(words);
      } catch (InterruptedException end) {
        throw new IllegalStateException(end);
      }
    });
    return found.poll(1, TimeUnit.MINUTES);
  }

  public static void main(String[] given) throws Exception {
    List<Key> keys = new ArrayList<>();
    String[] rows = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
    int[] starts = {0, 54, 162};
    for (int row = 0; row < 3; row++)
      for (int i = 0; i < rows[row].length(); i++)
        keys.add(new Key(rows[row].charAt(i), starts[row] + 108 * i, 160 * row, 108, 160));
    File[] files = {new File(given[0]), new File(given[1]), new File(given[2])};
    try (Swipes swipes = new Swipes(files[0], files[1], files[2])) {
      swipes.test();
      swipes.keys(keys);
      swipes.before("he said ");
      String[] numbers = given[3].split(" ");
      double[] points = Arrays.stream(numbers).mapToDouble(Double::parseDouble).toArray();
      System.out.println(words(swipes, Arrays.copyOf(points, points.length / 6 * 3), true).size());
      StringJoiner line = new StringJoiner(" ");
      for (Word word : words(swipes, points, false)) line.add(word.text);
      System.out.println(line);
      System.out.println(words(swipes, Arrays.copyOf(points, 3), false).size());
    }
  }
}
"""
NODE = """
import { listen, open } from "./swipes.mjs";
const { files, keys, points } = JSON.parse(process.argv[2]);
const keyboard = await open(files, keys);
const element = new EventTarget();
const shown = [];
listen(element, keyboard, (words, moving) => shown.push([words, moving]));
const send = (name, [x, y, t]) => {
  const event = Object.assign(new Event(name), { offsetX: x, offsetY: y });
  Object.defineProperty(event, "timeStamp", { value: t });
  element.dispatchEvent(event);
};
const swipe = async (all) => {
  send("pointerdown", all[0]);
  for (const point of all.slice(1)) send("pointermove", point);
  const before = shown.length;
  send("pointerup", all.at(-1));
  const ended = () => shown.slice(before).some(([, moving]) => !moving);
  while (!ended()) await new Promise((go) => setTimeout(go, 5));
};
await swipe(points);
await swipe(points.slice(0, 1));
keyboard.close();
console.log(JSON.stringify(shown));
"""

pytestmark = pytest.mark.slow


def needs(*packages: str) -> None:
    for package in packages:
        pytest.importorskip(package)


def test_own_keyboard_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("torch", "lightning", "onnx", "onnxscript", "onnxruntime")
    printed = pages.run(TUTORIALS / "own_data.md", tmp_path, monkeypatch, inside=True)
    assert "verdict: pass" in printed["edgectc verify better.onnx"]
    (compared,) = (text for line, text in printed.items() if "--against mine" in line)
    gained = re.search(r"difference to mine in top-1: \+(\d+)", compared)
    assert gained is not None, compared
    assert int(gained[1]) >= 1, "the shipped weights are the better beginning"
    assert (tmp_path / "check.html").is_file()


def block(page: str, kind: str) -> str:
    (code,) = [text for found, text in pages.blocks(TUTORIALS / page) if found == kind]
    return code


def points() -> list[tuple[float, float, float]]:
    return [(x * 1080, y * 480, t) for x, y, t in edgectc.sample().tolist()]


def words() -> list[str]:
    return [c.text for c in edgectc.load(FILES[0])(edgectc.sample(), context=["he", "said"])]


def test_in_an_android_app(tmp_path: Path) -> None:
    """The class, over the library's own for this machine: Android's has the same Java."""
    packages.java(tmp_path, tmp_path)
    (tmp_path / "Swipes.java").write_text(block("android.md", "java"))
    (tmp_path / "Host.java").write_text(JAVA)
    compiler = ["javac", "-cp", ".", "-d", ".", "Swipes.java", "Host.java"]
    subprocess.run(compiler, cwd=tmp_path, check=True)
    given = [*map(str, FILES), " ".join(str(number) for point in points() for number in point)]
    done = subprocess.run(
        ["java", "-Djava.library.path=.", "-cp", ".", "Host", *given],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    half, whole, tap = done.stdout.splitlines()
    assert int(half) == 5
    assert whole.split() == words()
    assert int(tap) == 0


def test_in_a_page(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    package = packages.build("npm", tmp_path / "built")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "edgectc").symlink_to(package.resolve())
    (tmp_path / "swipes.mjs").write_text(block("web.md", "js"))
    (imports,) = re.findall(r'"importmap">(.*)</script>', block("web.md", "html"))
    assert all((tmp_path / path).is_file() for path in json.loads(imports)["imports"].values())
    (tmp_path / "host.mjs").write_text(NODE)
    boxes = [(letter, x + 108 * i, 160 * y, 108, 160)
             for y, (row, x) in enumerate(ROWS) for i, letter in enumerate(row)]  # fmt: skip
    files = dict(zip(("model", "lexicon", "languageModel"), map(str, FILES), strict=True))
    given = {"files": files, "keys": boxes, "points": points()}
    done = subprocess.run(
        [node, "host.mjs", json.dumps(given)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    finished = [found for found, moving in shown if not moving]
    expected = [c.text for c in edgectc.load(FILES[0])(edgectc.sample())]
    assert finished == [expected, []]  # and the tap says nothing


def test_the_page_uses_what_the_code_above_exports() -> None:
    page = block("web.md", "html")
    (names,) = re.findall(r"import {(.*)} from \"./swipes.mjs\"", page)
    exported = re.findall(r"export (?:async )?function (\w+)", block("web.md", "js"))
    assert sorted(name.strip() for name in names.split(",")) == sorted(exported)
    served = re.findall(r"^\| `([\w.]+)` \|", (TUTORIALS / "web.md").read_text(), re.MULTILINE)
    assert served == re.findall(r'(?:model|lexicon|languageModel): "([\w.]+)"', page)


def test_every_tutorial_is_run_here_or_as_a_notebook() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    made = runpy.run_path(str(pages.ROOT / "scripts" / "notebooks.py"))["MADE"]
    ours = {page.name for page in TUTORIALS.glob("*.md") if not page.name.startswith("train_")}
    assert {name for name in ours if name not in text} == {f"{name}.md" for name in made}
