"""Bad input at every door: one clear line, a documented exit code, the same class in Python.

The values are tried on every option of every verb that the parser knows, so that a new option is
tested the day it appears. Mistakes that need files made for them are in test_mistakes.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgectc
from edgectc.commands import adoption, arguments, artifacts, cli
from edgectc.commands.arguments import decimals, flag, integers, names
from edgectc.commands.cli import build_verbs
from edgectc.core.errors import ConfigError, EdgectcError, InputError

VERBS = {
    name: parser for name, parser in build_verbs().parsers.items() if parser.get_default("run")
}
# What a verb needs beside the option that is tried; nothing of it exists.
NEEDED = {
    "decode": ["--input", "none.jsonl"],
    "hotwords": ["--hotwords", "none.txt"],
    "adopt": ["none.onnx"],
    "export": ["--target", "onnx"],
    "quantize": ["--target", "onnx"],
    "train": ["gru-small", "--out", "run"],
    "pack": ["--init", "gru", "--out", "bundle"],
    "sign": ["none.onnx", "--key", "none.pem"],
    "lexicon build": ["none.tsv", "--out", "x.tsv"],
    "lexicon pack": ["none.tsv", "--out", "x.trie"],
    "lm build": ["none.txt", "--out", "x.lm"],
    "language build": ["de", "--source", "none.tsv"],
    "hub": ["owner/name"],
    "lm pack": ["none.arpa", "--out", "x.lm"],
    "lm score": ["none.lm", "none.txt"],
    "data check": ["none.jsonl"],
    "data synth": ["swipe", "--out", "x.jsonl"],
    "data import": ["futo:none", "--out", "x.jsonl"],
    "data shard": ["none.jsonl", "--out", "x"],
    "data compare": ["none.jsonl"],
    "report": ["none.jsonl"],
}
WHOLE = ["-1", "99999999999999999999", "1.5", "x", "", "nan", "1e3"]
REAL = ["-1", "1e308", "nan", "inf", "x", ""]
BAD: dict[Any, list[str]] = {
    int: WHOLE,
    float: REAL,
    integers: [*WHOLE, "1,,2", "1,-2"],
    decimals: [*REAL, "1,,2", "1,nan"],
}
# These go to torch's world: tests/exporting has them.
FACTORY = ("weights", "sample", "tokens")  # which go with a network of one's own
APART = {"export": {"opset", "stride", "window"}, "quantize": {"stride", "window"}}


def numeric() -> list[tuple[str, str, str]]:
    return [
        (verb, action.option_strings[-1], value)
        for verb, parser in VERBS.items()
        for action in parser._actions
        if action.option_strings and action.type in BAD and action.dest not in APART.get(verb, ())
        for value in BAD[action.type]
    ]


def paths() -> list[tuple[str, str, str]]:
    return [
        (verb, action.option_strings[-1], "")
        for verb, parser in VERBS.items()
        for action in parser._actions
        if action.option_strings
        and action.metavar in ("FILE", "DIR", "PATH")
        and (verb, action.dest) not in (("quantize", name) for name in FACTORY)
        and verb not in ("export", "verify")
    ]


def shell(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> tuple[int, str]:
    try:
        code = cli.main(arguments)
    except SystemExit as end:  # of argparse
        code = int(end.code or 0)
    return code, capsys.readouterr().err


def assert_refused(code: int, err: str, *named: str) -> None:
    assert code in (2, 3), err
    assert err.startswith("edgectc: error: "), err
    assert err.count("\n") == 1, err
    assert len(err) < 400, err
    assert "internal error" not in err
    for name in named:
        assert name in err


@pytest.mark.parametrize(("verb", "option", "value"), [*numeric(), *paths()])
def test_an_option_out_of_range_is_named(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    option: str,
    value: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if verb in ("export", "quantize", "adopt") and not find_spec("torch"):
        pytest.skip("the verb says first that it needs torch")
    code, err = shell(capsys, [*verb.split(), *NEEDED.get(verb, []), f"{option}={value}"])
    assert_refused(code, err, option)
    assert [*tmp_path.iterdir()] == []


def test_the_table_is_long_enough() -> None:
    assert len(numeric()) + len(paths()) >= 200


def test_no_number_that_a_verb_takes_is_left_out() -> None:
    kinds = {action.type for parser in VERBS.values() for action in parser._actions}
    apart = {names, artifacts._names, arguments.count, artifacts._state}  # tests/exporting
    apart |= {adoption._constant, adoption._pair}
    assert {kind for kind in kinds if kind is not None} - {*BAD} <= apart


@pytest.mark.parametrize("option", ["--constants", "--counts", "--states"])
@pytest.mark.parametrize("value", ["knob", "=1", "knob=", ""])
def test_half_a_pair_is_refused(
    capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    code, err = shell(capsys, ["adopt", "none.onnx", f"{option}={value}"])
    assert_refused(code, err, option, "expected ", "=", repr(value))


WRONG: list[Any] = ["3", True, [], 1.5, -1, 10**30, float("nan"), Path("x"), np.float64(2.5)]


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize(
    ("function", "option", "needed"),
    [
        ("evaluate", "limit", {}),
        ("evaluate", "threads", {}),
        ("evaluate", "confusions", {}),
        ("tune_decoder", "limit", {}),
        ("decode", "nbest", {"input": "none.jsonl"}),
        ("decode", "threads", {"input": "none.jsonl"}),
        ("load", "threads", {}),
        ("bench", "samples", {}),
        ("bench", "rounds", {}),
        ("bench", "processes", {}),
        ("synth_data", "count", {"kind": "swipe", "out": "x.jsonl"}),
        ("synth_data", "seed", {"kind": "swipe", "out": "x.jsonl"}),
        ("compare_data", "limit", {"real": "none.jsonl"}),
        ("build_lexicon", "top", {"source": "none.tsv", "out": "x.tsv"}),
        ("build_lexicon", "max_letters", {"source": "none.tsv", "out": "x.tsv"}),
        ("build_language_model", "order", {"out": "x.lm"}),
        ("demo", "port", {}),
        ("pack", "seed", {"init": "gru", "out": "bundle"}),
    ],
)
def test_a_number_of_another_kind_is_refused(
    function: str, option: str, needed: dict[str, Any], value: object
) -> None:
    with pytest.raises(ConfigError, match=rf"^{option} is .*, expected ") as caught:
        getattr(edgectc, function)(**needed, **{option: value})
    assert caught.value.exit_code == 2
    assert caught.value.options == (option,)
    assert flag(option) in caught.value.spelled(flag)


@pytest.mark.parametrize("value", [3, True, [3], b"x", "", "a\0b"], ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda v: edgectc.load(v),
        lambda v: edgectc.load(lexicon=v),
        lambda v: edgectc.load(dictionary=v),
        lambda v: edgectc.evaluate(v),
        lambda v: edgectc.evaluate(data=v),
        lambda v: edgectc.decode(input=v),
        lambda v: edgectc.verify(v),
        lambda v: edgectc.inspect(v),
        lambda v: edgectc.bench(v),
        lambda v: edgectc.check_data(v),
        lambda v: edgectc.compare_data(v),
        lambda v: edgectc.import_data("futo:x", out=v),
        lambda v: edgectc.build_lexicon(v, out="x.tsv"),
        lambda v: edgectc.build_language_model(v, out="x.lm"),
        lambda v: edgectc.score_language_model(v, "x"),
        lambda v: edgectc.demo(v),
        lambda v: edgectc.pack(v, out="bundle"),
    ],
)
def test_what_is_no_path_is_refused(call: Callable[[object], object], value: object) -> None:
    with pytest.raises(ConfigError, match="expected "):
        call(value)


TOKENS = ["<blank>", "a", "b"]
FRAMES = np.log(np.full((4, 3), 1 / 3))


@pytest.mark.parametrize(
    "call",
    [
        lambda: edgectc.make_decoder(3, tokens=TOKENS, blank_id=0),  # type: ignore[arg-type]
        lambda: edgectc.make_decoder("greedy", tokens="ab", blank_id=0),
        lambda: edgectc.make_decoder("greedy", tokens=["a", 3], blank_id=0),  # type: ignore[list-item]
        lambda: edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=9),
        lambda: edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=-1),
        lambda: edgectc.make_decoder("lexicon", tokens=TOKENS, blank_id=0, lexicon={"a": 1e308}),
        lambda: edgectc.make_decoder("lexicon", tokens=TOKENS, blank_id=0, lexicon={"a": "x"}),  # type: ignore[dict-item]
        lambda: edgectc.make_decoder("lexicon", tokens=TOKENS, blank_id=0, lexicon={3: 1.0}),  # type: ignore[dict-item]
        lambda: edgectc.make_decoder("lexicon", tokens=TOKENS, blank_id=0, lexicon={}),
        lambda: edgectc.make_decoder(
            "lexicon", tokens=TOKENS, blank_id=0, lexicon={"a": 0.0}, lm_weight=float("nan")
        ),
        lambda: edgectc.make_decoder(
            "lexicon", tokens=TOKENS, blank_id=0, lexicon={"a": 0.0}, letter_score=float("inf")
        ),
        lambda: edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0)(FRAMES, nbest=10**9),
        lambda: edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0)(FRAMES, nbest=True),
        lambda: edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0)(FRAMES + 0j),
        lambda: edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0)(np.ma.array(FRAMES)),
        lambda: edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0)(FRAMES.astype(str)),
        lambda: edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0)(FRAMES.astype(object)),
        lambda: edgectc.decode_batch(3, [FRAMES]),  # type: ignore[arg-type]
        lambda: edgectc.UserDictionary(share="x"),  # type: ignore[arg-type]
        lambda: edgectc.UserDictionary(share=2),
        lambda: edgectc.UserDictionary().boost("a", 1e308),
        lambda: edgectc.UserDictionary().boost("a", float("nan")),
        lambda: edgectc.UserDictionary().add("a", 1e308),
        lambda: edgectc.UserDictionary().add("a", -1),
        lambda: edgectc.UserDictionary().add(3),  # type: ignore[arg-type]
        lambda: edgectc.bench(device="cpu"),
        lambda: edgectc.bench(threads=(0,)),
    ],
)
def test_other_wrong_values_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises((ConfigError, InputError)) as caught:
        call()
    assert isinstance(caught.value, EdgectcError)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_numbers(shipped: Path) -> None:
    data = shipped / "samples.jsonl"
    assert edgectc.evaluate(data=data, limit=np.int64(2))["rows"] == 2  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="nosuch"):
        edgectc.load(nosuch=1)  # type: ignore[call-arg]
    assert isinstance(VERBS["eval"], argparse.ArgumentParser)


class Tensor:
    """What NumPy meets in a tensor that it cannot read."""

    def __array__(self, *_: object) -> np.ndarray:
        raise TypeError("Got unsupported ScalarType BFloat16")


def test_a_tensor_that_numpy_cannot_read_is_told_what_to_call() -> None:
    decode = edgectc.make_decoder("greedy", tokens=TOKENS, blank_id=0)
    with pytest.raises(InputError, match=r"log_probs\.detach\(\)\.float\(\)\.cpu\(\)\.numpy\(\)"):
        decode(Tensor())


WEIGHTS = ["lm_weight", "word_score", "hotword_score", "unknown_score", "letter_score"]
WEIGHTS += ["acoustic_scale", "blank_penalty", "context_weight", "template_weight", "temperature"]
WEIGHTS += ["unknown_letter_score", "no_word_score", "location_weight", "shape_weight"]


@pytest.mark.parametrize("name", ["beam", "lexicon", "template"])
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("value", [1e308, -1e308, 1e7, float("nan")])
def test_a_weight_that_no_sum_holds_is_refused(name: str, weight: str, value: float) -> None:
    with pytest.raises(ConfigError, match=weight):
        edgectc.make_decoder(
            name, tokens=TOKENS, blank_id=0, lexicon={"a": -1.0}, **{weight: value}
        )


BINARY = b"\x7fELF\x02\x01\x01\0\xff\xfe\xd0\xd0" * 999
FOLDERS_AND_JUNK = [
    "decode --input {}",
    "decode --layout {} --input {}",
    "decode --lexicon {} --input lines.jsonl",
    "decode --language-model {} --lm-required --input lines.jsonl",
    "decode --dictionary {} --input lines.jsonl",
    "eval --data {}",
    "eval {}",
    "tune-decoder --data {}",
    "verify {}",
    "inspect {}",
    "bench {}",
    "lexicon build {} --out x.tsv",
    "lexicon pack {} --out x.trie",
    "lm build {} --out x.lm",
    "lm pack {} --out x.lm",
    "lm score {} lines.jsonl",
    "data check {}",
    "data compare {}",
    "data import futo:{} --out x.jsonl",
]


@pytest.mark.parametrize("kind", ["folder", "binary"])
@pytest.mark.parametrize("line", FOLDERS_AND_JUNK)
def test_a_folder_or_a_binary_file_where_another_file_is_expected(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    kind: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lines.jsonl").write_text('{"x": [0, 1], "y": [0, 1], "t": [0, 100]}\n')
    Path("given").mkdir() if kind == "folder" else Path("given").write_bytes(BINARY)
    code, err = shell(capsys, line.replace("{}", "given").split())
    assert_refused(code, err, "given")
    assert {path.name for path in tmp_path.iterdir()} == {"given", "lines.jsonl"}
