"""What the decoders answer on signals one can read by eye, and what they refuse."""

import inspect
import math

import numpy as np
import pytest

import edgectc
from edgectc.core import config, registry
from edgectc.core.errors import ConfigError, InputError, MissingDependencyError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import greedy
from edgectc.decoding.decoders import lexicon as lexicon_decoder
from edgectc.language import lexicon_file, packed
from edgectc.language.lexicon import Lexicon
from edgectc.language.pronunciations import spoken

TOKENS = Tokens((*"abcdefghijklmnopqrstuvwxyz", "<unused:0>", "<blank>"), blank_id=27)


def emit(path, sure=0.9, tokens=TOKENS):
    """Log_probs of a path written with "-" for blank; the rest is spread over all tokens."""
    rows = np.full((len(path), len(tokens)), (1 - sure) / (len(tokens) - 1))
    for frame, symbol in enumerate(path):
        rows[frame, tokens.blank_id if symbol == "-" else tokens.ids[symbol]] = sure
    with np.errstate(divide="ignore"):
        return np.log(rows)


def decoder(words, tokens=TOKENS, **options):
    counts = words if isinstance(words, dict) else dict.fromkeys(words, 1)
    return lexicon_decoder.create(
        lexicon_decoder.Options(**options), tokens=tokens, lexicon=Lexicon.from_counts(counts)
    )


def create(preset, counts):
    words = Lexicon.from_counts(counts)
    if preset["type"] == "spoken":
        words = spoken(words, {word: list(word) for word in counts})
    return registry.create("decoders", preset, tokens=TOKENS, offered={"lexicon": words})


def texts(decoded):
    return [candidate.text for candidate in decoded.candidates]


def test_greedy_merges_repeats_and_removes_blanks():
    best = greedy.create(greedy.Options(), tokens=TOKENS)(emit("--hh-el-l-oo")).best
    assert best.text == "hello"
    assert best.timesteps == (2, 5, 6, 8, 10)
    assert best.score == pytest.approx(12 * math.log(0.9))
    assert best.probability == pytest.approx(0.9**12)


@pytest.mark.parametrize("name", ["greedy", "lexicon"])
def test_all_blank_is_no_word(name):
    made = registry.create(
        "decoders", {"type": name}, tokens=TOKENS, lexicon=Lexicon.from_counts({"a": 1})
    )
    decoded = made(emit("----", sure=1.0))
    assert decoded.candidates == ()
    assert (decoded.best.text, decoded.best.probability) == ("", 0.0)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("h-e-l-l-o", "hello"),
        ("h-e-ll--o", "helo"),
        ("t-o--", "to"),
        ("t-o-o", "too"),
        ("t-ooo", "to"),
        ("to-n-e", "tone"),
        ("--a--", "a"),
    ],
)
def test_doubles_prefixes_and_one_letter_words(path, expected):
    assert decoder(["hello", "helo", "to", "too", "tone", "a"])(emit(path)).best.text == expected


def test_parts_add_up_and_the_frequency_decides_between_equal_signals():
    decoded = decoder({"cat": 1, "cot": 9}, lm_weight=0.5, letter_score=0.25)(
        np.logaddexp(emit("c-a-t"), emit("c-o-t")) - math.log(2)
    )
    assert texts(decoded) == ["cot", "cat"]
    cot, cat = decoded.candidates
    assert cot.parts["ctc"] == pytest.approx(cat.parts["ctc"])
    assert cot.parts["lexicon"] == pytest.approx(math.log(0.9))
    assert cot.score == pytest.approx(cot.parts["ctc"] + 0.5 * math.log(0.9) + 0.75)
    assert cot.probability == pytest.approx(3 / 4)
    assert cot.exact


def test_every_word_of_the_same_letters_is_a_candidate():
    decoded = decoder({"its": 2, "it's": 3, "ITS": 1, "is": 4})(emit("i-t-s"))
    assert texts(decoded) == ["it's", "its", "ITS", "is"]
    shares = [one.parts["lexicon"] for one in decoded.candidates[:3]]
    assert shares == pytest.approx([math.log(0.3), math.log(0.2), math.log(0.1)])


