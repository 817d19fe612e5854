"""Names that ship, for the places of a command line that take them."""

from __future__ import annotations


def of_options() -> dict[str, list[str]]:
    """Return the names that options take, by option; nothing heavy is imported for them."""
    from edgectc.core import registry, schemes
    from edgectc.formats import layouts

    return {
        "--decoder": registry.names("decoders"),
        "--layout": layouts.names(),
        "--runner": registry.names("runners"),
        "--scheme": sorted(schemes.SCHEMES),
        "--split": ["all", "train", "dev", "test"],
        "--target": registry.names("targets"),
    }


def of_verb(verb: str) -> list[str]:
    """Return names that ship and that a verb takes in place of a path."""
    from edgectc.core import config
    from edgectc.formats import bundle

    if verb == "train":
        return [f"{name}-{size}" for name, sizes in config.families().items() for size in sizes]
    takes = ("decode", "eval", "tune-decoder", "export", "quantize", "inspect", "bench", "demo")
    return bundle.shipped_names() if verb in takes else []
