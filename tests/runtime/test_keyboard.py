"""The keyboard of the C library against the recognizer and `check_points`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from boards import HIGH, LEFT, TOP, WIDE, keys_of, pixels
from traces import trace

import edgectc
from edgectc.core.errors import BundleError, ConfigError, InputError
from edgectc.core.types import Array, Hypothesis
from edgectc.data import validation
from edgectc.data.generators.swipes import swipe
from edgectc.decoding.search import compiled
from edgectc.formats import layouts
from edgectc.formats import manifest as manifests
from edgectc.runtime.keyboard import Key, Keyboard

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="needs the compiled library")

BUNDLE = Path(edgectc.__file__).parent.parent / "models" / "swipe-en"
if not BUNDLE.is_dir():
    BUNDLE = Path(edgectc.__file__).parent / "models" / "swipe-en"
MARGIN = 6.0
INT8 = "artifacts/swipe-en-int8-dynamic.edgectc"


@pytest.fixture(scope="module")
def keyboard() -> Keyboard:
    made = Keyboard("swipe-en", keys=keys_of(layouts.shipped("qwerty")))
    made.test()
    return made


@pytest.fixture(scope="module")
def recognizer() -> edgectc.Recognizer:
    return edgectc.load(BUNDLE / INT8)


def near(found: Sequence[Hypothesis] | edgectc.Decoded) -> list[Hypothesis]:
    """Return the answers that are less than the preset's margin under the best."""
    return [c for c in found if c.score > found[0].score - MARGIN]


