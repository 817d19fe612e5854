"""The npm package: built, packed, installed into an empty folder, and held against Python."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packages import ROOT, board, build

import edgectc
from edgectc.core.types import Array
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts

pytestmark = pytest.mark.slow
BUNDLE = ROOT / "models" / "swipe-en"
MODEL = BUNDLE / "artifacts" / "swipe-en-int8-dynamic.edgectc"
LEXICON, CONTEXT = BUNDLE / "lexicon.trie", BUNDLE / "words.lm"
PROGRAMS = ROOT / "tests" / "helpers" / "npm"
PAGE, HOST = ROOT / "docs" / "library.md", ROOT / "native" / "examples" / "host.mjs"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder into which the packed package was installed."""
    if not shutil.which("npm"):
        pytest.skip("needs Node and npm")
    package = build("npm", tmp_path_factory.mktemp("built"))
    folder = tmp_path_factory.mktemp("host")
    _run("npm", "pack", str(package), "--silent", folder=folder)
    (packed,) = folder.glob("*.tgz")
    assert packed.name == f"edgectc-{edgectc.__version__}.tgz"
    _run("npm", "install", "--offline", "--no-audit", "--no-fund", packed.name, folder=folder)
    shutil.copytree(PROGRAMS, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def float32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped network in full precision, whose answers hardly differ between processors."""
    pytest.importorskip("torch")
    out = tmp_path_factory.mktemp("model") / "swipe-en.edgectc"
    edgectc.export(BUNDLE, target="native", out=out)
    return out


def _run(*command: str, folder: Path, given: str = "") -> str:
    done = subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _answers(folder: Path, model: Path, cases: list[dict[str, Any]], **how: Any) -> list[Any]:
    files = {"model": str(model), "lexicon": str(LEXICON), "languageModel": str(CONTEXT)}
    given = json.dumps({"files": files, "cases": cases, **how})
    return list(json.loads(_run("node", "answer.mjs", folder=folder, given=given)))


def _layout(name: str) -> list[Any]:
    return board(layouts.load(name))


def _golden(name: str) -> Any:
    return json.loads((ROOT / "tests" / "golden" / name).read_text(encoding="ascii"))


def _same(found: list[Any], wanted: list[Any], within: float) -> None:
    assert [one["text"] for one in found] == [one["text"] for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert abs(one["score"] - other["score"]) < within
        assert abs(one["probability"] - other["probability"]) < within


def test_the_program_of_the_page_prints_the_words_of_python(installed: Path) -> None:
    (shown,) = re.findall(r"```js\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown == HOST.read_text(encoding="utf-8")
    assert len(shown.splitlines()) <= 10
    (installed / "host.mjs").write_text(shown, encoding="utf-8")
    points = edgectc.sample() * [1080, 480, 1]
    printed = _run(
        "node", "host.mjs", str(MODEL), str(LEXICON), str(CONTEXT),
        folder=installed, given=json.dumps(points.tolist()),
    )  # fmt: skip
    wanted = edgectc.load(MODEL)(edgectc.sample())
    rows = [line.split() for line in printed.splitlines()]
    assert [word for word, _ in rows] == [one.text for one in wanted]
    # int8 codes differ between sets of kernels.
    assert all(
        abs(float(score) - one.score) < 0.3 for (_, score), one in zip(rows, wanted, strict=True)
    )


@pytest.mark.parametrize("worker", [False, True])
def test_it_meets_the_golden_vectors(installed: Path, float32: Path, worker: bool) -> None:
    golden = _golden("traces.json")["cases"]
    cases = [
        {"keys": _layout(one["layout"]), "points": one["points"],
         "before": " ".join(word for word in one["context"] if word != "<s>"),
         "whole": "<s>" in one["context"]}
        for one in golden
    ]  # fmt: skip
    found = _answers(installed, float32, cases, worker=worker)
    for one, answer in zip(golden, found, strict=True):
        _same(answer["words"], one["words"], within=1e-3)
        heat, wanted = answer["heat"], one["log_probs"]
        said = np.reshape(heat["values"], (heat["rows"], heat["columns"]))
        said = said[:, [*range(wanted["shape"][1] - 1), -1]]  # the keys there are, and the blank
        values = np.frombuffer(base64.b64decode(wanted["base64"]), wanted["dtype"])
        assert np.abs(said - values.reshape(wanted["shape"])).max() < 1e-4


def test_signatures_contexts_and_words_are_judged_alike(installed: Path) -> None:
    signatures, texts = _golden("trust.json")["signatures"], _golden("context.json")["texts"]
    files = {"model": str(MODEL), "lexicon": str(LEXICON), "languageModel": str(CONTEXT)}
    given = json.dumps({"files": files, "texts": texts, "signatures": signatures})
    found = json.loads(_run("node", "others.mjs", folder=installed, given=given))
    assert found["refused"] == [one["refused"] or None for one in signatures]
    assert found["opened"] == [None, "unsigned", "changed", "other_key"]
    assert found["contexts"] == [one["words"] for one in texts]
    assert found["known"] == [True, True, True, True, False, False, False]


def test_taps_are_corrected_and_completed_as_in_python(installed: Path) -> None:
    keys = _layout("qwerty")
    middle = {letter: (x + width / 2, y + height / 2) for letter, x, y, width, height in keys}
    taps = [[*middle[letter], 0.0] for letter in "helo"]
    given = {"model": str(MODEL), "lexicon": str(LEXICON), "keys": keys, "taps": taps}
    found = json.loads(_run("node", "taps.mjs", folder=installed, given=json.dumps(given)))
    keyboard = edgectc.Keyboard(MODEL, keys=keys, context=False)
    wanted = keyboard.tap(taps)
    assert found["typed"] == keyboard.typed == "helo"
    _same(found["whole"], [{"text": w.text, "score": w.score, "probability": w.probability}
                           for w in wanted], within=1e-3)  # fmt: skip
    begun = keyboard.tap(taps[:3], moving=True)
    assert [one["text"] for one in found["begun"]] == [one.text for one in begun]
    assert "hello" in [one.text for one in (*wanted, *begun)]
    for name, begun in (("completed", "hel"), ("next", "")):
        assert [one["text"] for one in found[name]] == [w.text for w in keyboard.complete(begun)]


def test_what_a_user_teaches_ranks_and_is_kept(installed: Path) -> None:
    files = {"model": str(MODEL), "lexicon": str(LEXICON)}
    points = next(one for one in _golden("traces.json")["cases"] if one["name"] == "qwerty-hello")
    given = json.dumps({"files": files, "keys": _layout("qwerty"), "points": points["points"]})
    found = json.loads(_run("node", "taught.mjs", folder=installed, given=given))
    plain, taught, taken, forgotten, after = found["answers"]
    assert plain[0] == "hello"
    assert taught[0] == "Helo"
    assert "hello" not in taught
    assert taken == taught == after
    assert forgotten == plain
    assert found["refused"]
    typed, shown, untyped, taken_back, without, message = found["favoured"]
    assert (typed, untyped, taken_back) == (True, False, True)
    assert shown[0] == "Zyx"
    assert without == plain
    assert "-100 to 100" in message
    assert {*json.loads(bytes(found["kept"]))["words"]} == {"Helo", "hello"}


@pytest.mark.parametrize("worker", [False, True])
def test_several_languages_strokes_and_learning_are_those_of_python(
    installed: Path, worker: bool
) -> None:
    pack, keys = ROOT / "languages" / "de", _layout("qwerty")
    if not pack.is_dir():
        pytest.skip("needs the packs of the source tree")
    middle = {letter: (x + width / 2, y + height / 2) for letter, x, y, width, height in keys}
    taps = [[*middle[letter], 0.0] for letter in "nivht"]
    rng = np.random.default_rng(0)
    parts = [swipe("nic", layouts.shipped("qwerty"), rng), *([[*middle[c], 0.0]] for c in "ht")]
    strokes = [np.asarray(part).tolist() for part in parts]
    named = {"index": "language.json", "lexicon": "lexicon.trie", "languageModel": "words.lm"}
    given = {
        "files": {"model": str(MODEL), "lexicon": str(LEXICON), "languageModel": str(CONTEXT)},
        "languages": [{name: str(pack / file) for name, file in named.items()}],
        "keys": keys, "taps": taps, "strokes": strokes, "worker": worker,
    }  # fmt: skip
    found = json.loads(_run("node", "languages.mjs", folder=installed, given=json.dumps(given)))
    keyboard = edgectc.Keyboard(MODEL, keys=keys, language=["own", "de"])
    for before, told in found["told"].items():
        keyboard.before(before)
        assert told["languages"] == pytest.approx(keyboard.languages)
        tapped = [{"text": w.text, "score": w.score, "probability": w.probability}
                  for w in keyboard.tap(taps)]  # fmt: skip
        _same(told["words"], tapped, within=1e-3)
        assert told["strokes"][0]["text"] == keyboard.strokes(strokes)[0].text
    assert found["learnt"] == [False, True]
    assert found["kept"]["words"]["Zyxgle"]["learnt"] == 2
    assert found["faded"]["words"] == {}
    assert found["refused"] == "time_constant"
    assert found["alone"] == {"de": 1.0}


def test_points_are_refused_for_the_same_reasons(installed: Path) -> None:
    points = _golden("checks.json")["points"]
    cases = [{"keys": _layout("qwerty"), "points": one["points"], "before": "", "whole": False}
             for one in points]  # fmt: skip
    # JSON has no NaN: the rows that hold one come as texts, which no number is.
    found = _answers(installed, MODEL, cases)
    for one, answer in zip(points, found, strict=True):
        held = any(isinstance(value, str) for row in one["points"] for value in row)
        assert answer.get("reason") == ("bad_shape" if held else one["reason"]), one["name"]


def _answers_as_python(folder: Path, model: Path, traces: list[Array]) -> None:
    recognizer, size = edgectc.load(model), [1080.0, 480.0, 1.0]
    keys = [
        (letter, x * 1080, y * 480, w * 1080, h * 480) for letter, x, y, w, h in _layout("qwerty")
    ]
    cases = [{"keys": keys, "points": (points * size).tolist(), "before": "", "whole": False}
             for points in traces]  # fmt: skip
    for points, answer in zip(traces, _answers(folder, model, cases), strict=True):
        wanted = [{"text": c.text, "score": c.score, "probability": c.probability}
                  for c in recognizer(points)]  # fmt: skip
        _same(answer["words"], wanted, within=1e-3)


def test_points_on_a_grid_of_quarter_keys_answer_as_in_python(
    installed: Path, float32: Path
) -> None:
    """A rest ends at just a quarter of a key: a compiler that reorders a division moves its end."""
    layout, traces = layouts.shipped("qwerty"), []
    for seed in range(4):
        for word in ("hello", "there", "was", "people", "injury", "help"):
            points = swipe(word, layout, np.random.default_rng(seed)) * [1, 1, 4]
            traces.append(np.round(points * [40, 12, 1]) / [40, 12, 1])
    _answers_as_python(installed, float32, traces)


@pytest.mark.data
def test_real_swipes_give_the_five_words_of_python(
    installed: Path, float32: Path, swipes_file: Path
) -> None:
    swipes, _ = swipe_files.load(swipes_file, split="dev")
    assert len(swipes) >= 200
    traces = [np.asarray(one.points) for one in swipes[:200]]
    _answers_as_python(installed, float32, traces)


MESSAGES = {
    "damaged": "EdgectcError: the model is damaged",
    "swapped": "EdgectcError: this is not the lexicon",
    "missing": "EdgectcError: the model cannot be read (nowhere.edgectc)",
    "no lexicon": "EdgectcError: the lexicon is missing, expected its bytes",
    "constructed": "TypeError: make a keyboard with: await Keyboard.open({ model, lexicon })",
    "key": 'EdgectcError: a key is ["ab",0,0,1,1], expected [one letter',
    "no keys": "EdgectcError: give the keys before a swipe",
    "in a worker": "EdgectcError: the model is damaged",
    "closed": "EdgectcError: the keyboard was closed",
}


def test_what_is_refused_is_said(installed: Path) -> None:
    printed = _run("node", "refused.mjs", str(MODEL), str(LEXICON), str(CONTEXT), folder=installed)
    told = json.loads(printed)
    assert {*told} == {*MESSAGES}
    for name, message in MESSAGES.items():
        assert told[name].startswith(message), name


def test_its_types_are_taken_and_held(installed: Path) -> None:
    compiler = ROOT / "web_demo" / "node_modules" / ".bin" / "tsc"
    if not compiler.exists():
        pytest.skip("needs the packages of web_demo: npm ci --ignore-scripts")
    strict = [
        "--strict",
        "--noEmit",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--lib",
        "es2022,dom",
    ]
    _run(str(compiler), *strict, "typed.ts", folder=installed)


def test_the_wasm_is_small_and_asks_for_nothing(installed: Path) -> None:
    file = installed / "node_modules" / "edgectc" / "library.wasm"
    assert file.stat().st_size <= 130 * 1024
    told = _run("node", "asks.mjs", str(file), folder=installed)
    imports, exports = json.loads(told)
    assert imports == []
    header = (ROOT / "native" / "include" / "edgectc.h").read_text(encoding="ascii")
    wanted = set(re.findall(r"\b(edgectc_keyboard_\w+|edgectc_abi|edgectc_context)\(", header))
    # There are no files, and no other thread that could cancel.
    wanted -= {f"edgectc_keyboard_{name}" for name in ("save", "load", "cancel")}
    assert {name for name in exports if name.startswith("edgectc_")} == wanted
