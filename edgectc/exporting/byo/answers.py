"""Networks before anything is asked of them: their scores picked, their weights in float32."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.weight_norm import WeightNorm

from edgectc.core.errors import ConfigError
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Check
from edgectc.exporting.byo import adapter, signature

_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)


class Picked(nn.Module):
    """A network whose scores are not the first of its answers."""

    def __init__(self, network: nn.Module, answer: str) -> None:
        super().__init__()
        self.network, self.answer = network, answer

    def pick(self, found: Any) -> Any:
        """Return the scores.

        Raises:
            ConfigError: there is no such answer.
        """
        values = adapter.by_name(found)
        if self.answer in values:
            return values[self.answer]
        if isinstance(found, (tuple, list)) and self.answer in map(str, range(len(found))):
            return found[int(self.answer)]
        told = sorted(values) or f"0 to {len(_listed(found)) - 1}"
        raise ConfigError(f"answer is {self.answer!r}, expected one of {told}", options=["answer"])


def picked(network: nn.Module, answer: str) -> Picked:
    """Return a network that answers with one of its answers, by name or place."""

    def forward(self: Picked, *given: Any, **named: Any) -> Any:
        return self.pick(self.network(*given, **named))

    signature.signed(forward, list(inspect.signature(network.forward).parameters.values()))
    made: Picked = type(type(network).__name__, (Picked,), {"forward": forward})(network, answer)
    return made


def _listed(found: Any) -> list[Any]:
    return list(found) if isinstance(found, (tuple, list)) else [found]


def unwrapped(network: nn.Module) -> nn.Module:
    """Return the module inside of what torch.compile or DataParallel made of it.

    Theirs takes anything, so that no name would tell what tells the length.
    """
    while True:
        compiled = type(network).__name__ == "OptimizedModule"
        inside = dict(network.named_children()).get("_orig_mod" if compiled else "module")
        if inside is None or not (compiled or isinstance(network, _PARALLEL)):
            return network
        network = inside


def copied(network: nn.Module) -> nn.Module:
    """Return a copy of a network.

    What a module has computed of its parameters and keeps, as torch.nn.utils.weight_norm does, is
    copied without its history, which torch refuses to copy.

    Raises:
        ConfigError: it holds something that cannot be copied.
    """
    memo: dict[int, Any] = {}
    for module in network.modules():
        for value in vars(module).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    try:
        return copy.deepcopy(network, memo)
    except Exception as error:  # whatever an attribute raises
        raise ConfigError(
            f"{type(network).__name__} cannot be copied: {explained(error)}; take what is no "
            "weight out of it before the export, such as a file, a lock or a generator"
        ) from error


def plain(network: nn.Module) -> nn.Module:
    """Return a network whose weights are computed from no others; a copy where they were.

    `torch.nn.utils.parametrizations` and the older ``weight_norm`` compute a weight in every call:
    an exported file would too, and no scheme of fewer bits takes a weight that is no constant.
    """
    if not any(parametrize.is_parametrized(m) or _older(m) for m in network.modules()):
        return network
    network = copied(network)
    for module in list(network.modules()):
        if parametrize.is_parametrized(module):
            # Not by torch's remove_parametrizations: it changes the class, which copies share.
            weights: Any = module._modules.pop("parametrizations")
            module.__class__ = type(module).__bases__[0]
            for name, computed in weights.items():
                module.register_parameter(name, nn.Parameter(computed().detach().clone()))
        for key, hook in _older(module).items():
            hook.remove(module)
            del module._forward_pre_hooks[key]
    return network.requires_grad_(False)


def _older(module: nn.Module) -> dict[int, WeightNorm]:
    """Return the hooks of the older ``weight_norm`` by their keys."""
    hooks = module._forward_pre_hooks.items()
    return {key: hook for key, hook in hooks if isinstance(hook, WeightNorm)}


def in_float32(network: nn.Module, convert: bool) -> tuple[nn.Module, list[Check]]:
    """Return a network with weights of float32, and what that changes.

    Args:
        network: any module.
        convert: whether others are converted; they are refused where the network is run, else.

    Raises:
        ConfigError: it is a program already, and no module of Python, or quantized by torch.
    """
    kind = _program(network)
    if kind:
        raise ConfigError(
            f"the network is {kind}: a program whose lines and layers are gone, which torch.export "
            "does not take; export the nn.Module that it was made from (its weights can be loaded: "
            "module.load_state_dict(program.state_dict()))"
        )
    stored = network.state_dict().items()
    odd = [k for k, v in stored if not (isinstance(v, Tensor) or k.endswith("_extra_state"))]
    if odd:
        raise ConfigError(
            f"the network is quantized already ({odd[0]} is no tensor of numbers), and nothing but "
            "torch runs its layers; export the module of floats that it was made from, and "
            "quantize that (edgectc quantize)"
        )
    floats = [p for p in (*network.parameters(), *network.buffers()) if p.is_floating_point()]
    kinds = sorted({str(p.dtype).removeprefix("torch.") for p in floats} - {"float32"})
    if not kinds or not convert:
        return network, []
    network = copied(network).float()
    text = f"weights of {', '.join(kinds)} were converted to float32; the answers expected"
    return network, [Check("weights", "pass", f"{text} are those of the converted network")]


def _program(network: nn.Module) -> str:
    """Return what kind of finished program a module is, "" for a module of Python."""
    if isinstance(network, torch.jit.ScriptModule):
        return "TorchScript"
    try:
        network.train(network.training)
    except NotImplementedError:  # the module of an exported program has one mode
        return "an exported program"
    return ""