def test_its_first_word_waits_for_nothing_that_it_does_not_use() -> None:
    """A fresh process imports neither the recognizer, nor what reads configs and plugins."""
    code = (
        "import sys, edgectc; made = edgectc.Keyboard(keys=[(c, i, 0, 1, 1) for i, c in "
        "enumerate('qwertyuiopasdfghjklzxcvbnm')]); "
        "made.swipe([(2.5, 0.5, 0), (6, 0.5, 90), (9, 0.5, 180)]); "
        "unused = ('numpy', 'edgectc.runtime.recognizer', 'edgectc.language.ngram.text', "
        "'tomllib', 'importlib.metadata'); "
        "assert not [name for name in unused if name in sys.modules]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("seed", range(6))
def test_points_on_a_grid_of_quarter_keys_answer_alike(
    keyboard: Keyboard, recognizer: edgectc.Recognizer, seed: int
) -> None:
    """A rest ends at just a quarter of a key, which screens often report: a last bit decides."""
    layout = layouts.shipped("qwerty")
    for word in ("hello", "there", "was", "people"):
        points = swipe(word, layout, np.random.default_rng(seed))
        points = points * [1, 1, 4]
        points[:, 0] = np.round(points[:, 0] * 80) / 80
        points[:, 1] = np.round(points[:, 1] * 3) / 3
        got, wanted = keyboard.swipe(pixels(points)), recognizer(points)
        assert [c.text for c in near(got)] == [c.text for c in near(wanted)]
        for ours, theirs in zip(near(got), near(wanted), strict=True):
            assert ours.score == pytest.approx(theirs.score, abs=1e-3)


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("name", ["qwerty", "azerty", "colemak", "dvorak"])
def test_it_answers_as_the_recognizer(
    recognizer: edgectc.Recognizer, name: str, moving: bool
) -> None:
    layout = layouts.shipped(name)
    board = Keyboard("swipe-en", keys=[*keys_of(layout), ("", LEFT, TOP, WIDE, HIGH)])
    rng = np.random.default_rng(3)
    for word in ("hello", "keyboard", "a", "the", "possibilities", "too"):
        points = swipe(word, layout, rng)
        # Words under the preset's margin are those met on the way, which a last bit may change.
        got = near(board.swipe(pixels(points), moving=moving))
        wanted = near(recognizer(points, layout=name, partial=moving))
        assert [c.text for c in got] == [c.text for c in wanted]
        assert [c.exact for c in got] == [c.exact for c in wanted]
        for ours, theirs in zip(got, wanted, strict=True):
            assert ours.score == pytest.approx(theirs.score, abs=1e-3)
            assert ours.probability == pytest.approx(theirs.probability, abs=1e-3)


def test_one_handed_and_scaled_boards_change_nothing(keyboard: Keyboard) -> None:
    """Keys are counted in their own bounding box, so a narrower board is the same board."""
    layout = layouts.shipped("qwerty")
    small = Keyboard("swipe-en", keys=[
        (letter, x * 0.7 + 300.0, y, w * 0.7, h) for letter, x, y, w, h in keys_of(layout)
    ])  # fmt: skip
    points = pixels(trace("hello"))
    got = small.swipe(points * [0.7, 1.0, 1.0] + [300.0, 0.0, 0.0])
    wanted = keyboard.swipe(points)
    assert [c.text for c in got] == [c.text for c in wanted]
    assert got[0].score == pytest.approx(wanted[0].score, abs=1e-3)


def test_capitals_on_keys_are_letters() -> None:
    layout = layouts.shipped("qwerty")
    board = Keyboard("swipe-en", keys=[(k[0].upper(), *k[1:]) for k in keys_of(layout)])
    assert board.swipe(pixels(trace("hello")))[0].text == "hello"


def _hostile(rng: np.random.Generator) -> Array:
    """Points of a swipe with something wrong, or nothing."""
    points = trace("hello", int(rng.integers(100)))
    kind, at = int(rng.integers(10)), int(rng.integers(len(points)))
    if kind == 0:
        points = points[: int(rng.integers(3))]
    elif kind == 1:
        points[at, int(rng.integers(3))] = rng.choice([np.nan, np.inf, -np.inf, 1e308])
    elif kind == 2:
        points[:, :2] *= 600.0
    elif kind == 3:
        points[at, int(rng.integers(2))] = rng.choice([-0.51, 1.51, -1.01, 2.51, -0.5, 1.5])
    elif kind == 4:
        points = points[::-1]
    elif kind == 5:
        points[:, 2] = rng.choice([0.0, 5.0])
    elif kind == 6:
        points[:, 2] *= rng.choice([1e3, 1e-3, 0.0])
    elif kind == 7:
        points[at, 2] -= rng.choice([1.0, 1000.0])
    elif kind == 8:
        points[: len(points) // 2, :2] = 7.0
    return np.ascontiguousarray(points)


def test_what_is_no_swipe_is_refused_by_the_same_names(keyboard: Keyboard) -> None:
    board = Keyboard("swipe-en", keys=[
        (letter, x - w / 2, y - h / 2, w, h)
        for (w, h) in [layouts.shipped("qwerty").key_size]
        for letter, (x, y) in zip(
            layouts.shipped("qwerty").letters, layouts.shipped("qwerty").centers, strict=True)
    ])  # fmt: skip
    rng, reasons = np.random.default_rng(0), set()
    for _ in range(300):
        points = _hostile(rng)
        try:
            validation.check_points(points)
            wanted = ""
        except InputError as error:
            wanted = error.reason
        try:
            board.swipe(points)
            got = ""
        except InputError as error:
            got = error.reason
        assert got == wanted
        reasons.add(wanted)
    assert reasons >= {"", "empty", "one_point", "not_finite", "pixel_coordinates", "off_keyboard",
                       "time_backwards", "time_constant", "time_too_short",
                       "time_too_long"}  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([], "no key has a letter"),
        ([("", 0, 0, 1, 1)], "no key has a letter"),
        ([("q", 0, 0, 1, 1)], "no key for 'a'"),
        ([("q", 0, 0, 0, 1)], "key 0 has no place"),
        ([("q", 0, np.nan, 1, 1)], "key 0 has no place"),
        ([("qq", 0, 0, 1, 1)], "a key is"),
        ([("q", 0, 0, 1)], "a key is"),
        ([("q", 0, 0, 1, 1)] * 65, "the model takes 64 keys"),
    ],
)
def test_keys_that_cannot_be_used_leave_the_old_ones(
    keyboard: Keyboard, keys: list[Key], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        keyboard.place(keys)
    assert keyboard.swipe(pixels(trace("hello")))[0].text == "hello"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: k.teach(3), "a word is 3, expected a text"),
        (lambda k: k.hide(None), "a word is None, expected a text"),
        (lambda k: k.favour("a", 1.0, spelling=3), "a word is 3, expected a text"),
        (lambda k: k.before(None), "the cursor is None, expected a text"),
        (lambda k: k.teach("a", "x"), "teach takes a number, got 'x'"),
        (lambda k: k.learn("a", None), "learn takes a number, got None"),
        (lambda k: k.favour("a", None), "favour takes a number, got None"),
        (lambda k: k.today("x"), "today takes a number, got 'x'"),
    ],
)
def test_words_and_numbers_of_another_kind_are_refused(
    keyboard: Keyboard, call: Callable[[Keyboard], None], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        call(keyboard)


@pytest.mark.parametrize("change", [lambda p: p + 0j, lambda p: np.ma.masked_less(p, 0.3)])
def test_points_that_hide_a_part_of_themselves_are_refused(
    keyboard: Keyboard, change: Callable[[Any], Any]
) -> None:
    points = np.c_[np.linspace(0.1, 0.9, 20), np.full(20, 0.5), np.arange(20) * 10.0]
    with pytest.raises(InputError, match="masked or complex"):
        keyboard.swipe(change(points))


def test_before_there_are_keys_a_swipe_is_refused() -> None:
    with pytest.raises(ConfigError, match="give the keys"):
        Keyboard("swipe-en").swipe(pixels(trace("hello")))


def _reseal(tmp_path: Path, change: Callable[[dict], object]) -> Path:
    """The artifact with another manifest, sealed anew."""
    data = (BUNDLE / INT8).read_bytes()
    start = data.index(manifests.PREFIX)
    values = json.loads(data[start:])
    change(values["manifest"])
    values["file_sha256"] = "0" * 64
    text = json.dumps(values, separators=(",", ":")).encode()
    made = bytearray(data[:start] + text)
    made[48:56] = len(text).to_bytes(8, "little")
    path = tmp_path / "x.edgectc"
    path.write_bytes(manifests.sealed(bytes(made)))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(surprise=1), "'surprise'"),
        (lambda m: m["frontend"].update(surprise=1), "'surprise'"),
        (lambda m: m["frontend"].update(type="other"), "'other'"),
        (lambda m: m["frontend"].update(max_frames=1e9), "out of range|does not fit"),
        (lambda m: m["frontend"].update(slots=63), "does not fit"),
        (lambda m: m["decoder"].update(type="beam"), "no lexicon decoder"),
        (lambda m: m["decoder"].update(surprise=1), "'surprise'"),
        (lambda m: m["decoder"].update(letter_score="x"), "no number"),
        (lambda m: m["decoder"].update(beam_size=-1), "beam_size"),
        (lambda m: m.update(target="onnx"), "another runtime"),
        (lambda m: m.pop("decoder"), "malformed"),
        (lambda m: m["lexicon"].update(sha256="0" * 64), "not the lexicon"),
        (lambda m: m.update(lexicon=None), "without a lexicon"),
    ],
)
def test_a_manifest_that_it_does_not_know_is_refused(
    tmp_path: Path, change: Callable[[dict], object], message: str
) -> None:
    files = [_reseal(tmp_path, change), BUNDLE / "lexicon.trie"]
    with pytest.raises(BundleError, match=message):
        _open(*files)


