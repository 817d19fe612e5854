"""New words out of old strokes: splices, mirrors, reversals and views, against plain arithmetic."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from edgectc.core.config import family_config
from edgectc.core.errors import ConfigError
from edgectc.core.types import Swipe
from edgectc.data import splits, swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.data.preparation import Preparation
from edgectc.data.sources import Sources
from edgectc.data.splicing import letter_points, splice
from edgectc.exporting.untrained import build
from edgectc.formats import layouts
from edgectc.training.loop.schedules import learning_rate
from edgectc.training.objectives import forward, losses
from edgectc.training.settings import Loss, Optimizer, Schedule, Settings
from edgectc.training.swipes.arrays import Data, SwipeArrays, to_arrays
from edgectc.training.swipes.augment import Augment
from edgectc.training.swipes.draws import Draws
from edgectc.training.swipes.keyboard_augment import backwards, random_layout, rebuilt
from edgectc.training.task import Batch, Run
from edgectc.training.tasks import swipe as task

LAYOUT = layouts.load("qwerty")
KEYS = {"qwerty": LAYOUT}
STILL = {"shift": 0.0, "scale": 0.0, "shear": 0.0, "wobble": 0.0, "pace": 0.0}


def made(word: str, seed: int = 0, user: str = "u") -> Swipe:
    return Swipe(swipe(word, LAYOUT, np.random.default_rng(seed)), word, user=user)


@pytest.fixture(scope="module")
def model() -> Any:
    return build("tcn", "small")


def arrays_of(model: Any, *swipes: Swipe) -> SwipeArrays:
    prepare = Preparation(model.frontend, [LAYOUT])
    return to_arrays(map(swipe_files.recording, swipes), prepare, model)


@pytest.mark.parametrize(("n", "letters"), [(1, 1), (1, 3), (4, 3), (6, 4)])
def test_letter_points_are_the_best_of_all_that_never_go_back(n: int, letters: int) -> None:
    rng = np.random.default_rng(n * 10 + letters)
    points, keys = rng.normal(size=(n, 2)), rng.normal(size=(letters, 2))

    def cost(at: Any) -> float:
        return float(((points[list(at)] - keys) ** 2).sum())

    found = letter_points(points, keys)
    assert (np.diff(found) >= 0).all()
    ways = itertools.combinations_with_replacement(range(n), letters)
    assert cost(found) == pytest.approx(min(map(cost, ways)))


def test_a_splice_spells_the_head_of_one_and_the_tail_of_the_other() -> None:
    words = ("window", "dinner", "hello", "ladder")
    swipes = [made(word, i) for i, word in enumerate(words)]
    spliced = list(splice(swipes, 300, np.random.default_rng(0), KEYS))
    assert 50 < len(spliced) <= 300
    index = {letter: i for i, letter in enumerate(LAYOUT.letters)}
    for one in spliced:
        word = one.word or ""
        assert word not in words or any(word != other for other in words)
        assert any(
            word == a[: i + 1] + b[j + 1 :]
            for a in words for b in words
            for i in range(len(a)) for j in range(len(b)) if a[i] == b[j]
        )  # fmt: skip
        assert (np.diff(one.points[:, 2]) >= 0).all()
        assert one.points[0, 2] == 0.0
        units = one.points[:, :2] / LAYOUT.key_size
        keys = (LAYOUT.centers / LAYOUT.key_size)[[index[letter] for letter in word]]
        assert np.hypot(*(units[letter_points(units, keys)] - keys).T).mean() < 0.9
        assert np.hypot(*np.diff(units, axis=0).T).max() < 2.5  # no jump at the joint


def test_only_swipes_of_one_person_are_joined() -> None:
    strangers = [made("window", 0, "a"), made("dinner", 1, "b")]
    assert list(splice(strangers, 50, np.random.default_rng(0), KEYS)) == []
    assert (
        list(
            splice(
                [made("a"), Swipe(made("on").points, None, user="u")],
                9,
                np.random.default_rng(0),
                KEYS,
            )
        )
        == []
    )
    assert list(splice([], 9, np.random.default_rng(0), KEYS)) == []


def test_keyboard_and_trace_move_alike(model: Any) -> None:
    arrays = arrays_of(model, made("keyboard"), made("on", 2))
    inputs = arrays.batch(np.array([0, 1])).inputs
    how = Augment(mirror=0.5, stretch=0.3, skew=0.2)
    out = rebuilt(inputs, how, Draws(torch.Generator().manual_seed(3), 2))
    assert (out["keys"][inputs["key_mask"] == 0] == 0).all()
    for row in range(2):
        n = int(inputs["length"][row])
        assert (out["trace"][row, n:] == 0).all()
        before = torch.cat([inputs["keys"][row, :26], inputs["trace"][row, :n, :2]])
        after = torch.cat([out["keys"][row, :26], out["trace"][row, :n, :2]])
        # one affine map takes all keys and all points
        design = torch.cat([before, torch.ones(len(before), 1)], dim=1)
        fit = torch.linalg.lstsq(design.double(), after.double()).solution
        assert torch.allclose(design.double() @ fit, after.double(), atol=1e-5)
        assert not torch.allclose(before, after, atol=1e-3)
    same = rebuilt(inputs, Augment(), Draws(torch.Generator().manual_seed(3), 2))
    assert torch.allclose(same["trace"], inputs["trace"], atol=1e-6)
    assert torch.allclose(same["keys"], inputs["keys"], atol=1e-6)


def test_a_mirrored_keyboard_turns_features_into_their_mirror_image(model: Any) -> None:
    inputs = arrays_of(model, made("keyboard")).batch(np.array([0])).inputs
    out = rebuilt(inputs, Augment(mirror=1.0), Draws(torch.Generator().manual_seed(0), 1))
    unit = inputs["key_size"][0]
    for a, b in ((inputs, out), (out, inputs)):
        far = (a["trace"][0, :9, None, :2] - a["keys"][0, None, :26]) / unit
        back = (b["trace"][0, :9, None, :2] - b["keys"][0, None, :26]) / unit
        assert torch.allclose(far, -back, atol=1e-4)


def test_backwards_twice_is_forwards() -> None:
    trace = torch.zeros(3, 6, 3)
    length = torch.tensor([6, 4, 1], dtype=torch.int32)
    for row, n in enumerate(length.tolist()):
        trace[row, :n, :2] = torch.randn(n, 2)
        trace[row, :n, 2] = torch.arange(n) ** 2
    chosen = torch.tensor([True, True, True])
    once = backwards(trace, length, chosen)
    assert torch.equal(once[1, :4, :2], trace[1, :4, :2].flip(0))
    assert once[1, :4, 2].tolist() == [0.0, 5.0, 8.0, 9.0]
    assert (once[1, 4:] == 0).all()
    assert torch.equal(backwards(once, length, chosen), trace)
    assert torch.equal(backwards(trace, length, ~chosen), trace)


def test_two_views_share_keyboard_direction_and_label(model: Any) -> None:
    how = Augment(mirror=0.5, reverse=1.0, wobble=0.2, views=2)
    arrays = replace(arrays_of(model, made("hello"), made("on", 1)), augment=how)
    batch = arrays.batch(np.array([0, 1]), torch.Generator().manual_seed(0))
    assert (len(batch), batch.views) == (2, 2)
    letters = [LAYOUT.letters[token] for token in batch.labels[0]]
    assert "".join(letters) == "olleh"
    keys = batch.inputs["keys"]
    assert torch.equal(keys[:2], keys[2:])
    trace = batch.inputs["trace"]
    assert trace.shape[0] == 4
    assert not torch.equal(trace[:2], trace[2:])
    assert (trace[:2] - trace[2:]).abs().max() < 0.5
    second = batch.take([1])
    assert torch.equal(second.inputs["trace"], trace[[1, 3]])
    assert second.views == 2


def test_agreement_by_hand() -> None:
    rng = torch.Generator().manual_seed(0)
    log_probs = torch.randn(4, 5, 3, generator=rng).log_softmax(2).requires_grad_()
    frames = torch.tensor([5, 2, 5, 2])
    got = losses.agreement(log_probs, frames, [(0, 1), (1,)])
    a, b = log_probs.detach().chunk(2)
    want = 0.0
    for i, (n, length) in enumerate([(5, 2), (2, 1)]):
        for t in range(n):
            p, q = a[i, t], b[i, t]
            want += float((q.exp() * (q - p)).sum() + (p.exp() * (p - q)).sum()) / length
    assert float(got.detach()) == pytest.approx(0.5 * want / 2, rel=1e-5)
    same = torch.cat([a, a])
    assert float(losses.agreement(same, frames, [(0, 1), (1,)])) == pytest.approx(0.0, abs=1e-7)
    got.backward()
    assert log_probs.grad is not None
    assert (log_probs.grad[1, 2:] == 0).all()  # padding has no say


def test_random_layouts_are_valid_and_hold_every_letter() -> None:
    for seed in range(50):
        layout = random_layout("r", np.random.default_rng(seed))
        assert sorted(layout.letters) == list("abcdefghijklmnopqrstuvwxyz")


def test_epochs_hold_spliced_generated_and_balanced_rows(tmp_path: Any, model: Any) -> None:
    words = ["the"] * 30 + ["window", "dinner", "ladder", "hello"]
    users = [f"user{i}" for i in range(40)]
    train = [u for u in users if splits.split_of(u) == "train"][:4]
    dev = next(u for u in users if splits.split_of(u) == "dev")
    rows = [made(w, i, train[i % 4]) for i, w in enumerate(words * 4)] + [made("on", 9, dev)]
    path = tmp_path / "some.jsonl"
    swipe_files.write(path, rows)
    how = Data(
        synthetic=0.5, synthetic_pool=99, random_layouts=2, spliced=0.25, spliced_pool=200,
        balance=1.0,
    )  # fmt: skip
    run = Run(model, Sources((path,)), None, {"type": "greedy"}, seed=0, validation_rows=9)
    made_task = task.create(task.Options(data=how), run=run)
    order = made_task.order(np.random.default_rng(0))
    assert len(order) == made_task.epoch_rows
    real = len(words) * 4
    assert len(order) == real + real // 2 + real // 4
    kinds = np.digitize(order, [real, real + 99])
    assert np.bincount(kinds).tolist() == [real, real // 2, real // 4]
    counted = [made_task.train.labels[row] for row in order if row < real]
    share = counted.count(made_task.train.labels[0]) / real
    assert share < 0.5  # 30 of 34 swipes are of one word, and it is one word of five


def test_the_rate_is_held_and_then_goes_down() -> None:
    how, peak = Schedule(type="cosine", hold=0.5), Optimizer(lr=1.0, warmup=0.1)
    rates = [learning_rate(step, 100, peak, how) for step in range(100)]
    assert rates[9:60] == [1.0] * 51
    assert rates[60:] == sorted(rates[60:], reverse=True)
    assert rates[80] == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ValueError, match="hold"):
        Schedule(hold=1.0)


@pytest.mark.parametrize(
    "how", [{"augment": {"views": 3}}, {"data": {"spliced": -1.0}}, {"augment": {"mirror": 2.0}}]
)
def test_senseless_options_are_refused(how: dict[str, Any]) -> None:
    from edgectc.core import registry

    with pytest.raises(ConfigError):
        registry.complete("tasks", {"type": "swipe", **how})


def test_a_plain_batch_has_one_view() -> None:
    batch = Batch({"length": torch.ones(1)}, ((1,),))
    assert batch.views == 1


def test_agreement_without_views_is_refused() -> None:
    with pytest.raises(ValueError, match="agreement"):
        Loss(agreement=1.0)
    settings = Settings(model=family_config("tcn", "small")["model"], loss=Loss(agreement=0.2))
    (term,) = losses.terms(settings, None, None)
    said = torch.zeros(1, 3, 2).log_softmax(2)
    one = forward.Forward(lambda: said, {}, said, torch.tensor([3]), [(0,)], 1, 0)
    with pytest.raises(ConfigError, match="views = 2"):
        term.value(one)
