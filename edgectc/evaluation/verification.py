"""Is this artifact still the model? Numbers, decoded text, padding, contract and resampling.

Everything here works from the one file: its reference cases were answered by the trained network
before export. Torch is needed only where the runtime itself needs it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgectc.core import metrics, registry
from edgectc.core.arguments import File, FileName, checked
from edgectc.core.contracts import RunnerModule
from edgectc.core.errors import (
    BundleFileMissingError,
    InputError,
    MissingDependencyError,
    NonFiniteError,
)
from edgectc.core.files import read_given
from edgectc.core.schemes import Float32, Scheme
from edgectc.core.types import Array, Check, Report
from edgectc.evaluation import streams
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats import public_keys, reference, signature
from edgectc.formats.manifest import Content, Manifest
from edgectc.formats.public_keys import Trusted
from edgectc.formats.reference import Case
from edgectc.language.lexicon import Lexicon
from edgectc.language.pronunciations import SpokenLexicon
from edgectc.runtime import loading
from edgectc.runtime.recognizer import Recognizer

_RESAMPLING = 1e-5  # key widths and seconds; float32 rounding of the stored trace


@checked
def verify(
    path: File | None = None,
    *,
    lexicon: FileName | None = None,
    trust: FileName | None = None,
) -> Report:
    """Return the verdict on an artifact, or on a bundle and every artifact in it.

    Args:
        path: of it, or the name of a shipped model; None for the default one.
        lexicon: file to check words with, instead of the artifact's own.
        trust: file of public keys, see `edgectc.load`: all has to be signed with one of them.

    Raises:
        BundleError: missing, damaged or malformed, or not signed as ``trust`` asks; no runtime ever
            sees such bytes.
        ConfigError: ``trust`` holds no public keys.
    """
    location = bundles.locate(path)
    keys = None if trust is None else public_keys.trusted(trust)
    if bundles.is_bundle(location):
        return _verify_bundle(location, keys)
    return verify_artifact(location, lexicon=lexicon, keys=keys)


def verify_artifact(
    path: Path,
    *,
    lexicon: str | Lexicon | None = None,
    keys: Trusted | None = None,
    cases: Sequence[Case] | None = None,
) -> Report:
    """Return the verdict on one artifact, with nothing beside it.

    Args:
        path: of the artifact.
        lexicon: file of words, or the words; None looks beside the artifact.
        keys: that it has to be signed with one of; None asks for no signature.
        cases: what it has to answer; None for the cases inside it, or in the file that it names.
    """
    data, manifest = manifests.read(path)
    before = [Check("hash", "pass", f"sha256 over {manifests.size(data):,} bytes matches")]
    if keys is not None:
        signer = signature.check(keys, path, signature.ARTIFACT, manifests.seal(data))
        before.append(Check("signature", "pass", f"made with the key {signer}"))
    words, note = None, ""
    try:
        words = (
            lexicon
            if isinstance(lexicon, Lexicon)
            else loading.find_words(manifest.lexicon, path.parent, lexicon)
        )
        if not isinstance(words, SpokenLexicon):
            words = loading.find_spoken(words, manifest.pronunciations, path.parent)
    except BundleFileMissingError as error:
        note = str(error)
    try:
        loaded, skipped_reason = load_artifact(data, manifest, lexicon=words)
    except MissingDependencyError as error:
        return Report((*before, Check("log_probs", "not_run", str(error))))
    if cases is None:
        try:
            cases = reference_cases(manifest, path.parent)
        except BundleFileMissingError as error:
            missing = Check("log_probs", "not_run", str(error))
            return Report((*before, _contract(loaded, manifest), missing))
        if not cases:
            missing = Check("log_probs", "not_run", "it was made without reference cases")
            return Report((*before, _contract(loaded, manifest), missing))
    report = compare(loaded, manifest, cases, skipped_reason=skipped_reason)
    checks = [*before, _contract(loaded, manifest), *report.checks]
    if note:
        checks = [_unproven(check, note) if check.name == "words" else check for check in checks]
    return replace(report, checks=tuple(checks))


def reference_cases(manifest: Manifest, beside: Path) -> list[Case]:
    """Return the cases of an artifact: those inside it, or of the file that it names.

    Args:
        manifest: inside of it.
        beside: folder of the artifact, where that file is looked for.

    Raises:
        BundleFileMissingError: no file with that hash is there.
        BundleError: malformed content.
    """
    named = manifest.reference_file
    if named is None:
        return reference.from_json(manifest.reference)
    path = bundles.find_file(named, beside, kind="reference file")
    return reference.from_safetensors(read_given(path, "reference cases"))


def load_artifact(
    data: Content, manifest: Manifest, *, lexicon: Lexicon | None = None
) -> tuple[Recognizer, str]:
    """Return a recognizer for a checked artifact, and why its own runtime does not run it.

    Where that runtime cannot run, but its runner can read the program back, the answers are those
    of the program evaluated in numpy; elsewhere the second value is "".

    Raises:
        MissingDependencyError: it can neither be run nor be read back here.
    """
    words = loading.Words(lexicon)
    try:
        return loading.from_bytes(data, manifest, words=words), ""
    except MissingDependencyError as error:
        module: RunnerModule = registry.module("runners", manifest.target)
        if module.read_back is None or isinstance(data, bytes):
            raise
        program = module.read_back(data)
        return loading.from_bytes(data, manifest, words=words, runner=program), str(error)


def compare(
    loaded: Recognizer, manifest: Manifest, cases: Sequence[Case], *, skipped_reason: str = ""
) -> Report:
    """Return how a loaded network answers the reference cases, against what it should answer.

    ``skipped_reason`` says why the artifact's own runtime did not answer, see `load_artifact`.
    """
    checks, figures = compare_numbers(loaded, cases, manifest.scheme)
    if figures:
        streamed, more = streams.checks(loaded, manifest, cases)
        checks, figures = [*checks, *streamed], {**figures, **more}
    if manifest.inputs[0].shape[0] != 1:
        checks.append(_batch(loaded, cases, atol=manifest.scheme.atol))
    checks.append(_resampling(loaded, cases))
    share = manifest.scheme.texts
    greedy = [case.greedy for case in cases]
    read = _texts(loaded, cases, "greedy", greedy, "greedy", share=share)
    if read.status == "fail" and figures:
        read = replace(read, detail=read.detail + _ties(cases, figures["max_abs_diff"]))
    checks.append(read)
    spoken = [case for case in cases if case.word]
    if str(manifest.decoder["type"]) == "greedy" or not spoken:
        checks.append(Check("words", "not_run", "the model decodes without a lexicon"))
    elif loaded.lexicon is None:
        checks.append(Check("words", "not_run", "no lexicon was found"))
    else:
        preset = str(manifest.decoder["type"])
        words = [case.word for case in spoken]
        checks.append(_texts(loaded, spoken, "words", words, preset, share=share))
    if skipped_reason:
        checks[0] = replace(checks[0], name="arithmetic", detail=f"in numpy: {checks[0].detail}")
        checks = [_weights(loaded), *checks, Check("log_probs", "not_run", skipped_reason)]
    return Report(tuple(checks), figures)


@dataclass(frozen=True, eq=False)
class _Answer:
    """What a network answers to a case with output frames.

    Attributes:
        expected: (T', used tokens) float64, of the trained network.
        got: the same of the network that is checked.
        compared: which values the scheme limits.
    """

    case: Case
    inputs: Mapping[str, Array]
    expected: Array
    got: Array
    compared: Array

    def limited(self) -> tuple[Array, Array]:
        """Return expected and got, the same where nothing is limited."""
        return self.expected, np.where(self.compared, self.got, self.expected)


def compare_numbers(
    loaded: Recognizer, cases: Sequence[Case], scheme: Scheme
) -> tuple[list[Check], dict[str, float]]:
    """Return the checks on log_probs and padding, and the figures behind them.

    Differences are taken on valid frames and used tokens: an unused slot reads about -1e4, where
    one float32 ulp is already 1e-3. The limits are those of the scheme's manifest form.
    """
    atol, likely = scheme.atol, scheme.likely
    answers = []
    for case in cases:
        try:
            answer = _answer(loaded, case, likely)
        except (InputError, NonFiniteError) as error:
            return [Check("log_probs", "fail", f"{case.name}: {error}")], {}
        if answer.got.shape != answer.expected.shape:
            detail = f"{case.name}: got shape {answer.got.shape}, expected {answer.expected.shape}"
            return [Check("log_probs", "fail", detail)], {}
        if len(answer.got):  # none if shorter than the window: no answer is the right answer
            answers.append(answer)
    if not answers:
        return [Check("log_probs", "fail", "no reference case has an output frame")], {}
    differences = [metrics.max_abs_difference(*answer.limited()) for answer in answers]
    figures = {
        "max_abs_diff": max(differences),
        "mean_abs_diff": metrics.mean_abs_difference(answer.limited() for answer in answers),
        "sqnr_db": metrics.sqnr_db((answer.expected, answer.got) for answer in answers),
        "argmax_agreement": metrics.argmax_agreement((a.expected, a.got) for a in answers),
    }
    worst = max(range(len(answers)), key=differences.__getitem__)
    at = answers[worst].case.name if differences[worst] else "no case"
    lengths = sorted({case.length for case in cases})
    among = f" of tokens of probability {likely:g} or more" if likely > 0.0 else ""
    numbers = (
        f"max |difference| {differences[worst]:.2g} nats{among} (limit {atol:g}) at {at}; "
        f"{len(cases)} cases, lengths {', '.join(map(str, lengths))}"
    )
    status = "pass" if differences[worst] <= atol else "fail"
    padding = _padding(loaded, answers, atol, figures)
    return [Check("log_probs", status, numbers), padding], figures


def _answer(loaded: Recognizer, case: Case, likely: float) -> _Answer:
    inputs = case.inputs(loaded.frontend, loaded.setting(case.layout))
    expected = case.log_probs.astype(np.float64)
    compared = expected >= (math.log(likely) if likely > 0.0 else -math.inf)
    return _Answer(case, inputs, expected, _used(loaded.run(inputs), case), compared)


def _padding(
    loaded: Recognizer, answers: Sequence[_Answer], atol: float, figures: dict[str, float]
) -> Check:
    """Fill the padding with other values and add ``padding_leak``, the change of valid frames."""
    if _padding_sensitive(loaded):
        detail = "this network is padding-sensitive: every recording is padded with zeros"
        return Check("padding", "not_run", detail)
    leak = 0.0
    for answer in answers:
        case, first = answer.case, next(iter(answer.inputs))
        filled = {**answer.inputs, first: answer.inputs[first].copy()}
        tail = filled[first][:, case.length :]
        tail[:] = reference.junk(*tail.shape[1:])
        changed = np.where(answer.compared, _used(loaded.run(filled), case), answer.got)
        leak = max(leak, metrics.max_abs_difference(answer.got, changed))
    figures["padding_leak"] = leak
    detail = f"other values in the padding change valid frames by {leak:.2g} nats"
    return Check("padding", "pass" if leak <= atol else "fail", detail)


def _padding_sensitive(loaded: Recognizer) -> bool:
    """Whether the network was adopted as one for which zeros after the length are a signal."""
    return bool(loaded.frontend.padding == "zeros")


def _batch(loaded: Recognizer, cases: Sequence[Case], *, atol: float) -> Check:
    """All cases at once, of every length, in one batch: each must answer as it does alone."""
    rows = [case.inputs(loaded.frontend, loaded.setting(case.layout)) for case in cases]
    together = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    answers, worst = loaded.runner.run(together), 0.0
    if len(answers) != len(cases):
        return Check("batch", "fail", f"{len(cases)} samples in, {len(answers)} out")
    for case, answer in zip(cases, answers, strict=True):
        expected = case.log_probs.astype(np.float64)
        if len(expected):
            got = _used(answer[: len(expected)].astype(np.float64), case)
            difference = float(np.abs(got - expected).max())
            worst = difference if not difference <= worst else worst  # NaN stays
    status = "pass" if worst <= atol else "fail"
    detail = f"{len(cases)} samples at once, max |difference| {worst:.2g} nats (limit {atol:g})"
    return Check("batch", status, detail)


def _used(log_probs: Array, case: Case) -> Array:
    """Drop the columns of unused slots: keep the keys of the case's layout and the blank."""
    return np.concatenate([log_probs[:, : case.log_probs.shape[1] - 1], log_probs[:, -1:]], axis=1)


def _texts(
    loaded: Recognizer,
    cases: Sequence[Case],
    name: str,
    expected: Sequence[str],
    decoder: str,
    *,
    share: float,
) -> Check:
    """Compare decoded texts; the least ``share`` of them must be equal."""
    wrong = []
    for case, text in zip(cases, expected, strict=True):
        if not len(case.log_probs):
            continue
        setting = loaded.setting(case.layout)
        try:
            log_probs = loaded.run(case.inputs(loaded.frontend, setting))
            got = loaded.decoder(setting, decoder)(log_probs, nbest=1).best.text
        except (InputError, NonFiniteError) as error:  # what it answers cannot be decoded
            wrong.append(f"{case.name}: {error}")
            continue
        if got != text:
            wrong.append(f"{case.name}: got {got!r}, expected {text!r}")
    equal = len(cases) - len(wrong)
    detail = f"{equal} of {len(cases)} decoded texts equal"
    if wrong:
        detail += f" (limit {share:.0%}): " + "; ".join(wrong[:3])
    return Check(name, "pass" if equal >= share * len(cases) else "fail", detail)


def _ties(cases: Sequence[Case], difference: float) -> str:
    """Return in how many frames the trained network hardly prefers its best token to the next."""
    ranked = [np.sort(case.log_probs.astype(np.float64), 1) for case in cases]
    leads = np.concatenate([one[:, -1] - one[:, -2] for one in ranked])
    return (
        f"; in {(leads < difference).mean():.0%} of {len(leads)} frames the best token of the "
        f"trained network leads the next by less than {difference:.2g} nats, the largest difference"
    )


def _resampling(loaded: Recognizer, cases: Sequence[Case]) -> Check:
    """The one step outside the graph must give the very input the network was checked with."""
    worst = 0.0
    raw = [case for case in cases if case.points is not None]
    if not raw:
        return Check("resampling", "not_run", "no reference case holds a raw recording")
    for case in raw:
        got = loaded.frontend.prepare(case.points, loaded.setting(case.layout))
        if int(got["length"][0]) != case.length:
            detail = f"{case.name}: {int(got['length'][0])} frames, expected {case.length}"
            return Check("resampling", "fail", detail)
        worst = max(worst, float(np.abs(next(iter(got.values()))[0] - case.trace).max()))
    status = "pass" if worst <= _RESAMPLING else "fail"
    return Check("resampling", status, f"{len(raw)} raw recordings, max |difference| {worst:.2g}")


def _contract(loaded: Recognizer, manifest: Manifest) -> Check:
    """What the manifest says of inputs and tokens, against its frontend and the graph itself."""
    if wrong := loading.contradiction(loaded, manifest):
        return Check("contract", "fail", wrong)
    inputs, outputs = loaded.runner.contract(), loaded.runner.outputs()
    if inputs is None:
        return Check("contract", "not_run", f"{loaded.runner_name} does not tell its inputs")
    names = [one.name for one in manifest.inputs]
    if {*names} == {*inputs}:  # those of a LiteRT signature have names and no order
        inputs = {name: inputs[name] for name in names}
    got = list(inputs.values())
    expected = [(i.dtype, list(i.shape)) for i in manifest.inputs]
    if got != expected:
        return Check("contract", "fail", f"the graph takes {got}, the manifest says {expected}")
    stated = {"log_probs": (manifest.output.dtype, list(manifest.output.shape))}
    if outputs is not None and outputs != stated:
        return Check("contract", "fail", f"the graph gives {outputs}, the manifest says {stated}")
    return Check("contract", "pass", f"{len(got)} inputs as the manifest says")


def _weights(loaded: Recognizer) -> Check:
    """The numbers stored in a program that was read back."""
    stored = loaded.runner.weights
    bad = [name for name, value in stored.items() if not np.isfinite(value).all()]
    if bad or not stored:
        return Check("weights", "fail", f"NaN or Inf in {bad[0]}" if bad else "none in the file")
    count = sum(value.size for value in stored.values())
    return Check("weights", "pass", f"{len(stored)} tensors, {count:,} numbers, all finite")


def _verify_bundle(path: Path, keys: Trusted | None) -> Report:
    bundle = bundles.read(path)
    for name in bundle.index.files:
        bundle.file(name)
    bundle.tokens()
    checks = [Check("files", "pass", f"{len(bundle.index.files)} files match their hashes")]
    if keys is not None:
        signer = signature.check(keys, bundle.path / bundles.INDEX, signature.BUNDLE, bundle.sha256)
        checks.append(Check("signature", "pass", f"made with the key {signer}"))
    figures: dict[str, float] = {}
    for artifact in bundle.artifacts():
        report = verify_artifact(artifact, keys=keys)
        checks += [replace(c, name=f"{artifact.name} {c.name}") for c in report.checks]
        figures |= {f"{artifact.name} {k}": v for k, v in report.figures.items()}
    try:
        loaded = loading.load(path, runner="eager")
    except MissingDependencyError as error:
        checks.append(Check("weights", "not_run", str(error)))
    else:
        cases = reference.from_safetensors(bundle.file("reference.safetensors"))
        compared, numbers = compare_numbers(loaded, cases, Float32())
        checks += [replace(c, name=f"weights {c.name}") for c in compared]
        figures |= {f"weights {k}": v for k, v in numbers.items()}
    ran = tuple(c.name for c in checks if c.name.endswith("log_probs") and c.status == "pass")
    return Report(tuple(checks), figures, needed=ran or ("weights log_probs",))


def _unproven(check: Check, note: str) -> Check:
    return replace(check, status="not_run", detail=note)
