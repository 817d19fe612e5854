"""Words set against each other: against enumeration, and where there are none."""

from __future__ import annotations

import copy
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgectc.core import registry
from edgectc.core.config import family_config
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import collapse
from edgectc.core.types import Hypothesis
from edgectc.exporting.untrained import build
from edgectc.formats import layouts
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import spell
from edgectc.training.loop import checkpoints, devices
from edgectc.training.loop.trainer import Trainer, train
from edgectc.training.objectives import forward
from edgectc.training.objectives.mmi import mmi_loss, term
from edgectc.training.preparing import prepare
from edgectc.training.settings import Loss
from edgectc.training.swipes.competitors import LexiconCompetitors
from edgectc.training.task import Batch, Competitor

COUNTS = {"cab": 9.0, "cob": 5.0, "bob": 2.0, "cabbie": 1.0, "it's": 3.0, "its": 4.0}
PRESET = {"type": "lexicon", "lm_weight": 0.5, "letter_score": 1.2, "acoustic_scale": 0.7,
          "blank_penalty": 0.2, "template_weight": 2.0, "unknown_score": -1.0}  # fmt: skip


def probability(log_probs: torch.Tensor, word: tuple[int, ...], blank: int) -> float:
    """Of all the paths that spell a word, added up one by one."""
    T, V = log_probs.shape
    total = 0.0
    for path in itertools.product(range(V), repeat=T):
        if tuple(token for token, _ in collapse(list(path), blank)) == word:
            total += math.exp(sum(float(log_probs[t, v]) for t, v in enumerate(path)))
    return total


def random_log_probs(n: int, T: int, V: int) -> torch.Tensor:
    made = torch.randn(n, T, V, generator=torch.manual_seed(n), dtype=torch.float64)
    return made.log_softmax(2)


def test_mmi_is_the_share_of_the_label_over_all_paths() -> None:
    log_probs, frames = random_log_probs(3, 4, 3), torch.tensor([4, 3, 4])
    lists = [
        [Competitor((0, 1), -1.0), Competitor((1,), 0.5), Competitor((1, 0, 1), 0.0)],
        [Competitor((0, 0), 0.25), Competitor((0,), -0.5)],
        [Competitor((1,), 0.0)],  # nothing to beat
    ]
    scale, penalty, expected = 0.7, 0.3, 0.0
    for one, length, competitors in zip(log_probs, frames.tolist(), lists, strict=True):
        less = torch.tensor([0.0, 0.0, penalty], dtype=torch.float64)
        used = (scale * one[:length] - less).log_softmax(1)
        scores = [
            math.log(probability(used, competitor.tokens, 2)) + competitor.log_prior
            for competitor in competitors
        ]
        expected -= scores[0] - math.log(sum(map(math.exp, scores)))
    found = mmi_loss(log_probs, frames, lists, 2, scale, penalty)
    assert float(found) == pytest.approx(expected / 3, rel=1e-9)


def test_its_gradient_is_that_of_finite_differences() -> None:
    raw = torch.randn(2, 5, 4, generator=torch.manual_seed(1), dtype=torch.float64)
    raw.requires_grad_()
    lists = [
        [Competitor((0, 1), 0.0), Competitor((2,), 0.3)],
        [Competitor((1,), 0.0), Competitor((1, 2), -0.2)],
    ]

    def loss(values: torch.Tensor) -> torch.Tensor:
        return mmi_loss(values.log_softmax(2), torch.tensor([5, 4]), lists, 3, 0.6, 0.1)

    assert torch.autograd.gradcheck(loss, (raw,))


def test_samples_without_rivals_cost_nothing_and_break_nothing() -> None:
    raw = torch.randn(2, 5, 4, requires_grad=True)
    for lists in ([[], []], [[Competitor((0,), 0.0)], []]):
        found = mmi_loss(raw.log_softmax(2), torch.tensor([5, 5]), lists, 3)
        found.backward()
        assert found.item() == 0.0
        assert raw.grad is not None
        assert not raw.grad.any()


@pytest.mark.parametrize("layout", ["qwerty", "azerty", "dvorak"])
def test_rivals_are_what_the_decoder_finds_and_the_label(layout: str) -> None:
    frontend = build("tcn", "small").frontend
    tokens = frontend.tokens(layouts.load(layout))
    lexicon = Lexicon.from_counts(COUNTS)
    competitors = LexiconCompetitors(
        PRESET, lexicon, [frontend.tokens(layouts.load("colemak")), tokens]
    )
    log_probs = np.random.default_rng(0).normal(size=(12, len(tokens)))
    unused = [i for i, symbol in enumerate(tokens.symbols) if symbol.startswith("<unused")]
    log_probs[:, unused] = -1e4
    log_probs -= np.log(np.exp(log_probs).sum(1, keepdims=True))
    label = tuple(tokens.encode("bob"))
    first, *others = competitors(1, label, log_probs)
    plain = registry.create(
        "decoders", {**PRESET, "unknown_score": None}, tokens=tokens, lexicon=lexicon
    )
    by_decoder: dict[tuple[int, ...], Hypothesis] = {}  # of words spelled alike, the heaviest
    for hypothesis in plain(log_probs, nbest=9):
        spelled = spell(hypothesis.text, frozenset(layouts.load(layout).letters))
        by_decoder.setdefault(tuple(tokens.encode(spelled)), hypothesis)
    assert first.tokens == label
    assert {first.tokens, *(competitor.tokens for competitor in others)} == set(by_decoder)
    for competitor in (first, *others):
        hypothesis = by_decoder[competitor.tokens]
        assert competitor.log_prior == pytest.approx(hypothesis.score - hypothesis.parts["ctc"])
    assert competitors(1, tuple(tokens.encode("zzz")), log_probs) == []


