"""Files of earlier versions open, and say what they said then.

``files-1/`` holds files of format generation 1; ``answers.json`` in it is what the version that
wrote them (see make_files.py) answered. Every later version opens each with the same answers, or
refuses it in one line that names the command which converts it: see docs/format_versions.md.

Only public names and the command line are used here, so that nothing but a format can break it.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from likelihood import no_less_likely, spelled, spelled_mass
from refusals import RefusedError, command, opens_or_says_how, wrong_refusal

import edgectc
from edgectc.formats import layouts
from edgectc.language.spelling import letters
from edgectc.runtime.recognizer import path_of

T = TypeVar("T")
FILES = Path(__file__).parent / "files-1"
ARTIFACTS = FILES / "swipe" / "artifacts"
DECODING = 1e-6  # nats, where the same numbers are decoded
LOG_PROBS = 1e-4  # nats, of a network in float32
NETWORK = 2e-3  # nats, of the score of a word, which adds up many log_probs
INT8 = 0.75  # nats, of a score: processors round eight bits differently
SURE = 3.0  # nats between the two best words from which on int8 may not change the best
TO_COME = 0.5  # nats that a letter costs which an unfinished trace has not come to
BEAMS = {"conformer", "gru"}  # of 24 places, where searches of then lost alignments of texts
PACKAGES = {"onnx": "onnxruntime", "pte": "executorch", "eager": "torch"}

# An old name of an option may warn, and the runtimes do.
pytestmark = pytest.mark.filterwarnings("ignore")


@functools.cache
def answers() -> dict[str, Any]:
    return json.loads((FILES / "answers.json").read_text("utf-8"))


@functools.cache
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FILES / "traces.jsonl").read_text("utf-8").splitlines()]


@functools.cache
def tables() -> dict[str, np.ndarray]:
    with np.load(FILES / "emissions.npz") as file:
        return {name: file[name].astype(np.float64) for name in file.files}


def load(place: Path, runner: str, **given: Any) -> edgectc.Recognizer:
    pytest.importorskip(PACKAGES[runner])
    return opens_or_says_how(lambda: edgectc.load(place, runner=runner, **given), place)


def same(
    found: edgectc.Decoded, expected: Sequence[Any], tolerance: float, *, strict: bool = False
) -> None:
    """Compare candidates: the proven ones, which every search must find, or if ``strict`` all.

    A beam proves none, and all are compared. Words nearer than the tolerance may change places.
    """
    proven = list(itertools.takewhile(lambda row: row[3], expected))
    candidates, alike = one_a_spelling(found)
    rows = expected if strict or not proven else proven
    assert len(candidates) + alike >= len(rows), (found, expected)
    if strict or not expected:
        flags = [c.exact for c in candidates]
        assert flags == [row[3] for row in expected][: len(flags)]
        assert len(flags) + alike == len(expected)
    for one, (text, score, probability, _, posterior) in zip(candidates, rows, strict=False):
        assert one.score == pytest.approx(score, abs=tolerance), (found, expected)
        # The words that were not listed then take their share: what is left keeps its proportions.
        now, then = (candidates[0].probability, rows[0][2]) if alike else (1.0, 1.0)
        share = pytest.approx(probability / then, abs=tolerance if strict else max(tolerance, 1e-3))
        assert one.probability / now == share, (found, expected)
        if sum(abs(score - other[1]) <= 2 * tolerance for other in expected) == 1:
            assert one.text == text, (found, expected)
        if one.posterior and posterior:  # the true share: less where more words are known
            assert one.posterior[0] <= posterior[1] + tolerance


def one_a_spelling(found: edgectc.Decoded) -> tuple[list[edgectc.Hypothesis], int]:
    """Return the heaviest word of each spelling, which alone was listed then, and how many more."""
    kept: dict[str, edgectc.Hypothesis] = {}
    for one in found.candidates:
        kept.setdefault(letters(one.text), one)
    return [*kept.values()], len(found.candidates) - len(kept)


def spelled_otherwise(row: Mapping[str, Any]) -> bool:
    """Whether a keyboard types the apostrophe of a word of a text, which was left out then."""
    return "'" in layouts.load(row["layout"]).letters


def heard_in_the_beam(model: edgectc.Recognizer, row: Mapping[str, Any], expected: Any) -> None:
    """Compare what a beam hears in a trace; words of one spelling were one word then."""
    setting = model.setting(row["layout"])
    tokens, log_probs = model.tokens(setting), model.log_probs(row["points"], layout=row["layout"])
    heard: dict[str, list[edgectc.Hypothesis]] = {}
    candidates = hear(model, row).candidates
    for one in candidates:
        heard.setdefault(letters(one.text), []).append(one)
    spellings = {words[0].text: words for words in heard.values()}
    beside = {
        text: np.logaddexp.reduce([one.score - one.parts["ctc"] for one in words])
        for text, words in spellings.items()
    }
    found = [
        (text, np.logaddexp.reduce([one.score for one in words]))
        for text, words in spellings.items()
    ]
    listed = len(expected) - (len(candidates) - len(found))  # the others lost their places

    def score_of(text: str) -> float:
        ids = spelled(text, tokens.symbols)
        return spelled_mass(log_probs, ids, tokens.blank_id) + beside[text]

    no_less_likely(found, [e[:2] for e in expected][:listed], score_of, NETWORK)


def begun(
    model: edgectc.Recognizer, row: Mapping[str, Any], log_probs: np.ndarray
) -> dict[str, float]:
    """Return the score of each word after an unfinished trace, as docs/decoding.md has it."""
    preset, tokens = model.preset, model.tokens(model.setting(row["layout"]))
    rows = log_probs * preset["acoustic_scale"]
    rows[:, tokens.blank_id] -= preset["blank_penalty"]
    rows -= np.logaddexp.reduce(rows, axis=1, keepdims=True)
    scores = {}
    for one in hear(model, row, partial=True, nbest=100).candidates:
        # Swipes spell no apostrophe, on keyboards with a key for it too.
        text = spelled(one.text.replace("'", ""), tokens.symbols)
        # Its terms that are not of the signal pay letter_score for every letter.
        pays = [-(preset["letter_score"] + TO_COME) * (len(text) - k) for k in range(len(text) + 1)]
        masses = begun_masses(model, row, rows, text)
        signal = np.logaddexp.reduce(np.add(masses, pays))
        scores[one.text] = float(signal) + one.score - one.parts["ctc"]
        assert one.score == pytest.approx(scores[one.text], abs=DECODING), one
    return scores


def begun_masses(
    model: edgectc.Recognizer, row: Mapping[str, Any], rows: np.ndarray, text: Sequence[int]
) -> list[float]:
    """Return log of the mass of each beginning, the whole last, as the finger's heading has it."""
    setting = model.setting(row["layout"])
    symbols, blank = model.tokens(setting).symbols, model.tokens(setting).blank_id
    heading = None
    if model.preset["template_weight"]:
        way = path_of(model.frontend.prepare(row["points"], setting), setting)
        heading = way.heading([symbols[token] for token in text])
    masses = []
    for k in range(len(text) + 1):
        mass = spelled_mass(rows, text[:k], blank)
        if heading and heading.passing:
            mass += np.log1p(-heading.passing)
            if k < len(text):
                before = spelled_mass(rows[:-1], text[:k], blank)
                mass = np.logaddexp(mass, before + np.log(heading.passing * heading.ahead[k]))
        masses.append(float(mass))
    return masses


