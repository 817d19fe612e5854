"""The parts of a network have what their Protocols name."""

from __future__ import annotations

from protocols import lacking

from edgectc.core import contracts, registry


def test_features_and_encoders() -> None:
    frontends = {name: registry.create("frontends", {"type": name})
                 for name in registry.names("frontends")}  # fmt: skip
    for name in registry.names("features"):
        frontend = frontends[{"kinematic": "swipe"}.get(name, name)]
        part = registry.create("features", {"type": name}, frontend=frontend)
        assert not lacking(part, contracts.Features), name
        assert part.make_head(8)
    for name in registry.names("encoders"):
        modalities = registry.complete("encoders", {"type": name}).get("modalities", [16])
        size = {"in_features": sum(modalities), "max_frames": 64}
        part = registry.create("encoders", {"type": name}, **size)
        assert not lacking(part, contracts.Encoder), name
