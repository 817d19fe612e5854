"""How Python drives the compiled engine: what it hands over, what it asks, and when it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgectc import UserDictionary, make_decoder
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search import compiled, engine
from edgectc.language import builder, loading
from edgectc.language.lexicon import Lexicon
from edgectc.language.lms import arpa
from edgectc.language.ngram import lm_file

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="needs the compiled search")

LETTERS = "abcdefghijklmnopqrstuvwxyzßàéèêôäöü'"  # "ß" and "'" are in no spelling of a word
TOKENS = Tokens((*LETTERS, "<blank>"), len(LETTERS))

AT_EXIT = """
import sys, threading, time
import numpy as np
from edgectc import make_decoder
rng = np.random.default_rng(0)
letters = list("abcdefgh")
words = {"".join(rng.choice(letters, rng.integers(1, 9))): -8.0 for _ in range(3000)}
table = np.log(rng.dirichlet(np.ones(9), 60))
def decode():
    made = make_decoder(sys.argv[1], tokens=[*letters, "<blank>"], blank_id=8, lexicon=words)
    while True:
        made(table, nbest=50)
for _ in range(4):
    threading.Thread(target=decode, daemon=True).start()
time.sleep(1.0)
"""


def _signal(rng: np.random.Generator, word: str = "", frames: int = 0) -> Any:
    """Return log_probs of noise, or of noise with a word in it."""
    T = frames or 2 * len(word) + 3
    logits = rng.normal(0.0, 1.0, (T, len(TOKENS)))
    logits[:, TOKENS.blank_id] += 2.0
    for i, letter in enumerate(word):
        logits[1 + 2 * i, LETTERS.index(letter)] += 5.0
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def _both(**parts: Any) -> tuple[lexicon.LexiconDecoder, lexicon.LexiconDecoder]:
    """Return the compiled decoder and the plain one."""
    options = lexicon.Options(context_weight=0.8)
    native, plain = (
        lexicon.create(options, tokens=TOKENS, backend=backend, **parts)
        for backend in ("native", "numpy")
    )
    return native, plain


def _same(native: Any, plain: Any) -> None:
    assert [h.text for h in native] == [h.text for h in plain]
    assert [h.score for h in native] == pytest.approx([h.score for h in plain], abs=1e-6)


@pytest.mark.parametrize("name", ["lexicon", "beam"])
def test_daemon_threads_may_decode_when_python_ends(name: str) -> None:
    for _ in range(3):
        command = [sys.executable, "-c", AT_EXIT, name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


TEXT = ["der große Hund läuft", "die Straße ist groß", "l’été était très chaud", "Ärger und Öl",
        "die Straße ist naß", "don’t go", "THE dog", "the dog don’t go",
        "Été à la plage"]  # fmt: skip
WORDS = ["der", "große", "Hund", "läuft", "die", "Straße", "ist", "groß", "naß", "été", "était",
         "Ärger", "und", "Öl", "l’été", "don't", "don’t", "go", "the", "The", "dog", "à", "la",
         "plage", "très", "chaud"]  # fmt: skip

CONTEXTS = [[], ["die"], ["l’été"], ["Straße"], ["die", "STRASSE"], ["don’t"], ["<s>"], ["THE"],
            ["The", "dog"], ["nobody"], ["</s>"], ["<S>"]]  # fmt: skip


def _arpa(path: Path, words: list[str]) -> Path:
    """Write a bigram model that spells its words as given."""
    singles = "".join(f"-{1 + i / 10}\t{word}\t-0.3\n" for i, word in enumerate(words))
    pairs = [(a, b) for i, a in enumerate(words) for b in words[i % 3 :: 4]]
    rows = "".join(f"-{0.2 + i % 7 / 5}\t{a} {b}\n" for i, (a, b) in enumerate(pairs))
    path.write_text(
        f"\\data\\\nngram 1={len(words) + 3}\nngram 2={len(pairs)}\n\n"
        f"\\1-grams:\n-3\t<unk>\n-99\t<s>\t-0.2\n-2\t</s>\n{singles}\n"
        f"\\2-grams:\n{rows}\n\\end\\\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("vocabulary", ["normal", "as written", "capitals"])
def test_a_packed_model_with_more_than_ascii(vocabulary: str, tmp_path: Path) -> None:
    """The plain search is the oracle, whatever form the words of the `.lm` file have."""
    if vocabulary == "normal":
        ngrams = builder.build([TEXT], order=2).ngrams
    else:
        words = [w.upper() for w in WORDS] if vocabulary == "capitals" else WORDS
        ngrams = arpa.read(_arpa(tmp_path / "x.arpa", list(dict.fromkeys(words))))
    lm_file.write(tmp_path / "x.lm", ngrams)
    model = loading.load(tmp_path / "x.lm", required=True)
    assert isinstance(model, arpa.NGramModel)
    assert (model.file_bytes is not None) == (vocabulary == "normal")
    user = UserDictionary()
    user.add("Straße", 3)
    user.add("ÉTÉ", 2)
    known = Lexicon.from_counts({word: 1.0 + i for i, word in enumerate(WORDS)})
    native, plain = _both(lexicon=known, language_model=model, dictionary=user)
    rng = np.random.default_rng(0)
    for word in ["straße", "strasse", "été", "don't", "dont", "the", "öl", "ärger", "grosse"]:
        for context in CONTEXTS:
            signal = _signal(rng, word)
            _same(native(signal, context=context), plain(signal, context=context))


class Saying:
    """A model that the engine cannot read; it favours another word after each context."""

    order = 2
    words = ("abc", "abd", "abe", "Abf")

    def start(self, context: Any = ()) -> Any:
        return tuple(context)

    def following(self, state: Any) -> Any:
        gains = np.array([sum(map(ord, "".join(state))) % (7 + i) for i in range(4)], np.float64)
        return list(self.words), gains - 9.0, -1.0

    def unigram(self, words: Any) -> Any:
        return np.full(len(words), -5.0)

    def score(self, state: Any, word: str) -> Any:
        return -5.0, state

    def finish(self, state: Any) -> float:
        return 0.0


def test_no_two_contexts_are_taken_for_one() -> None:
    known = Lexicon.from_counts(dict.fromkeys(["abc", "abd", "abe", "abf"], 1.0))
    native, plain = _both(lexicon=known, language_model=Saying())
    signal = _signal(np.random.default_rng(1), "ab", frames=8)
    contexts = [["a\x1fb"], ["a", "b"], ["a\0"], ["a\1"], ["\ud800"], ["?"], ["😀"],
                ["\ud83d\ude00"], ["a\nb"], ["", "a"], ["a", ""], [""]]  # fmt: skip
    for context in contexts * 2:
        _same(native(signal, context=context), plain(signal, context=context))


def test_words_of_a_context_that_are_no_text_are_unknown(tmp_path: Path) -> None:
    lm_file.write(tmp_path / "x.lm", builder.build([["a? b", "go on", "a? go"]], order=2).ngrams)
    model = loading.load(tmp_path / "x.lm", required=True)
    known = Lexicon.from_counts({"b": 1.0, "go": 2.0, "on": 3.0})
    native, plain = _both(lexicon=known, language_model=model)
    signal = _signal(np.random.default_rng(2), frames=8)
    for word in ("a?", "a\ud800", "a\0", "a\n", ""):
        _same(native(signal, context=[word]), plain(signal, context=[word]))


def test_words_that_an_error_interrupts_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserDictionary()
    known = Lexicon.from_counts({"abc": 1.0, "abd": 1.0})
    native, plain = _both(lexicon=known, dictionary=user)
    for word in ("abe", "abf", "abg"):
        user.add(word, 1e5)
    signal = _signal(np.random.default_rng(3), "ab", frames=8)

    def failing(word: str, alphabet: Any) -> str:
        if word == "abf":
            raise MemoryError
        return word

    monkeypatch.setattr("edgectc.decoding.search.options.spell", failing)
    for made in (native, plain):
        with pytest.raises(MemoryError):
            made(signal)
    monkeypatch.undo()
    found = native(signal)
    assert {"abe", "abf", "abg"} <= {h.text for h in found}
    _same(found, plain(signal))


def test_a_word_that_is_learnt_during_a_call_is_not_lost() -> None:
    user = UserDictionary()
    known = Lexicon.from_counts({"abc": 1.0})
    plain = lexicon.create(
        lexicon.Options(), tokens=TOKENS, lexicon=known, dictionary=user, backend="numpy"
    )
    signal = _signal(np.random.default_rng(4), "ab", frames=8)
    plain(signal)
    changed_since = user.changed_since

    def learning(version: int) -> list[str]:
        changed = changed_since(version)
        if "abe" not in user:
            user.add("abe", 1e5)  # as another thread would
        return changed

    user.add("abd", 1e5)
    user.changed_since = learning  # type: ignore[method-assign]
    plain(signal)
    assert {"abd", "abe"} <= {h.text for h in plain(signal)}


def test_what_the_engine_refuses_numpy_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserDictionary()
    native, plain = _both(lexicon=Lexicon.from_counts({"abc": 1.0, "abd": 1.0}), dictionary=user)
    user.boost("abe", 700.0)
    signal = _signal(np.random.default_rng(5), "abe")
    _same(native(signal), plain(signal))

    refused = []

    def refusing(self: Any, name: str, *arguments: object) -> int:
        refused.append(name)
        raise engine.Refused(name)

    monkeypatch.setattr(engine._Engine, "_call", refusing)
    user.add("abf", 5.0)
    _same(native(signal), plain(signal))
    assert refused


def test_words_that_no_engine_can_hold_are_refused_when_they_are_taught(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And left out of what an earlier version saved."""
    user = UserDictionary()
    for word, part in (
        ("ab\0c", r"'\\x00'"),
        ("ab\ud800", r"'\\ud800'"),
        ("ab" * 128, "has 256 letters, expected at most 255"),
    ):
        for teach in (user.add, user.hide, lambda word: user.boost(word, 1.0)):
            with pytest.raises(ConfigError, match=part):
                teach(word)
    assert not len(user)
    user.add("a" * 255)
    user.save(tmp_path / "user.json")
    saved = json.loads((tmp_path / "user.json").read_text())
    del saved["sha256"]  # which files of then have not
    saved["words"] |= dict.fromkeys(["ab\0c", "ab" * 128], saved["words"]["a" * 255])
    (tmp_path / "user.json").write_text(json.dumps(saved))
    assert [*UserDictionary.read(tmp_path / "user.json")] == ["a" * 255]
    assert caplog.text.count("left out") == 2
    native, plain = _both(lexicon=Lexicon.from_counts({"abc": 1.0}), dictionary=user)
    signal = _signal(np.random.default_rng(6), "abc")
    _same(native(signal), plain(signal))


