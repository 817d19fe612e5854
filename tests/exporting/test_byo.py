"""Networks that were made elsewhere, from module to decoded text, on every target."""

from __future__ import annotations

import json
from pathlib import Path

import networks
import numpy as np
import pytest
import torch
from networks import TOKENS
from torch import nn

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError, InputError, ParityError, UnknownNameError
from edgectc.exporting.byo.adapter import Adapter
from edgectc.formats import manifest as manifests
from edgectc.runtime import loading

TARGETS = ["onnx", pytest.param("pte", marks=pytest.mark.slow)]


def wav2vec2(norm: str) -> nn.Module:
    """A third party's network, small and untrained; nothing is downloaded."""
    transformers = pytest.importorskip("transformers", reason="needs transformers")
    torch.manual_seed(0)
    return transformers.Wav2Vec2ForCTC(
        transformers.Wav2Vec2Config(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
            conv_dim=(16, 16, 16), conv_kernel=(10, 3, 3), conv_stride=(5, 2, 2),
            num_feat_extract_layers=3, vocab_size=len(TOKENS), num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=4, feat_extract_norm=norm,
        )
    )  # fmt: skip


def checked(network: nn.Module, target: str, folder: Path, sample, **about):  # type: ignore[no-untyped-def]
    made = edgectc.export(network, target=target, sample=sample, tokens=TOKENS, out=folder, **about)
    assert made.report.status == "pass"
    assert edgectc.verify(made.path).status == "pass"
    features, lengths = sample
    loaded = edgectc.load(made.path)
    network = network.eval()
    for row, length in zip(features, lengths.tolist(), strict=True):
        got = loaded.log_probs(row[:length].numpy())
        want = _alone(network, row[None, :length])
        np.testing.assert_allclose(got, want[: len(got)], atol=2e-3)
        for decoder in ("greedy", "beam"):
            text = loaded(row[:length].numpy(), decoder=decoder).best.text
            assert text == loaded.decoder(None, decoder)(got).best.text
    return made


def _alone(network: nn.Module, x: torch.Tensor) -> np.ndarray:
    """The network as its author runs it: one recording, no padding."""
    with torch.inference_mode():
        out = network(x[..., 0] if x.shape[-1] == 1 else x, torch.tensor([x.shape[1]]))
    out = out[0] if isinstance(out, tuple) else out
    return torch.log_softmax(out[0], dim=-1).numpy()


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")  # of torch's own answer
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", [networks.Lstm, networks.Conformer, networks.Encoder])
def test_own_networks(kind: type[nn.Module], target: str, tmp_path: Path) -> None:
    made = checked(networks.seeded(kind), target, tmp_path, networks.sample())
    assert made.path.name == f"{kind.__name__.lower()}.{target}"
    assert made.manifest.tokens == TOKENS
    expected = (2, 3) if kind is networks.Conformer else (1, 1)
    assert (made.manifest.output.stride, made.manifest.output.window) == expected


