"""The target "native": its network against PyTorch, on every instruction set that runs here."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from native_kernels import NAMES

import edgectc
from edgectc.core import registry
from edgectc.core.errors import BundleError, ConfigError, ExportError, InputError
from edgectc.core.types import Array
from edgectc.data import swipe_files
from edgectc.decoding.search import compiled
from edgectc.exporting.lowering import native_writer
from edgectc.formats import layouts
from edgectc.formats import manifest as manifests
from edgectc.formats import native_program as native
from edgectc.networks.model import CtcModel

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="no compiled library")
CHANNELS = (8, 24, 40, 72)


def _model(channels: int, kernel: int = 3) -> CtcModel:
    torch.manual_seed(channels)
    model = CtcModel({
        "frontend": {"type": "swipe"},
        "features": {"type": "swipe", "key_hidden": 20, "key_in": 21, "key_out": 24},
        "encoder": {"type": "tcn", "channels": channels, "kernel": kernel,
                    "fine": [1, 4], "coarse": [2, 8]},
    })  # fmt: skip
    for module in model.modules():  # branches that start at zero would hide what is in them
        for parameter in module.parameters(recurse=False):
            with torch.no_grad():
                parameter.add_(0.05 * torch.randn_like(parameter))
    return model.fold().eval()


def _content(model: CtcModel, int8: tuple[str, ...] = ()) -> bytes:
    made = native_writer.lowered(model, frames=64, channels=3, int8=int8)
    made.columns = 65
    return made.content(b"")


def _inputs(length: int, layout: str = "qwerty") -> dict[str, Array]:
    frontend = registry.create("frontends", {"type": "swipe"})
    rng = np.random.default_rng(length)
    trace = np.zeros((1, 64, 3), np.float32)
    trace[0, :, :2] = np.cumsum(rng.normal(0.0, 0.05, (64, 2)), axis=0) + 0.5
    trace[0, :, 2] = np.cumsum(rng.random(64) * 0.03)
    about = {"trace": trace, "length": np.array([length], np.int32)}
    return {**about, **frontend.context(layouts.load(layout))}


def _runner(content: bytes, kernels: str) -> object:
    try:
        return registry.create("runners", {"type": "native", "kernels": kernels}, source=content)
    except ConfigError:
        pytest.skip(f"this processor runs no {kernels}")


def _both(model: CtcModel, runner, inputs: dict[str, Array]) -> tuple[Array, Array]:
    frames = (int(inputs["length"][0]) + 1) // 2
    with torch.inference_mode():
        wanted = model(**{k: torch.from_numpy(v) for k, v in inputs.items()}).numpy()
    used = np.append(inputs["key_mask"][0] > 0, True)
    return wanted[0, :frames, used], runner.run(inputs)[0, :frames, used]


@pytest.mark.parametrize("kernels", NAMES)
@pytest.mark.parametrize("channels", CHANNELS)
def test_random_networks_answer_as_pytorch(channels: int, kernels: str) -> None:
    model = _model(channels, kernel=5 if channels == 24 else 3)
    runner = _runner(_content(model), kernels)
    for length in (64, 1, 2, 3, 7, 31, 32, 63, 64):  # longer, then shorter: nothing may stay
        for layout in ("qwerty", "azerty"):
            wanted, got = _both(model, runner, _inputs(length, layout))
            assert np.abs(wanted - got).max() < 1e-4, (length, layout)


@pytest.mark.parametrize("kernels", NAMES)
def test_int8_answers_nearly_so(kernels: str) -> None:
    model = _model(40)
    names = ("encoder.down.conv", "encoder.fine.0.mix", "encoder.coarse.1.conv.conv")
    runner = _runner(_content(model, names), kernels)
    worst = 0.0
    for length in (1, 2, 31, 64):
        wanted, got = _both(model, runner, _inputs(length))
        worst = max(worst, float(np.abs(wanted - got).max()))
    assert 1e-4 < worst < 0.5


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["encoder.fine.0.mix", "head", "encoder.stem.conv"])
def test_a_weight_that_is_not_finite_is_refused(value: float, part: str) -> None:
    """NaN passes a rectifier and a bounded score as a plausible number."""
    model = _model(8)
    with torch.no_grad():
        next(model.get_submodule(part).parameters()).flatten()[0] = value
    with pytest.raises(BundleError, match="a weight is not finite"):
        _runner(_content(model), "")


@pytest.mark.parametrize("kernels", NAMES)
def test_an_activation_that_overflows_is_refused(kernels: str) -> None:
    model = _model(8)
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            parameter.mul_(1e9)
    runner = _runner(_content(model), kernels)
    with pytest.raises(InputError, match="an activation is not finite"):
        runner.run(_inputs(20))


def test_unused_slots_read_minus_ten_thousand() -> None:
    inputs = _inputs(20)
    out = _runner(_content(_model(8)), "").run(inputs)[0]
    unused = np.append(inputs["key_mask"][0] == 0, False)
    assert (out[:10, unused] < -9990.0).all()
    assert (out[10:] == 0.0).all()
    np.testing.assert_allclose(np.exp(out[:10].astype(float)).sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.slow
def test_quantized_it_is_small_and_still_the_model(tmp_path: Path) -> None:
    made = edgectc.quantize(
        "swipe-en-tiny", target="native", scheme="int8-dynamic", limit=5, out=tmp_path
    )
    report = edgectc.verify(made.artifact)
    assert [check.name for check in report.checks if check.status == "fail"] == []
    assert report.status == "pass"
    assert made.report["float_by_design"].endswith(", stem")
    assert made.report["operators"] == 23
    weights = edgectc.inspect(made.artifact)["contents"]
    assert weights["int8_share"] > 0.85
    assert weights["weights_bytes"] < 0.4 * 1_130_840  # of the weights in float32


@pytest.mark.data
@pytest.mark.parametrize("model", ["swipe-en", "swipe-en-tiny"])
def test_500_real_swipes_answer_as_pytorch(model: str, swipes_file: Path, tmp_path: Path) -> None:
    made = edgectc.export(model, target="native", out=tmp_path)
    ours, theirs = edgectc.load(made), edgectc.load(model, runner="eager")
    swipes, _ = swipe_files.load(swipes_file, split="test")
    used, worst = [*range(26), 64], 0.0
    for i in np.random.default_rng(1).permutation(len(swipes))[:500]:
        a, b = (one.log_probs(swipes[i].points)[:, used] for one in (ours, theirs))
        worst = max(worst, float(np.abs(a - b).max()))
    assert worst < 1e-4


def test_inputs_that_are_others_are_refused() -> None:
    runner, inputs = _runner(_content(_model(8)), ""), _inputs(9)
    for name, value in (
        ("trace", inputs["trace"][:, :32]), ("trace", inputs["trace"].astype(float)),
        ("length", np.array([65], np.int32)), ("length", np.array([-1], np.int32)),
        ("keys", np.full_like(inputs["keys"], np.nan)),
        ("trace", np.full_like(inputs["trace"], np.inf)),
    ):  # fmt: skip
        with pytest.raises(InputError):
            runner.run({**inputs, name: value})
    with pytest.raises(InputError, match="missing"):
        runner.run({k: v for k, v in inputs.items() if k != "keys"})
    assert runner.run(inputs).any()
    assert not runner.run({**inputs, "length": np.array([0], np.int32)}).any()


def test_threads_share_one_runner() -> None:
    runner = _runner(_content(_model(24)), "")
    samples = [_inputs(n, layout) for n in (5, 40, 64) for layout in ("qwerty", "azerty")]
    wanted = [runner.run(one).tobytes() for one in samples]
    wrong: list[int] = []

    def work(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(0, len(samples), 200):
            if runner.run(samples[i]).tobytes() != wanted[i]:
                wrong.append(int(i))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_network_without_kernels_is_named() -> None:
    spec = {"frontend": {"type": "swipe"}, "features": {"type": "swipe"},
            "encoder": {"type": "transformer"}}  # fmt: skip
    with pytest.raises(ExportError, match="no kernels for the encoder 'TransformerEncoder' yet"):
        native_writer.lowered(CtcModel(spec).eval(), frames=64, channels=3, int8=())


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shipped model."""
    return edgectc.export("swipe-en-tiny", target="native", out=tmp_path_factory.mktemp("x")).path


