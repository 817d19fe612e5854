"""The loop: learns, resumes to the bit, refuses NaN, augments safely."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgectc.core.errors import (
    BundleError,
    BundleFileMissingError,
    BundleMismatchError,
    ConfigError,
    InputError,
    NonFiniteError,
)
from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import generate, swipe
from edgectc.data.preparation import Preparation
from edgectc.exporting.packing import Words, pack
from edgectc.formats import layouts
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon
from edgectc.networks.model import CtcModel
from edgectc.training.loop import checkpoints
from edgectc.training.loop.checkpoints import Checkpoint
from edgectc.training.loop.schedules import learning_rate
from edgectc.training.loop.trainer import train
from edgectc.training.settings import Optimizer
from edgectc.training.swipes.arrays import joined, to_arrays
from edgectc.training.swipes.augment import Augment, augmented
from edgectc.training.swipes.draws import Draws

WORDS = ["the", "and", "hello", "world", "keyboard", "swipe"]
LEXICON = Lexicon.from_counts({word: 10.0 for word in WORDS})
CONFIG = {
    "model": {
        "frontend": {"type": "swipe"},
        "features": {"type": "swipe", "key_hidden": 32, "key_in": 16, "key_out": 24},
        "encoder": {"type": "tcn", "channels": 32, "fine": [1], "coarse": [1, 2]},
    },
    "data": {"synthetic": 0.2, "synthetic_pool": 40, "synthetic_words": 6},
    "optimizer": {"lr": 5e-3},
    "epochs": 4,
    "batch_size": 16,
    "validate_every": 2,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated swipes of 30 made-up users."""
    rng = np.random.default_rng(0)
    layout = layouts.load("qwerty")
    path = tmp_path_factory.mktemp("data") / "swipes.jsonl"
    swipes = [
        Swipe(swipe(word, layout, rng), word, "qwerty", f"user{user}")
        for user in range(30)
        for word in WORDS
    ]
    swipe_files.write(path, swipes)
    return path


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(checkpoints.read(path).model)


def test_it_learns_and_packs(data: Path, tmp_path: Path) -> None:
    config = {**CONFIG, "epochs": 30, "validate_every": 10}
    result = train(config, tmp_path / "run", data=data, lexicon=LEXICON)
    assert result.value > 0.8
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert losses[-1] < 0.5 < losses[0]
    lexicon_file.write(LEXICON, tmp_path / "lexicon.tsv.gz")
    words = Words(tmp_path / "lexicon.tsv.gz")
    bundle = pack(
        tmp_path / "run", tmp_path / "bundle", name="tiny", words=words,
        decoder={"type": "lexicon"},
    )  # fmt: skip
    assert bundle.index.training["epoch"] == result.epoch
    again = pack(
        tmp_path / "run", tmp_path / "again", name="tiny", words=words,
        decoder={"type": "lexicon"},
    )  # fmt: skip
    assert again.index == bundle.index, "packing the same run twice gives the same hashes"
    assert len(np.frombuffer(bundle.file("seen_words.bin"), "<u4")) == len(WORDS)


def test_the_loop_does_what_a_plain_one_for_swipes_does(data: Path, tmp_path: Path) -> None:
    """Every draw, batch and step, to the bit, against the loop written out for swipes alone."""
    config = {**CONFIG, "epochs": 2}
    train(config, tmp_path, data=data, lexicon=LEXICON)
    torch.manual_seed(0)
    model = CtcModel(CONFIG["model"])
    prepare = Preparation(model.frontend, [layouts.load("qwerty")])
    real_swipes = swipe_files.load(data, split="train")[0]
    real = to_arrays(map(swipe_files.recording, real_swipes), prepare, model)
    names = ("qwerty", "azerty", "dvorak", "colemak", "qwertz")
    in_turn = [layouts.load(name) for name in names]
    made = list(generate(LEXICON, in_turn, count=40, words=6, seed=0))
    both = joined(real, to_arrays(map(swipe_files.recording, made), prepare, model))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.01)
    count = int(len(real) * 0.2)
    steps = math.ceil((len(real) + count) / 16)
    for epoch in range(2):
        torch.manual_seed(epoch)
        noise = torch.Generator().manual_seed(epoch)
        rng = np.random.default_rng(epoch)
        chosen = rng.choice(len(both) - len(real), count, replace=False) + len(real)
        order = rng.permutation(np.concatenate([np.arange(len(real)), chosen]))
        model.train()
        for i in range(steps):
            rate = learning_rate(epoch * steps + i, 2 * steps, Optimizer(lr=5e-3))
            optimizer.param_groups[0]["lr"] = rate
            rows = order[i * 16 : i * 16 + 16]
            ids = both.layout[rows]
            inputs = {"trace": both.trace[rows], "length": both.length[rows]}
            inputs |= {k: getattr(both, k)[ids] for k in ("keys", "key_mask", "key_size")}
            log_probs = model(**augmented(inputs, Augment(), Draws(noise, len(rows))))
            labels = [both.labels[row] for row in rows]
            loss = torch.nn.functional.ctc_loss(
                log_probs.transpose(0, 1),
                torch.tensor(list(itertools.chain(*labels))),
                (inputs["length"].long() + model.stride - 1) // model.stride,
                torch.tensor([len(label) for label in labels]),
                blank=both.keys.shape[1],
            )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    found = weights(tmp_path / "last.safetensors")
    assert all(torch.equal(found[name], mine) for name, mine in model.state_dict().items())


