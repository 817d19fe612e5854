"""Text becomes a context by the one rule of docs/host_contract.md, in Python and in C."""

from __future__ import annotations

import ctypes
import json
import random
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from edgectc.core.types import Swipe
from edgectc.decoding.search import compiled
from edgectc.evaluation.accuracy import with_context
from edgectc.language import builder
from edgectc.language.ngram.text import context_of, sentences

ROOT = Path(__file__).parents[2]
GOLDEN: list[dict[str, Any]] = json.loads((ROOT / "tests/golden/context.json").read_bytes())[
    "texts"
]
# What matters to the rule, and a good part of everything else.
_POOL = (
    "..!?…;:,-_'’‘\"”»)]({ \u00a0\n\t\u2028aAbÉß1२ςΣτकक्षि\u200d\u200c।。؟\u00ad\u200f\u02bc"
    + " " * 8
)


def in_c(text: str, *, whole: bool = True) -> list[str]:
    """Return the context that the C library makes of a text."""
    loaded, data = compiled.library(), unicodedata.normalize("NFC", text).encode()
    if loaded is None:
        pytest.skip("the compiled search was not built")
    room = loaded.edgectc_context(data, whole, None, 0)
    out = ctypes.create_string_buffer(b"\xff" * (room + 1), room + 1)
    assert loaded.edgectc_context(data, whole, out, room) == room
    assert out.raw[room - 1 :] == b"\0\xff"  # what it says is what it writes
    assert loaded.edgectc_context(data, whole, out, room - 1) == room
    assert out.raw[0] == 0  # too little room: nothing, and no word cut in two
    loaded.edgectc_context(data, whole, out, room)
    return out.value.decode().split("\n") if out.value else []


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_the_rule_as_it_is_stated(case: dict[str, Any]) -> None:
    assert context_of(case["text"], whole=case["whole"]) == case["words"]
    decomposed = unicodedata.normalize("NFD", case["text"])
    assert context_of(decomposed, whole=case["whole"]) == case["words"]
    assert in_c(case["text"], whole=case["whole"]) == case["words"]


def test_c_and_python_agree_on_any_text() -> None:
    rng = random.Random(5)
    plain = [c for c in map(chr, range(1, 0x20000)) if unicodedata.category(c) not in ("Cn", "Cs")]
    # A mark may change place or be joined when what stood before it is rewritten.
    plain = [c for c in plain if not unicodedata.category(c).startswith("M")]
    for _ in range(20_000):
        text = "".join(
            rng.choice(rng.choice((_POOL, _POOL, plain))) for _ in range(rng.randrange(14))
        )
        text = unicodedata.normalize("NFC", text)
        whole = rng.random() < 0.5
        assert in_c(text, whole=whole) == context_of(text, whole=whole), ascii(text)


def test_bytes_that_are_no_text_part_words() -> None:
    loaded = compiled.library()
    if loaded is None:
        pytest.skip("the compiled search was not built")
    out = ctypes.create_string_buffer(64)
    loaded.edgectc_context(b"a\xffb \xc3(c \xf0\x9f", 1, out, 64)
    assert out.value == b"<s>\na\nb\nc"


def test_the_tables_of_c_are_those_of_python() -> None:
    header = ROOT / "native" / "src" / "text_tables.h"
    held = header.read_text(encoding="ascii")
    if f"Unicode {unicodedata.unidata_version}." not in held:
        pytest.skip("made from another version of Unicode")
    made = subprocess.run(
        [sys.executable, "-c", "import text_tables; print(text_tables.header(), end='')"],
        cwd=ROOT / "native",
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == held


def test_models_are_trained_by_the_rule_that_hosts_ask_by() -> None:
    text = ["The co-op is open. It’s on the 3rd, see you at 10.30 am (sharp.) Mr. X", "मैं गया।वह का"]
    assert sentences(text[0]) == [
        ["the", "co", "op", "is", "open"],
        ["it's", "on", "the", "3rd", "see", "you", "at", "10", "30", "am", "sharp"],
        ["mr"],
        ["x"],
    ]
    built = builder.build([text * 3], order=2).ngrams
    for line in text:
        for end in range(len(line) + 1):
            words = context_of(line[:end])
            assert words[0] == "<s>"
    assert {"3rd", "10", "co", "वह", "का"} <= {*built.words}


def test_evaluation_reads_a_prompt_as_a_keyboard_reads_its_text() -> None:
    def context(word: str) -> tuple[str, ...]:
        prompt = "Well, hello there. On the 3rd, we co-operate!"
        return with_context(Swipe(points=(), word=word, prompt=prompt)).context

    assert context("hello") == ("<s>", "well")
    assert context("on") == ("<s>",)
    assert context("we") == ("the", "3rd")
    assert context("cooperate") == ("3rd", "we")
    assert context("missing") == ()
