"""edgectc.compat.pyctcdecode: what it answers, and the package's own answers to the same input."""

from __future__ import annotations

import inspect
import logging
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.compat import pyctcdecode as ours
from edgectc.compat.labels import read
from edgectc.core.errors import ConfigError, InputError, MissingDependencyError
from edgectc.core.tokens import collapse

LABELS = ["", " ", *"abcdehilnoprstw"]
WORDS = "the cat sat on a hat then this chair was there and it ran into another lane".split()
ARPA = """\\data\\
ngram 1=9
ngram 2=4

\\1-grams:
-3.0\t<unk>\t0
-99\t<s>\t-0.3
-1.2\t</s>
-0.8\tthe\t-0.2
-1.1\tcat\t-0.2
-1.4\tsat\t-0.2
-1.3\ton\t-0.2
-1.9\that\t-0.2
-1.0\ta\t-0.2

\\2-grams:
-0.3\t<s> the
-0.4\tthe cat
-0.5\tcat sat
-0.2\that </s>

\\end\\
"""


def signal(text: str, rng: np.random.Generator, noise: float = 0.25) -> np.ndarray:
    """Frames of a text: sure letters, some of two frames, blanks between, some letters unsure."""
    rows = []
    for letter in text:
        at = LABELS.index(letter)
        other = int(rng.integers(2, len(LABELS)))
        unsure = float(rng.uniform(0.3, 0.6)) if rng.random() < noise else 0.01
        for _ in range(int(rng.integers(1, 3))):
            row = rng.uniform(0.0005, 0.002, len(LABELS))
            row[other] += unsure
            row[at] += 1 - unsure
            rows.append(row)
        for _ in range(int(rng.integers(1, 4))):
            row = rng.uniform(0.0005, 0.002, len(LABELS))
            row[0] = 1.0
            rows.append(row)
    shares = np.array(rows)
    return np.log(shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def sentences(count: int, seed: int) -> list[tuple[str, np.ndarray]]:
    rng = np.random.default_rng([30, seed])
    texts = [" ".join(rng.choice(WORDS, int(rng.integers(1, 7)))) for _ in range(count)]
    return [(text, signal(text, rng)) for text in texts]


@pytest.fixture
def arpa(tmp_path: Path) -> str:
    path = tmp_path / "small.arpa"
    path.write_text(ARPA, encoding="utf-8")
    return str(path)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch):
    module = pytest.importorskip("pyctcdecode")
    monkeypatch.setattr(logging.root.manager, "disable", logging.WARNING)
    return module


def test_names_arguments_and_defaults_are_the_packages(package) -> None:
    for name in ("decode", "decode_beams", "decode_batch", "decode_beams_batch", "reset_params"):
        mine = inspect.signature(getattr(ours.BeamSearchDecoderCTC, name)).parameters
        theirs = inspect.signature(getattr(package.BeamSearchDecoderCTC, name)).parameters
        assert [*mine] == [*theirs], name
        assert [p.default for p in mine.values()] == [p.default for p in theirs.values()], name
    mine = inspect.signature(ours.build_ctcdecoder).parameters
    theirs = inspect.signature(package.build_ctcdecoder).parameters
    assert [*mine] == [*theirs]
    assert [p.default for p in mine.values()] == [p.default for p in theirs.values()]


def same_text(a: tuple, b: ours.OutputBeam) -> None:
    """Check that two beams are one text, of about one mass, and that its words are in one place."""
    assert b.text == a[0]
    assert len(b) == len(a)
    assert [word for word, _ in b.text_frames] == [word for word, _ in a[2]]
    for (_, mine), (_, theirs) in zip(b.text_frames, a[2], strict=True):
        assert abs(mine[0] - theirs[0]) <= 1
        assert abs(mine[1] - theirs[1]) <= 2  # it keeps the end of the alignment it met first


