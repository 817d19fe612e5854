"""Token tables of any kind: all decoders read and write the same words by them."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import beam, lexicon
from edgectc.decoding.search import compiled
from edgectc.decoding.search.pieces import Segmenter
from edgectc.language.lexicon import Lexicon

MARKED = ("<blank>", "<unk>", "▁the", "▁c", "at", "▁s", "c", "a", "t", "▁", "s")
WORDS = {"the": -1.0, "cat": -2.0, "sat": -3.0, "it's": -3.0, "its": -3.0, "mp3": -5.0,
         "mp4": -5.0, "ship": -6.0, "sip": -4.0}  # fmt: skip


@pytest.fixture(params=["numpy", "native"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "native" and not compiled.LIBRARY.exists():
        pytest.skip("the compiled search was not built here (no C compiler at install time)")
    return str(request.param)


def frames(symbols: tuple[str, ...], path, sure: float = 0.97, blank: int = 0) -> np.ndarray:
    """Frames that say each symbol of ``path``, with a blank between two that are the same."""
    ids: list[int] = []
    for symbol in path:
        i = symbols.index(symbol)
        ids += [blank, i] if ids[-1:] == [i] else [i]
    table = np.full((len(ids), len(symbols)), (1 - sure) / (len(symbols) - 1))
    table[np.arange(len(ids)), ids] = sure
    return np.log(table)


def by_frequency(words: dict[str, float]) -> Lexicon:
    return Lexicon(tuple(words), np.array(list(words.values())))


class Noted:
    """A language model that notes what it is asked."""

    order = 2

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def start(self, context=()):
        return "<s>"

    def score(self, state, word):
        self.asked.append((state, word))
        return -0.1 * len(word) - (0.3 if state < word else 0.0), word

    def finish(self, state):
        return -0.05 * len(state)


# ---- what is hand-written ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbols", "path", "text"),
    [
        (MARKED, ["▁the", "▁c", "at", "▁s", "at"], "the cat sat"),
        (MARKED, ["▁the", "▁", "c", "at", "<unk>", "▁s", "a", "t"], "the cat sat"),
        (("<pad>", "<s>", "</s>", "<unk>", "|", *"THECA"), "THE|CAT", "THE CAT"),
        (("_", "Ġthe", "Ġcaf", "Ã©", "Ġ", "s"), ["Ġthe", "Ġcaf", "Ã©", "s"], "the cafés"),
        (("_", "the", "##re", "c", "##at"), ["the", "##re", "c", "##at"], "there cat"),
        (("_", "the</w>", "c", "at</w>"), ["the</w>", "c", "at</w>"], "the cat"),
        (("_", "the", "c@@", "at"), ["the", "c@@", "at"], "the cat"),
        (("_", "▁a", "<0xE2>", "<0x82>", "<0xAC>"), ["▁a", "<0xE2>", "<0x82>", "<0xAC>"], "a€"),
        (("_", *"abc", "<space>"), ["a", "b", "<space>", "c"], "ab c"),
        (("_", *"aship", "sh", " "), ["a", " ", "sh", "i", "p"], "a ship"),
    ],
)
def test_texts_have_spaces_where_the_words_are(backend: str, symbols, path, text: str) -> None:
    values = frames(symbols, path)
    tokens = Tokens(symbols, 0)
    assert tokens.decode([symbols.index(s) for s in path]) == text
    assert edgectc.make_decoder("greedy", tokens=symbols, blank_id=0)(values).best.text == text
    decode = beam.create(beam.Options(), tokens=tokens, backend=backend)
    assert decode(values).best.text == text
    stream = decode.stream()
    for row in values:
        stream.push(row[None])
    assert stream.finish().best == decode(values).best
    assert stream.partial() == text


def test_a_separator_of_the_table_is_a_space_in_greedy_texts() -> None:
    symbols = ("-", *"THECA", "*")
    values = frames(symbols, "*THE*CAT*")
    assert edgectc.make_decoder("greedy", tokens=symbols, blank_id=0)(values).best.text != "THE CAT"
    decode = edgectc.make_decoder("greedy", tokens=symbols, blank_id=0, separator="*")
    assert decode(values).best.text == "THE CAT"
    with pytest.raises(ConfigError, match="no token"):
        edgectc.make_decoder("greedy", tokens=symbols, blank_id=0, separator="~")


def test_the_language_model_is_asked_for_words_where_the_next_one_begins(backend: str) -> None:
    model = Noted()
    decode = beam.create(beam.Options(beam_size=4, beam_threshold=2.0), tokens=Tokens(MARKED, 0),
                         language_model=model, backend=backend)  # fmt: skip
    stream = decode.stream()
    stream.push(frames(MARKED, ["▁the", "▁c", "at"]))
    assert model.asked == [("<s>", "the")]
    stream.push(frames(MARKED, ["▁s", "at"]))
    assert stream.finish().best.text == "the cat sat"
    assert model.asked == [("<s>", "the"), ("the", "cat"), ("cat", "sat")]


@pytest.mark.parametrize("path", [["▁the", "▁c", "at"], ["▁the", "▁", "c", "a", "t"]])
def test_a_hotword_is_found_in_whatever_pieces(backend: str, path) -> None:
    values = frames(MARKED, path)
    decode = beam.create(beam.Options(), tokens=Tokens(MARKED, 0), hotwords={"cat": 3.0},
                         backend=backend)  # fmt: skip
    assert decode(values).best.parts["hotwords"] == 3.0
    phrase = beam.create(beam.Options(), tokens=Tokens(MARKED, 0), hotwords={"the cat": 2.0},
                         backend=backend)  # fmt: skip
    assert phrase(values).best.parts["hotwords"] == 2.0
    other = beam.create(beam.Options(), tokens=Tokens(MARKED, 0), hotwords={"at": 3.0},
                        backend=backend)  # fmt: skip
    assert other(values).best.parts["hotwords"] == 0.0  # no word of its own there


def test_a_hotword_that_pieces_cannot_write_is_refused(backend: str) -> None:
    with pytest.raises(ConfigError, match="'dog' cannot be spelled"):
        beam.create(beam.Options(), tokens=Tokens(MARKED, 0), hotwords=["dog"], backend=backend)


def test_words_of_a_lexicon_are_kept_to_and_shown_as_it_writes_them(backend: str) -> None:
    decode = beam.create(
        beam.Options(constrain=True), tokens=Tokens(MARKED, 0), backend=backend,
        lexicon=by_frequency({"The": -1.0, "Cat": -2.0}),
    )  # fmt: skip
    assert decode(frames(MARKED, ["▁the", "▁s", "at", "▁c", "at"])).best.text.split()[0] == "The"
    assert decode(frames(MARKED, ["▁the", "▁c", "a", "t"])).best.text == "The Cat"


def test_spans_of_words_in_pieces(backend: str) -> None:
    path = ["▁the", "▁", "c", "at", "<unk>", "▁s", "a", "t"]
    values = frames(MARKED, path)
    decode = beam.create(beam.Options(), tokens=Tokens(MARKED, 0), backend=backend)
    greedy = edgectc.make_decoder("greedy", tokens=MARKED, blank_id=0)
    for found in (decode(values, spans=True).best, greedy(values, spans=True).best):
        words = [(word.text, word.start, word.end) for word in found.words]
        assert words == [("the", 0, 1), ("cat", 1, 4), ("sat", 5, 8)]
        assert all(word.confidence > 0.8 for word in found.words)
    word = lexicon.create(lexicon.Options(), tokens=Tokens(MARKED, 0), backend=backend,
                          lexicon=by_frequency({"cat": -2.0}))  # fmt: skip
    (span,) = word(frames(MARKED, ["▁c", "a", "t"]), spans=True).best.words
    assert (span.text, span.start, span.end) == ("cat", 0, 3)
    assert span.confidence > 0.8


TABLE = ("<blank>", *"abcdefghijklmnopqrstuvwxyz", "'", "-", *"0123456789", " ", "sh")


@pytest.mark.parametrize(
    ("path", "word"),
    [("it's", "it's"), ("its", "its"), ("mp3", "mp3"), (["sh", "i", "p"], "ship"),
     ("ship", "ship"), ("mp4", "mp4")],
)  # fmt: skip
def test_the_lexicon_decoder_spells_as_written(backend: str, path, word: str) -> None:
    decode = lexicon.create(lexicon.Options(), tokens=Tokens(TABLE, 0), backend=backend,
                            lexicon=by_frequency(WORDS))  # fmt: skip
    found = decode(frames(TABLE, path), nbest=3)
    assert (found.best.text, found.best.exact) == (word, True)
    assert len({one.text for one in found}) == 3  # each word once, by whatever spelling
    assert found.best.parts["lexicon"] == WORDS[word]
    expected = WORDS[word] + len(path) * math.log(0.97)
    assert found.best.score == pytest.approx(expected, abs=0.01)


def test_the_lexicon_decoder_writes_words_in_pieces(backend: str) -> None:
    decode = lexicon.create(lexicon.Options(), tokens=Tokens(MARKED, 0), backend=backend,
                            lexicon=by_frequency({"the": -1.0, "cat": -2.0}))  # fmt: skip
    for path in (["▁c", "at"], ["▁c", "a", "t"], ["▁", "c", "at"], ["▁", "c", "<unk>", "a", "t"]):
        found = decode(frames(MARKED, path)).best
        assert (found.text, found.exact) == ("cat", True)


def test_free_spelling_writes_what_the_tokens_write(backend: str) -> None:
    options = lexicon.Options(unknown_score=-5.0, unknown_letter_score=-1.0)
    decode = lexicon.create(options, tokens=Tokens(TABLE, 0), backend=backend,
                            lexicon=by_frequency({"zebra": -1.0}))  # fmt: skip
    assert decode(frames(TABLE, ["sh", "e"])).best.text == "she"


def test_a_table_that_cannot_write_a_word_says_which(backend: str) -> None:
    with pytest.raises(ConfigError, match="not even 'dog'"):
        lexicon.create(lexicon.Options(), tokens=Tokens(MARKED, 0), backend=backend,
                       lexicon=by_frequency({"dog": -1.0}))  # fmt: skip


# ---- the textbook: every path, one by one --------------------------------------------------------

STYLES = {
    "marked": ("-", "▁a", "▁b", "a", "▁"),
    "marked only": ("-", "▁a", "▁ab", "b", "<unk>"),
    "goes on": ("-", "a", "##a", "b", "##b"),
    "end": ("-", "a", "a</w>", "b</w>", "ab"),
    "joined": ("-", "a@@", "a", "b", "b@@"),
    "letters": ("-", "a", "b", "ab", "|"),
}


def read(symbols: list[str], style: str) -> str:
    """Return the text of symbols, by the rule that the maker of such tables gives."""
    symbols = [s for s in symbols if s != "<unk>"]
    if style.startswith("marked"):
        text = "".join(symbols).replace("▁", " ")
    elif style == "goes on":
        text = " ".join(symbols).replace(" ##", "").replace("##", "")
    elif style == "end":
        text = "".join(symbols).replace("</w>", " ")
    elif style == "joined":
        text = (" ".join(symbols) + " ").replace("@@ ", "")
    else:
        text = "".join(symbols).replace("|", " ")
    return " ".join(text.split())


def textbook(values, symbols, style: str, model: Noted | None, options: beam.Options):
    """Return (score, text) of every text, best first, by the sum over all V ** T paths."""
    sums: dict[str, float] = {}
    for path in itertools.product(range(len(symbols)), repeat=len(values)):
        # A special token counts as blank.
        plain = [0 if symbols[i] == "<unk>" else i for i in path]
        kept = [i for i, before in zip(plain, [0, *plain], strict=False) if i not in (before, 0)]
        text = read([symbols[i] for i in kept], style)
        log_prob = sum(float(values[t, i]) for t, i in enumerate(path))
        sums[text] = np.logaddexp(sums.get(text, -math.inf), log_prob)
    scored = []
    for text, log_prob in sums.items():
        state, lm = "<s>", 0.0
        for word in text.split():
            more, state = model.score(state, word) if model else (0.0, state)
            lm += more
        lm += model.finish(state) if model else 0.0
        score = log_prob + options.lm_weight * lm + options.word_score * len(text.split())
        scored.append((score, text))
    return sorted(scored, reverse=True)


@pytest.mark.parametrize("with_model", [False, True])
@pytest.mark.parametrize("style", STYLES)
def test_a_full_beam_finds_what_the_textbook_finds(
    backend: str, style: str, with_model: bool
) -> None:
    rng = np.random.default_rng(7)
    symbols = STYLES[style]
    options = beam.Options(
        beam_size=100_000, beam_threshold=None, token_threshold=None, lm_weight=0.7,
        word_score=-0.2, separator="|" if "|" in symbols else None,
    )  # fmt: skip
    for _ in range(12):
        values = np.log(rng.dirichlet(np.full(len(symbols), 0.5), size=5))
        model = Noted() if with_model else None
        # With a lexicon of one word more, so that tokens of several letters meet its tree.
        words = by_frequency({"zz": -9.0, "ab": -1.0}) if style == "letters" else None
        chosen = options
        if style == "letters":
            chosen = beam.Options(**{**vars(options), "unknown_score": 0.0})
            if model is None:
                continue
            symbols_of = (*symbols, "z")
            values = np.log(rng.dirichlet(np.full(6, 0.5), size=4))
        else:
            symbols_of = symbols
        decode = beam.create(chosen, tokens=Tokens(symbols_of, 0), lexicon=words,
                             language_model=model, backend=backend)  # fmt: skip
        found = [(one.score, one.text) for one in decode(values, nbest=8)]
        expected = textbook(values, symbols_of, style, model, chosen)
        if expected[0][1] == "":
            assert found == []
            continue
        expected = [row for row in expected if row[1]][: len(found)]
        assert [text for _, text in found] == [text for _, text in expected]
        assert [score for score, _ in found] == pytest.approx([score for score, _ in expected])


@pytest.mark.parametrize("style", STYLES)
def test_both_searches_give_the_same_texts(style: str) -> None:
    if not compiled.LIBRARY.exists():
        pytest.skip("the compiled search was not built here (no C compiler at install time)")
    rng = np.random.default_rng(11)
    symbols = STYLES[style]
    options = beam.Options(beam_size=6, word_score=0.3, constrain=style == "end",
                           separator="|" if "|" in symbols else None)  # fmt: skip
    for trial in range(20):
        values = np.log(rng.dirichlet(np.full(len(symbols), 0.4), size=40))
        given = {
            "tokens": Tokens(symbols, 0),
            "lexicon": by_frequency({"ab": -1.0, "a": -2.0, "b": -2.5, "aab": -4.0}),
            "hotwords": {"a": 1.5, "a a": 2.0} if trial % 2 else {},
            "language_model": Noted() if trial % 3 else None,
        }
        one, other = (beam.create(options, backend=name, **given)(values)  # type: ignore[arg-type]
                      for name in ("numpy", "native"))  # fmt: skip
        assert [h.text for h in one] == [h.text for h in other]
        assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=1e-9)
        assert [h.timesteps for h in one] == [h.timesteps for h in other]


# ---- tokenizers as they are ----------------------------------------------------------------------

LINES = [
    "the quick brown fox jumps over the lazy dog", "she sells sea shells by the sea shore",
    "a café costs naïve people money", "it's a long way to the top of the mountain",
    "we were there before the others came back", "how much wood would a woodchuck chuck",
]  # fmt: skip


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def pieces_of(request: pytest.FixtureRequest):
    sentencepiece = pytest.importorskip("sentencepiece", reason="pip install sentencepiece")
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 20), model_writer=made, vocab_size=330, minloglevel=2,
        model_type=request.param, byte_fallback=True, character_coverage=0.98,
        hard_vocab_limit=False,
    )  # fmt: skip
    return sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())


def test_sentences_of_sentencepiece_come_back(pieces_of, backend: str) -> None:
    symbols = ("<blank>", *(pieces_of.id_to_piece(i) for i in range(pieces_of.get_piece_size())))
    words = by_frequency({word: -5.0 for line in LINES for word in line.split()})
    tokens = Tokens(symbols, 0)
    plain = beam.create(beam.Options(), tokens=tokens, backend=backend)
    closed = beam.create(beam.Options(constrain=True), tokens=tokens, lexicon=words,
                         backend=backend)  # fmt: skip
    for line in [*LINES, "the top dog"]:
        path = pieces_of.encode(line, out_type=str)
        values = frames(symbols, path)
        assert edgectc.make_decoder("greedy", tokens=symbols, blank_id=0)(values).best.text == line
        assert plain(values).best.text == line
        assert closed(values).best.text == line
    segmenter = Segmenter(tokens)
    for word in words.words:
        way = tuple(tokens.encode(pieces_of.encode(word, out_type=str)))
        assert way in segmenter.whole(word, 200)


def tokenizers_of_others() -> Iterator[tuple[str, object]]:
    tokenizers = pytest.importorskip("tokenizers", reason="pip install tokenizers")
    models, trainers = tokenizers.models, tokenizers.trainers
    splits, decoders = tokenizers.pre_tokenizers, tokenizers.decoders
    kinds = {
        "wordpiece": (models.WordPiece(unk_token="[UNK]"), splits.WhitespaceSplit(),
                      trainers.WordPieceTrainer(vocab_size=150, special_tokens=["[PAD]", "[UNK]"]),
                      decoders.WordPiece(cleanup=False)),
        "bytes": (models.BPE(), splits.ByteLevel(add_prefix_space=True),
                  trainers.BpeTrainer(vocab_size=330, special_tokens=["<pad>"],
                                      initial_alphabet=splits.ByteLevel.alphabet()),
                  decoders.ByteLevel()),
        "end of word": (models.BPE(end_of_word_suffix="</w>", unk_token="<unk>"),
                        splits.WhitespaceSplit(),
                        trainers.BpeTrainer(vocab_size=150, special_tokens=["<pad>", "<unk>"],
                                            end_of_word_suffix="</w>"),
                        decoders.BPEDecoder()),
    }  # fmt: skip
    for name, (model, split, trainer, decoder) in kinds.items():
        tokenizer = tokenizers.Tokenizer(model)
        tokenizer.pre_tokenizer, tokenizer.decoder = split, decoder
        tokenizer.train_from_iterator(LINES * 20, trainer)
        yield name, tokenizer


def test_sentences_of_tokenizers_come_back(backend: str, tmp_path) -> None:
    for name, tokenizer in tokenizers_of_others():
        tokenizer.save(str(tmp_path / "tokenizer.json"))  # type: ignore[attr-defined]
        table = edgectc.read_tokens(tmp_path / "tokenizer.json", blank=0)
        for line in LINES:
            said = tokenizer.encode(line)  # type: ignore[attr-defined]
            assert tokenizer.decode(said.ids).strip() == line, name  # type: ignore[attr-defined]
            values = frames(table.symbols, said.tokens)
            decode = beam.create(beam.Options(), tokens=table, backend=backend)
            assert decode(values).best.text == line, name
            greedy = edgectc.make_decoder("greedy", tokens=table)
            assert greedy(values).best.text == line, name
