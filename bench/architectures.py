"""Architectures of others through every format: how far the file answers from its own network.

    python bench/architectures.py NAME ... --results bench/results/architectures.json  # goes on
    python bench/architectures.py --formats "onnx dynamic" --results ...  # of all, one column
    python bench/architectures.py NAME --formats "int8 pte" --again ...  # measured anew
    python bench/architectures.py --page docs/architectures.md --results ...

Each network is run as its authors run it, alone on recordings of several lengths, and its answer is
held against that of the file, which ONNX Runtime or ExecuTorch run by hand here: nothing of the
adapter or of the runners is in the way. A format is refused by a message, which is kept, or it
answers; an answer that is further off than `LIMIT` in float32 is wrong, and the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import _architectures as one
import _architectures_more as two
import numpy as np
import torch
from _architectures import frames, images, short, waves
from _architectures_page import Shape, written
from _result import heading
from torch import Tensor, nn

import edgectc
from edgectc.quantization import timing

LIMIT = 1e-3  # nats, in float32
LEAST = 8  # frames that a file of any length is given
TOKENS = ["<blank>", *"abcdefghij"]
FORMATS = {
    "onnx 14": ("onnx", {"opset": 14}),
    "onnx 18": ("onnx", {"opset": 18}),
    "onnx 25": ("onnx", {"opset": 25}),
    "onnx dynamic": ("onnx", {"length": "dynamic"}),
    "pte": ("pte", {}),
    "pte dynamic": ("pte", {"length": "dynamic"}),
}
FEWER = {
    "int8 onnx": ("onnx", ("int8-static", "int8-dynamic", "int8-weight")),
    "int8 pte": ("pte", ("int8-static", "int8-dynamic")),
}
_ROWS = 80  # recordings that calibrate


def alone(network: nn.Module, x: Tensor, n: int) -> Any:
    return network(x[:, :n], torch.tensor([n]))


def bare(network: nn.Module, x: Tensor, n: int) -> Any:
    return network(x[:, :n])


def padded(network: nn.Module, x: Tensor, n: int) -> Any:
    keep = (torch.arange(x.shape[1]) < n).reshape(1, -1, *[1] * (x.dim() - 2))
    return network(x * keep, torch.tensor([n]))


def zeroed(network: nn.Module, x: Tensor, n: int) -> Any:
    keep = (torch.arange(x.shape[1]) < n).reshape(1, -1, *[1] * (x.dim() - 2))
    return network(x * keep)


def masked(network: nn.Module, x: Tensor, n: int) -> Any:
    return network(x[:, :n], torch.zeros(1, n, dtype=torch.bool))


def shared(network: nn.Module, x: Tensor, n: int) -> Any:
    return network(x[:, :n], torch.ones(1))


def on_day(network: nn.Module, x: Tensor, n: int) -> Any:
    return network(x[:, :n], torch.tensor([3]))


def pictured(network: nn.Module, x: Tensor, n: int) -> Any:
    keep = torch.arange(x.shape[3]) < n
    return network(x * keep)


def remembering(network: Any, x: Tensor, n: int) -> Any:
    return network(x[:, :n], torch.tensor([n]), *network.initial_states())


@dataclass(frozen=True)
class Row:
    """One architecture.

    Attributes:
        make: the network.
        source: of the recordings.
        ask: the network's answer to one of them, as its users get it.
        options: what export is told.
        chunk: frames of a stream; 0 if it does not stream.
        whole: whether it is exported whole too.
    """

    make: Callable[[], nn.Module]
    source: Callable[[np.random.Generator, int], np.ndarray] = frames
    ask: Callable[[nn.Module, Tensor, int], Any] = alone
    options: Mapping[str, Any] = field(default_factory=dict)
    chunk: int = 0
    whole: bool = True


ZEROS = {"padding": "zeros"}
ROWS = {
    "wav2vec2 (group norm)": Row(one.Wav2Vec2, waves, padded, ZEROS),
    "HuBERT (layer norm)": Row(lambda: one.Wav2Vec2("layer"), waves, alone),
    "WavLM": Row(one.WavLm, waves),
    "SEW": Row(one.Sew, waves, padded, ZEROS),
    "W2V-BERT": Row(one.W2vBert, ask=padded, options=ZEROS),
    "Parakeet-CTC (FastConformer)": Row(one.ParakeetCtc),
    "Mamba-CTC": Row(one.Mamba, short, bare),  # a loop that is unrolled
    "Emformer": Row(one.Emformer),
    "CRNN": Row(one.Crnn, images, pictured, ZEROS),
    "ResNet-BiLSTM": Row(one.ResNetOcr, images, pictured, ZEROS),
    "SVTR": Row(one.Svtr, images, pictured, ZEROS),
    "QuartzNet": Row(one.Jasper),
    "Citrinet": Row(one.Citrinet),
    "TDS": Row(two.Tds, ask=bare),
    "Squeezeformer": Row(two.Squeezeformer, ask=padded, options=ZEROS),
    "FSMN with caches": Row(two.Fsmn, ask=remembering, chunk=8, whole=False),
    "GRU with day index": Row(two.DayGru, ask=on_day),
    "BiLSTM with packing": Row(two.PackedLstm),
    "BiLSTM of the kit": Row(two.KitLstm),
    "landmarks: conv + BiLSTM": Row(two.Landmarks, ask=zeroed, options=ZEROS),
    "Transformer (src_key_padding_mask)": Row(two.TorchEncoder, ask=masked),
    "Transformer (share of the longest)": Row(two.Transformer, ask=shared),
    "DeepSpeech2": Row(two.DeepSpeech2),
    "Wav2Letter": Row(two.Wav2Letter, ask=zeroed, options=ZEROS),
    "transposed convolution": Row(two.UpDown, ask=padded, options=ZEROS),
    "streaming transformer": Row(two.Streamer, ask=remembering, chunk=8, whole=False),
}


class Case:
    """One architecture with its recordings, and the CPU seconds that a file may take; 0: any."""

    def __init__(self, row: Row, limit: float = 0.0) -> None:
        torch.manual_seed(0)
        self.row, self.network, self.limit = row, row.make().eval(), limit
        self._settled()
        rng = np.random.default_rng(0)
        self.data = row.source(rng, _ROWS)
        self.T = self.data.shape[3] if self.data.ndim == 4 else self.data.shape[1]
        self.days = "day" in str(row.ask.__name__)
        self.lengths = sorted({self.T, 3 * self.T // 4, self.T // 2 + 2})

    def _settled(self) -> None:
        """Give batch norms statistics other than 0 and 1."""
        for module in self.network.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.running_mean.uniform_(-0.3, 0.3)
                module.running_var.uniform_(0.5, 1.5)

    def sample(self) -> Any:
        """Return what export and quantize are given."""
        x, lengths = torch.from_numpy(self.data[:2]), torch.tensor([self.T, 3 * self.T // 4])
        if self.days:
            return {"x": x, "lengths": lengths, "day_idx": torch.tensor([3, 4])}
        return x, lengths

    def calibration(self, folder: Path) -> str:
        """Return the file of recordings that ranges are taken from."""
        lengths = np.random.default_rng(1).integers(self.T // 2, self.T + 1, len(self.data))
        data = self.data if not self.days else self._table(self.data)
        np.savez(folder / "c.npz", features=data, lengths=lengths)
        return str(folder / "c.npz")

    def _table(self, x: np.ndarray) -> np.ndarray:
        """Return recordings as the columns that the file takes."""
        if x.ndim == 4:
            return x.transpose(0, 3, 1, 2).reshape(len(x), x.shape[3], -1)
        if x.ndim == 2:
            return x[:, :, None]
        if self.days:
            return np.concatenate([x, np.full((*x.shape[:2], 1), 3, np.float32)], 2)
        return x

    def pairs(self, free: bool) -> list[tuple[np.ndarray, int, np.ndarray]]:
        """Return (columns with zeros after the length, length, the network's own log_probs).

        Args:
            free: whether a recording is given without padding, as a file of any length gets it.
        """
        made = []
        for k, n in enumerate(self.lengths):
            x = self.data[k : k + 1]
            if free:
                x = x[..., : max(n, LEAST)] if x.ndim == 4 else x[:, : max(n, LEAST)]
            with torch.no_grad():
                found = self.row.ask(self.network, torch.from_numpy(x), n)
            scores = found[0] if isinstance(found, tuple) else found
            table = self._table(x).copy()
            table[:, n:] = 0.0
            made.append((table, n, scores[0].double().log_softmax(-1).numpy()))
        return made


def by_hand(made: Any) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return what runs a file, by the runtime's own interface alone."""
    data = made.path.read_bytes()
    if made.path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        return lambda x, n: session.run(
            ["log_probs"], {"features": x, "length": np.array([n], np.int32)}
        )[0][0]
    from executorch.runtime import Runtime, Verification

    program = Runtime.get().load_program(data, verification=Verification.Minimal)
    method = program.load_method("forward")

    def run(x: np.ndarray, n: int) -> np.ndarray:
        length = torch.tensor([n], dtype=torch.int32)
        out = method.execute([torch.from_numpy(np.ascontiguousarray(x)), length])
        return out[0].numpy()[0].copy()

    run.program = program  # type: ignore[attr-defined]  # a method points into it
    return run


def in_chunks(made: Any) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return what runs an ONNX file of one chunk over a recording, its states fed by hand."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        made.path.read_bytes(), providers=["CPUExecutionProvider"]
    )
    streaming = made.manifest.streaming
    width = streaming.chunk + streaming.look_ahead

    def run(x: np.ndarray, n: int) -> np.ndarray:
        states = {s.name: np.zeros(s.shape, s.dtype) for s in streaming.states}
        found = []
        for start in range(0, n, streaming.chunk):
            part = np.zeros((1, width, x.shape[2]), np.float32)
            rows = x[:, start : min(start + width, n)]
            part[:, : rows.shape[1]] = rows
            given = {"features": part, "length": np.array([rows.shape[1]], np.int32), **states}
            answer, *after = session.run(
                ["log_probs", *(s.output for s in streaming.states)], given
            )
            states = dict(zip(states, after, strict=True))
            found.append(answer[0])
        return np.concatenate(found)

    return run