def test_numpy_alone_runs_it(exported: Path, shipped: Path) -> None:
    code = (
        "import sys, edgectc; from edgectc.data import swipe_files\n"
        f"traces, _ = swipe_files.load({str(shipped / 'samples.jsonl')!r})\n"
        f"words = {str(shipped / 'lexicon.trie')!r}\n"
        f"rec = edgectc.load({str(exported)!r}, lexicon=words)\n"
        "print(rec(traces[0].points).best.text == traces[0].word, rec.runner_name)\n"
        "print({'torch', 'onnx', 'onnxruntime', 'executorch', 'safetensors'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["True native", "set()"]


def test_a_file_reads_as_it_was_written(exported: Path) -> None:
    data, manifest = manifests.read(exported)
    assert isinstance(data, bytes)
    program = native.read(data)
    start = data.index(manifests.PREFIX)
    assert program.content(data[start:]) == data
    assert (program.frames, program.channels, program.columns, program.stride) == (64, 3, 65, 2)
    assert manifest.target == "native"
    operators = edgectc.inspect(exported)["contents"]
    assert operators["macs"] > 9e6
    assert operators["rows"][0]["kind"] == "Convolution"


def test_tensors_hold_what_was_put_in(rng: np.random.Generator) -> None:
    for rows, columns in ((1, 1), (5, 16), (7, 33)):
        matrix = rng.normal(size=(rows, columns)).astype(np.float32)
        assert (native.panels(matrix).floats() == matrix).all()
        codes, scale = native.int8_panels(matrix[None])
        error = np.abs(codes.floats()[:rows] * scale.floats() - matrix)
        assert (error <= scale.floats() * 0.5001).all()
    assert (native.vector(matrix[0]).floats() == matrix[0]).all()


@pytest.mark.parametrize("damage", [b"", b"edgectcN", b"edgectcN" + bytes(56), b"\x08\x07" * 99])
def test_what_is_no_artifact_is_refused(damage: bytes) -> None:
    with pytest.raises(BundleError, match="no native artifact"):
        native.read(damage)
    with pytest.raises(BundleError, match="cannot open"):
        registry.create("runners", {"type": "native"}, source=damage)