def test_resuming_continues_to_the_same_bits(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(CONFIG, tmp_path / "whole", data=data, lexicon=LEXICON)
    half = tmp_path / "half"

    def stop(path, checkpoint):
        if path.name == "last.safetensors" and checkpoint.progress["epoch"] == 4:
            raise KeyboardInterrupt  # after epoch 4 was logged, before it was saved
        write(path, checkpoint)

    write = checkpoints.write
    monkeypatch.setattr(checkpoints, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, half, data=data, lexicon=LEXICON)
    monkeypatch.setattr(checkpoints, "write", write)
    train(CONFIG, half, data=data, lexicon=LEXICON)
    one, two = weights(tmp_path / "whole/last.safetensors"), weights(half / "last.safetensors")
    assert all(torch.equal(one[name], two[name]) for name in one)
    logged = (half / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in logged] == [1, 2, 3, 4]


def test_another_configuration_is_not_mixed_in(data: Path, tmp_path: Path) -> None:
    config = {**CONFIG, "epochs": 0}
    train(config, tmp_path, data=data, lexicon=LEXICON)
    with pytest.raises(BundleMismatchError, match="another configuration"):
        train({**config, "seed": 1}, tmp_path, data=data, lexicon=LEXICON)


def test_misspelt_settings_and_empty_data_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'optimizer'"):
        train({**CONFIG, "optimiser": {}}, tmp_path, data=data, lexicon=LEXICON)
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    with pytest.raises(InputError) as caught:
        train(CONFIG, tmp_path, data=empty, lexicon=LEXICON)
    assert caught.value.reason == "no_data"


def test_unlearnable_labels_are_dropped_and_counted() -> None:
    model = CtcModel(CONFIG["model"])
    layout = layouts.load("qwerty")
    points = swipe("hi", layout, np.random.default_rng(0))
    quick = points * [1, 1, 12.0 / points[-1, 2]]
    rows = [
        Swipe(points, "hi"),
        Swipe(quick, "mississippi"),
        Swipe(points, "привет"),
        Swipe(points, None),
        Swipe(points, "hi", layout="qwety"),
    ]
    prepare = Preparation(model.frontend, [layout])
    arrays = to_arrays(map(swipe_files.recording, rows), prepare, model)
    assert len(arrays) == 1
    assert dict(arrays.refusals.counts) == {
        "label_too_long": 1,
        "unknown_letters": 1,
        "empty_word": 1,
        "unknown_layout": 1,
    }


def test_a_checkpoint_of_a_newer_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "VERSION", 2)
        checkpoints.write(path, Checkpoint({"w": torch.zeros(2)}, {"later": 1}))
    for read in (checkpoints.read, lambda path: checkpoints.newest(path.parent)):
        with pytest.raises(BundleError, match=r"last\.safetensors.* has version 2, .*version 1"):
            read(path)


def test_checkpoints_are_whole_finite_and_not_pickle(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    path = tmp_path / "x.safetensors"
    saved = Checkpoint(model.state_dict(), {"epoch": 3}, checkpoints.optimizer_tensors(optimizer))
    checkpoints.write(path, saved)
    other = nn.Linear(3, 2)
    restored = torch.optim.AdamW(other.parameters())
    found = checkpoints.read(path)
    other.load_state_dict(dict(found.model))
    checkpoints.restore_optimizer(restored, found.optimizer)
    assert torch.equal(other.weight, model.weight)
    assert found.progress == {"epoch": 3}
    assert torch.equal(
        restored.state_dict()["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"]
    )
    model.bias.data[0] = float("nan")
    before = path.read_bytes()
    with pytest.raises(NonFiniteError, match="bias"):
        checkpoints.write(path, Checkpoint(model.state_dict(), {"epoch": 4}))
    assert path.read_bytes() == before
    path.write_bytes(before[:-5])
    with pytest.raises(BundleError, match="cannot read checkpoint"):
        checkpoints.read(path)


def test_packing_an_untrained_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleFileMissingError, match="train first"):
        pack(tmp_path, tmp_path / "out", name="x", decoder={"type": "lexicon"})


def test_learning_rate_warms_up_and_ends_at_zero() -> None:
    how = Optimizer(lr=1.0, warmup=0.1)
    rates = [learning_rate(step, 100, how) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1.0
    assert rates[-1] < 1e-3
    assert all(a >= b for a, b in itertools.pairwise(rates[9:]))


@pytest.mark.parametrize("length", [1, 2, 16, 64])
def test_augmentation_is_safe_on_any_length(length: int) -> None:
    trace = torch.zeros(4, 64, 3)
    trace[:, :length] = torch.rand(4, length, 3).cumsum(1)
    inputs = {
        "trace": trace,
        "length": torch.full((4,), length, dtype=torch.int32),
        "key_size": torch.full((4, 2), 0.1),
    }
    out = augmented(inputs, Augment(), Draws(torch.Generator().manual_seed(0), 4))["trace"]
    assert torch.isfinite(out).all()
    assert (out[:, length:] == 0).all()
    assert (out[:, 1:length, 2] >= out[:, : length - 1, 2]).all()
    still = Augment(shift=0, scale=0, shear=0, wobble=0, pace=0)
    same = augmented(inputs, still, Draws(torch.Generator().manual_seed(0), 4))["trace"]
    torch.testing.assert_close(same, trace, atol=1e-5, rtol=0)