def hear(model: edgectc.Recognizer, row: Mapping[str, Any], **how: Any) -> edgectc.Decoded:
    context = row.get("context", ()) if model.language_model is not None else ()
    return model(row["points"], layout=row["layout"], context=context, **how)


# ---- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["words.tsv", "words.tsv.gz", "words.trie"])
def test_lexicon(name: str, tmp_path: Path) -> None:
    path, out = FILES / name, tmp_path / "again.tsv"
    opens_or_says_how(lambda: command("lexicon", "build", path, "--out", out), path)
    lines = [line for line in out.read_text("utf-8").splitlines() if not line.startswith("#")]
    found = {word: float(value) for word, value in (line.split("\t") for line in lines)}
    assert found == pytest.approx(dict(answers()["words"]), abs=2e-4)


@pytest.mark.parametrize(
    "name", ["words.lm", "words-quantized.lm", "words.arpa", "words.arpa.gz", "words.tsv"]
)
def test_language_model(name: str) -> None:
    path, text = FILES / name, FILES / "held-out.txt"
    printed = opens_or_says_how(lambda: command("lm", "score", path, text, "--json"), path)
    found, expected = json.loads(printed), answers()["language_models"][name]
    assert {**found, **expected} == pytest.approx(found, abs=DECODING)


def test_user_dictionary() -> None:
    path = FILES / "user.json"
    found = opens_or_says_how(lambda: edgectc.UserDictionary.read(path), path)
    expected = answers()["user"]
    assert {*found} == {*expected}
    for word, held in expected.items():
        assert found[word].hidden == held["hidden"]
        assert (found[word].count, found[word].boost) == (held["count"], held["boost"])
        if not found[word].hidden:
            assert found.log_prob(word, -7.0) == pytest.approx(held["log_prob"], abs=DECODING)


