"""Each tutorial is run from top to bottom, and ends in what it promises."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import packages
import pages
import pytest

import edgectc
from edgectc.decoding.search.compiled import LIBRARY

TUTORIALS = pages.ROOT / "docs" / "tutorials"
BUNDLE = pages.ROOT / "models" / "swipe-en"
FILES = [BUNDLE / "artifacts" / "swipe-en-int8-dynamic.edgectc", BUNDLE / "lexicon.trie",
         BUNDLE / "words.lm"]  # fmt: skip
ROWS = [("qwertyuiop", 0), ("asdfghjkl", 54), ("zxcvbnm", 162)]  # of a screen 1080 wide
# Answers as a view does: before, points so far, all points, and a tap.
JAVA = """
import java.nio.*;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.util.Arrays;

public class Host {
  static ByteBuffer map(String name) throws Exception {
    try (FileChannel file = FileChannel.open(Path.of(name))) {
      return file.map(FileChannel.MapMode.READ_ONLY, 0, file.size());
    }
  }

  public static void main(String[] given) throws Exception {
    int[] letters = new int[26];
    double[] boxes = new double[104];
    String[] rows = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
    int[] starts = {0, 54, 162};
    int n = 0;
    for (int row = 0; row < 3; row++)
      for (int i = 0; i < rows[row].length(); i++, n++) {
        letters[n] = rows[row].charAt(i);
        double[] box = {starts[row] + 108 * i, 160 * row, 108, 160};
        System.arraycopy(box, 0, boxes, 4 * n, 4);
      }
    try (Swipe keyboard = new Swipe(map(given[0]), map(given[1]), map(given[2]))) {
      keyboard.test();
      keyboard.place(letters, boxes);
      keyboard.before("he said ");
      String[] numbers = given[3].split(" ");
      double[] points = Arrays.stream(numbers).mapToDouble(Double::parseDouble).toArray();
      double[] half = Arrays.copyOf(points, points.length / 6 * 3);
      System.out.println(keyboard.swipe(half, true).length);
      System.out.println(String.join(" ", keyboard.swipe(points, false)));
      try {
        keyboard.swipe(Arrays.copyOf(points, 3), false);
      } catch (IllegalStateException tap) {
        System.out.println(tap.getMessage());
      }
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


def test_an_own_network_and_its_8_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second page goes on where the first one ends, as it says."""
    needs("torch", "executorch", "safetensors")
    printed = pages.run(TUTORIALS / "own_network.md", tmp_path, monkeypatch, inside=True)
    printed |= pages.run(TUTORIALS / "int8.md", tmp_path, monkeypatch, inside=True)
    refused = [said for line, said in printed.items() if line.endswith("# refused")]
    assert len(refused) == 2
    shown = (TUTORIALS / "own_network.md").read_text(encoding="utf-8")
    assert refused[0].splitlines()[-1][:60] in " ".join(shown.split())
    following = [said.splitlines()[-1] for line, said in printed.items() if " export " in f"{line} "
                 and "# refused" not in line]  # fmt: skip
    for line in following:
        assert "verdict: pass" in pages.run_command(line.removeprefix("next: "), inside=True)
    verified = [said for line, said in printed.items() if line.startswith("edgectc verify")]
    assert ["verdict: pass" in said for said in verified] == [True, True]
    assert (tmp_path / "net-int8.pte").stat().st_size < (tmp_path / "net.pte").stat().st_size
    assert not (tmp_path / "never.pte").exists()


def test_own_keyboard_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("torch", "lightning", "onnx", "onnxscript", "onnxruntime")
    printed = pages.run(TUTORIALS / "own_data.md", tmp_path, monkeypatch, inside=True)
    assert "verdict: pass" in printed["edgectc verify mine.onnx"]
    assert (tmp_path / "check.html").is_file()


def block(page: str, kind: str) -> str:
    (code,) = [text for found, text in pages.blocks(TUTORIALS / page) if found == kind]
    return code


def points() -> list[tuple[float, float, float]]:
    return [(x * 1080, y * 480, t) for x, y, t in edgectc.sample().tolist()]


def words() -> list[str]:
    return [c.text for c in edgectc.load(FILES[0])(edgectc.sample(), context=["he", "said"])]


def test_in_an_android_app(tmp_path: Path) -> None:
    """The glue and the class, on a Java machine: Android has the same interface for both."""
    javac, java = shutil.which("javac"), shutil.which("java")
    if javac is None or java is None:
        pytest.skip("needs a JDK")
    include = Path(javac).resolve().parents[1] / "include"
    if not (include / "jni.h").is_file():
        pytest.skip("needs the headers of a JDK")
    (tmp_path / "swipe.c").write_text(block("android.md", "c"))
    (tmp_path / "Swipe.java").write_text(block("android.md", "java"))
    (tmp_path / "Host.java").write_text(JAVA)
    headers = [f"-I{pages.ROOT / 'native' / 'include'}", f"-I{include}", f"-I{include / 'linux'}"]
    library = [str(LIBRARY), f"-Wl,-rpath,{LIBRARY.parent}"]
    subprocess.run(
        ["cc", "-std=c11", "-Wall", "-Werror", "-shared", "-fPIC", *headers, "swipe.c", *library,
         "-o", "libswipe.so"], cwd=tmp_path, check=True,
    )  # fmt: skip
    subprocess.run([javac, "Swipe.java", "Host.java"], cwd=tmp_path, check=True)
    given = [*map(str, FILES), " ".join(str(number) for point in points() for number in point)]
    done = subprocess.run(
        [java, "-Djava.library.path=.", "-cp", ".", "Host", *given],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    half, whole, tap = done.stdout.splitlines()
    assert int(half) == 5
    assert whole.split() == words()
    assert "one point" in tap


def test_in_a_page(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    package = packages.build("npm", tmp_path / "built")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "edgectc").symlink_to(package.resolve())
    (tmp_path / "swipes.mjs").write_text(block("web.md", "js"))
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


def test_every_tutorial_is_run_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    ours = {page.name for page in TUTORIALS.glob("*.md") if not page.name.startswith("train_")}
    assert {name for name in ours if name not in text} == set()
