"""Swipes that a network is scored on, each on the keyboard that it was made on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from edgectc.core import registry
from edgectc.core.contracts import Decoder
from edgectc.core.errors import ConfigError
from edgectc.core.types import JSON, Array
from edgectc.data.frontends.swipe import SwipeFrontend
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import letters
from edgectc.training.swipes.arrays import SwipeArrays
from edgectc.training.task import SHOWN, Score

_Pair = tuple[Decoder, Decoder | None]


class HeldOutSwipes:
    """Swipes of one split, and how many of their words come first."""

    def __init__(
        self,
        arrays: SwipeArrays,
        frontend: SwipeFrontend,
        decoder: Mapping[str, JSON],
        lexicon: Lexicon | None,
        *,
        name: str = "dev",
    ) -> None:
        """Take the swipes, and how they are decoded.

        Args:
            arrays: named by the letters of their words.
            frontend: of the model.
            decoder: preset.
            lexicon: of the decoder.
            name: that figures begin with.
        """
        self.arrays, self._frontend, self._name = arrays, frontend, name
        self._preset = dict(decoder)
        self._lexicon = lexicon
        self._decoders: dict[int, _Pair] = {}

    def __len__(self) -> int:
        return len(self.arrays)

    def inputs(self, rows: Array) -> dict[str, Tensor]:
        """Return the inputs of some of them."""
        arrays, index = self.arrays, torch.from_numpy(rows)
        layout = arrays.layout[index]
        return {
            "trace": arrays.trace[index],
            "length": arrays.length[index],
            "keys": arrays.keys[layout],
            "key_mask": arrays.key_mask[layout],
            "key_size": arrays.key_size[layout],
        }

    def score(self, answers: Iterable[Array], rows: Array | None = None) -> Score:
        """Return top-1 by the greedy decoder and by the preset; see `HeldOut`."""
        hits, count = np.zeros(2), 0
        examples: list[tuple[str, str]] = []
        places = range(len(self)) if rows is None else rows.tolist()
        for place, log_probs in zip(places, answers, strict=True):
            word, layout = self.arrays.names[place], int(self.arrays.layout[place])
            texts = [
                "" if decoder is None else letters(decoder(log_probs, nbest=1).best.text)
                for decoder in self._of_layout(layout)
            ]
            hits += [text == word for text in texts]
            count += 1
            examples += [(word, texts[1])] if len(examples) < SHOWN else []
        names = (f"{self._name}_greedy_top1", f"{self._name}_top1")
        pairs = zip(names, hits.tolist(), strict=True)
        return Score.of({name: (hit, count) for name, hit in pairs}, examples)

    def _of_layout(self, layout: int) -> _Pair:
        """Return the greedy decoder and the preset for a keyboard; made once.

        A keyboard on which the lexicon has no word can have none right; that of the model must.
        """
        if layout not in self._decoders:
            tokens = self._frontend.tokens_of(self.arrays.alphabets[layout])
            greedy: Decoder = registry.create("decoders", {"type": "greedy"}, tokens=tokens)
            preset: Decoder | None = None
            try:
                preset = registry.create(
                    "decoders", self._preset, tokens=tokens, lexicon=self._lexicon
                )
            except ConfigError:
                if layout == 0:
                    raise
            self._decoders[layout] = greedy, preset
        return self._decoders[layout]
