"""Batches: made ahead, of like lengths, cut to the longest, halved where memory ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_runs import config_of

from edgectc.core.config import families
from edgectc.core.errors import InputError
from edgectc.networks.model import CtcModel
from edgectc.training import validation
from edgectc.training.loop.feeding import Feeder, bucketed, cut
from edgectc.training.preparing import prepare
from edgectc.training.task import Batch


def test_another_error_of_validation_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    _, model, task = prepare(config_of(), data=None)

    def broken(*given: object) -> torch.Tensor:
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(validation, "_log_probs", broken)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        list(validation.answers(model.eval(), task, batch_size=4))


def test_validation_halves_its_batch_where_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    _, model, task = prepare(config_of(), data=None, lexicon=None)
    model.eval()
    whole = list(validation.answers(model, task, batch_size=8))
    sizes, compute = [], validation._log_probs

    def short(model: CtcModel, inputs: dict, device: torch.device) -> torch.Tensor:
        sizes.append(len(inputs["length"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return compute(model, inputs, device)

    monkeypatch.setattr(validation, "_log_probs", short)
    found = list(validation.answers(model, task, batch_size=8))
    assert sizes == [8, 4, 2, 2, 2, 2]
    for one, two in zip(whole, found, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)

    def none(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(validation, "_log_probs", none)
    with pytest.raises(torch.OutOfMemoryError):
        list(validation.answers(model, task, batch_size=8))


def test_batches_made_ahead_are_the_same_and_errors_arrive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, _, task = prepare(config_of(), data=None, lexicon=None)
    plan = [np.arange(i, i + 8) for i in range(0, 40, 8)]

    def made(workers: int) -> list:
        noise = torch.Generator().manual_seed(1)
        return list(Feeder(task.train, torch.device("cpu"), workers).feed(plan, noise))

    def same(one: list, two: list) -> bool:
        return all(
            torch.equal(a.batch.inputs["signal"], b.batch.inputs["signal"])
            and torch.equal(a.noise, b.noise)
            and np.array_equal(a.rows, b.rows)
            for a, b in zip(one, two, strict=True)
        )

    assert same(made(0), made(0))
    assert same(made(1), made(3)), "the number of workers changes nothing"
    assert not same(made(0), made(1)), "but each of their batches has draws of its own"
    # A single thread on the way to a device takes the draws of none.
    ahead = Feeder(task.train, torch.device("cpu"))._ahead(plan, torch.Generator().manual_seed(1))
    assert same(made(0), list(ahead))
    # After any batch, its noise continues the stream.
    noise = torch.Generator()
    noise.set_state(made(2)[1].noise)
    rest = list(Feeder(task.train, torch.device("cpu"), 2).feed(plan[2:], noise))
    assert same(made(2)[2:], rest)

    def broken(*_: object) -> Batch:
        raise InputError("the disk went away", reason="unreadable_file")

    monkeypatch.setattr(type(task.train), "batch", broken)
    with pytest.raises(InputError, match="went away"):
        made(2)


def test_buckets_hold_every_row_once_and_like_lengths() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 1000, 1003)
    rows = rng.permutation(1003)
    found = bucketed(rows, lengths, rng, 16)
    assert sorted(found) == list(range(1003))

    def spread(order: np.ndarray) -> float:
        return float(np.mean([np.ptp(lengths[order[i : i + 16]]) for i in range(0, 992, 16)]))

    assert spread(found) < 0.1 * spread(rows)
    means = [lengths[found[i : i + 16]].mean() for i in range(0, 800, 16)]
    assert abs(np.corrcoef(means, range(50))[0, 1]) < 0.5, "short batches do not come first"
    for n in (0, 1, 15, 16, 17):
        assert sorted(bucketed(rng.permutation(n), lengths, rng, 16)) == list(range(n))


@pytest.mark.parametrize("family", families())
def test_a_batch_cut_to_its_longest_gives_the_same_answers(family: str) -> None:
    values = config_of(family)
    values |= {"decoder": {"type": "greedy"}}
    values["data"] = {"synthetic_pool": 30} if values["task"]["type"] == "swipe" else values["data"]
    _, model, task = prepare(values, data=None)
    model.eval()
    short = np.argsort(np.asarray(task.train.lengths), kind="stable")[:4]
    whole = task.train.batch(short)
    less = cut(whole, model.window)
    first = next(iter(whole.inputs))
    longest = int(whole.inputs["length"].max())
    assert longest <= less.inputs[first].shape[1] <= longest + 16
    with torch.inference_mode():
        one, two = model(**whole.inputs), model(**less.inputs)
    for a, b, n in zip(one, two, whole.inputs["length"].tolist(), strict=True):
        valid = model.output_length(n)
        torch.testing.assert_close(a[:valid], b[:valid], atol=2e-5, rtol=0)