# ---- decoding alone ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", answers()["alone"]["cases"], ids=lambda case: "-".join(
    [case["decoder"], *(case["options"] if len(case["options"]) < 3 else ["all"])]
))  # fmt: skip
def test_options_keep_their_old_names(case: dict[str, Any]) -> None:
    about = answers()["alone"]
    more = {"hotwords": about["hotwords"]} if case["decoder"] == "beam" else {}
    decode = edgectc.make_decoder(
        case["decoder"], tokens=about["tokens"], blank_id=about["blank_id"],
        lexicon=dict(answers()["words"]), **more, **case["options"],
    )  # fmt: skip
    native = getattr(decode, "backend", "") != "numpy"  # the plain search proves more, or less
    if native or "budget" not in case["options"]:
        found = decode(tables()[case["table"]], nbest=5)
        if more and "hotword_score" in case["options"]:
            # A begun hotword took the places of other texts then; now it is lent some of its own.
            assert found.best.text == case["words"][0][0]
            assert found.best.score == pytest.approx(case["words"][0][1], abs=0.05)
            return
        same(found, case["words"], DECODING, strict=native)


class Stored:
    """A runner that answers what the network of the bundle answered then."""

    name = "stored"

    def __init__(self, log_probs: np.ndarray) -> None:
        self.log_probs = log_probs

    def run(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.log_probs[None]


@pytest.mark.parametrize("name", ["plain", "user", "text", "gzip", "offensive"])
def test_bundle_decodes_stored_answers(name: str) -> None:
    about = answers()["loads"][name]
    given = {k: str(FILES / v) if isinstance(v, str) else v for k, v in about["files"].items()}
    model = load(FILES / "swipe", "onnx", **given)
    for i, (row, expected) in enumerate(zip(rows(), about["rows"], strict=True)):
        if "lexicon" in given and spelled_otherwise(row):
            continue
        model.runner = Stored(tables()[str(i)])
        same(hear(model, row), expected["words"], DECODING)
        # Paid for letters that were not spelled yet, unfinished traces were heard as long words.
        found = hear(model, row, unfinished=True, nbest=3).candidates
        scores = begun(model, row, tables()[str(i)])
        assert [one.score for one in found] == pytest.approx(
            sorted(scores.values(), reverse=True)[:3], abs=DECODING
        )
        # A word of then that is under the margin now is not among them.
        then = [scores.get(text, -np.inf) for text, *_ in expected["unfinished"]]
        for one, score in zip(found, sorted(then, reverse=True), strict=False):
            assert one.score >= score - DECODING


# ---- networks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [k for k in answers()["models"] if "int8" not in k])
def test_words(place: str) -> None:
    about = answers()["models"][place]
    model = load(FILES / place, about["runner"])
    for i, (row, expected) in enumerate(zip(rows(), about["rows"], strict=True)):
        if place in BEAMS:
            heard_in_the_beam(model, row, expected)
        else:
            same(hear(model, row), expected, NETWORK)
        if place.startswith("swipe"):
            found, then = model.log_probs(row["points"], layout=row["layout"]), tables()[str(i)]
            used = then > -1e3  # an unused slot reads about -1e4, where float32 has few digits
            np.testing.assert_allclose(found[used], then[used], rtol=0, atol=LOG_PROBS)


@pytest.mark.parametrize("place", [k for k in answers()["models"] if "int8" in k])
def test_words_of_int8(place: str) -> None:
    about, sure = answers()["models"][place], 0
    model = load(FILES / place, about["runner"])
    for row, expected in zip(rows(), about["rows"], strict=True):
        if len(expected) < 2 or expected[0][1] - expected[1][1] > SURE:
            sure += 1
            best = hear(model, row).candidates[0]
            assert best.text == expected[0][0]
            assert best.score == pytest.approx(expected[0][1], abs=INT8)
    assert sure >= 8


def test_layout() -> None:
    model, path = load(FILES / "swipe", "onnx"), FILES / "layout.json"
    for one in answers()["shelf"]:
        decode = functools.partial(model, one["points"], layout=str(path))
        same(opens_or_says_how(decode, path), one["words"], NETWORK)


def recording_score(place: Path, file: Path, number: int) -> Callable[[str], float]:
    """Return what scores a text of a recording where the signal alone does."""
    model = load(place, "eager")
    with np.load(file) as arrays:
        signal = np.split(arrays["signal"], np.cumsum(arrays["length"])[:-1])[number]
        group = str(arrays["group"][number])
    log_probs, tokens = model.log_probs(signal, layout=group), model.tokens(model.setting(group))

    def score_of(text: str) -> float:
        ids = [tokens.symbols.index(symbol) for symbol in text.split()]
        return spelled_mass(log_probs, ids, tokens.blank_id)

    return score_of


@pytest.mark.parametrize("place", ["gru", "mobilenetv3", "i3d", "features.onnx"])
def test_recordings(place: str) -> None:
    pytest.importorskip("onnxruntime" if place.endswith(".onnx") else "torch")
    about, path = answers()["recordings"][place], FILES / place
    printed = opens_or_says_how(
        lambda: command("decode", path, "--input", FILES / about["input"], "--json"), path
    )
    found = [json.loads(line) for line in printed.splitlines()]
    for i, (one, expected) in enumerate(zip(found, about["rows"], strict=True)):
        if place in BEAMS:
            pairs = [[(c["text"], c["score"]) for c in r["candidates"]] for r in (one, expected)]
            no_less_likely(*pairs, recording_score(path, FILES / about["input"], i), NETWORK)
            continue
        assert [c["text"] for c in one["candidates"]] == [c["text"] for c in expected["candidates"]]
        for key in ("score", "probability"):
            values = [c[key] for c in expected["candidates"]]
            assert [c[key] for c in one["candidates"]] == pytest.approx(values, abs=NETWORK)


def test_command_line_takes_all_files_at_once() -> None:
    pytest.importorskip("onnxruntime")
    path = ARTIFACTS / "swipe.onnx"
    words = ("--lexicon", FILES / "words.tsv.gz", "--language-model", FILES / "words.arpa.gz")
    user = ("--dictionary", FILES / "user.json", "--input", FILES / "traces.jsonl")
    printed = opens_or_says_how(lambda: command("decode", path, *words, *user, "--json"), path)
    found = [json.loads(line)["candidates"] for line in printed.splitlines()]
    expected_rows = answers()["loads"]["user"]["rows"]
    for row, one, expected in zip(rows(), found, expected_rows, strict=True):
        if spelled_otherwise(row):
            continue
        proven = [*{letters(c["text"]): c["text"] for c in reversed(one) if c["exact"]}.values()]
        proven.reverse()  # the first of each spelling
        assert proven == [c[0] for c in expected["words"] if c[3]][: len(proven)]
        assert one[0]["text"] == expected["words"][0][0]


# ---- whole files ------------------------------------------------------------------------------

PLACES = ["swipe", "transformer", "conformer", "gru", "mobilenetv3", "i3d", "features.onnx"]
EXPORTED = sorted(path.relative_to(FILES).as_posix() for path in ARTIFACTS.iterdir())


@pytest.mark.parametrize("place", [*PLACES, *EXPORTED])
def test_inspected(place: str) -> None:
    path = FILES / place
    found = json.loads(opens_or_says_how(lambda: command("inspect", path, "--json"), path))
    expected = {"features.onnx": "hums"}.get(place, place.partition("/")[0])
    assert found["name"] == expected


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)  # the bundle "swipe" holds the exported ones
def test_verified(place: str) -> None:
    """The reference cases in the file are answered as they were; what cannot run here is said."""
    path = FILES / place
    printed = opens_or_says_how(lambda: command("verify", path, "--json", codes=(0, 3)), path)
    checks = json.loads(printed)["checks"]
    assert checks
    assert not [check for check in checks if check["status"] not in ("pass", "not_run")]