@pytest.mark.parametrize("hotwords", [None, ["chair"], ["another lane", "zyx", "then"]])
def test_texts_without_a_language_model_are_the_packages(package, hotwords) -> None:
    theirs, mine = package.build_ctcdecoder(LABELS), ours.build_ctcdecoder(LABELS)
    same, alike, rows = 0, 0, sentences(40, 0)
    for _, values in rows:
        a = theirs.decode_beams(values, hotwords=hotwords)
        b = mine.decode_beams(values, hotwords=hotwords)
        assert mine.decode(values, hotwords=hotwords) == b[0].text
        same += theirs.decode(values, hotwords=hotwords) == b[0].text
        assert b[0].last_lm_state is a[0][1] is None
        if hotwords and a[0][0] != b[0].text:  # its begun hotwords push others out of the beam
            continue
        alike += 1
        same_text(a[0], b[0])
        assert b[0].logit_score == pytest.approx(float(a[0][3]), abs=0.3)
        assert b[0].lm_score == pytest.approx(float(a[0][4]), abs=0.3)
    assert alike >= 0.95 * len(rows)
    assert same >= 0.95 * len(rows)  # its decode drops histories within the search


@pytest.mark.parametrize("known", [None, ["the", "cat", "sat", "hat"]])
def test_texts_with_a_language_model_score_as_the_packages(package, arpa: str, known) -> None:
    pytest.importorskip("kenlm")
    weights = {"alpha": 0.6, "beta": 1.2, "unk_score_offset": -6.0}
    theirs = package.build_ctcdecoder(LABELS, arpa, known, **weights)
    mine = ours.build_ctcdecoder(LABELS, arpa, known, **weights)
    equal, better = 0, 0
    rows = sentences(60, 1)
    for _, values in rows:
        a, b = theirs.decode_beams(values)[0], mine.decode_beams(values)[0]
        equal += a[0] == b.text
        if a[0] == b.text:
            same_text(a, b)
            assert b.lm_score - b.logit_score == pytest.approx(float(a[4] - a[3]), abs=1e-4)
        better += b.lm_score >= float(a[4]) - 1e-6
    assert equal >= 0.9 * len(rows)
    assert better >= 0.9 * len(rows)


def test_scores_without_sentence_boundaries_and_with_a_binary(package, arpa: str) -> None:
    pytest.importorskip("kenlm")
    theirs = package.build_ctcdecoder(LABELS, arpa, lm_score_boundary=False)
    mine = ours.build_ctcdecoder(LABELS, arpa, lm_score_boundary=False)
    values = signal("the cat sat", np.random.default_rng(0), 0.0)
    a, b = theirs.decode_beams(values)[0], mine.decode_beams(values)[0]
    same_text(a, b)
    assert b.lm_score - b.logit_score == pytest.approx(float(a[4] - a[3]), abs=1e-4)
    mine.reset_params(alpha=1.5, beta=0.0, lm_score_boundary=True)
    theirs.reset_params(alpha=1.5, beta=0.0, lm_score_boundary=True)
    a, b = theirs.decode_beams(values)[0], mine.decode_beams(values)[0]
    assert b.lm_score - b.logit_score == pytest.approx(float(a[4] - a[3]), abs=1e-4)


def test_a_state_goes_on_as_the_packages_does(package, arpa: str) -> None:
    pytest.importorskip("kenlm")
    theirs = package.build_ctcdecoder(LABELS, arpa)
    mine = ours.build_ctcdecoder(LABELS, arpa)
    rng = np.random.default_rng(3)
    first, second = signal("the", rng, 0.0), signal("cat", rng, 0.0)
    a = theirs.decode_beams(second, lm_start_state=theirs.decode_beams(first)[0][1])[0]
    state = mine.decode_beams(first)[0].last_lm_state
    b = mine.decode_beams(second, lm_start_state=state)[0]
    assert b.lm_score - b.logit_score == pytest.approx(float(a[4] - a[3]), abs=1e-4)
    assert b.lm_score > mine.decode_beams(second)[0].lm_score
    assert mine.decode(second, lm_start_state=state) == "cat"


