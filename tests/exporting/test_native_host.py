"""A native artifact in a host in C, on this machine and on emulated 64-bit ARM."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from native_kernels import NAMES, NATIVE

import edgectc
from edgectc.core.types import Array
from edgectc.data import swipe_files
from edgectc.formats import bundle as bundles

build = runpy.run_path(str(NATIVE / "build.py"))
HELPERS = Path(__file__).parents[1] / "helpers"
ARM = ["aarch64-linux-gnu-gcc", "-static"]
HOSTS = {"this machine": ["cc"], "arm64": ARM, "arm64 with dot": [*ARM, "-march=armv8.2-a+dotprod"]}


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the host."""
    compiler, *flags = HOSTS[request.param]
    emulator = [found for name in ("qemu-aarch64", "qemu-aarch64-static")
                if flags and (found := shutil.which(name))]  # fmt: skip
    if not shutil.which(compiler) or (flags and not emulator):
        pytest.skip(f"no {compiler}, or nothing that runs what it makes")
    out = tmp_path_factory.mktemp("host") / "host"
    sources = [str(NATIVE.parent / name) for name in build["read"]()["network"]]
    command = [compiler, *flags, *build["flags"](), str(HELPERS / "native_host.c"), *sources]
    subprocess.run([*command, "-o", str(out), "-lm"], check=True)
    return [*emulator[:1], str(out)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("native")
    quantized = edgectc.quantize(
        "swipe-en-tiny", target="native", scheme="int8-dynamic", limit=2, out=folder
    )
    plain = edgectc.export("swipe-en-tiny", target="native", out=folder)
    return {"float32": plain.path, "int8": quantized.artifact.path}


def _inputs(recognizer: edgectc.Recognizer) -> list[dict[str, Array]]:
    swipes, _ = swipe_files.load(bundles.locate(None) / "samples.jsonl")
    setting = recognizer.setting("qwerty")
    made = [recognizer.frontend.prepare(swipe.points, setting) for swipe in swipes[:8]]
    more = [{**made[0], "length": np.array([n], np.int32)} for n in (1, 2, 7)]
    return [*made, *more]


def _answers(command: list[str], artifact: Path, inputs: list[dict[str, Array]]) -> list[Array]:
    keys = artifact.with_suffix(".keys")
    parts = [inputs[0][name].tobytes() for name in ("keys", "key_mask", "key_size")]
    keys.write_bytes(b"".join(parts))
    given = b"".join(
        one["length"].tobytes() + one["trace"][0, : int(one["length"][0])].tobytes()
        for one in inputs
    )
    *first, kernels = command
    done = subprocess.run([*first, str(artifact), str(keys), kernels], input=given,
                          capture_output=True)  # fmt: skip
    if done.returncode == 3:
        pytest.skip(f"no {kernels} there")
    assert done.returncode == 0, done.stderr
    answers, at = [], 0
    for _ in inputs:
        rows = int(np.frombuffer(done.stdout, "<i4", 1, at)[0])
        answers.append(np.frombuffer(done.stdout, "<f4", rows * 65, at + 4).reshape(rows, 65))
        at += 4 + rows * 65 * 4
    assert at == len(done.stdout)
    return answers


@pytest.mark.slow
@pytest.mark.parametrize("kernels", sorted({*NAMES, "neon"}))
def test_a_host_answers_as_the_network(
    host: list[str], files: dict[str, Path], kernels: str
) -> None:
    network = edgectc.load("swipe-en-tiny", runner="eager")
    inputs, used = _inputs(network), [*range(26), 64]
    for one, got in zip(inputs, _answers([*host, kernels], files["float32"], inputs), strict=True):
        wanted = network.run(one)
        assert got.shape == wanted.shape
        assert np.abs(got - wanted)[:, used].max() < 1e-4


@pytest.mark.parametrize("kernels", sorted({*NAMES, "neon"}))
def test_in_int8_it_answers_nearly_so(
    host: list[str], files: dict[str, Path], kernels: str
) -> None:
    network = edgectc.load("swipe-en-tiny", runner="eager")
    inputs, right, frames = _inputs(network), 0, 0
    for one, got in zip(inputs, _answers([*host, kernels], files["int8"], inputs), strict=True):
        wanted = network.run(one)
        likely = wanted > np.log(1e-2)
        assert np.abs(got - wanted)[likely].max() < 0.5
        right += int((got.argmax(axis=1) == wanted.argmax(axis=1)).sum())
        frames += len(wanted)
    assert right > 0.98 * frames
