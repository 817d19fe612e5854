"""Questions to a foreign network, each with what to do if the answer cannot be lived with."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError, EdgectcError, NonFiniteError
from edgectc.core.tokens import Tokens, output_length
from edgectc.core.types import Array, Check
from edgectc.exporting.byo import carrying, frozen, hearing
from edgectc.exporting.byo import length_map as maps
from edgectc.exporting.byo.adapter import AXES, Adapter, Calling, answer, leaves, raw, tensors
from edgectc.exporting.byo.hearing import ALIKE as TOLERANCE
from edgectc.exporting.byo.original import Original
from edgectc.exporting.byo.tracing_modes import Decisions, Seen, Sizes, Watch
from edgectc.formats import reference

_ROUNDED = 2e-5  # nats that the sum of a row of log_probs is from one, in float32
_SURE = 0.9


class Probe:
    """One network under question. The order is that of the methods.

    Attributes:
        calling: how it is called, completed on the way.
        ways: in which it may be called, the likeliest first; of them `heard` chooses.
        proven: lengths at which the network with frozen sizes answers as the free one does.
        checks: what was seen and is fine.
        seen: operators that may be the cause if a converter fails.
    """

    def __init__(
        self, network: nn.Module, ways: list[Calling], features: Tensor, tokens: Tokens
    ) -> None:
        self.network, self.tokens = network, tokens
        self.T = features.shape[1]
        self.rows = features if features.dim() == 3 else features[:, :, None]
        # Frames that never stop, for the probes that need a whole input.
        self.full = _filled(self.rows[:1])
        self.seen, self.checks = Seen(), list[Check]()
        self._untouched = carrying.fresh(network)
        self.ways, self._raised = hearing.first_that_runs(network, ways, self.full)
        self.calling, self.proven = self.ways[0], 0

    @property
    def original(self) -> Original:
        """Return the network as its user runs it."""
        return Original(self.network, self.calling, self.full)

    def watch(self) -> None:
        """Run once and refuse what no exporter can take.

        Raises:
            ConfigError: random numbers, statistics of the batch, packed sequences, or features that
                are overwritten.
        """
        with torch.random.fork_rng(devices=[]):
            with Watch(self.seen, self.full), Decisions(self.seen):
                self._run(self.full, self.T)
            torch.manual_seed(0)
            first = self._run(self.full, self.T)  # unwatched, as watching may change its way
            torch.manual_seed(1)
            same = torch.equal(first, self._run(self.full, self.T)) or not first.isfinite().all()
        seen = self.seen
        if seen.overwritten:
            raise ConfigError(
                f"the network writes into the features that it is given at {seen.overwritten[0]}, "
                "so that a second call gets others; begin forward with x = x.clone()"
            )
        if seen.packed:
            raise ConfigError(
                f"pack_padded_sequence at {seen.packed[0]} sorts frames by the values of lengths, "
                "which no graph of fixed shape can; use edgectc.kit.Recurrent, which gives the "
                "same answers without packing"
            )
        if seen.random and not same:  # numbers that are drawn and not used do no harm
            raise ConfigError(
                f"the network draws random numbers at {seen.random[0]} in evaluation mode: pass "
                "training=self.training to functional dropout, or use nn.Dropout"
            )
        if seen.batch_statistics:
            raise ConfigError(
                f"the normalisation at {seen.batch_statistics[0]} takes its statistics from the "
                "batch in evaluation mode; train with track_running_stats=True, pass "
                "training=self.training to functional batch_norm, or use edgectc.kit.MaskedNorm"
            )

    def forgets(self) -> None:
        """Check that it keeps nothing from call to call; raises as `carrying.check_calls` does."""
        carrying.check_calls(self.original, self._untouched)

    def shape(self, axes: str) -> None:
        """Check the axes of the answer.

        Raises:
            ConfigError: other axes than said, or another number of tokens.
        """
        self.calling = dataclasses.replace(self.calling, axes=axes)
        self.ways = [dataclasses.replace(way, axes=axes) for way in self.ways]
        found = self._batched()
        V = len(self.tokens)
        shape, N = tuple(found.shape), self._batch
        if found.dim() != 3:
            raise ConfigError(f"the network answers shape {shape}, expected three axes: {axes}")
        _check_normalised(found, self.calling.axes)
        fits = [name for name, order in AXES.items() if _fits(found.permute(order), N, V)]
        if axes not in fits and fits:
            raise ConfigError(
                f"the network answers shape {shape} for {N} recordings and {V} tokens: its axes "
                f"are {fits[0]}, not {axes}; say so with axes={fits[0]!r} (--axes {fits[0]})"
            )
        if axes not in fits:
            raise ConfigError(
                f"the network answers shape {shape} for {N} recordings; no axis has the "
                f"{V} tokens; give one token for each output column, the blank included"
            )

    def heard(self, *, optional: bool) -> None:
        """Find out what the argument that tells the length means, by what the network answers.

        Args:
            optional: whether the network also answers without it.

        Raises:
            ConfigError: nothing of a recording reaches the answer, or it cannot be found out.
        """
        self.calling, check = hearing.chosen(self.network, self.ways, self.full, optional=optional)
        self.checks.append(check)

    def numbers(self) -> None:
        """Find out what the answer is: logits or log_probs, finite.

        Raises:
            ConfigError: probabilities.
            NonFiniteError: NaN or Inf.
        """
        scores = self._batched().permute(AXES[self.calling.axes])
        check_answer(scores.numpy(), "for a whole input", self.seen.attention_masks)
        self._normalised(scores)
        carrying.check_batch(self.original)

    def _batched(self) -> Tensor:
        """Answer to several recordings at once, in a number that no other axis has."""
        try:
            for N in (2, 3):
                self._batch = N
                found = self._run(self.full.expand(N, -1, -1).contiguous(), self.T)
                if list(found.shape).count(N) == 1:
                    break
            return found
        except EdgectcError:
            raise
        except Exception:  # the network takes one recording at a time, which will do
            self._batch = 1
            return self._run(self.full, self.T)

    def _normalised(self, scores: Tensor) -> None:
        total = torch.logsumexp(scores.double(), dim=-1)
        worst = float(total.abs().max())
        if worst <= _ROUNDED:
            text = "rows sum to one: log_probs"
        else:
            sums = scores.double().sum(-1)
            if float((sums - 1.0).abs().max()) <= TOLERANCE and float(scores.min()) >= 0.0:
                raise ConfigError(
                    "the network answers probabilities (rows sum to one without exp); return "
                    "logits, or log_softmax in place of softmax: log of a softmax loses precision"
                )
            self.calling = dataclasses.replace(self.calling, log_softmax=True)
            kind = "raw logits" if worst > TOLERANCE else "nearly log_probs"
            text = (
                f"{kind}: exp of a row sums to e^{float(total.max()):.3g}, not 1; log_softmax "
                "was added inside the graph"
            )
        self.checks.append(Check("log_softmax", "pass", text))

    def length_map(self, stride: int | None, window: int | None) -> tuple[int, int]:
        """Return stride and window, as said or found out.

        Raises:
            ConfigError: they cannot be found out, or they contradict what the network answers.
        """
        shorter = bool(self._shorter(self.T // 2) or self._shorter(self.T - 1))
        said = stride is not None and window is not None
        if stride is not None and window is not None:
            how = "as said"
            if shorter:
                self._check_said(stride, window)
        elif shorter:
            (stride, window), how = maps.find(self._shorter, self.T), "by shorter inputs"
        elif self._told(self.T) is not None:
            (stride, window), how = maps.find(self._told_frames, self.T), "by its own lengths"
        elif self._frames(self._run(self.full, self.T)) == self.T:
            (stride, window), how = (1, 1), "one frame out for each frame in"
        else:
            raise ConfigError(
                f"the network only takes {self.T} frames, so its output length cannot be found "
                "out; name stride and window (--stride, --window)"
            )
        text = f"stride {stride}, window {window}, {how}{self._against_told(stride, window, said)}"
        self.checks.append(Check("length map", "pass", text))
        return stride, window

    def _check_said(self, stride: int, window: int) -> None:
        """Raise `ConfigError` if shorter inputs are answered by other numbers of frames."""
        lengths = {self.T // 2, 3 * self.T // 4, self.T}
        seen = {n: self._shorter(n) for n in sorted(lengths) if n >= 1}
        wrong = {n: k for n, k in seen.items() if k and k != output_length(n, stride, window)}
        if wrong:
            fit = maps.find(self._shorter, self.T)
            pairs = ", ".join(f"{n} -> {k}" for n, k in wrong.items())
            raise ConfigError(
                f"stride {stride} and window {window} are not those of the network: it answers "
                f"(input -> output frames) {pairs}; say stride={fit[0]} and window={fit[1]} "
                f"(--stride {fit[0]} --window {fit[1]}), or leave both out"
            )

    def _against_told(self, stride: int, window: int, said: bool) -> str:
        """Return what the network's own output lengths say beside the map, "" for the same.

        Raises:
            ConfigError: they say something else, and the map was not named.
        """
        half = max(1, window, self.T // 2)
        told = mapped = None
        # Odd and even ones, because floor and ceil differ in one of them.
        for length in (half, half + 1, *_some(self.T, window)):
            told, mapped = self._told(length), output_length(length, stride, window)
            if told != mapped:
                break
        if told is None or told == mapped:
            return ""
        text = f"for {length} valid frames the network itself says {told} output frames, "
        text += f"not {mapped}"
        if said:
            return f"; {text}"
        raise ConfigError(
            f"{text}; if {mapped} are right, say stride={stride} and window={window} "
            f"(--stride {stride} --window {window}); if {told} are, the network answers fewer or "
            "more frames than it says: mend the lengths that it returns"
        )

    def outputs(self) -> None:
        """Say which answers beside the scores the artifact will not give."""
        with torch.no_grad():
            found = raw(self.network, self.calling, self.full, torch.tensor([self.T]))
        scores = tensors(found)[0]
        others = [tuple(t.shape) for t in leaves(found) if t is not scores]
        if others:
            text = f"{len(others)} beside the scores are dropped, of shapes {others}"
            self.checks.append(Check("outputs", "pass", text))

    def read_sizes(self) -> None:
        """Take the sizes that the network reads from its lengths, at full length."""
        with Sizes() as sizes:
            self._run(self.full, self.T)
        if not sizes.found:
            return
        self.calling = dataclasses.replace(self.calling, sizes=tuple(sizes.found))
        where = ", ".join(dict.fromkeys(sizes.places))
        text = (
            f"{len(sizes.found)} sizes are read from tensors ({where}); an exporter would freeze "
            "them: they are those of a full input, and the network itself answers padded inputs "
            "of other lengths alike"
        )
        lengths = sorted({max(1, self.T * k // 8) for k in (1, 3, 5, 7)} - {self.T})
        model = Adapter(self.network, self.calling)
        self.proven = frozen.check(self.original, model, sizes, lengths)
        self.checks.append(Check("sizes", "pass", text))

    def listens(self, stride: int, window: int) -> None:
        """Check that the valid frames change the answer, and say if the length does.

        Raises:
            ConfigError: they do not, so that the artifact would be deaf.
        """
        model, T = Adapter(self.network, self.calling), self.T
        least, unheard = float("inf"), list[str]()
        for length in sorted({T, max(1, window, T // 2)}):
            parts = max(1, min(4, length // (2 * (stride + max(window, 1)))))
            ends = [length * k // parts for k in range(parts + 1)]
            place, count = torch.arange(T)[None, :, None], torch.tensor([length])
            zeros = torch.where(place < length, self.full, 0.0)
            frames = output_length(length, stride, window)
            before = model(zeros, count)[0, :frames]
            change = []
            for first, end in itertools.pairwise(ends):
                other = torch.where((place >= first) & (place < end), hearing.changed(zeros), zeros)
                change.append(float((model(other, count)[0, :frames] - before).abs().max()))
                if not change[-1] > hearing.UNHEARD:
                    unheard.append(f"{first}..{end - 1} of {length}")
            least = min(least, max(change))
        if not least > hearing.UNHEARD:
            raise ConfigError(
                f"other valid frames change no answer ({unheard[0]} valid frames): what the "
                "network computes does not reach its answer, or a mask hides all of it"
            )
        text = f"other valid frames change the answer by {least:.2g} nats"
        if unheard:
            text += f"; but frames {unheard[0]} alone change nothing"
        self.checks.append(Check("frames", "pass", text))

    def padding(self, stride: int, window: int, *, masked: bool) -> None:
        """Check that a padded input is answered like a shorter one.

        Raises:
            ConfigError: the answer depends on the padding, or is cut by the value of lengths.
            NonFiniteError: NaN or Inf in the padding, which hosts may read.
        """
        model, original = Adapter(self.network, self.calling), self.original
        whole = output_length(self.T, stride, window)
        worst, leak, compared, other_tokens = (0.0, 0), (0.0, 0), 0, 0.0
        junk = torch.from_numpy(reference.junk(*self.full.shape[1:]))
        for length in _some(self.T, window):
            keep = torch.arange(self.T)[None, :, None] < length
            zeros = torch.where(keep, self.full, 0.0)
            n, count = output_length(length, stride, window), torch.tensor([length])
            padded = model(zeros, count)
            check_answer(padded.numpy(), f"in the padding of {length} valid frames")
            if padded.shape[1] != whole:
                raise ConfigError(_cut(padded.shape[1], whole, length, self.T))
            other = model(torch.where(keep, self.full, junk), count)[:, :n]
            leak = max(leak, (float((other - padded[:, :n]).abs().max()), length))
            short = original.alone(self.full, length)
            if short is not None and len(short) >= n:
                short, compared = short[:n], compared + 1
                worst = max(worst, (float((short - padded[0, :n]).abs().max()), length))
                moved = (short.argmax(-1) != padded[0, :n].argmax(-1)).float().mean()
                other_tokens = max(other_tokens, float(moved))
        if masked:
            self._padding_verdict(leak, worst, compared)
        else:
            self._unmasked(worst, compared, other_tokens)

    def _unmasked(self, worst: tuple[float, int], compared: int, other_tokens: float) -> None:
        """Say what padding with zeros costs; refuse what nothing could prove.

        Raises:
            ConfigError: sizes are frozen, and the network cannot be run on a padded input.
        """
        if self.calling.sizes and not self.proven:
            raise ConfigError(
                "the network reads sizes from lengths and takes no padded recording, not even "
                "beside one of full length, so nothing could prove an export with padding='zeros'; "
                "take the width from x.shape[1] in place of int(lengths.max())"
            )
        text = "declared padding-sensitive; recordings are always padded with zeros"
        if compared:
            text += (
                f"; alone, {worst[1]} frames are answered otherwise by {worst[0]:.2g} nats, and up "
                f"to {other_tokens:.0%} of the best tokens are others: the file answers as the "
                "network answers a padded recording"
            )
        self.checks.append(Check("padding", "not_run", text))

    def _padding_verdict(
        self, leak: tuple[float, int], worst: tuple[float, int], compared: int
    ) -> None:
        if not leak[0] <= TOLERANCE:
            raise ConfigError(
                f"padding leaks: other values after length {leak[1]} change valid frames by "
                f"{leak[0]:.2g} nats. Zero the padding before each convolution, mask attention, "
                "normalise over valid frames alone (see edgectc.kit), or, if the network was "
                "trained on recordings padded with zeros, say padding='zeros' (--padding zeros)"
            )
        if not worst[0] <= TOLERANCE:
            raise ConfigError(
                f"a recording of {worst[1]} frames is answered otherwise ({worst[0]:.2g} nats) "
                "alone than padded. Either padded frames get values inside the network and a "
                "convolution or norm mixes them in, as in torchaudio's conformer: mask them there "
                "(edgectc.kit.keep_mask), or, if it was trained like that, say padding='zeros' "
                "(--padding zeros). Or something is taken from the full width, such as a count of "
                "frames: take it from lengths, by tensor operators"
            )
        text = f"other values there change valid frames by {leak[0]:.2g} nats"
        if compared:
            text += f"; {compared} shorter inputs are answered alike ({worst[0]:.2g} nats)"
        self.checks.append(Check("padding", "pass", text))

    def blank(self, required: bool) -> None:
        """Refuse a network that is sure of another column where CTC puts the blank.

        Raises:
            ConfigError: the blank is never best, and another column dominates with certainty.
        """
        model = Adapter(self.network, self.calling)
        count = torch.tensor([self.T])
        # Row by row: a network may read a size for each, and those of one row are known.
        best = torch.cat([model(row[None], count) for row in self.rows])
        columns = best.argmax(-1).flatten().numpy()
        counts = np.bincount(columns, minlength=len(self.tokens))
        top, share = int(counts.argmax()), float(counts.max() / counts.sum())
        blank = self.tokens.blank_id
        if counts[blank]:
            text = f"column {blank} is best in {counts[blank] / counts.sum():.0%} of the frames"
            self.checks.append(Check("blank", "pass", text))
            return
        sure = float(best.exp()[..., top].flatten()[columns == top].mean())
        text = (
            f"the blank, column {blank}, is best in no frame of the sample; column {top} "
            f"({self.tokens.symbols[top]!r}) is in {share:.0%}, with probability {sure:.2f}"
        )
        if required and share >= 0.5 and sure >= _SURE and np.count_nonzero(counts) > 2:
            raise ConfigError(
                f"{text}: is that the blank? Then say blank_id={top} (--blank {top}); if not, "
                "say check_blank=False (--any-blank)"
            )
        self.checks.append(Check("blank", "not_run", f"{text}: an untrained network?"))

    def _run(self, features: Tensor, length: int) -> Tensor:
        lengths = torch.full((len(features),), length)
        return answer(self.network, self.calling, features, lengths)[0]

    def _frames(self, found: Tensor) -> int:
        return int(found.permute(AXES[self.calling.axes]).shape[1])

    def _shorter(self, length: int) -> int:
        """Output frames of a recording that is really shorter; 0 if the network takes none."""
        found = self.original.alone(self.full, length) if length >= 1 else None
        return 0 if found is None else len(found)

    def _told(self, length: int) -> int | None:
        """Output frames that the network itself says are valid."""
        keep = torch.arange(self.T)[None, :, None] < length
        plain = torch.where(keep, self.full, 0.0)
        with Sizes(self.calling.sizes) if self.calling.sizes else torch.no_grad():
            try:
                lengths = answer(self.network, self.calling, plain, torch.tensor([length]))[1]
            except Exception:  # sizes that are read from lengths come later
                return None
        return None if lengths is None else int(lengths.flatten()[0])

    def _told_frames(self, length: int) -> int:
        return self._told(length) or 0


def check_answer(scores: Array, when: str, masks: list[str] | None = None) -> None:
    """Raise `NonFiniteError` if an answer of the network is NaN or Inf, padding included."""
    if np.isfinite(scores).all():
        return
    hint = f"; scaled_dot_product_attention has a mask at {masks[0]}" if masks else ""
    raise NonFiniteError(
        f"the network answers NaN or Inf {when}{hint}; a row of attention scores that are all -inf "
        "does that, and a log of zero: subtract 1e4 instead (edgectc.kit.SelfAttention), and use "
        "log_softmax"
    )


def _check_normalised(scores: Tensor, axes: str) -> None:
    """Raise `ConfigError` if a softmax was taken over another axis than that of the tokens."""
    found, over = scores.double(), ""
    for axis, name in enumerate(axes):
        apart = [found.logsumexp(axis).abs().max()]
        if float(found.min()) >= 0.0:
            apart.append((found.sum(axis) - 1.0).abs().max())
        over += name if float(min(apart)) <= TOLERANCE else ""
    if over and "V" not in over:
        what = {"N": "the recordings of a batch", "T": "the frames"}[over[0]]
        raise ConfigError(
            f"a softmax was taken over {what}, where it belongs over the tokens: answer "
            f"log_softmax(dim={axes.index('V')}), or the scores without any"
        )


def _fits(scores: Tensor, batch: int, columns: int) -> bool:
    return scores.shape[0] == batch and scores.shape[2] == columns


def _filled(rows: Tensor) -> Tensor:
    """One recording (1, T, C) whose padding is filled with its own frames, over again."""
    used = rows.abs().sum(-1)[0].nonzero()
    last = int(used.max()) + 1 if len(used) else rows.shape[1]
    return rows[:, torch.arange(rows.shape[1]) % last].contiguous()


def _some(T: int, window: int) -> list[int]:
    chosen = {window, window + 1, 7, T // 3, T // 2, 3 * T // 4, T - 1}
    return sorted(n for n in chosen if max(1, window) <= n < T)


def _cut(got: int, expected: int, length: int, T: int) -> str:
    return (
        f"for {length} valid of {T} input frames the network answers {got} frames, for {T} it "
        f"answers {expected}: it cuts its tensors by the values of lengths, and an export would "
        "freeze that. Answer all frames and mask instead of slicing (edgectc.kit.keep_mask)"
    )
