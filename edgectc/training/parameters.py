"""How parameters begin, which of them learn, and their average over the run."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError
from edgectc.training.settings import Freeze, Init


def matching(model: nn.Module, pattern: str) -> list[tuple[str, nn.Parameter]]:
    """Return the named parameters that a pattern with ``*`` chooses.

    Raises:
        ConfigError: it chooses none; names the nearest.
    """
    named = dict(model.named_parameters())
    matches = [(name, p) for name, p in named.items() if fnmatchcase(name, pattern)]
    if not matches:
        near = difflib.get_close_matches(pattern.strip("*"), named, n=3, cutoff=0.0)
        raise ConfigError(f"no parameter is called {pattern!r}; near: {', '.join(near)}")
    return matches


def initialise(model: nn.Module, inits: Sequence[Init]) -> None:
    """Draw the chosen weights anew, in place; vectors (biases, norms) keep their values."""
    for init in inits:
        for _, parameter in matching(model, init.names):
            if parameter.ndim < 2:
                continue
            with torch.no_grad():
                if init.type == "scale":
                    parameter.mul_(init.gain)
                elif init.type == "xavier":
                    nn.init.xavier_uniform_(parameter, gain=init.gain)
                else:
                    nn.init.orthogonal_(parameter, gain=init.gain)


class Freezer:
    """Holds chosen parameters still, until their epoch comes."""

    def __init__(self, model: nn.Module, rules: Sequence[Freeze]) -> None:
        self._model = model
        self._rules = [(rule, matching(model, rule.names)) for rule in rules]

    def frozen(self, epoch: int) -> list[nn.Parameter]:
        """Return the parameters that do not learn in an epoch."""
        still = [
            matches for rule, matches in self._rules if rule.until is None or epoch < rule.until
        ]
        return [parameter for matches in still for _, parameter in matches]

    def calm(self, epoch: int) -> None:
        """Set modules whose own parameters are all frozen to evaluation, in place.

        Otherwise their normalisation would go on following the data.
        """
        still = {id(parameter) for parameter in self.frozen(epoch)}
        for module in self._model.modules():
            own = list(module.parameters(recurse=False))
            if own and all(id(parameter) in still for parameter in own):
                module.eval()

    def hold(self, epoch: int) -> None:
        """Drop the gradients of frozen parameters, so that the optimizer passes them over."""
        for parameter in self.frozen(epoch):
            parameter.grad = None


class Average:
    """An exponential moving average of the weights; what is not learnt is copied.

    The decay begins low, so that the random start is soon forgotten: min(decay, (1+n) / (10+n)).

    Source: Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging".
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self.weights = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self._learnt = {name for name, _ in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the weights of ``model``."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for name, value in model.state_dict().items():
            if name in self._learnt:
                self.weights[name].lerp_(value, 1.0 - decay)
            else:
                self.weights[name].copy_(value)

    def load(self, weights: Mapping[str, Tensor], updates: int) -> None:
        """Continue an average."""
        self.updates = updates
        for name, value in weights.items():
            self.weights[name].copy_(value)


@contextmanager
def averaged(model: nn.Module, average: Average | None) -> Iterator[None]:
    """Give a model its average, if there is one, for a while."""
    if average is None:
        yield
        return
    own = {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(average.weights)
    try:
        yield
    finally:
        model.load_state_dict(own)
