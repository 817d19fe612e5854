"""Core AI: its converter lies in an environment of its own; the asset runs here, answers alike."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import threading
from pathlib import Path

import networks
import numpy as np
import pytest
import torch
from networks import TOKENS
from torch import Tensor, nn

import edgectc
from edgectc.core import environments
from edgectc.core.errors import BundleError, ConfigError, InputError, MissingDependencyError
from edgectc.exporting.artifact import Artifact
from edgectc.formats import manifest as manifests
from edgectc.formats.coreai_asset import FILES, check_asset
from edgectc.runtime.runners import coreai as runner

MADE = environments.place("coreai").is_dir() and importlib.util.find_spec("coreai")
here = pytest.mark.skipif(not MADE, reason="needs `edgectc doctor --make coreai` and the extra")


class Speech(nn.Module):
    """Convolution of stride 2 over masked frames, attention, a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(6, 16, 3, 2, 1)
        self.q, self.last = nn.Linear(16, 48), nn.Linear(16, len(TOKENS))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        keep = torch.arange(x.shape[1])[None] < lengths[:, None]
        x = self.first((x * keep[:, :, None]).transpose(1, 2)).relu().transpose(1, 2)
        q, k, v = self.q(x).chunk(3, -1)
        scores = (q @ k.transpose(1, 2)).masked_fill(~keep[:, None, ::2], -1e4)
        return self.last(x + scores.softmax(-1) @ v)


def said(**more: object) -> dict[str, object]:
    given = {"target": "coreai", "sample": networks.sample(), "tokens": TOKENS}
    return {**given, "check_blank": False, **more}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    out = tmp_path_factory.mktemp("made") / "speech.aimodel"
    return edgectc.export(networks.seeded(Speech), out=out, **said())


@here
@pytest.mark.slow
def test_a_network_becomes_an_asset_that_answers_like_it(made: Artifact) -> None:
    assert made.report.status == "pass"
    assert {file.name for file in made.path.iterdir()} == {*FILES, "edgectc-manifest.json"}
    network, recognizer = networks.seeded(Speech).eval(), edgectc.load(made.path)
    for n in (40, 17, 3):
        x = torch.randn(1, n, 6, generator=torch.Generator().manual_seed(n))
        with torch.no_grad():  # PyTorch's own answer, alone
            own = network(x, torch.tensor([n]))[0].log_softmax(-1).numpy()
        assert np.abs(recognizer.log_probs(x[0].numpy()) - own).max() < 1e-5


@here
@pytest.mark.slow
def test_it_answers_in_threads_and_beside_an_event_loop(made: Artifact) -> None:
    recognizer, x = edgectc.load(made.path), np.ones((20, 6), np.float32)
    first, found = recognizer.log_probs(x), []
    threads = [
        threading.Thread(target=lambda: found.append(recognizer.log_probs(x))) for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    async def inside() -> None:  # as in a notebook
        found.append(recognizer.log_probs(x))

    asyncio.run(inside())
    assert len(found) == 5
    assert all(np.array_equal(one, first) for one in found)


@here
@pytest.mark.slow
def test_what_does_not_fit_is_refused(made: Artifact) -> None:
    files, _ = manifests.read(made.path)
    assert isinstance(files, dict)
    opened = runner.create(runner.Options(), source=files)
    contract = opened.contract()
    given = {name: np.zeros(shape, dtype) for name, (dtype, shape) in contract.items()}
    first = next(iter(given))
    with pytest.raises(InputError, match=r"Core AI refused the inputs: .*invalid shape"):
        opened.run({**given, first: given[first][:, 1:]})
    with pytest.raises(ConfigError, match="chooses its threads itself"):
        edgectc.load(made.path, threads=2)


def test_other_files_in_the_folder_are_refused() -> None:
    program = b"ML\xefR..."
    files = dict.fromkeys([*FILES, "edgectc-manifest.json"], b"")
    files |= {"main.mlirb": program, "main.hash": hashlib.sha256(program).digest()}
    check_asset(files, "x.aimodel")
    with pytest.raises(BundleError, match=r"main\.mlirb is not the program"):
        check_asset({**files, "main.mlirb": program + b"."}, "x.aimodel")
    with pytest.raises(BundleError, match=r"has a file of its own, 'main-universal\.odix'"):
        check_asset({**files, "main-universal.odix": b""}, "x.aimodel")
    del files["main.hash"]
    with pytest.raises(BundleError, match=r"lacks 'main\.hash'"):
        check_asset(files, "x.aimodel")


def test_an_environment_that_was_not_made_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(environments.FOLDER, str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"edgectc doctor --make coreai"):
        edgectc.export(networks.seeded(Speech), out=tmp_path / "x.aimodel", **said())


def test_a_file_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "x.aimodel").write_text("mine")
    with pytest.raises(ConfigError, match=r"a Core AI artifact is a folder NAME\.aimodel"):
        edgectc.export(networks.seeded(Speech), out=tmp_path / "x.aimodel", **said())
