"""The network that is quantized, as a job needs it: its operators, and what runs through them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from edgectc.exporting import artifact
from edgectc.exporting.artifact import Job
from edgectc.exporting.finished import FinishedTarget
from edgectc.exporting.lowering.quantization_plan import (
    CONVOLUTION,
    LINEAR,
    RECURRENT,
    ActivationStatistics,
    Operator,
    Plan,
    operators,
)
from edgectc.exporting.origin import Network
from edgectc.quantization import activations, fake_quantization
from edgectc.quantization.activations import Inputs
from edgectc.quantization.graph_layers import GraphLayers


class Layers(Protocol):
    """A network of float32, in PyTorch or a finished graph."""

    def operators(self, kinds: tuple[str, ...], kept: tuple[str, ...] = ()) -> list[Operator]:
        """Return the operators of some kinds that may be quantized, in their order.

        Args:
            kinds: of operators.
            kept: parts of paths whose operators stay in float.
        """
        ...

    def largest_weights(self) -> dict[str, float]:
        """Return the largest magnitude in each tensor of weights."""
        ...

    def check(
        self, samples: Sequence[Inputs], names: Sequence[str]
    ) -> tuple[dict[str, str], dict[str, float]]:
        """Return the first operator that is not finite by sample, and every operator's largest."""
        ...

    def histograms(
        self, chosen: Sequence[Operator], samples: Sequence[Inputs]
    ) -> Mapping[str, ActivationStatistics]:
        """Return what operators take and give; raises `NonFiniteError`."""
        ...

    def sensitivity(self, plan: Plan, samples: Sequence[Inputs]) -> Mapping[str, float]:
        """Return the mean |difference| of likely tokens in nats that each operator makes alone."""
        ...


def of_job(job: Job) -> Layers:
    """Return the layers of what a job converts."""
    if isinstance(job.target, FinishedTarget):
        return GraphLayers(job.target, (job.origin.model.stride, job.origin.model.window))
    example, name = artifact.example_inputs(job.origin), job.target_name
    return TorchLayers(job.origin.model, example, folds=name == "onnx", once=name == "pte")


class TorchLayers(Layers):
    """Those of a network in PyTorch."""

    def __init__(
        self,
        model: Network,
        example: Mapping[str, Tensor],
        *,
        folds: bool = False,
        once: bool = False,
    ) -> None:
        """Run the network, to see which modules it calls.

        Args:
            model: the network.
            example: its inputs.
            folds: whether the target computes at export what no recording changes, such as a
                projection of positions, so that there is no operator of it.
            once: whether a convolution of one axis that is called again stays in float: ExecuTorch
                1.4 lowers a quantized one, and then does not load it ("error: 0x:1").
        """
        self._model = model
        given = self._given(example)
        self._called = {*given}
        if folds:
            first, *_ = example
            other = self._given({**example, first: 0.5 * example[first] + 0.25})
            self._called -= {name for name in given if given[name] == other.get(name)}
        if once:
            again = {name for name, calls in given.items() if len(calls) > 1}
            convolutions = {n for n, one in model.named_modules() if isinstance(one, nn.Conv1d)}
            self._called -= again & convolutions
        self._called -= self._unheard(example)

    def _given(self, inputs: Mapping[str, Tensor]) -> dict[str, list[bytes]]:
        """Return a hash of what each module is given in each of its calls."""
        seen: dict[str, list[bytes]] = {}

        def calling(name: str) -> Callable[..., None]:
            def keep(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
                given = [x for x in (*args, *named.values()) if isinstance(x, Tensor)]
                # NumPy has no bfloat16, which autocast makes; float32 holds all of it.
                plain = (x.float() if x.dtype == torch.bfloat16 else x for x in given)
                content = b"".join(x.contiguous().numpy().tobytes() for x in plain)
                seen.setdefault(name, []).append(hashlib.sha256(content).digest())

            return keep

        hooks = [
            module.register_forward_pre_hook(calling(name), with_kwargs=True)
            for name, module in self._model.named_modules()
        ]
        try:
            with torch.no_grad():
                self._model(*inputs.values())
        finally:
            for hook in hooks:
                hook.remove()
        return seen

    @torch.no_grad()
    def _unheard(self, inputs: Mapping[str, Tensor]) -> set[str]:
        """Return the operators that no answer follows from, such as a second head's.

        Converters leave them out. An operator that answers NaN in place of what it would is heard
        if anything in the network's answer is then another, or if the network cannot go on.
        """
        before, found = _flat(self._model(*inputs.values())), set[str]()
        for operator in self.operators((CONVOLUTION, LINEAR, RECURRENT)):
            module = self._model.get_submodule(operator.name)
            handle = module.register_forward_hook(lambda module, args, answer: _all_nan(answer))
            try:
                after = _flat(self._model(*inputs.values()))
            except (RuntimeError, ValueError, ArithmeticError):
                continue
            finally:
                handle.remove()
            if all(torch.equal(new, old) for new, old in zip(after, before, strict=True)):
                found.add(operator.name)
        return found

    def operators(self, kinds: tuple[str, ...], kept: tuple[str, ...] = ()) -> list[Operator]:
        """Return the modules of float32 that may be quantized, of those that an answer needs."""
        found = [op for op in operators(self._model, kinds, kept) if op.name in self._called]
        return [op for op in found if self._single(op.name)]

    def _single(self, name: str) -> bool:
        """Return whether a module computes in float32, the type that kernels of int8 start from."""
        weights = self._model.get_submodule(name).parameters()
        return all(weight.dtype == torch.float32 for weight in weights)

    def largest_weights(self) -> dict[str, float]:
        """Return the largest magnitude of each parameter and buffer."""
        weights = self._model.state_dict()
        return {k: float(v.abs().max()) for k, v in weights.items() if v.numel()}

    def check(
        self, samples: Sequence[Inputs], names: Sequence[str]
    ) -> tuple[dict[str, str], dict[str, float]]:
        """See `edgectc.quantization.activations.check_activations`."""
        return activations.check_activations(self._model, samples, names)

    def histograms(
        self, chosen: Sequence[Operator], samples: Sequence[Inputs]
    ) -> Mapping[str, ActivationStatistics]:
        """See `edgectc.quantization.activations.histograms`."""
        return activations.histograms(self._model, chosen, samples)

    def sensitivity(self, plan: Plan, samples: Sequence[Inputs]) -> Mapping[str, float]:
        """See `edgectc.quantization.fake_quantization.sensitivity`."""
        return fake_quantization.sensitivity(self._model, plan, samples)


def _all_nan(answer: Any) -> Any:
    """Return what a module answers, of its shapes and types, every value NaN."""
    if isinstance(answer, Tensor):
        return torch.full_like(answer, torch.nan)
    return tuple(_all_nan(one) for one in answer)


def _flat(answer: Any) -> list[Tensor]:
    """Return log_probs, and the states of a stream."""
    return [answer] if isinstance(answer, Tensor) else [*answer]