@pytest.mark.parametrize("scale", ["log_probs", "logits", "probabilities"])
def test_logits_and_probabilities_are_taken_as_the_package_takes_them(package, scale: str) -> None:
    values = signal("the hat", np.random.default_rng(5))
    given = {"log_probs": values, "logits": values + 2.0, "probabilities": np.exp(values)}[scale]
    theirs = package.build_ctcdecoder(LABELS).decode_beams(given)
    mine = ours.build_ctcdecoder(LABELS).decode_beams(given)
    same_text(theirs[0], mine[0])
    assert mine[0].logit_score == pytest.approx(float(theirs[0][3]), abs=0.3)


@pytest.mark.parametrize(
    "labels",
    [
        ["<pad>", "|", "a", "b", "<unk>"],
        ["a", "b", " ", "[PAD]", "[UNK]"],
        ["_", "a", "b", " "],
        ["a", "b", " "],
        ["a", "b", ""],
        ["", "|", " ", "a"],
    ],
)
def test_labels_mean_what_the_package_takes_them_for(package, labels: list[str]) -> None:
    theirs = package.Alphabet.build_alphabet(labels).labels
    mine = read(labels)
    shown = ["" if i == mine.tokens.blank_id else s for i, s in enumerate(mine.tokens.symbols)]
    assert shown == (theirs if " " in theirs else [*theirs, " "])
    assert mine.columns == len(theirs)
    rng = np.random.default_rng(6)
    path = rng.integers(0, mine.columns, 12)
    values = np.full((12, mine.columns), -9.0)
    values[np.arange(12), path] = 0.0
    a = package.build_ctcdecoder(labels).decode(values)
    assert ours.build_ctcdecoder(labels).decode(values) == a
    said = "".join(theirs[t] for t, _ in collapse(path.tolist(), theirs.index("")))
    assert a == " ".join(said.split())


def test_the_decoder_that_reads_word_pieces_instead(package) -> None:
    with pytest.raises(ConfigError, match=r"make_decoder\('pyctcdecode'"):
        ours.build_ctcdecoder(["", "▁a", "b"])
    decode = edgectc.make_decoder("pyctcdecode", tokens=["-", "▁a", "b"], blank_id=0)
    assert decode(np.log([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])).best.text == "ab"


def test_silence_is_an_empty_text(package) -> None:
    silent = np.full((4, len(LABELS)), -9.0)
    silent[:, 0] = 0.0
    decoder = ours.build_ctcdecoder(LABELS)
    assert decoder.decode(silent) == "" == package.build_ctcdecoder(LABELS).decode(silent)
    assert decoder.decode_beams(silent)[0].text_frames == []


def test_batches_are_calls_one_after_another() -> None:
    rows = [values for _, values in sentences(6, 2)]
    decoder = ours.build_ctcdecoder(LABELS)
    beams = [decoder.decode_beams(values, hotwords=["then"]) for values in rows]
    for pool in (None, object()):
        batch = decoder.decode_beams_batch(pool, rows, hotwords=(w for w in ["then"]))
        assert [[row.text for row in one] for one in batch] == [[b.text for b in o] for o in beams]
        assert batch[0][0] == (beams[0][0].text, *beams[0][0][2:])
        assert decoder.decode_batch(pool, rows, hotwords=["then"]) == [o[0].text for o in beams]


def test_history_is_pruned_by_choice() -> None:
    values = sentences(1, 4)[0][1]
    decoder = ours.build_ctcdecoder(LABELS)
    all_of_them = decoder.decode_beams(values)
    kept = decoder.decode_beams(values, prune_history=True)
    last = [tuple(row.text.split()[-1:]) for row in kept]
    assert len(set(last)) == len(last) == len({tuple(r.text.split()[-1:]) for r in all_of_them})
    assert kept[0] == all_of_them[0]


def test_beams_within_the_threshold_and_the_width(arpa: str) -> None:
    values = sentences(1, 5)[0][1]
    decoder = ours.build_ctcdecoder(LABELS, arpa)
    beams = decoder.decode_beams(values, beam_width=5, beam_prune_logp=-4.0)
    assert 1 <= len(beams) <= 5
    assert beams[-1].lm_score >= beams[0].lm_score - 4.0
    scores = [row.lm_score for row in beams]
    assert scores == sorted(scores, reverse=True)
    decoder.cleanup()
    assert decoder.decode_beams(values, beam_width=5, beam_prune_logp=-4.0) == beams