@pytest.mark.parametrize(
    ("source", "option", "file"),
    [("swipe", "preset", "preset.json"), ("run", "lexicon", "words.tsv")],
)
def test_packed(source: str, option: str, file: str, tmp_path: Path) -> None:
    """A bundle with a preset of then, and a run of then, make a bundle of now."""
    pytest.importorskip("torch")
    path, out = FILES / (file if option == "preset" else source), tmp_path / "bundle"
    pack = ("pack", FILES / source, f"--{option}", FILES / file, "--out", out)
    opens_or_says_how(lambda: command(*pack), path)
    model = edgectc.load(out, runner="eager")
    for row, expected in zip(rows(), answers()["packed"][source], strict=True):
        same(hear(model, row), expected, NETWORK)


def test_baseline() -> None:
    pytest.importorskip("onnxruntime")
    path = FILES / "bench.json"
    how = ("--samples", 3, "--limit", 8, "--rounds", 1, "--processes", 1)
    bench = ("bench", ARTIFACTS / "swipe.onnx", "--data", FILES / "traces.jsonl", *how)
    compared = (*bench, "--baseline", path, "--tolerance", "99%", "--json")
    # Another machine may well be slower, which is exit code 1.
    found = json.loads(opens_or_says_how(lambda: command(*compared, codes=(0, 1)), path))
    verdicts = {(one["figure"], one["verdict"]) for one in found["verdicts"]}
    assert ("top1", "not_run") in verdicts  # three swipes tell nothing
    assert ("cpu_p50_ms", "same") in verdicts or ("cpu_p50_ms", "worse") in verdicts


