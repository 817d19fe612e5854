#!/usr/bin/env python3
"""Writes tests/compat/files-1/: files of format generation 1, and the answers they gave then.

Run with the version of commit 1c72ae6, and with no other: the files and answers are what that
version wrote and said, so a later version must not make them again. It need not even run this
script, which imports modules by the names they had then. From a checkout of that commit, with the
C files compiled (see hatch_build.py):

    PYTHONPATH=. python tests/compat/make_files.py FOLDER

Everything is generated, from the words and sentences below. docs/format_versions.md says when
another folder is due, and who makes it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

COMMIT = "1c72ae6f223d0a995120425ceea9f9d311863bfb"

COUNTS = {
    "the": 900, "and": 500, "you": 420, "to": 400, "that": 300, "this": 200, "on": 200, "I": 200,
    "with": 180, "have": 150, "for": 140, "was": 130, "not": 120, "are": 110, "one": 90, "no": 80,
    "it's": 60, "its": 40, "too": 60, "over": 60, "us": 50, "US": 30, "house": 25, "water": 22,
    "hello": 20, "dog": 15, "morning": 14, "tree": 13, "brown": 12, "music": 12, "paper": 11,
    "window": 10, "garden": 10, "quick": 9, "river": 9, "simple": 8, "fox": 8, "lazy": 7,
    "voice": 7, "keyboard": 6, "yellow": 6, "café": 6, "jumps": 5, "zebra": 3, "bookkeeper": 1,
    "Zoë": 1,
}  # fmt: skip
OFFENSIVE = {"darn": 3, "drat": 2}
SENTENCES = """the quick brown fox jumps over the lazy dog
the house with the garden is over the river
you have one dog and that is not the fox
this was for you and it's not too simple for us
the music was for the morning
hello to the house over the river
that paper is yellow and this one is brown
the tree and the water and the garden
I have no voice this morning
"""
HELD_OUT = "the music was for you\nhello to the unheard garden\n\nIt’s THE water\n"
# What is swiped: keyboard, word, words before it.
SWIPED = (
    ("qwerty", "quick", ("the",)), ("qwerty", "garden", ("with", "the")), ("qwerty", "its", ()),
    ("qwerty", "house", ("<s>", "the")), ("qwerty", "morning", ()), ("qwerty", "bookkeeper", ()),
    ("qwerty", "river", ("over", "the")), ("qwerty", "nadia", ()), ("azerty", "water", ()),
    ("azerty", "hello", ()), ("dvorak", "music", ("the",)), ("dvorak", "us", ()),
    ("qwerty", "darn", ()),
)  # fmt: skip
LAYOUT = {
    "name": "shelf", "title": "Shelf",
    "rows": [
        {"keys": "etaoins hr", "x": 0.0, "key_width": 0.1},
        {"keys": "dlcumwfgyp", "x": 0.0, "key_width": 0.1},
        {"keys": "bvkjxqz", "x": 0.1, "key_width": 0.11},
    ],
}  # fmt: skip
# Every option of the decoder "lexicon" under its name of then, none at its default.
PRESET = {
    "acoustic_scale": 0.8, "beam_size": 64, "blank_penalty": 0.2, "budget": 5000,
    "context_weight": 0.7, "letter_score": 0.4, "lm_weight": 0.8, "margin": 12.0,
    "no_word_score": -2.0, "posterior_width": 0.5, "temperature": 1.3, "template_weight": 0.6,
    "unknown_letter_score": -2.8, "unknown_score": -5.0, "weighed": 8,
}  # fmt: skip
# And of the decoder "beam", but for its separator.
BEAM = {
    "beam_size": 24, "beam_threshold": 10.0, "constrain": True, "hotword_score": 4.0,
    "lm_weight": 0.6, "token_threshold": -7.0, "unknown_score": -8.0, "word_score": 0.3,
}  # fmt: skip

UNPRUNED = {"type": "beam", "beam_threshold": None, "token_threshold": None}

# ---- commands of the version that makes the files ----------------------------------------------


def edgectc(*arguments: object, may_fail: bool = False) -> str:
    """Run one command; return what it printed."""
    from edgectc import cli

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = cli.main([str(argument) for argument in arguments])
    if code and not may_fail:
        raise SystemExit(f"edgectc {' '.join(map(str, arguments))}: exit code {code}")
    return printed.getvalue()


def settings(values: dict[str, Any], prefix: str = "") -> list[str]:
    """Return ``--set`` for each value, written as TOML."""
    return [
        part
        for key, value in values.items()
        for part in ("--set", f"{prefix}{key}={json.dumps(value)}")
    ]


# ---- words, dictionaries, layouts, traces -------------------------------------------------------


def write_words(out: Path, scratch: Path) -> None:
    import edgectc as package

    counts = scratch / "counts.tsv"
    counts.write_text("".join(f"{word}\t{count}\n" for word, count in COUNTS.items()), "utf-8")
    for name in ("words.tsv", "words.tsv.gz", "words.trie"):
        edgectc("lexicon", "build", counts, "--out", out / name, "--note", "source: made up")
    bad = scratch / "bad.tsv"
    bad.write_text("".join(f"{word}\t{count}\n" for word, count in OFFENSIVE.items()), "utf-8")
    edgectc("lexicon", "build", bad, "--out", scratch / "offensive.tsv")
    text = scratch / "sentences.txt"
    text.write_text(SENTENCES, "utf-8")
    (out / "held-out.txt").write_text(HELD_OUT, "utf-8")
    for name in ("words.arpa", "words.arpa.gz", "words.lm"):
        edgectc("lm", "build", text, "--out", out / name)
    edgectc("lm", "pack", out / "words.arpa", "--quantize", "--out", out / "words-quantized.lm")
    user = package.UserDictionary(share=2e-5)
    user.add("Nadia", 3.0)
    user.add("its", 40.0)
    user.boost("morning", -1.5)
    user.add("Zürich", 2.0)
    user.boost("Zürich", 0.25)
    user.hide("house")
    user.save(out / "user.json")
    (out / "layout.json").write_text(json.dumps(LAYOUT, indent=1) + "\n", "utf-8")


def write_traces(out: Path) -> None:
    from edgectc.types import Swipe

    from edgectc.data import jsonl, layouts
    from edgectc.data.synthesis import swipe

    rng = np.random.default_rng(42)
    rows = [
        Swipe(swipe(word, layouts.load(board), rng), word, board, context=context)
        for board, word, context in SWIPED
    ]
    jsonl.write(out / "traces.jsonl", rows)
    edgectc("data", "synth", "neural", "--size", "small", "--count", 3, "--out", out / "neural.npz")
    signs = out / "landmarks.npz"
    edgectc("data", "synth", "landmarks", "--size", "small", "--count", 3, "--out", signs)


# ---- bundles, artifacts, runs -------------------------------------------------------------------


def write_swipe(out: Path, scratch: Path) -> None:
    """Train a small network on generated swipes; pack it, tune it, export it to every target."""
    data, run, bundle = scratch / "train.jsonl", scratch / "tcn", out / "swipe"
    words = ("--lexicon", out / "words.tsv")
    made = ("--style", "fitted", "--seed", 1, "--out", data)
    edgectc("data", "synth", "swipe", "--count", 4000, *words, *made)
    about = {"epochs": 10, "data.synthetic": 0.5, "data.synthetic_pool": 2000}
    about |= {
        "model.frontend.slots": 27,
        "model.frontend.max_frames": 48,
        "decoder.type": "lexicon",
    }
    about |= {"model.encoder.channels": 14}
    edgectc("train", "tcn-small", "--data", data, "--out", run, *words, *settings(about))
    bundle.mkdir()
    shutil.copy(scratch / "offensive.tsv", bundle)
    words = ("--lexicon", out / "words.trie", "--language-model", out / "words.lm")
    words = (*words, "--licence", "made up", "--lm-licence", "made up")
    edgectc("pack", run, "--out", bundle, "--name", "swipe", *words, *settings(PRESET))
    untuned = scratch / "untuned"
    edgectc("pack", run, "--out", untuned, *words, "--set", "lm_weight=0.4")
    tuned = ("--data", data, "--limit", 80, "--min-labels", 1, "--out", out / "preset.json")
    edgectc("tune-decoder", untuned, *tuned)
    folder = bundle / "artifacts"
    for target in ("onnx", "pte", "coreml"):
        edgectc("export", bundle, "--target", target, "--out", f"{folder}/", may_fail=True)
    for target in ("onnx", "pte"):
        how = ("--calibration", data, "--dev", data, "--samples", 128, "--limit", 100)
        edgectc(
            "quantize", bundle, "--target", target, "--max-drop", 10, *how, "--out", f"{folder}/"
        )
    bench = ("--samples", 3, "--limit", 8, "--rounds", 1, "--processes", 1, "--json")
    bench = (folder / "swipe.onnx", "--data", out / "traces.jsonl", *bench)
    (out / "bench.json").write_text(edgectc("bench", *bench), "utf-8")


def write_families(out: Path, scratch: Path) -> None:
    """Pack one bundle of each other family, hardly trained."""
    words = ("--lexicon", out / "words.tsv")
    swipes = {"data.synthetic_pool": 1500, "model.frontend.max_frames": 40, "epochs": 3}
    slots = {"model.frontend.slots": 27}
    free = {key: value for key, value in BEAM.items() if key != "constrain"}
    families: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "transformer": (
            {**swipes, "model.encoder.channels": 16, "model.encoder.hidden": 24},
            {"type": "lexicon"},
        ),
        "conformer": (
            {**swipes, **slots, "model.encoder.channels": 16, "model.encoder.layers": 1},
            {"type": "beam", **BEAM},
        ),
        "gru": (
            {"epochs": 3, "model.encoder.channels": 12, "model.encoder.layers": 1},
            {"type": "beam", **free},
        ),
        "mobilenetv3": ({"epochs": 3, "data.train": 1200, "model.encoder.shrink": 8}, {}),
        "i3d": ({"epochs": 2, "data.train": 800, "model.encoder.layers": 1}, UNPRUNED),
    }
    for family, (how, preset) in families.items():
        spelled = words if family in ("transformer", "conformer") else ()
        run = scratch / family
        edgectc("train", f"{family}-small", "--out", run, *spelled, *settings(how))
        edgectc("pack", run, "--out", out / family, *spelled, *settings(preset))


def write_foreign(out: Path) -> None:
    """Export a network that is nobody's family: its frontend takes features as they are."""
    import torch

    import edgectc as package
    from edgectc import kit

    class Hums(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Conv1d(6, 8, 3, padding=1)
            self.head = torch.nn.Conv1d(8, 6, 1)

        def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            keep = kit.keep_mask(lengths, features.shape[1])
            hidden = torch.relu(self.layer(features.transpose(1, 2) * keep)) * keep
            return 6.0 * self.head(hidden).transpose(1, 2)

    torch.manual_seed(4)
    features, lengths = torch.randn(3, 24, 6), torch.tensor([24, 17, 9])
    np.savez_compressed(out / "features.npz", features=features.numpy(), lengths=lengths.numpy())
    tokens, path = ["<blank>", *"acht "], out / "features.onnx"
    sample = (features, lengths)
    package.export(Hums(), target="onnx", sample=sample, tokens=tokens, name="hums", out=path)


CONFIG = """epochs = 5
batch_size = 32
bucket = true
ema = 0.9
seed = 3
validate_every = 1
validation_rows = 60
save_steps = 4
init = [{names = "encoder.*", gain = 0.9}]
freeze = [{names = "features.*", until = 1}]

[model]
frontend = {type = "swipe", max_frames = 40, slots = 27}
features = {type = "swipe", key_hidden = 8, key_in = 6, key_out = 8}
encoder = {type = "tcn", channels = 10, fine = [1], coarse = [1, 2], dropout = 0.02}

[task]
type = "swipe"
layouts = ["qwerty"]

[data]
synthetic_pool = 1200

[augment]
shift = 0.1
noise = 0.02
views = 2

[loss]
smoothing = 0.02
agreement = 0.1

[optimizer]
type = "adamw"
lr = 0.03
warmup = 0.1
accumulate = 2

[schedule]
type = "cosine"
hold = 0.2
floor = 0.1

[decoder]
type = "lexicon"
letter_score = 0.5
weighed = 4
template_weight = 0.0

[then]
epochs = 2

[then.loss]
mmi = 0.4

[then.optimizer]
lr = 0.01
"""


def write_run(out: Path, scratch: Path) -> dict[str, Any]:
    """Train in two phases, whole, and again with a stop in the last epoch; return the whole one."""
    from edgectc.training import trainer

    (out / "run").mkdir()
    config = out / "run" / "train.toml"
    config.write_text(CONFIG, "utf-8")
    how = (config, "--lexicon", out / "words.tsv", "--device", "cpu", "--json", "--out")
    printed = json.loads(edgectc("train", *how, scratch / "whole"))
    save, halted = trainer.Trainer._save, scratch / "halted"

    def stop(self: Any, **more: Any) -> None:
        save(self, **more)
        if self.out == halted and self.epoch == 1 and self.batch > 0:
            raise KeyboardInterrupt

    trainer.Trainer._save = stop  # type: ignore[method-assign]
    edgectc("train", *how, halted, may_fail=True)
    trainer.Trainer._save = save  # type: ignore[method-assign]
    for part in ("", "first"):
        (out / "run" / part).mkdir(exist_ok=True)
        for name in ("config.json", "metrics.jsonl", "best.safetensors", "last.safetensors"):
            shutil.copy(halted / part / name, out / "run" / part / name)
    lines = (scratch / "whole" / "metrics.jsonl").read_text("utf-8").splitlines()
    del printed["checkpoint"]
    return {"printed": printed, "epochs": [json.loads(line) for line in lines]}


def main(out: Path) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    import make_answers  # beside this file

    os.environ.pop("EDGECTC_DATA", None)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        write_words(out, scratch)
        write_traces(out)
        write_swipe(out, scratch)
        write_families(out, scratch)
        write_foreign(out)
        run = write_run(out, scratch)
        answers = make_answers.answers(out, scratch, edgectc, PRESET, BEAM)
    answers = {"commit": COMMIT, **answers, "run": run}
    text = json.dumps(answers, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1)
    (out / "answers.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
