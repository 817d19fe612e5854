"""The prefix beam search: words, language models, hotwords, streams and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import edgectc
from edgectc.core import registry
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import beam
from edgectc.decoding.search import compiled
from edgectc.decoding.search.beam_tables import Trie
from edgectc.language.lexicon import Lexicon

SYMBOLS = ("-", *"abcdehilnoprstw", "|")
TOKENS = Tokens(SYMBOLS, 0)


@pytest.fixture(params=["numpy", "native"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "native" and not compiled.LIBRARY.exists():
        pytest.skip("the compiled search was not built here (no C compiler at install time)")
    return str(request.param)


def frames(path: str, sure: float = 0.9, **also: float) -> np.ndarray:
    """One frame for each symbol of ``path``; ``also`` is the share of other symbols in them all."""
    rows = []
    for symbol in path:
        row = np.full(len(SYMBOLS), 1e-6)
        row[SYMBOLS.index(symbol)] = sure
        for other, share in also.items():
            row[SYMBOLS.index(other)] += share
        rows.append(row / row.sum())
    return np.log(np.array(rows))


def mixed(*paths: tuple[str, float]) -> np.ndarray:
    """Frames that say each path with its share."""
    return np.log(sum(share * np.exp(frames(path, 1.0)) for path, share in paths))


def make(backend: str, **given):
    context = {key: given.pop(key) for key in ("lexicon", "language_model", "hotwords")
               if key in given}  # fmt: skip
    tokens = given.pop("tokens", TOKENS)
    return beam.create(beam.Options(**given), tokens=tokens, backend=backend, **context)


class Pairs:
    """Log-probabilities of word pairs; any other costs 5 nats."""

    order = 2

    def __init__(self, **pairs: float) -> None:
        self.pairs, self.asked = pairs, 0

    def start(self, context=()):
        return context[-1] if context else "s"

    def score(self, state, word):
        self.asked += 1
        return self.pairs.get(f"{state}_{word}", -5.0), word

    def finish(self, state):
        return self.pairs.get(f"{state}_end", -5.0)


def test_repeats_blanks_and_separators(backend: str) -> None:
    decode = make(backend, separator="|")
    assert decode(frames("|he-l-lo-|-|aaa-|")).best.text == "hello a"
    assert decode(frames("hello")).best.text == "helo"
    assert decode(frames("-----")).candidates == ()
    assert decode(frames("--|--")).candidates == ()


def test_separators_of_any_number_are_one_text_with_all_their_mass(backend: str) -> None:
    decode = make(backend, separator="|", beam_threshold=None, token_threshold=None)
    values = mixed(("a-|-b-", 0.5), ("a|-|b|", 0.5))
    found = decode(values, nbest=50)
    assert found.best.text == "a b"
    assert len({h.text for h in found}) == len(found)
    # At frames 1, 2 and 3 a separator and a blank are equally likely; one separator is enough.
    assert found.best.parts["ctc"] == pytest.approx(math.log(1 - 0.5**3), abs=1e-4)
    assert found.best.timesteps[::2] == (0, 4)


def test_the_last_word_counts_without_a_separator(backend: str) -> None:
    model = Pairs(s_the=-0.1, the_cat=-0.1, the_cab=-4.0, cat_end=-0.1, cab_end=-0.1)
    values = mixed(("the|ca-b", 0.6), ("the|ca-t", 0.4))
    for tail in ("", "|", "-|-"):
        end = frames(tail) if tail else np.empty((0, len(SYMBOLS)))
        signal = np.concatenate([values, end])
        decode = make(backend, separator="|", language_model=model, lm_weight=1.0)
        best = decode(signal).best
        assert best.text == "the cat"
        assert best.parts["lm"] == pytest.approx(-0.3)
        assert best.score == pytest.approx(best.parts["ctc"] - 0.3)


def test_context_and_end_of_sentence(backend: str) -> None:
    model = Pairs(see_the=-0.1, s_the=-3.0, the_end=-0.5)
    decode = make(backend, separator="|", language_model=model, lm_weight=1.0)
    assert decode(frames("the")).best.parts["lm"] == pytest.approx(-3.5)
    assert decode(frames("the"), context=["see"]).best.parts["lm"] == pytest.approx(-0.6)
    anew = decode(frames("the"), context=["see", "<s>"])
    assert anew.best.parts["lm"] == pytest.approx(-3.5)


def test_a_word_is_asked_for_once(backend: str) -> None:
    model = Pairs()
    make(backend, separator="|", language_model=model)(frames("the|the|the|the|the|"))
    assert model.asked == 2  # after the start, and after itself


def test_word_score_and_unknown_score_count_words_once(backend: str) -> None:
    lexicon = Lexicon.from_counts({"the": 1.0})
    decode = make(backend, separator="|", lexicon=lexicon, lm_weight=0.0, word_score=0.7,
                  unknown_score=-2.0)  # fmt: skip
    best = decode(frames("the|cat|the")).best
    assert (best.parts["words"], best.parts["unknown"]) == (3.0, 1.0)
    assert best.score == pytest.approx(best.parts["ctc"] + 3 * 0.7 - 2.0)


def test_constrained_text_holds_only_words_shown_as_the_lexicon_writes_them(backend: str) -> None:
    lexicon = Lexicon.from_counts({"The": 9.0, "Don't": 5.0, "wet": 1.0})
    decode = make(backend, separator="|", lexicon=lexicon, constrain=True)
    assert decode(frames("thi|dont|wet", 0.9, e=0.05)).best.text == "The Don't wet"
    assert decode(frames("ooo")).candidates == ()  # nothing fits


def test_a_frame_that_fits_no_word_is_taken_with_its_unlikely_tokens(backend: str) -> None:
    lexicon = Lexicon.from_counts({"the": 1.0})
    decode = make(backend, separator="|", lexicon=lexicon, constrain=True)
    values = frames("tohe")  # at the second frame nothing that fits passes token_threshold
    assert decode(values).best.text == "the"


def test_without_a_separator_a_lexicon_makes_one_word_and_no_lexicon_makes_tokens(
    backend: str,
) -> None:
    lexicon = Lexicon.from_counts({"hello": 2.0, "help": 1.0})
    assert make(backend, lexicon=lexicon, constrain=True)(frames("hel-p-")).best.text == "help"
    glosses = Tokens(("YOU", "<blank>", "NAME", "WHAT"), 1)
    model = Pairs(s_YOU=-0.1, YOU_NAME=-0.1, NAME_WHAT=-0.1, WHAT_end=-0.1)
    values = np.log([[0.9, 0.05, 0.03, 0.02], [0.02, 0.03, 0.45, 0.5], [0.02, 0.05, 0.03, 0.9]])
    plain = make(backend, tokens=glosses)
    assert plain(values).best.text == "YOUWHAT"
    assert plain(values).best.parts["words"] == 0
    guided = make(backend, tokens=glosses, language_model=model, lm_weight=1.0)
    assert guided(values).best.text == "YOUNAMEWHAT"
    assert guided(values).best.timesteps == (0, 1, 2)


def test_hotwords_work_on_parts_of_words_and_take_the_part_back(backend: str) -> None:
    values = mixed(("the|pan--", 0.97), ("the|polar", 0.03))
    plain = make(backend, separator="|", beam_size=50)
    assert plain(values).best.text == "the pan"
    hot = make(backend, separator="|", beam_size=50, hotwords={"polar": 40.0})
    best = hot(values).best
    assert best.text == "the polar"
    assert best.parts["hotwords"] == 40.0
    # Only one prefix fits in the beam: without its part of the weight, "po" would be gone.
    narrow = make(backend, separator="|", beam_size=1, hotwords={"polar": 40.0})
    assert narrow(values).best.text == "the polar"
    begun = hot(frames("the|pol"))
    assert begun.best.text == "the pol"
    assert begun.best.parts["hotwords"] == 0.0


def test_hot_phrases_match_whole_words_in_order_and_overlap(backend: str) -> None:
    decode = make(backend, separator="|", hotwords={"in the": 2.0, "the": 1.0, "the inn": 4.0})
    assert decode(frames("in|the|in-n")).best.parts["hotwords"] == 7.0
    assert decode(frames("then|in")).best.parts["hotwords"] == 0.0
    assert decode(frames("|-the-|")).best.parts["hotwords"] == 1.0


def test_hotwords_join_the_lexicon(backend: str) -> None:
    lexicon = Lexicon.from_counts({"the": 1.0})
    decode = make(backend, separator="|", lexicon=lexicon, constrain=True, hotwords=["Sorbo"])
    with pytest.raises(ConfigError, match="cannot be spelled"):
        make(backend, separator="|", hotwords=["x-ray"])
    best = decode(frames("the|sorbo")).best
    assert best.text == "the Sorbo"
    assert best.parts["hotwords"] == beam.Options().hotword_score


def test_a_negative_weight_keeps_a_word_out(backend: str) -> None:
    values = mixed(("the|cat", 0.6), ("the|hat", 0.4))
    assert make(backend, separator="|")(values).best.text == "the cat"
    decode = make(backend, separator="|", hotwords={"cat": -3.0})
    assert decode(values).best.text == "the hat"


def test_stream_shows_its_partial_text(backend: str) -> None:
    stream = make(backend, separator="|").stream()
    assert stream.partial() == ""
    assert stream.finish().candidates == ()
    stream.push(frames("the|wo"))
    assert stream.partial() == "the wo"
    stream.push(frames("rd|"))
    assert stream.partial() == "the word"
    before = stream.finish()
    assert stream.finish() == before
    stream.push(frames("s"))
    assert stream.finish().best.text == "the word s"


def test_a_refused_chunk_leaves_the_stream_as_it_was(backend: str) -> None:
    stream = make(backend, separator="|").stream()
    stream.push(frames("the"))
    bad = frames("cat")
    bad[1, 2] = np.nan
    with pytest.raises(InputError, match="frame 1"):
        stream.push(bad)
    assert stream.finish().best.text == "the"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((0, len(SYMBOLS))), "empty"),
        (np.zeros((3, 4)), "bad_shape|wrong_vocabulary"),
        (np.zeros((3, len(SYMBOLS))), "not_log_probs"),
        (np.full((3, len(SYMBOLS)), np.nan), "not_finite"),
        ("text", "bad_shape"),
    ],
)
def test_bad_input_is_refused(backend: str, values: object, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        make(backend, separator="|")(values)
    assert caught.value.reason in reason.split("|")
    with pytest.raises(ConfigError, match="nbest"):
        make(backend, separator="|")(frames("a"), nbest=0)


def test_impossible_frames_hold_no_text(backend: str) -> None:
    lexicon = Lexicon.from_counts({"the": 1.0})
    values = np.full((2, len(SYMBOLS)), -np.inf)
    values[:, SYMBOLS.index("o")] = 0.0
    decode = make(backend, separator="|", lexicon=lexicon, constrain=True)
    assert decode(values).candidates == ()
    stream = decode.stream()
    stream.push(values)
    stream.push(frames("the"))
    assert stream.partial() == ""
    assert stream.finish().candidates == ()


def test_a_model_that_forbids_a_word_is_obeyed(backend: str) -> None:
    model = Pairs(s_cat=-math.inf, s_hat=-1.0)
    decode = make(backend, separator="|", language_model=model, lm_weight=1.0)
    assert decode(mixed(("cat|", 0.9), ("hat|", 0.1))).best.text == "hat"
    assert decode(mixed(("cat", 0.9), ("hat", 0.1))).best.text == "hat"


def test_the_callers_array_is_left_alone_and_may_have_any_layout(backend: str) -> None:
    decode = make(backend, separator="|")
    values = np.asfortranarray(frames("the|cat").astype(np.float32))
    kept = values.copy()
    assert decode(values).best.text == "the cat"
    assert decode(np.repeat(values, 2, axis=0)[::2]).best.text == "the cat"
    assert np.array_equal(values, kept)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"beam_size": 0}, "beam_size is 0"),
        ({"beam_threshold": 0.0}, "None for off"),
        ({"beam_threshold": math.nan}, "None for off"),
        ({"token_threshold": 0.1}, "None for off"),
        ({"lm_weight": -1.0}, "lm_weight"),
        ({"word_score": math.inf}, "word_score"),
    ],
)
def test_bad_options_are_refused(given: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        beam.Options(**given)


def test_what_cannot_be_honoured_is_refused() -> None:
    with pytest.raises(ConfigError, match="is no token"):
        make("numpy", separator=" ")
    with pytest.raises(ConfigError, match="is no token"):
        make("numpy", separator="-")
    with pytest.raises(ConfigError, match="needs one"):
        make("numpy", separator="|", constrain=True)
    with pytest.raises(ConfigError, match="none of the 1 words"):
        make("numpy", lexicon=Lexicon.from_counts({"xyz": 1.0}))
    with pytest.raises(ConfigError, match="a sequence of texts"):
        make("numpy", hotwords="cat")
    for weight in (math.nan, 1e308, -701.0, None, "3"):
        with pytest.raises(ConfigError, match=r"weight of hotword 'cat' is .* -700 to 700 nats"):
            make("numpy", hotwords={"cat": weight})
    with pytest.raises(ConfigError, match="a hotword is 3, expected a text"):
        make("numpy", hotwords=[3])
    with pytest.raises(UnknownNameError, match="native"):
        make("natve")


def test_by_name_and_with_a_dict_lexicon() -> None:
    decode = edgectc.make_decoder(
        "beam", tokens=SYMBOLS, blank_id=0, separator="|", lexicon={"the": -1.0, "cat": -2.0},
        language_model=Pairs(), hotwords=["cat"], constrain=True,
    )  # fmt: skip
    assert decode(frames("the|cat")).best.text == "the cat"
    with pytest.raises(ConfigError, match="takes no hotwords"):
        edgectc.make_decoder("greedy", tokens=SYMBOLS, blank_id=0, hotwords=["cat"])
    assert "beam" in registry.names("decoders")


def test_positive_lexicon_weights_are_searched_right(backend: str) -> None:
    lexicon = Lexicon(("cat", "hat"), np.array([1.0, 9.0]))
    decode = make(backend, separator="|", lexicon=lexicon, lm_weight=1.0, beam_threshold=3.0)
    assert decode(mixed(("cat|", 0.9), ("hat|", 0.1))).best.text == "hat"


def test_trie() -> None:
    rng = np.random.default_rng(0)
    words = {tuple(rng.integers(0, 4, rng.integers(1, 6)).tolist()) for _ in range(80)}
    rows = sorted(words, key=lambda w: rng.random())
    trie = Trie.build(rows)
    assert [trie.find(word) for word in rows] == list(range(len(rows)))
    assert trie.find((9,)) == trie.find(()) == -1
    assert len(trie.token) == 1 + len({w[:i] for w in words for i in range(1, len(w) + 1)})
    assert Trie.build([]).find((1,)) == -1


@pytest.mark.parametrize(
    "rows",
    [
        [[-1e300, -1e300, 0.0]],
        [[-1e10, -2e10, 0.0], [-1e10, -2e10, 0.0]],
        [[0.0, -1e307, -1e307]] * 30,
        [[-1e10, 0.0, -2e10]] * 3,
    ],
)
def test_ranks_of_any_size(rows: list[list[float]]) -> None:
    found = []
    for backend in ("numpy", "native"):
        if backend == "native" and compiled.library() is None:
            continue
        decode = make(
            backend, tokens=Tokens(("a", "b", "-"), 2), beam_threshold=None, token_threshold=None
        )
        found.append([(h.text, h.score) for h in decode(np.array(rows), nbest=3)])
    assert found[0] == found[-1]
    by_rank = {text: score for text, score in found[0]}
    for text, row in zip("ab", rows[0], strict=False):
        if row == 0.0:
            assert next(iter(by_rank)) == text
            assert by_rank[text] == 0.0