def test_what_cannot_be_used_is_refused(arpa: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'a' is there twice"):
        ours.build_ctcdecoder(["", "a", "a"])
    with pytest.raises(ConfigError, match="word piece"):
        ours.build_ctcdecoder(["", "▁a", "b"])
    with pytest.raises(ConfigError, match="expected a list of labels"):
        ours.build_ctcdecoder("abc")
    with pytest.raises(ConfigError, match="no language model"):
        ours.build_ctcdecoder(LABELS, str(tmp_path / "none.arpa"))
    decoder = ours.build_ctcdecoder(LABELS, arpa)
    with pytest.raises(InputError, match=r"shape \(3, 4\), expected \(T, 17\)"):
        decoder.decode(np.zeros((3, 4)))
    with pytest.raises(InputError, match="NaN"):
        decoder.decode(np.full((3, len(LABELS)), math.nan))
    with pytest.raises(ConfigError, match="expected a list of words"):
        decoder.decode(np.zeros((3, len(LABELS))), hotwords="cat")
    lexicon = tmp_path / "words.tsv"
    lexicon.write_text("the\t5\ncat\t3\n", encoding="utf-8")
    with pytest.raises((ConfigError, MissingDependencyError)):
        ours.build_ctcdecoder(LABELS, str(lexicon))


def test_the_package_is_not_needed() -> None:
    code = (
        "import sys\nsys.modules['pyctcdecode'] = sys.modules['kenlm'] = None\n"
        "from edgectc.compat.pyctcdecode import build_ctcdecoder\n"
        "import numpy as np\n"
        "print(build_ctcdecoder(['', 'a']).decode(np.array([[0.0, 5.0]])))\n"
        "assert not {'torch', 'onnxruntime'} & {*sys.modules}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "a\n"
    light = "import sys, edgectc\nassert 'edgectc.compat' not in sys.modules\n"
    subprocess.run([sys.executable, "-c", light], check=True)


@pytest.mark.parametrize("theirs", ["'", "\u2019"])
@pytest.mark.parametrize("written", ["it's", "it\u2019s", "it\uff07s"])
def test_a_hotword_is_found_with_the_apostrophe_of_the_labels(theirs: str, written: str) -> None:
    labels = ["", " ", *"bdaeist", theirs]
    values = np.log(np.full((9, len(labels)), 0.02))
    for frame, label in enumerate(["i", "t", theirs, "s", " ", "b", "a", "d", ""]):
        values[frame, labels.index(label)] = math.log(1 - 0.02 * (len(labels) - 1))
    beam = ours.build_ctcdecoder(labels).decode_beams(values, hotwords=[written])[0]
    assert beam.text == f"it{theirs}s bad"
    assert beam.lm_score - beam.logit_score == pytest.approx(10.0)


def test_a_hotword_is_found_in_the_normal_form_of_the_labels() -> None:
    labels = ["", " ", "c", "a", "f", "\u00e9"]
    values = np.log(np.full((4, len(labels)), 0.02))
    for frame, label in enumerate(["c", "a", "f", "\u00e9"]):
        values[frame, labels.index(label)] = math.log(0.9)
    beam = ours.build_ctcdecoder(labels).decode_beams(values, hotwords=["cafe\u0301"])[0]
    assert beam.lm_score - beam.logit_score == pytest.approx(10.0)


def test_hotwords_that_no_label_writes_are_said(caplog: pytest.LogCaptureFixture) -> None:
    decoder, values = ours.build_ctcdecoder(LABELS), signal("the cat", np.random.default_rng(3))
    plain = decoder.decode_beams(values)
    with caplog.at_level(logging.WARNING, "edgectc"):
        assert decoder.decode_beams(values, hotwords=["\u0142\u00f3d\u017a"])[0] == plain[0]
    assert "\u0142\u00f3d\u017a" in caplog.text
