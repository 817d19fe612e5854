"""What the Protocols of `edgectc.core.contracts` declare, and who has it not."""

from __future__ import annotations

from edgectc.core import contracts


def members(protocol: type) -> set[str]:
    """The names that a Protocol and the Protocols below it declare."""
    bases = [c for c in protocol.__mro__ if c.__module__ == contracts.__name__]
    names = {name for base in bases for name in (*vars(base), *base.__annotations__)}
    return {name for name in names if not name.startswith("_") or name == "__call__"}


def lacking(variant: object, protocol: type) -> set[str]:
    """What a variant has not, of all that the Protocol declares."""
    return members(protocol) - {*dir(variant), *vars(variant)}
