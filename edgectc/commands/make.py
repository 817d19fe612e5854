"""Verbs that make models, artifacts and lexicons."""

from __future__ import annotations

import dataclasses
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from edgectc.commands import byo
from edgectc.commands.common import print_report, report_dict, report_of, torch_module
from edgectc.core.errors import ConfigError

_OF_TARGETS = ("opset", "exporter", "dynamic_batch", "delegate", "buckets", "length")


def export(options: Namespace) -> int:
    """Export, verify, and say where the file is."""
    if options.isolate:
        from edgectc.commands import isolation

        with isolation.made_by(options.arguments, out=options.out) as about:
            pass
    else:
        about = _exported(options)
    if options.json:
        print(json.dumps(about, sort_keys=True))
        return 0
    print_report(report_of(about), options)
    print(f"{about['path']}: {about['bytes'] / 1e6:.2f} MB")
    return 0


def _exported(options: Namespace) -> dict[str, Any]:
    extra = options.target if options.target in ("pte", "coreml") else "export-onnx"
    made = torch_module("exporting.exporter", extra=extra).export(
        **byo.given(options),
        target=options.target,
        scheme=options.scheme,
        out=options.out,
        **_of_target(options),
    )
    about = {"path": str(made.path), "bytes": made.bytes, "target": options.target}
    return {**about, **report_dict(made.report)}


def _of_target(options: Namespace) -> dict[str, Any]:
    """Return the options of the target that were given."""
    given = {name: getattr(options, name) for name in _OF_TARGETS}
    if given["buckets"] is not None:
        try:
            given["buckets"] = tuple(int(part) for part in given["buckets"].split(","))
        except ValueError:
            raise ConfigError(f"--buckets {given['buckets']!r}, expected e.g. 32,64") from None
    return {name: value for name, value in given.items() if value is not None}


def pack(options: Namespace) -> int:
    """Pack a run, or untrained weights, into a bundle."""
    name = options.name or Path(options.out).name
    if (options.run_dir is None) == (options.init is None):
        raise ConfigError(
            "give either SOURCE, a folder that train wrote or a bundle, or --init FAMILY"
        )
    if options.init is not None:
        _refuse_with_init(options)
        initialise = torch_module("exporting.untrained").initialise
        bundle = initialise(
            Path(options.out), options.init, options.config, name=name, seed=options.seed
        )
    else:
        bundle = _pack_source(options, name)
    if options.json:
        print(json.dumps({"path": str(bundle.path), "files": dict(bundle.index.files)}))
    else:
        print(f"{bundle.path}: {len(bundle.index.files)} files")
    return 0


def _refuse_with_init(options: Namespace) -> None:
    names = (
        "lexicon",
        "licence",
        "language_model",
        "lm_licence",
        "words_of",
        "preset",
        "overrides",
    )
    given = [name for name in names if getattr(options, name)]
    if given:
        named = ", ".join(
            "--set" if k == "overrides" else f"--{k.replace('_', '-')}" for k in given
        )
        raise ConfigError(f"{named} belongs to a run, not to --init; leave it out")


def _pack_source(options: Namespace, name: str) -> Any:
    """Pack a run, or a bundle again with other words or another preset."""
    from edgectc.core import config
    from edgectc.formats import bundle

    decoder: dict[str, Any] = {}
    if options.preset:
        try:
            decoder = json.loads(Path(options.preset).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"{options.preset} is not a preset: {error}") from error
    for assignment in options.overrides:
        config.set_key(decoder, assignment)
    packing = torch_module("exporting.packing")
    source, out = Path(options.run_dir), Path(options.out)
    is_bundle = (source / "bundle.json").is_file()
    words = None
    own = options.lexicon or options.language_model or options.licence or options.lm_licence
    if options.words_of and own:
        raise ConfigError("--words-of names lexicon, language model and licences; leave those out")
    if options.words_of:
        words = packing.words_of(bundle.read(options.words_of))
        if words is None:
            raise ConfigError(f"{options.words_of} decodes without a lexicon; name another bundle")
        words = dataclasses.replace(words, carried=False)
    elif options.lexicon is not None:
        model = Path(options.language_model) if options.language_model else None
        licences = (options.licence, options.lm_licence)
        words = packing.Words(Path(options.lexicon), model, licences)
    elif own:
        raise ConfigError("name --lexicon too; words are exchanged together or kept together")
    if is_bundle:
        return packing.repack(
            bundle.read(source), out, name=options.name, words=words, decoder=decoder
        )
    return packing.pack(source, out, name=name, words=words, decoder=decoder)


def lexicon(options: Namespace) -> int:
    """Build a lexicon file."""
    from edgectc.core.files import file_sha256
    from edgectc.language import lexicon_file, sources
    from edgectc.language.packed import pack

    built, dropped = sources.build(
        options.source, top=options.top, max_letters=options.max_letters, notes=tuple(options.note)
    )
    if options.casing:
        built = sources.recased(built, options.casing)
    if options.offensive:
        built, flagged = sources.unoffending(built, options.offensive)
        if flagged is not None:
            dropped["offensive"] = len(flagged.words)
            lexicon_file.write(flagged, Path(options.out).parent / lexicon_file.OFFENSIVE)
    if options.out.endswith(".trie"):
        built = pack(built, frozenset(options.letters))
    lexicon_file.write(built, options.out)
    about = {
        "path": options.out,
        "words": len(built.log_probs),
        "sha256": file_sha256(options.out),
        "dropped": dict(dropped),
    }
    if options.json:
        print(json.dumps(about, sort_keys=True))
    else:
        print(f"{options.out}: {about['words']:,} words, sha256 {about['sha256']}")
        print(f"dropped rows: {about['dropped'] or 'none'}")
    return 0
