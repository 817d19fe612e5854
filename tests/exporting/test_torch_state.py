"""Threads, gradients and random numbers are the caller's, before and after every call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import networks
import pytest
import torch_state

import edgectc
from edgectc.evaluation import layerwise
from edgectc.formats import bundle as bundles
from edgectc.networks import model as models

MODEL = "swipe-en-tiny"
NETWORK = networks.seeded(networks.Lstm)


def _exported_module(folder: Path) -> None:
    sample = networks.sample()
    edgectc.export(NETWORK, target="onnx", sample=sample, tokens=networks.TOKENS, out=folder)


def _exported(folder: Path) -> None:
    edgectc.verify(edgectc.export(MODEL, target="onnx", out=folder / "x.onnx"))


def _quantized(folder: Path) -> None:
    edgectc.quantize(
        "swipe-en", target="onnx", scheme="int8-weight", limit=5, out=folder / "x.onnx"
    )


def _located(folder: Path) -> None:
    made = edgectc.export(MODEL, target="onnx", out=folder / "x.onnx")
    layerwise.compare_network(made.path, models.load(bundles.read(bundles.locate(MODEL))))


def _answered(folder: Path) -> None:
    loaded = edgectc.load(MODEL, runner="eager", threads=3)
    assert loaded.runner.threads == 3
    loaded([[0.1, 0.2, 0.0], [0.5, 0.5, 90.0], [0.7, 0.2, 190.0]])


SLOW = (_exported_module, _quantized, _located)
CALLS = (_exported, _answered, *(pytest.param(call, marks=pytest.mark.slow) for call in SLOW))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__.strip("_"))
def test_a_call_leaves_pytorch_as_it_was(call: Callable[[Path], None], tmp_path: Path) -> None:
    with torch_state.unchanged():
        call(tmp_path)