# ---- runs -------------------------------------------------------------------------------------


def test_run_goes_on(tmp_path: Path) -> None:
    """A run that was stopped in its last epoch ends as the run that was not."""
    pytest.importorskip("lightning")
    path, expected = tmp_path / "run", answers()["run"]
    shutil.copytree(FILES / "run", path)
    before = {name: (path / name / "metrics.jsonl").read_bytes() for name in ("", "first")}
    train = ("train", path / "train.toml", "--out", path, "--resume", "--device", "cpu", "--json")
    train = (*train, "--lexicon", FILES / "words.tsv")
    found = json.loads(opens_or_says_how(lambda: command(*train), path))
    printed = {key: found[key] for key in expected["printed"]}
    assert printed == pytest.approx(expected["printed"], abs=0.05)
    assert (path / "first" / "metrics.jsonl").read_bytes() == before["first"]
    assert (path / "metrics.jsonl").read_bytes().startswith(before[""])
    lines = (path / "metrics.jsonl").read_text("utf-8").splitlines()
    last, whole = json.loads(lines[-1]), expected["epochs"][-1]
    assert len(lines) == len(expected["epochs"])
    assert (last["epoch"], last["step"]) == (whole["epoch"], whole["step"])
    assert last["loss"] == pytest.approx(whole["loss"], rel=0.01)