def test_letters_the_tokens_lack_are_folded_or_the_word_is_left_out():
    made = decoder(["Café", "жук"])
    assert texts(made(emit("c-a-f-e"))) == ["Café"]
    with pytest.raises(ConfigError, match="none of the 1 words"):
        decoder(["жук"])


def test_a_word_longer_than_the_signal_is_absent():
    assert texts(decoder(["abc", "aa", "ab"])(emit("ab"))) == ["ab"]  # "aa" needs a blank between


def test_equal_scores_come_in_text_order():
    assert texts(decoder(["d", "b", "c", "a"])(emit("z"), nbest=3)) == ["a", "b", "c"]


def test_timesteps_are_where_each_letter_is_surest():
    rows = emit("--bbb-e-e--", sure=0.8)
    rows[3] = emit("b", sure=0.95)
    best = decoder(["bee"])(rows).best
    assert best.timesteps == (3, 6, 8)


def test_blank_padding_changes_nothing():
    made = decoder({"to": 5, "too": 2, "tone": 1})
    plain = emit("t-o-o")
    padded = np.concatenate([plain, emit("-" * 30, sure=1.0)])
    short, long = made(plain), made(padded)
    assert texts(short) == texts(long)
    for a, b in zip(short.candidates, long.candidates, strict=True):
        assert a.score == pytest.approx(b.score, abs=1e-9)
        assert a.timesteps == b.timesteps


def test_an_unlikely_word_never_changes_the_winner():
    words = {"to": 50, "too": 20, "two": 30}
    rows = emit("t-o-o", sure=0.6)
    before = decoder(words)(rows).best
    after = decoder({**words, "zebra": 1e-3})(rows).best
    assert after.text == before.text
    assert after.parts["ctc"] == pytest.approx(before.parts["ctc"], abs=1e-9)


def test_acoustic_scale_flattens():
    rows = emit("c-a-t", sure=0.999)
    sharp = decoder({"cat": 1, "cot": 99})(rows)
    flat = decoder({"cat": 1, "cot": 99}, acoustic_scale=0.2)(rows)
    assert (sharp.best.text, flat.best.text) == ("cat", "cot")


def test_long_garbage_still_finds_words():
    rows = np.full((256, len(TOKENS)), -math.log(len(TOKENS)))
    decoded = decoder(["a", "hello"])(rows)
    assert texts(decoded) == ["hello", "a"]  # more of the paths spell the longer word
    # Of 28**256 equal paths, "a" is spelled by one run of it: 256 * 257 / 2 ways.
    expected = math.log(256 * 257 / 2) - 256 * math.log(len(TOKENS))
    assert decoded.candidates[1].parts["ctc"] == pytest.approx(expected, abs=1e-9)


def test_a_frame_that_no_letter_can_take_is_no_word():
    rows = emit("a-b", sure=1.0)
    rows[1] = -np.inf
    rows[1, TOKENS.ids["<unused:0>"]] = 0.0
    assert decoder(["ab"])(rows).candidates == ()


def test_many_letters_and_wide_alphabets():
    symbols = tuple(chr(0x4E00 + i) for i in range(300))
    tokens = Tokens((*symbols, "<blank>"), blank_id=300)
    word = "".join(symbols[::3])
    assert decoder([word, word[:50]], tokens)(emit(word, tokens=tokens)).best.text == word


def test_the_input_is_left_as_it_is():
    rows = emit("t-o-o")
    kept = rows.copy()
    decoder(["to"], acoustic_scale=0.5)(rows)
    np.testing.assert_array_equal(rows, kept)


def _with(value):
    rows = emit("a-b")
    rows[1, 0] = value
    return rows