def test_a_label_that_the_search_does_not_find_is_there() -> None:
    frontend = build("tcn", "small").frontend
    tokens = frontend.tokens(layouts.load("qwerty"))
    competitors = LexiconCompetitors(PRESET, Lexicon.from_counts(COUNTS), [tokens])
    sure = np.full((7, len(tokens)), -40.0)
    sure[range(7), [tokens.encode("c")[0], tokens.blank_id, tokens.encode("a")[0]] * 2
         + [tokens.encode("b")[0]]] = 0.0  # fmt: skip
    sure[3:6] = sure[[1, 1, 1]]
    sure -= np.log(np.exp(sure).sum(1, keepdims=True))
    found = competitors(0, tuple(tokens.encode("bob")), sure)
    assert [competitor.tokens for competitor in found] == [
        tuple(tokens.encode("bob")), tuple(tokens.encode("cab"))]  # fmt: skip


def config(**loss: float) -> dict[str, Any]:
    values = copy.deepcopy(family_config("tcn", "small"))
    data = {"synthetic_pool": 96, "synthetic_layouts": ["qwerty", "dvorak"], "random_layouts": 1}
    augment = {"reverse": 0.25, "views": 2}
    return {**values, "data": data, "augment": augment, "loss": {"agreement": 0.1, **loss},
            "epochs": 2, "batch_size": 32, "validate_every": 1, "validation_rows": 16,
            "decoder": PRESET}  # fmt: skip


def test_it_begins_with_its_epoch_and_only_then(tmp_path: Path) -> None:
    words = Lexicon.from_counts({word: 1.0 for word in ("cab", "cob", "bob", "nut", "not", "net")})

    def weights(name: str, **loss: float) -> dict[str, torch.Tensor]:
        train(config(**loss), tmp_path / name, data=None, lexicon=words)
        return dict(checkpoints.read(tmp_path / name / "last.safetensors").model)

    without, never = weights("without"), weights("never", mmi=0.5, mmi_from=2)
    late, again = (weights(name, mmi=0.5, mmi_from=1) for name in ("late", "again"))
    assert all(torch.equal(without[name], never[name]) for name in without)
    assert any(not torch.equal(without[name], late[name]) for name in without)
    assert all(torch.equal(late[name], again[name]) for name in late)


def test_steps_raise_the_share_of_the_label(tmp_path: Path) -> None:
    """The same steps on one batch, with the term and without."""
    words = Lexicon.from_counts({word: 1.0 for word in ("on", "in", "is", "us", "so", "do")})

    def after(name: str, share: float) -> float:
        settings, model, task = prepare(config(mmi=share), data=None, lexicon=words)
        trainer = Trainer(settings, model, task, tmp_path, devices.fabric("cpu", "fp32"))
        rows = np.arange(24)
        batch = task.train.batch(rows, torch.Generator().manual_seed(0))
        trainer.train_mode()
        for _ in range(40):
            trainer.take_step(batch, rows, 2e-3)
        model.eval()
        with torch.no_grad():
            log_probs = model(**batch.inputs).float()
        return float(term(task.competitors)(trainer._forward(batch, batch.inputs, log_probs)))

    assert after("with", 0.9) < 0.5 * after("without", 0.0)


def test_without_words_it_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"loss\.mmi.*lexicon"):
        term(None)
    with pytest.raises(ValueError, match="mmi"):
        Loss(mmi=1.0)
    with pytest.raises(ValueError, match="mmi_from"):
        Loss(mmi=0.5, mmi_from=-1)
    values = copy.deepcopy(family_config("gru", "small"))
    values |= {"data": {"train": 8, "dev": 4}, "loss": {"mmi": 0.5}, "augment": {}}
    with pytest.raises(ConfigError, match=r"leave loss\.mmi out"):
        prepare(values, data=None)


def test_samples_of_no_known_kind_are_refused_not_passed_over() -> None:
    said = torch.zeros(2, 3, 2).log_softmax(2)
    frames, labels = torch.tensor([3, 3]), [(0,), (0,)]
    one = forward.Forward(lambda: said, {}, said, frames, labels, 1, 0, layout_ids=(0,))
    competitors = LexiconCompetitors(PRESET, Lexicon.from_counts({"a": 1.0}), [])
    with pytest.raises((ValueError, IndexError)):
        term(competitors)(one)


def test_a_share_of_a_batch_keeps_its_kinds() -> None:
    batch = Batch({"length": torch.arange(6)}, ((1,), (2,), (3,)), 2, (7, 8, 9))
    assert batch.take([2, 0]).layout_ids == (9, 7)
    assert batch.take([0, 1, 2]) is batch
