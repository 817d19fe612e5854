"""What the Protocols of `edgectc.core.contracts` declare, and who has it not."""

from __future__ import annotations

from edgectc.core.registry import members


def lacking(variant: object, protocol: type) -> set[str]:
    """What a variant has not, of all that the Protocol declares."""
    return members(protocol) - {*dir(variant), *vars(variant)}
