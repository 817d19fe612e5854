"""Inputs as networks have them; the oracle is the module itself, called with its own arguments."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgectc
from edgectc.core.errors import ConfigError, InputError
from edgectc.data import readers
from edgectc.data.columns import Input, described, table
from edgectc.data.recordings import samples_for
from edgectc.evaluation import layerwise
from edgectc.exporting.byo import adoption
from edgectc.formats.manifest import pack_array

TOKENS = ["<blank>", *"abcde"]
V = len(TOKENS)
TARGETS = ["onnx", pytest.param("pte", marks=pytest.mark.slow)]


class Many(nn.Module):
    """A day, ids in each frame, a further stream, and values of the speaker."""

    def __init__(self) -> None:
        super().__init__()
        self.days, self.keys = nn.Embedding(5, 8), nn.Embedding(9, 8)
        self.more, self.voice = nn.Linear(3, 8), nn.Linear(4, 8)
        self.head = nn.Linear(8, V)

    def forward(
        self, x: Tensor, day: Tensor, lengths: Tensor, keys: Tensor, more: Tensor, voice: Tensor
    ) -> Tensor:
        once = self.days(day) + self.voice(voice)
        return self.head(torch.tanh(x + once[:, None] + self.keys(keys) + self.more(more)))


class Picture(nn.Module):
    """Columns of an image alone, so that padding is masked."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(2, 4, (3, 1), padding=(1, 0)), nn.Linear(4 * 6, V)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.relu(self.conv(images)).flatten(1, 2).transpose(1, 2))


class Blurred(Picture):
    """Sees the column after its own, so padding is a signal."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)


class Ids(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.keys, self.head = nn.Embedding(9, 8), nn.Linear(8, V)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return self.head(self.keys(input_ids))


class Wave(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv1d(1, 8, 10, stride=5), nn.Linear(8, V)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x[:, None]).transpose(1, 2))


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, V)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.head(x)


class Late(Plain):
    """The scores are the second answer."""

    def forward(self, x: Tensor, lengths: Tensor) -> Any:
        return x.mean(2), self.head(x)


class Fixed(nn.Module):
    """Mixes its 20 frames, and takes no other number."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.mix = nn.Linear(8, V), nn.Linear(20, 20)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.mix(x.transpose(1, 2)).transpose(1, 2))