def apart(case: Case, made: Any, run: Callable[..., np.ndarray]) -> dict[str, Any]:
    """Return the largest difference from the network's own answers, and the frames that agree."""
    stride, window = made.manifest.output.stride, made.manifest.output.window
    worst, likely, agree, total = 0.0, 0.0, 0, 0
    free = dict(made.manifest.options).get("length") == "dynamic"
    for x, n, expected in case.pairs(free):
        count = max(0, (n - window) // stride + 1)
        if case.row.ask in (padded, zeroed, pictured):
            expected = expected[:count]
        if len(expected) != count:
            return {"wrong": f"{n} frames: {count} answered, {len(expected)} expected"}
        got = run(x, n)[:count].astype(np.float64)
        difference = np.abs(got - expected)
        worst = max(worst, float(difference.max()))
        likely = max(likely, float(difference[expected > np.log(0.01)].max()))
        agree += int((got.argmax(-1) == expected.argmax(-1)).sum())
        total += count
    return {"difference": worst, "likely": likely, "agreement": agree / total}


def whole(
    case: Case,
    folder: Path,
    found: dict[str, Any],
    save: Callable[[], None],
    formats: Collection[str],
) -> None:
    """Find what becomes of formats of a network that sees whole recordings, and keep it."""
    given = {"sample": case.sample(), "tokens": TOKENS, "check_blank": False, **case.row.options}
    if case.days:
        given["counts"] = {"day_idx": 5}
    first = ("onnx 18", "pte")  # which say much of the others
    floats(case, folder, found, save, given, [name for name in first if name in formats])
    fewer(case, folder, found, save, given, formats)
    floats(case, folder, found, save, given, [name for name in FORMATS if name in formats])


def floats(
    case: Case,
    folder: Path,
    found: dict[str, Any],
    save: Callable[[], None],
    given: Mapping[str, Any],
    names: Iterable[str],
) -> None:
    """Find what becomes of formats of float32."""
    for name in names:
        target, options = FORMATS[name]
        if name in found:
            continue
        ways: list[Mapping[str, Any]] = [options]
        if name == "onnx dynamic":  # the exporter that traces knows sizes that the other does not
            ways.append({**options, "exporter": "legacy"})
        for more in ways:
            answer = tried(
                case,
                lambda t=target, o=more: edgectc.export(
                    case.network, target=t, out=folder / f"x.{t}", **given, **o
                ),
            )
            if name not in found or "why" not in answer:
                found[name] = {**answer, **more} if "exporter" in more else answer
            if "why" not in answer:
                break
        save()


def fewer(
    case: Case,
    folder: Path,
    found: dict[str, Any],
    save: Callable[[], None],
    given: Mapping[str, Any],
    formats: Collection[str],
) -> None:
    """Find what becomes of int8, by the first scheme that answers."""
    for name, (target, schemes) in FEWER.items():
        if name in found or name not in formats:
            continue
        alike = found.get("onnx 18" if target == "onnx" else "pte", {}).get("why", "")
        if alike.startswith("ConfigError"):  # of the network itself, whatever the format
            found[name] = {"why": alike}
            continue
        for scheme in schemes:
            answer = tried(
                case,
                lambda t=target, s=scheme: edgectc.quantize(
                    case.network, target=t, scheme=s, calibration=case.calibration(folder),
                    out=folder / f"q.{t}", **given,
                ).artifact,
            )  # fmt: skip
            answer = {"scheme": scheme, **answer}
            before = found.get(name)
            if before is None or "difference" in answer:
                found[name] = answer
            if "difference" in answer:
                break
            found[name].setdefault("others", []).append(
                f"{scheme}: {answer.get('why') or 'stopped'}"
            )
        save()


class Stopped(BaseException):
    """A format took longer than it may; no `Exception`, which tool chains catch."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `Stopped` after seconds of processor time; 0 are without end."""

    def stop(*_: object) -> None:
        raise Stopped

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def tried(case: Case, make: Callable[[], Any]) -> dict[str, Any]:
    """Return the differences of a file, why there is none, or after what seconds it was stopped."""
    try:
        with at_most(case.limit):
            made = make()
    except edgectc.EdgectcError as error:
        return {"why": f"{type(error).__name__}: {error}"}
    except Stopped:
        return {"stopped": case.limit}
    run = by_hand(made) if made.manifest.streaming is None else in_chunks(made)
    return apart(case, made, run)


def measure(
    name: str,
    found: dict[str, Any],
    save: Callable[[], None],
    formats: Collection[str] = (*FORMATS, *FEWER),
    limit: float = 0.0,
) -> None:
    """Find what becomes of each of the formats of one architecture that is not in ``found`` yet."""
    case = Case(ROWS[name], limit)
    with tempfile.TemporaryDirectory() as text, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(text)
        if case.row.whole:
            whole(case, folder, found, save, formats)
        if case.row.chunk and "streaming" not in found:
            found["streaming"] = tried(
                case,
                lambda: edgectc.export(
                    case.network, target="onnx", sample=case.sample(), tokens=TOKENS,
                    check_blank=False, chunk=case.row.chunk, out=folder / "s.onnx",
                ),
            )  # fmt: skip
            save()


def wrong(found: Mapping[str, Any]) -> list[str]:
    """Return the formats whose file answers otherwise than the network."""
    return [
        name
        for name, one in found.items()
        if "wrong" in one or (one.get("difference", 0.0) > LIMIT and "int8" not in name)
    ]


def page(results: Mapping[str, Any], head: str) -> str:
    """Return the table in Markdown, and every refusal below it."""
    shapes = {
        name: Shape(row.whole, bool(row.chunk), row.options == ZEROS) for name, row in ROWS.items()
    }
    return written(results, head, shapes, [*FORMATS, *FEWER])


def kept(results: Mapping[str, Any], path: Path | None) -> None:
    """Write the results so far, so that a run which is stopped goes on where it was."""
    if path is not None:
        path.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="architectures (default: all)")
    parser.add_argument("--formats", help="columns, with commas between them (default: all)")
    parser.add_argument("--again", action="store_true", help="measure what the results have too")
    parser.add_argument(
        "--limit", type=float, default=0.0, help="CPU seconds of a file (default: any)"
    )
    parser.add_argument("--results", type=Path, help="JSON, to which theirs are added")
    parser.add_argument("--page", type=Path, help="write the table from the results alone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    timing._ROUNDS = 1  # times are not what is measured here
    path, formats = options.results, (*FORMATS, *FEWER)
    if options.formats:
        formats = tuple(options.formats.split(","))
    results = json.loads(path.read_text()) if path is not None and path.exists() else {}
    if options.page is None:
        for name in options.names or ROWS:
            save, found = partial(kept, results, path), results.setdefault(name, {})
            for one in formats if options.again else ():
                found.pop(one, None)
            measure(name, found, save, formats, options.limit)
            print(name, json.dumps(results[name], indent=1))
    else:
        head = heading(["torch", "onnxruntime", "executorch"], repeats="once")
        options.page.write_text(page(results, head), encoding="utf-8")
    bad = {name: wrong(found) for name, found in results.items() if wrong(found)}
    for name, formats in bad.items():
        print(f"WRONG: {name}: {', '.join(formats)}", file=sys.stderr)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
