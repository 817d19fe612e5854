"""What the tests of other decoders expect of them, on inputs rebuilt here.

pyctcdecode 0.5.0 (its tests of the decoder, on words of the same shape), parlance/ctcdecode,
torchaudio (its tests of ctc_decoder). Where pyctcdecode is installed, it must meet them too: that
holds the inputs.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import math
import warnings
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import beam, greedy
from edgectc.language import loading

LABELS = [" ", "h", "a", "t", "s", "n", ""]
ARPA = """\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-0.9\t<unk>\t0
0\t<s>\t-0.3
-0.9\t</s>\t0
-0.6\thats\t-0.3
-0.6\thanna\t-0.3

\\2-grams:
-0.18\t<s> hats
-0.18\thats hanna
-0.7\thanna </s>

\\end\\
"""


def rows(symbols: list[str]) -> np.ndarray:
    found = np.zeros((len(symbols), len(LABELS)))
    found[np.arange(len(symbols)), [LABELS.index(symbol) for symbol in symbols]] = 1.0
    return found


HATS, HANNA = rows([*"hats"]), rows([*"han", "", *"na"])
PADDED, SPACE = rows([*"hats", "", ""]), rows([" "])
EITHER = np.vstack([0.49 * PADDED + 0.51 * HANNA, SPACE, HANNA])


def logs(probs: np.ndarray) -> np.ndarray:
    return np.log(np.clip(probs, 1e-15, 1))


@pytest.fixture(params=["edgectc.compat.pyctcdecode", "pyctcdecode"])
def package(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if not importlib.util.find_spec(request.param):
        pytest.skip(f"{request.param} is not installed")
    monkeypatch.setattr(logging.root.manager, "disable", logging.WARNING)
    return importlib.import_module(request.param)


@pytest.fixture
def arpa(tmp_path: Path, package) -> str:
    if package.__name__ == "pyctcdecode":
        pytest.importorskip("kenlm")
    path = tmp_path / "two.arpa"
    path.write_text(ARPA, encoding="utf-8")
    return str(path)


def test_without_words_each_of_sixteen_texts_has_its_place_and_frames(package) -> None:
    beams = package.build_ctcdecoder(LABELS).decode_beams(logs(EITHER))
    assert len(beams) == 16
    assert beams[0][0] == "hanna hanna"
    assert beams[0][2] == [("hanna", (0, 6)), ("hanna", (7, 13))]
    assert beams[-1][0] == "hats hanna"
    assert beams[-1][2] == [("hats", (0, 4)), ("hanna", (7, 13))]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"alpha": 0.0}, "hanna hanna"),
        ({"alpha": 1.0}, "hats hanna"),
        ({}, "hats hanna"),
        ({"unigrams": ["hanna"], "alpha": 1.0, "unk_score_offset": 0.0}, "hats hanna"),
        ({"unigrams": ["hanna"], "alpha": 1.0, "unk_score_offset": -10.0}, "hanna hanna"),
    ],
)
def test_a_language_model_decides_by_its_weights(package, arpa: str, given, text: str) -> None:
    assert package.build_ctcdecoder(LABELS, arpa, **given).decode(logs(EITHER)) == text


def test_a_language_model_drops_what_is_far_below_or_keeps_it(package, arpa: str) -> None:
    few = package.build_ctcdecoder(LABELS, arpa).decode_beams(logs(EITHER))
    assert [row[0] for row in few] == ["hats hanna", "hanna hanna"]  # no word that is unknown
    mild = package.build_ctcdecoder(LABELS, arpa, unk_score_offset=0.0)
    every = mild.decode_beams(logs(EITHER), beam_prune_logp=-20.0)
    assert len(every) == 16
    assert [row[0] for row in every[:2]] == ["hats hanna", "hanna hanna"]


def test_a_token_threshold_of_zero_leaves_the_likeliest_alone(package, arpa: str) -> None:
    decoder = package.build_ctcdecoder(LABELS, arpa)
    assert decoder.decode(logs(EITHER), token_min_logp=0.0) == "hanna hanna"


def test_histories_with_one_end_are_one_where_they_are_pruned(package) -> None:
    decoder = package.build_ctcdecoder(LABELS)
    values = logs(np.vstack([EITHER, *[SPACE, HANNA] * 5]))
    every = decoder.decode_beams(values, prune_history=False)
    pruned = decoder.decode_beams(values, prune_history=True)
    assert (len(every), len(pruned)) == (16, 1)
    assert every[0][0] == pruned[0][0]


def test_a_state_carries_the_words_before(package, arpa: str) -> None:
    values = logs(np.vstack([HATS, SPACE, 0.51 * PADDED + 0.49 * HANNA]))
    assert package.build_ctcdecoder(LABELS).decode(values) == "hats hats"
    decoder = package.build_ctcdecoder(LABELS, arpa, ["hats", "hanna"])
    assert decoder.decode(values) == "hats hanna"
    first, state = decoder.decode_beams(values[:4])[0][:2]
    assert first == "hats"
    assert decoder.decode_beams(values[4:], lm_start_state=state)[0][0] == "hanna"
    assert decoder.decode(values[4:]) == "hats"


@pytest.mark.parametrize(
    ("hotwords", "text"),
    [(["hanna"], "hanna hanna"), (["hats", "hanna"], "hats hanna"), (["hats hanna"], "hats hanna")],
)
def test_hotwords_outweigh_a_language_model(package, arpa: str, hotwords, text: str) -> None:
    decoder = package.build_ctcdecoder(LABELS, arpa)
    assert decoder.decode(logs(EITHER), hotwords=hotwords, hotword_weight=20) == text


def test_a_hotword_decides_without_a_language_model(package) -> None:
    decoder = package.build_ctcdecoder(LABELS)
    assert decoder.decode(logs(EITHER), hotwords=["hats"]) == "hats hanna"


def test_frames_of_a_stretched_word_have_no_silence_around_it(package) -> None:
    probs = rows([" ", "", *"han", "", *"nna", "", " ", " "])
    best = package.build_ctcdecoder(LABELS).decode_beams(probs)[0]
    assert best[0] == "hanna"
    assert best[2] == [("hanna", (2, 9))]


def test_logits_of_another_width_are_refused(package) -> None:
    decoder = package.build_ctcdecoder(LABELS)
    wide = np.hstack([logs(EITHER)] * 2)
    with pytest.raises(ValueError, match="shape"):
        decoder.decode(wide)
    if package.__name__ != "pyctcdecode":  # that takes pools of processes alone
        with ThreadPool(1) as pool, pytest.raises(ValueError, match="shape"):
            decoder.decode_batch(pool, [wide] * 5)


@pytest.mark.parametrize("frames", [0, 1, 2, 20])
def test_any_numbers_are_decoded(package, frames: int, rng: np.random.Generator) -> None:
    decoder = package.build_ctcdecoder([*LABELS[:-1]])  # a blank is added
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the package, on no frames
        beams = decoder.decode_beams(rng.normal(size=(frames, len(LABELS))))
    assert isinstance(beams[0][0], str)
    assert frames or [tuple(row) for row in beams] == [("", None, [], 0.0, 0.0)]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -1.0, 0.0])
def test_any_number_may_be_a_weight_until_it_is_used(package, arpa: str, value) -> None:
    decoder = package.build_ctcdecoder(LABELS, arpa, alpha=0.0)
    usual = {"alpha": 0.0, "beta": 1.0, "unk_score_offset": -10.0, "lm_score_boundary": True}
    decoder.reset_params(**usual)
    before = decoder.decode(logs(EITHER))
    decoder.reset_params(alpha=value, beta=value, unk_score_offset=value, lm_score_boundary=None)
    decoder.reset_params(**usual)
    assert decoder.decode(logs(EITHER)) == before != ""


# ---- parlance/ctcdecode -----------------------------------------------------------------------

_SYMBOLS = ("'", " ", "a", "b", "c", "d", "_")
_FIRST = [
    [0.06390443, 0.21124858, 0.27323887, 0.06870235, 0.0361254, 0.18184413, 0.16493624],
    [0.03309247, 0.22866108, 0.24390638, 0.09699597, 0.31895462, 0.0094893, 0.06890021],
    [0.218104, 0.19992557, 0.18245131, 0.08503348, 0.14903535, 0.08424043, 0.08120984],
    [0.12094152, 0.19162472, 0.01473646, 0.28045061, 0.24246305, 0.05206269, 0.09772094],
    [0.1333387, 0.00550838, 0.00301669, 0.21745861, 0.20803985, 0.41317442, 0.01946335],
    [0.16468227, 0.1980699, 0.1906545, 0.18963251, 0.19860937, 0.04377724, 0.01457421],
]
_SECOND = [
    [0.08034842, 0.22671944, 0.05799633, 0.36814645, 0.11307441, 0.04468023, 0.10903471],
    [0.09742457, 0.12959763, 0.09435383, 0.21889204, 0.15113123, 0.10219457, 0.20640612],
    [0.45033529, 0.09091417, 0.15333208, 0.07939558, 0.08649316, 0.12298585, 0.01654384],
    [0.02512238, 0.22079203, 0.19664364, 0.11906379, 0.07816055, 0.22538587, 0.13483174],
    [0.17928453, 0.06065261, 0.41153005, 0.1172041, 0.11880313, 0.07113197, 0.04139363],
    [0.15882358, 0.1235788, 0.23376776, 0.20510435, 0.00279306, 0.05294827, 0.22298418],
]


@pytest.mark.parametrize("backend", ["numpy", "auto"])
@pytest.mark.parametrize(
    ("probs", "best", "likeliest"), [(_FIRST, "acdc", "ac'bdc"), (_SECOND, "b'a", "b'da")]
)
def test_texts_of_ctcdecode(backend: str, probs, best: str, likeliest: str) -> None:
    tokens, values = Tokens(_SYMBOLS, 6), np.log(probs)
    options = beam.Options(beam_size=20, beam_threshold=None, token_threshold=None)
    decode = beam.create(options, tokens=tokens, backend=backend)
    assert "".join(decode(values, normalize=True).best.text) == best
    both = edgectc.decode_batch(decode, [values, values], normalize=True)
    assert [found.best.text for found in both] == [best] * 2
    path = greedy.create(greedy.Options(), tokens=tokens)
    assert path(values, normalize=True).best.text == likeliest


# ---- torchaudio -------------------------------------------------------------------------------


def test_tokens_and_frames_of_torchaudio() -> None:
    tokens = Tokens(("-", "|", "f", "o", "b", "a", "r"), 0)
    values = np.full((8, 7), -20.0)
    values[np.arange(8), [2, 2, 0, 3, 3, 3, 0, 3]] = 0.0
    for decode in (
        greedy.create(greedy.Options(), tokens=tokens),
        beam.create(beam.Options(), tokens=tokens),
    ):
        best = decode(values, normalize=True).best
        assert best.text == "foo"
        assert best.timesteps == (0, 3, 7)


def test_a_language_model_of_no_weight_changes_nothing(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    path = tmp_path / "two.arpa"
    path.write_text(ARPA, encoding="utf-8")
    tokens = Tokens(("-", "|", "h", "a", "t", "s", "n"), 0)
    options = beam.Options(separator="|", lm_weight=0.0)
    model = loading.load(str(path), required=True)
    for _ in range(4):
        values = rng.uniform(size=(15, 7))
        with_it = beam.create(options, tokens=tokens, language_model=model)
        without = beam.create(options, tokens=tokens)
        a, b = (made(values, normalize=True) for made in (with_it, without))
        assert [(h.text, h.score) for h in a] == [(h.text, h.score) for h in b]
