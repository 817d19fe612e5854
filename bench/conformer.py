"""One command that brings a conformer of five million weights to int8 within a CER budget.

    python bench/conformer.py [--out FILE]

The network is a user's own, a conformer of 8 blocks over 80 features (Gulati et al. 2020), its
weights random and its scores sharpened as those of a trained one are; the recordings are smooth
noise, and their texts are what the float32 network itself says, so that every symbol that int8
changes counts as an error. The command is timed from its start, imports and all.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from _architectures import mask_of
from _result import heading, publish
from torch import Tensor, nn
from torch.nn import functional as F

T, C, WIDTH, BLOCKS = 240, 80, 176, 8
TOKENS = ["<blank>", *"abcdefghijklmnopqrstuvwxyz '"]


class Half(nn.Module):
    """A feed-forward module, half of whose answer is added."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.5 * self.down(F.silu(self.up(self.norm(x))))


class Block(nn.Module):
    """Half, attention, convolution, half."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.last = Half(), Half(), nn.LayerNorm(WIDTH)
        self.norm, self.attention = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH)
        self.out, self.inner = nn.Linear(WIDTH, WIDTH), nn.Conv1d(WIDTH, 2 * WIDTH, 1)
        self.before = nn.LayerNorm(WIDTH)
        self.deep = nn.Conv1d(WIDTH, WIDTH, 31, padding=15, groups=WIDTH)
        self.batch, self.outer = nn.BatchNorm1d(WIDTH), nn.Conv1d(WIDTH, WIDTH, 1)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        x = self.one(x)
        N, frames, _ = x.shape
        q, k, v = self.attention(self.norm(x)).view(N, frames, 3, 4, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        weights = scores.masked_fill(~keep[:, None, None], -1e4).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(N, frames, WIDTH))
        y = F.glu(self.inner(self.before(x).transpose(1, 2)), 1).masked_fill(~keep[:, None], 0.0)
        x = x + self.outer(F.silu(self.batch(self.deep(y)))).transpose(1, 2)
        return self.last(self.two(x))


class Conformer(nn.Module):
    """Subsampling by four, blocks, a sharp head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv1d(C, WIDTH, 3, 2, 1), nn.Conv1d(WIDTH, WIDTH, 3, 2, 1)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.head = nn.Linear(WIDTH, len(TOKENS))
        with torch.no_grad():
            self.head.weight.mul_(8.0)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        for conv in (self.first, self.second):
            x = F.relu(conv(x * mask_of(lengths, x.shape[2])[:, None]))
            lengths = (lengths - 1) // 2 + 1
        x, keep = x.transpose(1, 2), mask_of(lengths, x.shape[2])
        for block in self.blocks:
            x = block(x, keep)
        return self.head(x)


def written(folder: Path, rows: int) -> int:
    """Write tokens, sample and labelled recordings; return the weights of the network."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, T + 8, C)).cumsum(1)
    features = ((x[:, 8:] - x[:, :-8]) / 3).astype(np.float32)
    lengths = rng.integers(T // 2, T + 1, rows)
    network, texts = Conformer().eval(), []
    with torch.no_grad():
        for row, n in zip(features, lengths, strict=True):
            best = network(torch.from_numpy(row[None, :n]), torch.tensor([int(n)]))[0].argmax(-1)
            line = [0, *best.tolist()]
            texts.append("".join(TOKENS[c] for i, c in enumerate(line) if c and c != line[i - 1]))
    np.savez(folder / "c.npz", features=features, lengths=lengths, texts=np.array(texts))
    np.savez(folder / "s.npz", features=features[:3], lengths=lengths[:3])
    (folder / "t.txt").write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    return sum(parameter.numel() for parameter in network.parameters())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=160, help="recordings (default 160)")
    parser.add_argument("--max-drop", type=float, default=2.0, help="points of CER (default 2)")
    parser.add_argument("--target", default="onnx")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    head = heading(["torch", "onnxruntime"], repeats="once")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        weights = written(folder, options.rows)
        words = ["quantize", "conformer:Conformer", "--sample", "s.npz", "--tokens", "t.txt"]
        words += ["--calibration", "c.npz", "--target", options.target, "--any-blank"]
        words += ["--scheme", "int8-static", "--max-drop", str(options.max_drop)]
        began = time.perf_counter()
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
            f"from edgectc.commands import cli; sys.exit(cli.main({words!r}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
        )
        took = time.perf_counter() - began
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = done.stdout if done.returncode == 0 else f"{done.stdout}{done.stderr[-2000:]}"
    publish(
        f"{head}\n{weights:,} weights, {options.rows} recordings of {T // 2} to {T} frames\n"
        f"edgectc {' '.join(words)}\n\n{told}\nexit code {done.returncode}, {took:.0f} s by the "
        f"clock, {spent.ru_utime + spent.ru_stime:.0f} s of processor time\n",
        options.out,
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