def test_a_case_that_comes_out_otherwise_is_found(tmp_path: Path) -> None:
    def change(manifest: dict) -> None:
        manifest["reference"]["qwerty-hello"]["log_probs"] = manifest["reference"]["qwerty-hello"][
            "log_probs"
        ] | {"base64": "A" * len(manifest["reference"]["qwerty-hello"]["log_probs"]["base64"])}

    with pytest.raises(ConfigError, match="self-test: log_probs differ"):
        _open(_reseal(tmp_path, change), BUNDLE / "lexicon.trie").test()


def test_numbers_of_a_preset_are_read_as_python_reads_them(tmp_path: Path) -> None:
    """A preset's number changes scores, which the recognizer reads with Python's own JSON."""
    rng = np.random.default_rng(5)
    for number in (1.25e-3, 0.6500000000000001, 2, 1e-1, 1.123456789012345, float(rng.random())):
        changed = {"letter_score": number, "unknown_score": None}
        path = _reseal(tmp_path, lambda m, new=changed: m["decoder"].update(new))
        (tmp_path / "lexicon.trie").write_bytes((BUNDLE / "lexicon.trie").read_bytes())
        (tmp_path / "words.lm").write_bytes((BUNDLE / "words.lm").read_bytes())
        board = Keyboard(path, keys=keys_of(layouts.shipped("qwerty")))
        points = trace("hello")
        got, wanted = board.swipe(pixels(points)), edgectc.load(path)(points)
        assert [c.text for c in got] == [c.text for c in wanted]
        assert got[0].score == pytest.approx(wanted[0].score, abs=1e-3)