def test_numbers_of_numpy_are_taken_and_others_refused() -> None:
    made = make_decoder("lexicon", tokens=list("ab_"), blank_id=2, lexicon={"a": 0.0, "ab": 0.0})
    signal = np.log(np.random.default_rng(7).dirichlet(np.ones(3), 6))
    few, many = made(signal, nbest=1), made(signal, nbest=2)
    assert len(many) == 2
    assert made(signal, nbest=np.int64(1)) == few
    assert [h.text for h in made(signal, nbest=100_000)] == [h.text for h in many]
    for huge in (2**32 + 1, 10**30):  # a C int would say 1
        with pytest.raises(ConfigError, match="expected 1 to 100000"):
            made(signal, nbest=huge)
    begun = made(signal, partial=True)
    assert begun != made(signal)
    assert made(signal, partial=np.bool_(True)) == begun
    assert made(signal, partial=1) == begun
    for wrong in (2.0, "2", None, np.float64(2)):
        with pytest.raises(ConfigError, match=r"nbest is .*, expected a whole number"):
            made(signal, nbest=wrong)
    for wrong in ("yes", 2, None, 1.0, np.array([True, False])):
        with pytest.raises(ConfigError, match=r"partial is .*, expected True or False"):
            made(signal, partial=wrong)


def test_numbers_of_numpy_are_taken_from_a_dictionary_and_options() -> None:
    user = UserDictionary()
    user.add("abd", np.float32(1e5))
    user.boost("abd", np.float32(1))
    options = lexicon.Options(lm_weight=np.float32(0.5))  # type: ignore[arg-type]
    made = lexicon.create(
        options, tokens=TOKENS, lexicon=Lexicon.from_counts({"abc": 1.0}), dictionary=user,
        backend="native",
    )  # fmt: skip
    assert made(_signal(np.random.default_rng(8), "abd"))[0].text == "abd"


def test_template_decoders_share_a_cache_between_keyboards() -> None:
    from edgectc.decoding.decoders import template
    from edgectc.decoding.search.trace import Path as Trace

    known = Lexicon.from_counts({word: 1.0 for word in ("ab", "ba", "abc", "cab", "bca")})
    tokens = Tokens((*"abc", "<blank>"), 3)
    made = template.create(template.Options(), tokens=tokens, lexicon=known)
    rng = np.random.default_rng(9)
    boards = [rng.random((3, 2)) * size for size in (1.0, 3.0)]
    traces = [Trace(board[[0, 1]], "abc", board) for board in boards]
    alone = [made(None, trace=trace) for trace in traces]
    group, reached = made._group, threading.Event()

    def other_keyboard_between(*arguments: Any) -> Any:
        if not reached.is_set():
            reached.set()
            assert made(None, trace=traces[1]) == alone[1]
        return group(*arguments)

    made._group = other_keyboard_between  # type: ignore[method-assign]
    assert made(None, trace=traces[0]) == alone[0]
    made._group = group  # type: ignore[method-assign]
    assert [made(None, trace=trace) for trace in traces] == alone
