"""Runs a bundle's weights in PyTorch: the reference the artifacts are held to, on CPU or CUDA."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from edgectc.core import forks
from edgectc.core.arguments import MOST_THREADS
from edgectc.core.config import check_numbers, number
from edgectc.core.contracts import Runner
from edgectc.core.errors import ConfigError, MissingDependencyError
from edgectc.core.types import Array
from edgectc.formats.bundle import Bundle

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.cuda import CUDAGraph

Network: TypeAlias = "Callable[..., Tensor]"
Shapes: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]
Capture: TypeAlias = "tuple[CUDAGraph, dict[str, Tensor], Tensor]"

PACKAGE = "torch"
read_back = None
DEVICES = ("cpu", "cuda")
MODES = ("eager", "compiled", "graphs")
PRECISIONS = ("float32", "bfloat16", "float16")
_WARM_UP = 3  # calls before a capture, as torch's notes on CUDA graphs ask


@dataclass(frozen=True)
class Options:
    """Where and how PyTorch runs.

    Attributes:
        threads: threads that one call may use; PyTorch has one setting for the whole process,
            which is as it was after the call.
        device: "cpu" or "cuda".
        mode: "eager"; "compiled" by torch.compile at the first call of each shape; "graphs"
            captures a CUDA graph of each shape and replays it.
        precision: "float32", or the type that autocast may compute in; only on CUDA, in eager mode.
    """

    threads: int = number(1, least=1, most=MOST_THREADS)
    device: str = "cpu"
    mode: str = "eager"
    precision: str = "float32"

    def __post_init__(self) -> None:
        check_numbers(self)
        known = {"device": DEVICES, "mode": MODES, "precision": PRECISIONS}
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ConfigError(f"{name} is {getattr(self, name)!r}, expected one of {values}")
        if self.device == "cpu" and (self.mode == "graphs" or self.precision != "float32"):
            raise ConfigError("mode 'graphs' and autocast need device 'cuda'")
        if self.mode != "eager" and self.precision != "float32":
            raise ConfigError(f"mode {self.mode!r} takes precision 'float32' alone")


def create(options: Options, *, source: Bundle | nn.Module) -> EagerRunner:
    """Return a runner for the weights of a bundle, or for a network that is built already.

    Raises:
        MissingDependencyError: torch is not installed.
        ConfigError: CUDA is asked for and PyTorch sees no such device.
        NonFiniteError: a weight is NaN or Inf.
    """
    try:
        import torch

        from edgectc.networks.model import load
    except ImportError as error:
        raise MissingDependencyError("running a bundle", package="torch", extra="torch") from error
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"PyTorch {torch.__version__} sees no CUDA device; use device 'cpu'")
    network = load(source) if isinstance(source, Bundle) else source
    model: Network = network.to(options.device)
    if options.mode == "compiled":
        model = torch.compile(model, dynamic=False)
    elif options.mode == "graphs":
        model = _Graphs(model)
    return EagerRunner(model, options)


class EagerRunner(Runner):
    """Calls the module; any batch size."""

    name = "eager"

    def __init__(self, model: Network, options: Options) -> None:
        self._model, self._options = model, options

    @property
    def threads(self) -> int:
        """Return how many threads PyTorch says it uses in a call."""
        import torch

        from edgectc.networks import torch_state

        with torch_state.threads(self._options.threads):
            return torch.get_num_threads()

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (N, T', V) float32; they are on the CPU when it returns."""
        return self._answers(inputs)[0]

    def step(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Return all outputs, which are ``outputs`` in their order."""
        return self._answers(inputs)

    def _answers(self, inputs: Mapping[str, Array]) -> list[Array]:
        import torch

        from edgectc.networks import torch_state

        forks.check_threads(self._options.threads)
        device, precision = self._options.device, self._options.precision
        with torch.inference_mode(), torch_state.threads(self._options.threads):
            tensors = {
                k: torch.from_numpy(np.ascontiguousarray(v)).to(device) for k, v in inputs.items()
            }
            if precision == "float32":
                answer = self._model(**tensors)
            else:
                with torch.autocast(device, getattr(torch, precision)):
                    answer = self._model(**tensors)
            parts = answer if isinstance(answer, tuple) else (answer,)
            answers: list[Array] = [
                (part.float() if part.is_floating_point() else part).cpu().numpy() for part in parts
            ]
        return answers


class _Graphs:
    """Calls a module by replaying one CUDA graph per shape; the output is overwritten by the next.

    Source: the notes on CUDA graphs of PyTorch, "Whole-network capture".
    """

    def __init__(self, model: Network) -> None:
        self._model = model
        self._captures: dict[Shapes, Capture] = {}

    def __call__(self, **tensors: Tensor) -> Tensor:
        shapes = tuple((name, tuple(value.shape)) for name, value in tensors.items())
        if shapes not in self._captures:
            self._captures[shapes] = self._capture(tensors)
        graph, inputs, answer = self._captures[shapes]
        for name, value in tensors.items():
            inputs[name].copy_(value)
        graph.replay()
        return answer

    def _capture(self, tensors: Mapping[str, Tensor]) -> Capture:
        import torch

        inputs = {name: value.clone() for name, value in tensors.items()}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP):
                self._model(**inputs)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            answer = self._model(**inputs)
        return graph, inputs, answer
