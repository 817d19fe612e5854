"""Packed lexicon files that were damaged: refused with one line, or decoded within their arrays."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search import compiled
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import pack

TOKENS = Tokens((*"abcdefg", "<blank>"), 7)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    rng = np.random.default_rng(0)
    words = {"".join(rng.choice(list("abcdefg"), rng.integers(1, 7))) for _ in range(60)}
    path = tmp_path_factory.mktemp("packed") / "good.trie"
    counts = {word: float(n + 1) for n, word in enumerate(sorted(words | {"b'ad"}))}
    lexicon_file.write(pack(Lexicon.from_counts(counts), frozenset("abcdefg")), path)
    return path.read_bytes()


def test_truncated_at_every_length(good, tmp_path):
    path = tmp_path / "x.trie"
    for size in range(0, len(good), 7):
        path.write_bytes(good[:size])
        with pytest.raises(ConfigError):
            lexicon_file.read(path)
    path.write_bytes(good + b"x")
    with pytest.raises(ConfigError, match="follow its last array"):
        lexicon_file.read(path)


@pytest.mark.parametrize("seed", range(400))
def test_one_changed_byte_never_leaves_the_arrays(good, tmp_path, seed):
    rng = np.random.default_rng(seed)
    data = bytearray(good)
    data[rng.integers(len(data))] ^= int(rng.integers(1, 256))
    path = tmp_path / "x.trie"
    path.write_bytes(bytes(data))
    logits = rng.normal(0.0, 2.0, (9, len(TOKENS)))
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    try:
        read = lexicon_file.read(path)
        decoded = lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=read)(log_probs)
    except ConfigError:
        return
    # Another letter, word or frequency makes a valid lexicon, which only its hash can tell.
    assert all(isinstance(candidate.text, str) for candidate in decoded)


FIRST = Path(__file__).parents[1] / "compat" / "files-1" / "words.trie"


@pytest.mark.skipif(compiled.library() is None, reason="needs the compiled search")
@pytest.mark.parametrize("version", [1, 2])
def test_the_engine_refuses_damage_by_itself(good, version):
    """Hosts without Python hand files over as they are; sanitizers run over this, too."""
    c, rng = compiled.library(), np.random.default_rng(version)
    data, outcomes = good if version == 2 else FIRST.read_bytes(), Counter()
    for case in range(400):
        held = np.zeros(len(data) // 8 + 1, np.uint64).view(np.uint8)[: len(data)]
        held[:] = np.frombuffer(data, np.uint8)
        start = 16 + int.from_bytes(data[8:16], "little")
        for place in rng.integers(start if case % 4 else 0, len(data), 1 + case % 3):
            held[place] ^= rng.integers(1, 256, dtype=np.uint8)
        size = len(data) if case % 5 else int(rng.integers(len(data)))
        engine = c.edgectc_engine_new()
        status = c.edgectc_engine_lexicon(engine, held.ctypes.data, size)
        outcomes[status] += 1
        if status < 0:
            assert b"lexicon" in c.edgectc_engine_error(engine)
        else:
            columns = np.array([*map(ord, "abcdefghijklmnopqrstuvwxyz"), -1], np.int32)
            c.edgectc_engine_columns(engine, columns.ctypes.data, None, 27, 0.0, 0.0)
            table = np.log(rng.dirichlet(np.full(27, 0.3), 6))
            c.edgectc_engine_search_double(engine, table.ctypes.data, 6, 5, case % 2)
        c.edgectc_engine_free(engine)
    assert set(outcomes) == {0, -2}
    assert outcomes[-2] > 100


@pytest.mark.parametrize(
    ("unsaid", "right"),
    [
        ('["ab", "g"]', True),
        ("[]", True),
        ('["ax"]', False),
        ('[""]', False),
        ('["ab"', False),
        ('"ab"', False),
        ("[1]", False),
        ('["' + "a" * 256 + '"]', False),
        ('["ab"], "unsaid": ["a"]', False),
    ],
)
def test_what_is_unsaid_is_of_the_letters(good, tmp_path, unsaid, right):
    size = int.from_bytes(good[8:16], "little")
    head, before = good[16 : 16 + size].decode(), 16 + size + -(16 + size) % 8
    head = head[:-1] + f', "unsaid": {unsaid}}}'
    made = bytearray(good[:8] + len(head).to_bytes(8, "little") + head.encode())
    made += b"\0" * (-len(made) % 8) + good[before:]
    (tmp_path / "words.trie").write_bytes(made)
    c = compiled.library()
    if c is not None:
        held = np.zeros(len(made) // 8 + 1, np.uint64).view(np.uint8)[: len(made)]
        held[:] = np.frombuffer(bytes(made), np.uint8)
        engine = c.edgectc_engine_new()
        status = c.edgectc_engine_lexicon(engine, held.ctypes.data, len(made))
        assert status == (0 if right else -2)
        c.edgectc_engine_free(engine)
    if right:
        read = lexicon_file.read(tmp_path / "words.trie")
        assert read.words == lexicon_file.read(tmp_path / "words.trie").words
        assert read.unsaid == frozenset(json.loads(unsaid))
    elif len(unsaid) < 200 and "], " not in unsaid:
        with pytest.raises(ConfigError):
            lexicon_file.read(tmp_path / "words.trie")


def test_no_such_file_and_no_lexicon(tmp_path):
    with pytest.raises(ConfigError):
        lexicon_file.read(tmp_path / "none.trie")
    (tmp_path / "x.trie").write_bytes(b"edgelex1" + b"\xff" * 8)
    with pytest.raises(ConfigError, match="header is cut off"):
        lexicon_file.read(tmp_path / "x.trie")
    (tmp_path / "x.trie").write_bytes(b"edgelex3" + b"\xff" * 8)
    with pytest.raises(ConfigError, match=r"version 3, this edgectc reads version 2; upgrade"):
        lexicon_file.read(tmp_path / "x.trie")