class Stacked(nn.Module):
    """Two layers both ways, frames first, the last states taken apart: as deep speech models do."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 8, num_layers=2, bidirectional=True)
        self.head = nn.Linear(16, len(TOKENS))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        found, (_hidden, _cell) = self.lstm(x.transpose(0, 1))
        return self.head(found.transpose(0, 1))


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_stacked_recurrent_layers(target: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = edgectc.export(
        Stacked(), target=target, sample=networks.sample(), tokens=TOKENS, out=tmp_path,
        padding="zeros",
    )  # fmt: skip
    assert edgectc.verify(made.path).status == "pass"


@pytest.mark.parametrize("target", TARGETS)
def test_wav2vec2(target: str, tmp_path: Path) -> None:
    wave = torch.randn(2, 1600, generator=torch.Generator().manual_seed(0))
    sample = (wave, torch.tensor([1600, 1200]))
    network = wav2vec2("layer")
    made = edgectc.export(
        network, target=target, sample=sample, tokens=TOKENS, out=tmp_path, name="wave"
    )
    assert made.path.name == f"wave.{target}"
    assert (made.manifest.output.stride, made.manifest.output.window) == (20, 40)
    loaded = edgectc.load(made.path)
    for row, length in zip(*sample, strict=True):
        got = loaded.log_probs(row[:length].numpy())  # (T,), as waveforms come
        with torch.inference_mode():
            want = network.eval()(row[None, :length]).logits[0].log_softmax(-1)
        np.testing.assert_allclose(got, want.numpy(), atol=2e-3)


def test_wav2vec2_that_normalises_over_time_needs_a_word(tmp_path: Path) -> None:
    sample = (torch.randn(1, 1600), torch.tensor([1600]))
    given = {"target": "onnx", "sample": sample, "tokens": TOKENS, "out": tmp_path}
    network = wav2vec2("group")
    with pytest.raises(ConfigError, match="padding leaks"):
        edgectc.export(network, **given)
    made = edgectc.export(network, padding="zeros", **given)
    report = edgectc.verify(made.path)
    assert report.status == "pass"
    assert {c.name for c in report.checks if c.status == "not_run"} == {"padding", "words"}


@pytest.mark.slow
def test_any_batch(tmp_path: Path) -> None:
    made = edgectc.export(
        networks.seeded(networks.Conformer), target="onnx", sample=networks.sample(),
        tokens=TOKENS, out=tmp_path, dynamic_batch=True,
    )  # fmt: skip
    assert "batch" in {check.name for check in made.report.checks if check.status == "pass"}


@pytest.mark.slow
def test_the_same_bytes_twice_and_other_weights_other_bytes(tmp_path: Path) -> None:
    given = {"target": "onnx", "sample": networks.sample(), "tokens": TOKENS}
    paths = [tmp_path / f"{i}.onnx" for i in range(3)]
    network = networks.seeded(networks.Lstm)
    for path in paths[:2]:
        edgectc.export(network, out=path, **given)
    network.head.weight.data[0] *= 1.01
    edgectc.export(network, out=paths[2], **given)
    first, second, third = (path.read_bytes() for path in paths)
    assert first == second != third
    hashes = {manifests.read(path)[1].source.weights_sha256 for path in paths}
    assert len(hashes) == 2


def test_bad_calls(tmp_path: Path) -> None:
    network = networks.seeded(networks.Lstm)
    given = {"target": "onnx", "out": tmp_path}
    with pytest.raises(ConfigError, match=r"needs sample="):
        edgectc.export(network, tokens=TOKENS, **given)
    with pytest.raises(ConfigError, match=r"needs tokens="):
        edgectc.export(network, sample=networks.sample(), **given)
    with pytest.raises(
        ConfigError, match="has no tokns; did you mean tokens, an option of a module"
    ):
        edgectc.export(network, sample=networks.sample(), tokns=TOKENS, **given)
    with pytest.raises(ConfigError, match=r"sample goes with package\.module:factory or a module"):
        edgectc.export(sample=networks.sample(), **given)
    with pytest.raises(ConfigError, match=r"^path is 1, expected a path"):
        edgectc.export(1, **given)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="blank goes with a file of tokens; say blank_id"):
        edgectc.export("networks:Lstm", sample=networks.sample(), tokens=TOKENS, blank="x", **given)
    assert list(tmp_path.iterdir()) == []


def test_a_converted_network_that_froze_its_length_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Verification is what stands between a careless converter and the user."""
    from edgectc.exporting.targets.onnx import OnnxTarget

    real = OnnxTarget.convert

    class Frozen(nn.Module):
        def __init__(self, model: Adapter) -> None:
            super().__init__()
            self.model = model

        def forward(self, features, length):  # type: ignore[no-untyped-def]
            return self.model(features, length * 0 + 40)

    monkeypatch.setattr(OnnxTarget, "convert", lambda s, m, i, *plan, **more: real(s, Frozen(m), i))
    with pytest.raises(ParityError, match="log_probs"):
        edgectc.export(
            networks.seeded(networks.Conformer), target="onnx", sample=networks.sample(),
            tokens=TOKENS, out=tmp_path,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    features, lengths = networks.sample()
    np.savez("s.npz", features=features.numpy(), lengths=lengths.numpy())
    save_file(networks.seeded(networks.Conformer).state_dict(), "w.safetensors")
    Path("tokens.txt").write_text("\n".join(TOKENS) + "\n")
    return tmp_path


def test_the_command(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (
        "export networks:Conformer --weights w.safetensors --sample s.npz --tokens tokens.txt "
        "--target onnx --json"
    )
    assert cli.main(line.split()) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["status"] == "pass"
    assert "length map" in {check["name"] for check in about["checks"]}
    loaded = loading.load(files / "conformer.onnx")
    assert loaded(np.load("s.npz")["features"][0]).best.text
    assert cli.main(["decode", "conformer.onnx", "--input", "s.npz", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    features, lengths = np.load("s.npz")["features"], np.load("s.npz")["lengths"]
    said = [loaded(x[:n]).best.text for x, n in zip(features, lengths, strict=True)]
    assert [row["candidates"][0]["text"] for row in rows] == said
    np.savez("t.npz", signal=np.concatenate([features[0, :9], features[1, :4]]), length=[9, 4])
    assert cli.main("decode conformer.onnx --input t.npz --decoder beam --json".split()) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    np.savez("long.npz", features=np.zeros((1, 41, 6), np.float32))
    assert cli.main("decode conformer.onnx --input long.npz".split()) == 2
    assert "refused (too_long)" in capsys.readouterr().out
    assert cli.main("decode conformer.onnx --input tokens.txt".split()) == 2
    assert "--input tokens.txt holds no recordings" in capsys.readouterr().err
    assert cli.main("decode conformer.onnx --input s.npz --layout qwerty".split()) == 2
    assert "--layout goes with swipes" in capsys.readouterr().err
    assert cli.main("decode --input s.npz".split()) == 2
    assert "takes swipes" in capsys.readouterr().err
    assert cli.main(["inspect", "conformer.onnx", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frontend"]["type"] == "features"


@pytest.mark.slow
def test_the_text_of_the_command_will_do_in_python(files: Path) -> None:
    made = edgectc.export(
        "networks:Conformer", target="onnx", weights="w.safetensors", sample="s.npz",
        tokens="tokens.txt", separator=" ", out=files / "text.onnx",
    )  # fmt: skip
    other = edgectc.export(
        networks.seeded(networks.Conformer), target="onnx", sample=networks.sample(),
        tokens=TOKENS, separator=" ", out=files / "module.onnx",
    )  # fmt: skip
    assert made.manifest.source.weights_sha256 == other.manifest.source.weights_sha256
    assert (made.manifest.tokens, made.manifest.separator) == (other.manifest.tokens, " ")
    with pytest.raises(UnknownNameError, match="did you mean 'Conformer'"):
        edgectc.export("networks:Conformr", target="onnx", sample="s.npz", tokens="tokens.txt")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "networks:Conformr"}, "did you mean 'Conformer'"),
        ({"model": "netwrks:Conformer"}, "no module 'netwrks'"),
        ({"model": "networks:sample"}, "expected a torch.nn.Module"),
        ({"model": "networks:seeded"}, "cannot be called without arguments"),
        ({"model": "networks:Lstm"}, "does not fit the network"),
        ({"weights": "tokens.txt"}, "is no safetensors file"),
        ({"sample": "tokens.txt"}, "no .npz of plain arrays"),
        ({"tokens": "s.npz"}, "is not UTF-8"),
        ({"blank": "<pad>"}, "none of the tokens of the token file"),
    ],
)
def test_the_command_refuses(
    files: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str], words: str
) -> None:
    given = {
        "model": "networks:Conformer", "weights": "w.safetensors", "sample": "s.npz",
        "tokens": "tokens.txt", **change,
    }  # fmt: skip
    model = given.pop("model")
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    assert cli.main(["export", model, "--target", "onnx", *options]) == 2
    assert words in capsys.readouterr().err
    assert not list(files.glob("*.onnx"))


def test_options_of_a_network_do_not_go_with_a_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", "--target", "onnx", "--tokens", "x"]) == 2
    assert "--tokens goes with package.module:factory" in capsys.readouterr().err
    assert cli.main(["export", "networks:Lstm", "--target", "onnx", "--tokens", "x"]) == 2
    assert "needs --sample" in capsys.readouterr().err


def test_the_frontend_refuses_what_it_cannot_take(tmp_path: Path) -> None:
    made = edgectc.export(
        networks.seeded(networks.Lstm), target="onnx", sample=networks.sample(), tokens=TOKENS,
        out=tmp_path,
    )  # fmt: skip
    loaded = edgectc.load(made.path)
    for bad, reason in [
        (np.ones((41, 6)), "too_long"),
        (np.ones((4, 5)), "bad_shape"),
        (np.ones(6), "bad_shape"),
        (np.full((4, 6), np.nan), "not_finite"),
    ]:
        with pytest.raises(InputError) as caught:
            loaded(bad)
        assert caught.value.reason == reason
    with pytest.raises(InputError, match="takes nothing else"):
        loaded(np.ones((4, 6)), layout="qwerty")