def test_any_changed_byte_is_refused() -> None:
    data = (BUNDLE / INT8).read_bytes()
    rng = np.random.default_rng(1)
    for at in (0, 8, 40, 48, len(data) - 1, *rng.integers(0, len(data), 40).tolist()):
        made = bytearray(data)
        made[at] ^= 1 << int(rng.integers(8))
        with pytest.raises(BundleError):
            _raw(bytes(made), (BUNDLE / "lexicon.trie").read_bytes())
    for size in (0, 1, 64, 100, len(data) // 2, len(data) - 1):
        with pytest.raises(BundleError):
            _raw(data[:size], (BUNDLE / "lexicon.trie").read_bytes())


def test_a_language_model_of_another_is_refused() -> None:
    words = bytearray((BUNDLE / "words.lm").read_bytes())
    words[-1] ^= 1
    files = [(BUNDLE / name).read_bytes() for name in (INT8, "lexicon.trie")]
    with pytest.raises(BundleError, match="not the language model"):
        _raw(*files, bytes(words))


@pytest.mark.parametrize(
    ("text", "whole", "context"),
    [
        ("", True, ["<s>"]),
        ("", False, []),
        ("I am on the ", True, ["<s>", "i", "am", "on", "the"]),
        ("and then (as of the", False, ["and", "then", "as", "of", "the"]),
        ("That is all. It is the ", False, ["<s>", "it", "is", "the"]),
        ("long " * 1000 + "of the ", True, ["long", "of", "the"]),
        ("e\u0301 " * 600 + "it\u2019s the", True, ["\u00e9", "it's", "the"]),
    ],
)
def test_the_text_before_the_cursor_ranks_as_its_words_do(
    recognizer: edgectc.Recognizer, keyboard: Keyboard, text: str, whole: bool, context: list[str]
) -> None:
    ranked, words = [], ("tomorrow", "same", "own")
    for word in words:
        points = trace(word)
        keyboard.before(text, whole=whole)
        keyboard.prepare()
        got, wanted = keyboard.swipe(pixels(points)), recognizer(points, context=context)
        keyboard.before("", whole=False)
        assert [c.text for c in got] == [c.text for c in wanted]
        assert got[0].score == pytest.approx(wanted[0].score, abs=1e-3)
        ranked.append(got[0].score)
    if len(context) > 1:
        assert ranked != [
            keyboard.swipe(pixels(trace(w)))[0].score for w in ("tomorrow", "same", "own")
        ]


def test_without_a_language_model_a_text_changes_nothing() -> None:
    board = Keyboard("swipe-en", keys=keys_of(layouts.shipped("qwerty")), context=False)
    before = board.swipe(pixels(trace("same")))
    board.before("it is the ")
    assert board.swipe(pixels(trace("same"))) == before


def test_threads_take_turns(keyboard: Keyboard) -> None:
    wanted = {word: [c.text for c in keyboard.swipe(pixels(trace(word)))]
              for word in ("hello", "world", "keyboard")}  # fmt: skip
    wrong: list[str] = []

    def run(word: str) -> None:
        for _ in range(20):
            if [c.text for c in keyboard.swipe(pixels(trace(word)))] != wanted[word]:
                wrong.append(word)

    threads = [threading.Thread(target=run, args=(word,)) for word in wanted]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong


def test_a_bundle_without_a_native_artifact_says_how_to_make_one(tmp_path: Path) -> None:
    files = ("bundle.json", "tokens.txt", "weights.safetensors", "reference.safetensors")
    for name in files:
        (tmp_path / name).write_bytes((BUNDLE / name).read_bytes())
    with pytest.raises(ConfigError, match="--target native"):
        Keyboard(tmp_path)


def _raw(*files: bytes) -> None:
    """Open files by the C functions themselves."""
    library = compiled.library()
    assert library is not None
    held = [np.frombuffer(file + bytes(8), np.uint8).copy() for file in files]
    given = [
        compiled.File(one.ctypes.data, len(file)) for one, file in zip(held, files, strict=True)
    ]
    handle = library.edgectc_keyboard_new()
    try:
        if library.edgectc_keyboard_open(handle, *given, *[compiled.File()] * (3 - len(given))) < 0:
            raise BundleError(library.edgectc_keyboard_error(handle).decode())
    finally:
        library.edgectc_keyboard_free(handle)


def _open(artifact: Path, lexicon: Path) -> Keyboard:
    """Open an artifact that Python itself may refuse."""
    _raw(artifact.read_bytes(), lexicon.read_bytes())
    if not (artifact.parent / "lexicon.trie").exists():
        for name in ("lexicon.trie", "words.lm"):
            (artifact.parent / name).write_bytes((BUNDLE / name).read_bytes())
    return Keyboard(artifact)


def test_tuples_are_points_as_an_array_is(keyboard: Keyboard) -> None:
    """Without NumPy and with it: the same words and scores to the last bit."""
    points = pixels(swipe("there", layouts.shipped("qwerty"), np.random.default_rng(3)))
    tuples = [tuple(one) for one in np.asarray(points).tolist()]
    assert keyboard.swipe(tuples) == keyboard.swipe(np.asarray(points))
    assert keyboard.strokes([tuples]) == keyboard.strokes([np.asarray(points)])
    whole = [tuple(map(int, one)) for one in tuples]
    assert keyboard.swipe(whole) == keyboard.swipe(np.array(whole))


@pytest.mark.parametrize("bad", [10**400, "a", 1j, [1]])
def test_what_is_no_number_is_refused(keyboard: Keyboard, bad: object) -> None:
    with pytest.raises(InputError, match="no numbers") as refused:
        keyboard.swipe([(bad, 1, 0), (2, 1, 10)])
    assert refused.value.reason == "bad_shape"
    with pytest.raises(ConfigError, match="no numbers"):
        keyboard.tap([(bad, 1), (2, 1)])
    with pytest.raises(ConfigError, match="expected one letter"):
        keyboard.place([("a", bad, 0, 1, 1)])
