"""`edgectc.from_hub`: a model from a Hugging Face repository, whole and checked, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from edgectc.core.arguments import File, FileName, checked
from edgectc.core.errors import BundleError, ConfigError, InputError, MissingDependencyError
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats import public_keys, signature

_ARTIFACTS = (".edgectc", ".onnx", ".pte")


@checked
def from_hub(
    repository: str,
    *,
    revision: str | None = None,
    out: File | None = None,
    trust: FileName | None = None,
) -> Path:
    """Return the folder that a model was fetched to, for `edgectc.load` and every verb.

    This call asks the Hugging Face Hub, by the package huggingface_hub and with its settings and
    login; no other does. All files are checked by the hashes of the bundle, or of each artifact,
    before the folder has its name.

    Args:
        repository: ``OWNER/NAME``.
        revision: tag, branch or commit; None for the newest.
        out: folder to make; None for ``NAME`` here.
        trust: public keys that the model has to be signed with.

    Raises:
        MissingDependencyError: the package huggingface_hub is not installed.
        ConfigError: this is no name of a repository, or the folder is there already.
        InputError: the Hub has no such repository or revision, or did not answer.
        BundleError: what it has is no model of edgectc, or is damaged.
    """
    owner, _, name = repository.partition("/")
    if not owner or not name or "/" in name or name in (".", ".."):
        raise ConfigError(f"repository is {repository!r}, expected OWNER/NAME", options=[])
    folder = Path(name if out is None else out)
    if folder.exists():
        raise ConfigError(f"{folder} exists; name another folder with out", options=["out"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        fetched = Path(scratch) / folder.name
        _fetch(repository, revision, fetched)
        shutil.rmtree(fetched / ".cache", ignore_errors=True)  # the package's notes on its files
        _check(fetched, repository, trust)
        os.replace(fetched, folder)
    return folder


def _fetch(repository: str, revision: str | None, folder: Path) -> None:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise MissingDependencyError(
            "edgectc.from_hub", package="huggingface_hub", extra="hub"
        ) from error
    try:
        snapshot_download(repository, revision=revision, local_dir=folder, library_name="edgectc")
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        named = f"{repository} at {revision}" if revision else repository
        raise InputError(
            f"the Hub gave no {named}: {said[0]}; check the name and revision, and log in with "
            "`hf auth login` if it is private",
            reason="not_fetched",
        ) from error


def _check(folder: Path, repository: str, trust: str | os.PathLike[str] | None) -> None:
    """Check every file that has a hash, and the signatures that are asked for."""
    keys = None if trust is None else public_keys.trusted(trust)
    if (folder / bundles.INDEX).is_file():
        bundle = bundles.read(folder)
        for name in bundle.index.files:
            bundle.file(name)
        artifacts = bundle.artifacts()
        if keys is not None:
            signature.check(keys, folder / bundles.INDEX, signature.BUNDLE, bundle.sha256)
    else:
        artifacts = sorted(p for p in folder.glob("*") if p.suffix in _ARTIFACTS)
        if not artifacts:
            raise BundleError(
                f"{repository} holds no model of edgectc: no {bundles.INDEX}, and no file "
                f"{', '.join(_ARTIFACTS)}"
            )
    for artifact in artifacts:
        sha256 = manifests.seal(manifests.read(artifact)[0])
        if keys is not None:
            signature.check(keys, artifact, signature.ARTIFACT, sha256)
