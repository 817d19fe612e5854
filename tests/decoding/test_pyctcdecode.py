"""The package pyctcdecode as a decoder: what it gets, what it gives, what is refused before it."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from edgectc.core.errors import ConfigError, InputError, MissingDependencyError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import beam, pyctcdecode
from edgectc.language.lexicon import Lexicon

TOKENS = Tokens(("a", "b", "c", "<blank>", "t", "|"), 3)


def log_softmax(values: np.ndarray) -> np.ndarray:
    return values - np.logaddexp.reduce(values, axis=1, keepdims=True)


def signal(path: str, also: str = "") -> np.ndarray:
    """Frames of a path; where ``also`` differs from it, it is a little less likely."""
    values = np.full((len(path), len(TOKENS)), -8.0)
    ids = {**TOKENS.ids, "-": 3}
    for t, symbol in enumerate(path):
        values[t, ids[symbol]] = 2.0
        if also and also[t] != symbol:
            values[t, ids[also[t]]] = 1.8
    return log_softmax(values)


@pytest.fixture
def _installed() -> None:
    pytest.importorskip("pyctcdecode")


@pytest.fixture
def _with_kenlm(_installed: None) -> None:
    pytest.importorskip("kenlm")


@pytest.mark.usefixtures("_installed")
def test_it_decodes_with_any_blank_and_separator() -> None:
    decode = pyctcdecode.create(pyctcdecode.Options(separator="|"), tokens=TOKENS)
    found = decode(signal("ca-t|-a-a"), nbest=2)
    assert found.best.text == "cat aa"
    assert found.best.score == pytest.approx(sum(found.best.parts.values()))
    assert decode(signal("----")).candidates == ()


@pytest.mark.usefixtures("_installed")
def test_log_probs_are_never_taken_for_probabilities() -> None:
    one = np.full((3, len(TOKENS)), -np.inf)
    one[:, 0] = 0.0
    decode = pyctcdecode.create(pyctcdecode.Options(separator="|"), tokens=TOKENS)
    assert decode(one).best.text == "a"
    with pytest.raises(InputError, match=r"np\.log\(probabilities\)"):
        decode(np.exp(signal("cat")))


@pytest.mark.usefixtures("_with_kenlm")
def test_a_lexicon_alone_counts() -> None:
    lexicon = Lexicon.from_counts({"Cab": 1.0, "bat": 50.0})
    values = signal("cab", also="bat")
    plain = pyctcdecode.create(pyctcdecode.Options(separator="|"), tokens=TOKENS)
    assert plain(values).best.text == "cab"
    decode = pyctcdecode.create(
        pyctcdecode.Options(lm_weight=1.0, separator="|"), tokens=TOKENS, lexicon=lexicon
    )
    assert [h.text for h in decode(values, nbest=2)] == ["bat", "Cab"]
    ours = beam.create(beam.Options(lm_weight=1.0, separator="|"), tokens=TOKENS, lexicon=lexicon)
    theirs = decode(values, nbest=1).best
    assert theirs.score == pytest.approx(ours(values).best.score, abs=1e-4)


@pytest.mark.usefixtures("_installed")
def test_hotwords() -> None:
    values = signal("cab", also="bat")
    decode = pyctcdecode.create(pyctcdecode.Options(separator="|"), tokens=TOKENS, hotwords=["bat"])
    assert decode(values).best.text == "bat"
    with pytest.raises(ConfigError, match="one weight"):
        pyctcdecode.create(pyctcdecode.Options(separator="|"), tokens=TOKENS, hotwords={"bat": 1.0})


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize(
    ("symbols", "separator", "message"),
    [
        (("-", "ch", "a"), None, "one character"),
        (("-", " ", "a"), None, "separator"),
        (("-", "|", "a"), None, "give it as separator"),
        (("-", "<pad>", "a"), None, "blank"),
        (("-", "▁a", "b", "|"), "|", "word pieces"),
        (("-", "a", "b"), "|", "is no token"),
    ],
)
def test_tokens_that_it_would_misread_are_refused(
    symbols: tuple[str, ...], separator: str | None, message: str
) -> None:
    options = pyctcdecode.Options(separator=separator)
    with pytest.raises(ConfigError, match=message):
        pyctcdecode.create(options, tokens=Tokens(symbols, 0))


@pytest.mark.usefixtures("_with_kenlm")
def test_a_missing_or_broken_model_is_named(tmp_path) -> None:
    options = pyctcdecode.Options(kenlm_model=str(tmp_path / "none.arpa"), separator="|")
    with pytest.raises(ConfigError, match="no file"):
        pyctcdecode.create(options, tokens=TOKENS)
    broken = tmp_path / "broken.arpa"
    broken.write_text("nothing\n")
    with pytest.raises(ConfigError, match="pyctcdecode"):
        pyctcdecode.create(
            pyctcdecode.Options(kenlm_model=str(broken), separator="|"), tokens=TOKENS
        )


@pytest.mark.parametrize("missing", ["pyctcdecode", "kenlm"])
def test_a_missing_package_is_named_with_the_line_that_works(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "kenlm":
        pytest.importorskip("pyctcdecode")
    real = builtins.__import__

    def absent(name: str, *rest: object) -> object:
        if name == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    line = {"pyctcdecode": "--no-deps pygtrie", "kenlm": "pip install kenlm"}[missing]
    with pytest.raises(MissingDependencyError, match=line):
        pyctcdecode.create(
            pyctcdecode.Options(separator="|"),
            tokens=TOKENS,
            lexicon=Lexicon.from_counts({"cat": 1.0}),
        )