# ---- refusals ---------------------------------------------------------------------------------

SCHEMA = b'"schema_version": 1'
DECODE = "decode {model} --input {traces}"
BUILD = "lexicon build {path} --out {folder}/new.tsv"
NEWER = {
    "bundle": ("swipe/bundle.json", SCHEMA, "inspect {folder}"),
    "artifact": ("features.onnx", b'"edgectc_manifest":1', "inspect {path}"),
    "lexicon": ("words.tsv", b"# edgectc lexicon 1", DECODE + " --lexicon {path}"),
    "packed lexicon": ("words.trie", b"edgelex1", DECODE + " --lexicon {path}"),
    "language model": ("words.lm", b"EDGECTLM\1", "lm score {path} {traces}"),
    "lexicon to build of": ("words.tsv", b"# edgectc lexicon 1", BUILD),
    "packed lexicon to build of": ("words.trie", b"edgelex1", BUILD),
    "user dictionary": ("user.json", SCHEMA, DECODE + " --dictionary {path}"),
    "baseline": ("bench.json", SCHEMA, "bench {model} --baseline {path}"),
}


@pytest.mark.parametrize("kind", NEWER)
def test_newer_generation_is_refused(kind: str, tmp_path: Path) -> None:
    """A number that this version does not know is never read as if it knew it."""
    name, number, text = NEWER[kind]
    data, path = (FILES / name).read_bytes(), tmp_path / Path(name).name
    assert data.count(number) == 1
    known = 2 if number == b"edgelex1" else 3 if kind == "user dictionary" else 1  # today's number
    newer = number[:-1] + bytes([number[-1] + known])
    if number == SCHEMA:  # a key that is new must not hide the number
        newer = b'"later": 0, ' + newer
    path.write_bytes(data.replace(number, newer))
    places = {"model": ARTIFACTS / "swipe.onnx", "traces": FILES / "traces.jsonl"}
    places |= {"path": path, "folder": tmp_path}
    both = rf"{re.escape(path.name)}.*version {known + 1}.* {known}; "
    both += "(upgrade edgectc|measure it again)"
    with pytest.raises(RefusedError, match=both) as error:
        command(*(part.format(**places) for part in text.split()))
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("message", "exit_code", "wrong"),
    [
        ("words.lm has version 1; convert it: edgectc lm pack words.lm --out new.lm", 2, False),
        ("words.lm has version 1; convert it: edgectc lm pack words.lm --out new.lm", 4, True),
        ("words.lm has version 1, this edgectc reads 2", 2, True),
        ("words.lm has version 1; look at it: edgectc inspect words.lm", 2, True),
        ("words.lm has version 1; run edgectc nonsense words.lm", 2, True),
        ("words.lm cannot be read; run edgectc lm pack", 2, True),
        ("a file has version 1; run edgectc lm pack", 2, True),
    ],
)
def test_refusal_must_name_the_command(message: str, exit_code: int, wrong: bool) -> None:
    assert bool(wrong_refusal(message, exit_code, Path("words.lm"))) == wrong