@pytest.mark.parametrize("name", ["greedy", "lexicon", "beam"])
@pytest.mark.parametrize(
    ("log_probs", "reason"),
    [
        (_with(math.nan), "not_finite"),
        (_with(math.inf), "not_finite"),
        (emit("a-b") * 2, "not_log_probs"),
        (np.exp(emit("a-b")), "not_log_probs"),
        (np.full((2, 28), -math.inf), "not_log_probs"),
        (emit("a-b")[:, 1:], "wrong_vocabulary"),
        (emit("a-b")[:0], "empty"),
        (emit("a-b")[None], "bad_shape"),
        ("a-b", "bad_shape"),
        ([[0.0], [0.0, 0.0]], "bad_shape"),
        (emit("a-b") + 0j, "bad_shape"),
        (emit("a-b").astype(object), "bad_shape"),
        (emit("a-b") > -1, "bad_shape"),
        (np.ma.masked_less(emit("a-b"), -5.0), "bad_shape"),
    ],
)
def test_bad_input_is_refused_with_its_reason(name, log_probs, reason):
    made = registry.create(
        "decoders", {"type": name}, tokens=TOKENS, lexicon=Lexicon.from_counts({"a": 1})
    )
    with pytest.raises(InputError) as caught:
        made(log_probs)
    assert caught.value.reason == reason


@pytest.mark.parametrize("context", [[3], 3, [None], {"see": 1}])
def test_a_context_that_is_no_text_and_no_words_is_refused(context):
    for name in ("lexicon", "beam"):
        made = create({"type": name}, {"a": 1})
        with pytest.raises(InputError, match="expected a text or its words") as caught:
            made(emit("a-b"), context=context)
        assert caught.value.reason == "bad_context"


def test_logits_get_a_hint():
    with pytest.raises(InputError, match="did you forget log_softmax"):
        greedy.create(greedy.Options(), tokens=TOKENS)(np.zeros((2, 28)))


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", ["greedy", "lexicon", "beam"])
def test_probabilities_are_told_to_be_logarithms(name, normalize):
    """As scores they would be flattened: softmax of 0.97 and 0.03 is 0.72 and 0.28."""
    made, log_probs = create({"type": name}, {"ab": 1}), emit("ab")
    with pytest.raises(InputError, match=r"np\.log\(probabilities\)") as caught:
        made(np.exp(log_probs), normalize=normalize)
    assert caught.value.reason == "not_log_probs"
    assert made(np.log(np.exp(log_probs))).best.text == "ab"
    made(np.exp(log_probs[:1]), normalize=True)  # scores of one frame may sum to 1 by chance


@pytest.mark.parametrize("name", ["greedy", "lexicon", "beam", "template"])
def test_nbest_is_at_least_one_everywhere(name, shipped):
    made = create({"type": name}, {"a": 1})
    rec, expected = edgectc.load(shipped, runner="onnx"), r"nbest is 0, expected 1 to 100000"
    for call in (
        lambda: made(emit("a"), nbest=0),
        lambda: edgectc.decode_batch(made, [emit("a")], nbest=0),
        lambda: edgectc.decode_batch(made, [], nbest=0),
        lambda: rec(np.array([[0.1, 0.1, 0.0], [0.5, 0.5, 300.0]]), nbest=0, decoder=name),
    ):
        with pytest.raises(ConfigError, match=expected):
            call()


@pytest.mark.parametrize("name", registry.names("decoders"))
def test_every_decoder_says_what_it_uses_and_takes(name):
    module = registry.module("decoders", name)
    taken = set(inspect.signature(module.create).parameters) - {"options", "tokens", "backend"}
    assert module.USES <= taken
    try:
        made = create({"type": name}, {"a": 1})
    except MissingDependencyError:
        pytest.skip(f"{name} needs a package")
    keywords = set(inspect.signature(type(made).__call__).parameters)
    assert made.takes <= keywords & {"context", "normalize", "partial", "spans", "trace"}


def test_the_old_name_of_partial_works_and_is_said_once(caplog):
    made = create({"type": "lexicon"}, {"ab": 1})
    config.say_renamed.cache_clear()
    for _ in range(2):
        assert made(emit("a"), unfinished=True) == made(emit("a"), partial=True)
    said = [r.message for r in caplog.records]
    assert len(said) == 1
    assert "partial" in said[0]