def seeded(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return kind().eval()


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def many() -> dict[str, Tensor]:
    keys = torch.arange(40).reshape(2, 20) % 9
    return {
        "x": drawn(2, 20, 8),
        "lengths": torch.tensor([20, 13]),
        "day": torch.tensor([1, 3]),
        "keys": keys,
        "more": drawn(2, 20, 3),
        "voice": drawn(2, 4),
    }


def export(network: nn.Module, sample: Any, folder: Path, **about: Any) -> Any:
    about = {"target": "onnx", "check_blank": False, **about}
    made = edgectc.export(network, sample=sample, tokens=TOKENS, out=folder, **about)
    assert made.report.status == "pass"
    assert edgectc.verify(made.path).status == "pass"
    return made


def hold(made: Any, network: nn.Module, recording: Any, given: tuple[Tensor, ...]) -> None:
    with torch.no_grad():
        found = network(*given)
    want = found[0].double().log_softmax(-1).numpy()
    got = edgectc.load(made.path).log_probs(recording)
    np.testing.assert_allclose(got, want[: len(got)], atol=1e-5)
    assert len(got)


@pytest.mark.parametrize("target", TARGETS)
def test_every_kind_of_input(target: str, tmp_path: Path) -> None:
    network, sample = seeded(Many), many()
    made = export(network, sample, tmp_path, target=target, counts={"day": 5})
    moving = {"x", "keys", "more"}
    for length, day in ((20, 1), (7, 4), (13, 0)):
        recording = {
            name: value[1, :length].numpy() if name in moving else value[1].numpy()
            for name, value in sample.items()
            if name not in ("lengths", "day")
        }
        x, keys, more = (sample[name][1:, :length] for name in ("x", "keys", "more"))
        given = (x, torch.tensor([day]), torch.tensor([length]), keys, more, sample["voice"][1:])
        hold(made, network, {**recording, "day": day}, given)
    told = made.manifest.inputs[0].meaning
    assert "x (frames): 0..7, day (index below 5): 8, keys (ids below 9): 9" in told
    (check,) = (c for c in made.report.checks if c.name == "inputs")
    assert all(name in check.detail for name in ("x ", "day ", "keys ", "more ", "voice "))


def recorded(count: int) -> dict[str, np.ndarray]:
    """Recordings of `Many`, each input by its name, as a file has them."""
    rng = np.random.default_rng(4)
    return {
        "x": rng.standard_normal((count, 20, 8)).astype(np.float32),
        "lengths": rng.integers(5, 21, count),
        "day": rng.integers(0, 5, count),
        "keys": rng.integers(0, 9, (count, 20)),
        "more": rng.standard_normal((count, 20, 3)).astype(np.float32),
        "voice": rng.standard_normal((count, 4)).astype(np.float32),
    }


def test_a_file_of_recordings_names_inputs_as_the_sample_does(tmp_path: Path) -> None:
    made = export(seeded(Many), many(), tmp_path / "out", counts={"day": 5})
    frontend = edgectc.load(made.path).frontend
    samples = samples_for({"type": "features"}, frontend=frontend)
    arrays, file = recorded(3), tmp_path / "c.npz"
    for first in ("x", "features"):
        named = {(first if name == "x" else name): array for name, array in arrays.items()}
        np.savez(file, texts=np.array(["ab", "", "c"]), **named)
        rows = list(samples.rows(file))
        assert [row.target for row in rows] == [("a", "b"), (), ("c",)]
        for i, (row, n) in enumerate(zip(rows, arrays["lengths"], strict=True)):
            once = [np.full((n, 1), arrays["day"][i]), np.tile(arrays["voice"][i], (n, 1))]
            x, keys, more = (arrays[name][i, :n] for name in ("x", "keys", "more"))
            wanted = np.concatenate([x, once[0], keys[:, None], more, once[1]], axis=1)
            np.testing.assert_allclose(row.signal, wanted, rtol=1e-6)
    for lost, said in (
        ("day", r"holds .*'keys': \(3, 20\).*expected \['x', 'day', 'keys'"),
        ("lengths", ""),
    ):
        np.savez(file, **{name: array for name, array in arrays.items() if name != lost})
        if said:
            with pytest.raises(InputError, match=said):
                list(samples.rows(file))
        else:  # every recording is whole
            assert {len(row.signal) for row in samples.rows(file)} == {20}
    np.savez(file, y=arrays["x"])
    with pytest.raises(
        InputError, match=r"holds \['y'\], expected \['x', 'day'.* or signal, length"
    ):
        list(samples.read(file))


def test_json_lines_name_inputs_as_the_sample_does(tmp_path: Path) -> None:
    made = export(seeded(Many), many(), tmp_path / "out", counts={"day": 5})
    samples = samples_for({"type": "features"}, frontend=edgectc.load(made.path).frontend)
    arrays, packed, lines = recorded(3), tmp_path / "c.npz", tmp_path / "c.jsonl"
    np.savez(packed, texts=np.array(["ab", "", "c"]), **arrays)
    rows = []
    for i, (n, target) in enumerate(zip(arrays["lengths"], ["a b", "", ["c"]], strict=True)):
        named = {name: array[i] for name, array in arrays.items() if name != "lengths"}
        named |= {name: named[name][:n] for name in ("x", "keys", "more")}
        signal = {name: pack_array(array) if i else array.tolist() for name, array in named.items()}
        rows.append({"signal": signal, "target": target})
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for one, other in zip(samples.rows(lines), samples.rows(packed), strict=True):
        np.testing.assert_allclose(one.signal, other.signal, rtol=1e-6)
        assert one.target == other.target
    answers = [list(edgectc.decode(made.path, input=file, strict=True)) for file in (lines, packed)]
    assert [row.decoded for row in answers[0]] == [row.decoded for row in answers[1]]
    whole = rows[0]["signal"]
    lacking = {name: value for name, value in whole.items() if name != "day"}
    strange = [lacking, {**whole, "x": ["?"]}, {**whole, "day": None}]
    lines.write_text("".join(json.dumps({"signal": one}) + "\n" for one in strange))
    assert [str(error) for error in samples.rows(lines)] == [
        "the recording has ['keys', 'more', 'voice', 'x'], expected "
        "['x', 'day', 'keys', 'more', 'voice']",
        "x is no list of frames, each a list of as many numbers",
        "day holds [nan], expected integers of 0 to 4: more were not seen in the sample of the "
        "export (counts=)",
    ]
    error = next(readers.read(lines))  # as a network of one input reads it
    assert "signal holds ['keys', 'more', 'voice', 'x'], expected a list of frames" in str(error)


def test_images_of_a_file_are_cut_at_their_columns(tmp_path: Path) -> None:
    images = drawn(2, 2, 6, 20)
    made = export(seeded(Picture), {"images": images}, tmp_path / "out")
    frontend, file = edgectc.load(made.path).frontend, tmp_path / "c.npz"
    np.savez(file, images=images.numpy(), lengths=np.array([20, 7]))
    whole, cut = samples_for({"type": "features"}, frontend=frontend).rows(file)
    np.testing.assert_array_equal(whole.signal, frontend.frames(images[0].numpy()))
    np.testing.assert_array_equal(cut.signal, frontend.frames(images[1, :, :, :7].numpy()))


def test_quantize_calibrates_by_the_names_of_the_sample(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", **recorded(70))
    made = edgectc.quantize(
        seeded(Many), sample=many(), tokens=TOKENS, target="onnx", scheme="int8-static",
        calibration=str(tmp_path / "c.npz"), counts={"day": 5}, check_blank=False,
        out=tmp_path / "m.onnx",
    )  # fmt: skip
    assert made.report["calibration"]["samples"] == 70


def test_an_unknown_day_is_refused_and_may_be_counted_in(tmp_path: Path) -> None:
    network, sample = seeded(Many), many()
    made = export(network, sample, tmp_path)
    recording = {k: v[0].numpy() for k, v in sample.items() if k != "lengths"} | {"day": 4}
    recognizer = edgectc.load(made.path)
    with pytest.raises(InputError, match=r"day holds \[4\], expected integers of 0 to 3.*counts="):
        recognizer(recording)
    made = export(network, sample, tmp_path, counts={"day": 5})
    assert edgectc.load(made.path).log_probs(recording).shape == (20, V)
    with pytest.raises(InputError, match="expected 0 to 1"):
        export(network, sample, tmp_path, counts={"day": 2})


def test_names_that_the_network_has_not_are_refused(tmp_path: Path) -> None:
    sample = {**many(), "speaker": torch.tensor([0, 1])}
    with pytest.raises(ConfigError, match=r"holds .*'speaker'.* name its arrays after"):
        export(seeded(Many), sample, tmp_path)
    recognizer = edgectc.load(export(seeded(Many), many(), tmp_path).path)
    with pytest.raises(InputError, match=r"expected \['x', 'day', 'keys', 'more', 'voice'\]"):
        recognizer({"x": np.zeros((5, 8))})


def test_an_npz_of_names_and_the_layers_of_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("s.npz", **{name: value.numpy() for name, value in many().items()})
    network = seeded(Many)
    made = export(network, "s.npz", tmp_path)
    again = adoption.again(network, made.manifest)
    assert layerwise.compare_network(made.path, again).first is None


@pytest.mark.parametrize("target", TARGETS)
def test_images_go_by_their_columns(target: str, tmp_path: Path) -> None:
    network, images = seeded(Picture), drawn(2, 2, 6, 30)
    made = export(network, (images, torch.tensor([30, 17])), tmp_path, target=target)
    hold(made, network, images[0].numpy(), (images[:1],))
    hold(made, network, images[1, :, :, :17].numpy(), (images[1:, :, :, :17],))
    with pytest.raises(InputError, match=r"expected \[2, 6, 'frames'\]"):
        edgectc.load(made.path).log_probs(np.zeros((2, 5, 30)))


def test_an_image_that_feels_its_padding_is_padded_with_zeros(tmp_path: Path) -> None:
    network, images = seeded(Blurred), drawn(2, 2, 6, 30)
    sample = images, torch.tensor([30, 17])
    with pytest.raises(ConfigError, match="say padding='zeros'"):
        export(network, sample, tmp_path)
    made = export(network, sample, tmp_path, padding="zeros")
    hold(made, network, images[0].numpy(), (images[:1],))


def test_ids_alone_are_given_as_they_are(tmp_path: Path) -> None:
    network, ids = seeded(Ids), torch.arange(40).reshape(2, 20) % 9
    made = export(network, (ids, torch.tensor([20, 13])), tmp_path)
    hold(made, network, ids[0].numpy(), (ids[:1],))
    hold(made, network, ids[1, :5].numpy(), (ids[1:, :5],))
    with pytest.raises(InputError, match="expected integers of 0 to 8"):
        edgectc.load(made.path)(np.array([1, 9]))


def test_a_waveform_has_a_rate_and_refuses_int16(tmp_path: Path) -> None:
    network, wave = seeded(Wave), drawn(2, 400).clamp(-1, 1)
    lengths = torch.tensor([400, 300])
    made = export(network, (wave, lengths), tmp_path, sample_rate=16000)
    hold(made, network, wave[0].numpy(), (wave[:1],))
    first = made.manifest.inputs[0]
    assert (first.rate, first.unit) == ("16000 Hz", "floats of -1 to 1")
    recognizer, loud = edgectc.load(made.path), (wave[0].numpy() * 32767).astype(np.int16)
    for wrong in (loud, loud.astype(np.float32)):
        with pytest.raises(InputError, match="divide int16 by 32768") as caught:
            recognizer(wrong)
        assert caught.value.reason == "not_scaled"
    np.testing.assert_allclose(
        recognizer.log_probs(loud / 32768), recognizer.log_probs(wave[0].numpy()), atol=1e-3
    )
    with pytest.raises(ConfigError, match=r"the sample holds values up to .* divide int16"):
        export(network, (wave * 32767, lengths), tmp_path, sample_rate=16000)
    export(network, (wave * 32767 / 32768, lengths), tmp_path, sample_rate=16000)


@pytest.mark.parametrize("kind", [torch.float16, torch.float64])
def test_weights_of_other_types_are_converted_if_that_is_said(
    kind: torch.dtype, tmp_path: Path
) -> None:
    network, sample = seeded(Plain).to(kind), (drawn(2, 20, 8), torch.tensor([20, 13]))
    with pytest.raises(ConfigError, match=r"say to_float32=True"):
        export(network, sample, tmp_path)
    made = export(network, sample, tmp_path, to_float32=True)
    assert network.head.weight.dtype == kind
    hold(made, seeded(Plain).to(kind).float(), sample[0][0].numpy(), (sample[0][:1], sample[1][:1]))


def test_scores_may_be_another_answer(tmp_path: Path) -> None:
    network, sample = seeded(Late), (drawn(2, 20, 8), torch.tensor([20, 13]))
    with pytest.raises(ConfigError):
        export(network, sample, tmp_path)
    made = export(network, sample, tmp_path, answer="1")
    want = network(*sample)[1][0].log_softmax(-1).detach().numpy()
    got = edgectc.load(made.path).log_probs(sample[0][0].numpy())
    np.testing.assert_allclose(got, want, atol=1e-5)
    with pytest.raises(ConfigError, match="answer is 'logits', expected one of 0 to 1"):
        export(network, sample, tmp_path, answer="logits")


class Told(NamedTuple):
    lengths: Tensor
    log_probs: Tensor
    others: Tensor


@dataclass
class Kept:
    hidden: Tensor
    scores: Tensor


class Named(Plain):
    """Answers with names: as a NamedTuple, lengths first, or as a dataclass."""

    def __init__(self, kind: type[Told | Kept]) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor, lengths: Tensor) -> Told | Kept:
        y = super().forward(x, lengths)
        # Of nearly one, as a floor under probabilities makes it: they are log_probs no more.
        scores = (y.softmax(-1) + 1e-4).log()
        return Told(lengths, scores, -y) if self.kind is Told else Kept(x, scores)


def test_scores_are_found_by_their_name(tmp_path: Path) -> None:
    sample = drawn(2, 20, 8), torch.tensor([20, 13])
    network, kept = seeded(partial(Named, Told)), seeded(partial(Named, Kept))
    want = network(*sample).log_probs[0].log_softmax(-1).detach().numpy()
    for one, told in ((network, {}), (kept, {"answer": "scores"})):
        made = export(one, sample, tmp_path, **told)
        got = edgectc.load(made.path).log_probs(sample[0][0].numpy())
        np.testing.assert_allclose(got, want, atol=1e-5)
    made = export(network, sample, tmp_path, answer="others")
    assert np.abs(edgectc.load(made.path).log_probs(sample[0][0].numpy()) - want).max() > 0.1
    said = r"returns \['hidden', 'scores'\], .* \(--answer NAME\)$"
    with pytest.raises(ConfigError, match=said):
        export(kept, sample, tmp_path)
    with pytest.raises(ConfigError, match=r"expected one of \['lengths', 'log_probs', 'others'\]"):
        export(network, sample, tmp_path, answer="logits")


class Listed(Plain):
    def forward(self, given: list[Tensor]) -> Tensor:
        return super().forward(given[0], given[1])


class Turned(Plain):
    def forward(self, x: Tensor) -> Tensor:  # (N, C, T)
        return self.head(x.transpose(1, 2))


class Wrapped(nn.Module):
    """What the message says of either."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        if isinstance(self.network, Turned):
            return self.network(features.transpose(1, 2))
        return self.network([features, lengths])


@pytest.mark.parametrize("kind", [Listed, Turned])
def test_inputs_taken_otherwise_are_given_a_wrapper(kind: type[Plain], tmp_path: Path) -> None:
    sample = drawn(2, 20, 8), torch.tensor([20, 13])
    said = r"features \(1, 20, 8\) and nothing else: .*: .*\(features.transpose\(1, 2\)\), or "
    with pytest.raises(ConfigError, match=said + r"network\(\[features, lengths\]\)"):
        export(seeded(kind), sample, tmp_path)
    network = Wrapped(seeded(kind)).eval()
    made = export(network, sample, tmp_path)
    hold(made, network, sample[0][0].numpy(), (sample[0][:1], torch.tensor([20])))


def test_one_number_of_frames(tmp_path: Path) -> None:
    network, x = seeded(Fixed), drawn(1, 20, 8)
    with pytest.raises(ConfigError, match="padding='zeros'"):
        export(network, (x, torch.tensor([20])), tmp_path)
    made = export(network, (x, torch.tensor([20])), tmp_path, padding="zeros")
    hold(made, network, x[0].numpy(), (x,))
    short = torch.cat([x[:, :9], torch.zeros(1, 11, 8)], 1)
    hold(made, network, x[0, :9].numpy(), (short,))


def test_finished_programs_are_refused(tmp_path: Path) -> None:
    sample = drawn(2, 20, 8), torch.tensor([20, 13])
    with pytest.warns(DeprecationWarning, match="deprecated"):
        traced = torch.jit.trace(seeded(Plain), sample)
    with pytest.raises(ConfigError, match=r"the network is TorchScript: .* export the nn.Module"):
        export(traced, sample, tmp_path)
    program = torch.export.export(seeded(Plain), sample)
    with pytest.raises(ConfigError, match="the network is an exported program"):
        export(program.module(), sample, tmp_path)
    network = seeded(Plain)
    network.load_state_dict(program.state_dict)
    export(network, sample, tmp_path)


def test_columns_by_hand() -> None:
    inputs = (Input("x", "frames", (2,)), Input("i", "image", (1, 2)), Input("d", "index", (), 3))
    image = np.array([[[1, 2, 3], [4, 5, 6]]], np.float32)
    got = table(inputs, {"x": np.zeros((3, 2)), "i": image, "d": 2})
    assert got.tolist() == [[0, 0, 1, 4, 2], [0, 0, 2, 5, 2], [0, 0, 3, 6, 2]]
    assert described(inputs) == "x (frames): 0..1, i (image): 2..3, d (index below 3): 4"
    with pytest.raises(InputError, match="frames, expected as many"):
        table(inputs, {"x": np.zeros((4, 2)), "i": image, "d": 2})
    with pytest.raises(ConfigError, match="a count of ids and index alone"):
        Input("x", "frames", (2,), 3)


@pytest.mark.slow
def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "byo.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n# days\.py\n(.*?)```", page, re.S)
    code += "print(made.report.status, isinstance(text, str))\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "pass True\n", done.stderr