def test_an_old_name_beside_the_new_one_may_not_deny_it():
    made = create({"type": "lexicon"}, {"ab": 1})
    assert made(emit("a"), partial=True, unfinished=True) == made(emit("a"), partial=True)
    with pytest.raises(ConfigError, match="give partial alone"):
        made(emit("a"), partial=True, unfinished=False)
    same = {"type": "lexicon", "weighed": 4, "rescore_size": 4}
    assert registry.complete("decoders", same)["rescore_size"] == 4
    for names in (("weighed", "rescore_size"), ("rescore_size", "weighed")):
        spec = {"type": "lexicon", **dict(zip(names, (4, 5), strict=True))}
        for read in (registry.complete, registry.current):
            with pytest.raises(ConfigError, match=r"rescore_size is given as .*, with two values"):
                read("decoders", spec)
        with pytest.raises(ConfigError, match="give rescore_size alone"):
            create(spec, {"ab": 1})


@pytest.mark.parametrize("name", registry.names("decoders"))
def test_nbest_is_a_whole_number_everywhere(name):
    try:
        made = create({"type": name}, {"a": 1})
    except MissingDependencyError:
        pytest.skip(f"{name} needs a package")
    with pytest.raises(ConfigError, match=r"nbest is 2\.0, expected a whole number"):
        made(emit("a"), nbest=2.0)
    with pytest.raises(ConfigError, match="expected a whole number"):
        edgectc.decode_batch(made, [emit("a")], nbest="2")


@pytest.mark.parametrize(
    "options",
    [
        {"lm_weight": -0.1},
        {"lm_weight": math.nan},
        {"letter_score": math.inf},
        {"acoustic_scale": 0.0},
        {"acoustic_scale": math.inf},
        {"margin": 0.0},
        {"margin": math.inf},
        {"lm_wieght": 1.0},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ConfigError):
        registry.create(
            "decoders",
            {"type": "lexicon", **options},
            tokens=TOKENS,
            lexicon=Lexicon.from_counts({"a": 1}),
        )


def test_no_lexicon_is_refused():
    with pytest.raises(ConfigError, match="needs a lexicon"):
        lexicon_decoder.create(lexicon_decoder.Options(), tokens=TOKENS, lexicon=None)


@pytest.mark.parametrize("name", ["words.tsv", "words.tsv.gz", "words.trie"])
def test_a_lexicon_may_be_a_file(tmp_path, name):
    words = {"cab": -1.0, "abba": -2.0, "ace": -3.0}
    lexicon = Lexicon(tuple(words), np.array([*words.values()]))
    if name.endswith(".trie"):
        lexicon = packed.pack(lexicon, set("abcde"))
    lexicon_file.write(lexicon, tmp_path / name)
    symbols = {"tokens": ["-", *"abcde"], "blank_id": 0}
    log_probs = emit("a-cc-e", tokens=Tokens(("-", *"abcde"), blank_id=0))
    expected = edgectc.make_decoder("lexicon", lexicon=words, **symbols)(log_probs, nbest=3)
    for given in (tmp_path / name, str(tmp_path / name), lexicon):
        found = edgectc.make_decoder("lexicon", lexicon=given, **symbols)(log_probs, nbest=3)
        assert (
            [one.text for one in found] == [one.text for one in expected] == ["ace", "cab", "abba"]
        )
        # A packed lexicon stores a weight in 16 bits.
        assert [one.score for one in found] == pytest.approx([o.score for o in expected], abs=1e-3)


def test_a_lexicon_that_is_no_file_is_refused_by_name(tmp_path):
    symbols = {"tokens": ["-", *"abcde"], "blank_id": 0}
    (tmp_path / "notes.txt").write_text("cab\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"nowhere\.trie"):
        edgectc.make_decoder("lexicon", lexicon=tmp_path / "nowhere.trie", **symbols)
    with pytest.raises(ConfigError, match=r"notes\.txt:1: .*lexicon build"):
        edgectc.make_decoder("lexicon", lexicon=tmp_path / "notes.txt", **symbols)
    with pytest.raises(ConfigError, match="lexicon is 3, expected a path or a mapping"):
        edgectc.make_decoder("lexicon", lexicon=3, **symbols)
