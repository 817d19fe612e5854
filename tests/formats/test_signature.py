"""Signatures: who made an artifact; made by us or by OpenSSL, each refusal with its own words."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edgectc
from edgectc.commands.cli import main
from edgectc.core.errors import (
    BundleError,
    BundleFileMissingError,
    BundleMismatchError,
    ConfigError,
)
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats import one_file, public_keys, signature

FILES = Path(__file__).parents[1] / "compat/files-1"
TRUST = Path(__file__).parents[2] / "docs/trust.md"
needs_cryptography = pytest.mark.skipif(
    not __import__("importlib.util").util.find_spec("cryptography"), reason="signs with it"
)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes keys with it")
needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="makes keys with it")


def run(line: str, folder: Path) -> str:
    done = subprocess.run(line, shell=True, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def swipe(tmp_path: Path) -> Path:
    """A bundle with its artifacts, to be signed."""
    folder = tmp_path / "swipe"
    shutil.copytree(FILES / "swipe", folder)
    for path in (folder / "artifacts").iterdir():
        if path.suffix != ".onnx" or "int8" in path.name:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in ("words.trie", "words.lm"):
        shutil.copy(FILES / name, folder)
    return folder


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with two pairs of keys, made with the lines of docs/trust.md."""
    if shutil.which("openssl") is None:
        pytest.skip("makes keys with openssl")
    for name in ("mine", "other"):
        run(f"openssl genpkey -algorithm ed25519 -out {name}.pem", tmp_path)
        run(f"openssl pkey -in {name}.pem -pubout -out {name}-public.pem", tmp_path)
    return tmp_path


def signed_by_openssl(path: Path, kind: str, sha256: str, folder: Path, key: str = "mine") -> None:
    """Sign as docs/bundle_format.md says, with nothing of ours but what is signed."""
    (folder / "m").write_bytes(f"edgectc signature 1\n{kind}\n{sha256}\n".encode())
    run(f"openssl pkeyutl -sign -rawin -inkey {key}.pem -in m -out m.sig", folder)
    der = run(f"openssl pkey -in {key}.pem -pubout -outform DER | tail -c 32 | base64", folder)
    document = {
        "schema_version": 1,
        "algorithm": "ed25519",
        "sha256": sha256,
        "public_key": der.strip(),
        "signature": base64.b64encode((folder / "m.sig").read_bytes()).decode(),
    }
    path.with_name(path.name + ".sig").write_text(json.dumps(document))


def artifact_of(bundle: Path) -> Path:
    return bundle / "artifacts/swipe.onnx"


def stated(path: Path) -> str:
    data = path.read_bytes()
    start = data.index(manifests.PREFIX) + len(manifests.PREFIX)
    return data[start : start + 64].decode()


@pytest.fixture
def signed(swipe: Path, keys: Path) -> Path:
    """The bundle, signed by OpenSSL."""
    import hashlib

    index = swipe / "bundle.json"
    signed_by_openssl(index, "bundle", hashlib.sha256(index.read_bytes()).hexdigest(), keys)
    artifact = artifact_of(swipe)
    signed_by_openssl(artifact, "artifact", stated(artifact), keys)
    return swipe


def test_what_openssl_signed_is_believed(signed: Path, keys: Path) -> None:
    trust = keys / "mine-public.pem"
    for path in (signed, artifact_of(signed)):
        assert edgectc.load(path, trust=trust)
    report = edgectc.verify(artifact_of(signed), trust=trust)
    checks = {check.name: check for check in report.checks}
    assert report.status == "pass"
    assert checks["signature"].status == "pass"
    assert "SHA256:" in checks["signature"].detail
    assert [*checks][:2] == ["hash", "signature"]


def test_without_a_key_nothing_is_asked(swipe: Path, signed: Path) -> None:
    artifact = artifact_of(signed)
    artifact.with_name("swipe.onnx.sig").write_text("nonsense")
    assert edgectc.load(artifact)
    assert "signature" not in [check.name for check in edgectc.verify(artifact).checks]
    assert edgectc.load(signed)


def _unsigned(bundle: Path, keys: Path) -> None:
    for path in (bundle / "bundle.json.sig", bundle / "artifacts/swipe.onnx.sig"):
        path.unlink()


def _changed(bundle: Path, keys: Path) -> None:
    """Other content with a seal of its own, beside the signature of the first."""
    artifact = artifact_of(bundle)
    data = artifact.read_bytes()
    opened = data.replace(stated(artifact).encode(), b"0" * 64, 1)
    artifact.write_bytes(manifests.sealed(opened.replace(b"made up", b"made by", 1)))  # type: ignore[arg-type]
    index = bundle / "bundle.json"
    index.write_text(index.read_text() + "\n")


def _edited(bundle: Path, **values: str) -> None:
    for path in (bundle / "bundle.json.sig", bundle / "artifacts/swipe.onnx.sig"):
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def _forged(bundle: Path, keys: Path) -> None:
    """A signature of another key under the name of a trusted one."""
    mine = json.loads((bundle / "bundle.json.sig").read_text())["public_key"]
    _by_other(bundle, keys)
    _edited(bundle, public_key=mine)


def _by_other(bundle: Path, keys: Path) -> None:
    import hashlib

    index = bundle / "bundle.json"
    digest = hashlib.sha256(index.read_bytes()).hexdigest()
    signed_by_openssl(index, "bundle", digest, keys, key="other")
    signed_by_openssl(artifact_of(bundle), "artifact", stated(artifact_of(bundle)), keys, "other")


def _of_another_file(bundle: Path, keys: Path) -> None:
    """The signature of another file with the hash of this one written into it."""
    for path, kind in ((bundle / "bundle.json", "bundle"), (artifact_of(bundle), "artifact")):
        right = json.loads(path.with_name(path.name + ".sig").read_text())["sha256"]
        signed_by_openssl(path, kind, "a" * 64, keys)
        place = path.with_name(path.name + ".sig")
        place.write_text(json.dumps({**json.loads(place.read_text()), "sha256": right}))


def _of_another_kind(bundle: Path, keys: Path) -> None:
    for path, kind in ((bundle / "bundle.json", "artifact"), (artifact_of(bundle), "bundle")):
        right = json.loads(path.with_name(path.name + ".sig").read_text())["sha256"]
        signed_by_openssl(path, kind, right, keys)


def _malformed(bundle: Path, keys: Path) -> None:
    _edited(bundle, signature="AAAA")


def _newer(bundle: Path, keys: Path) -> None:
    for path in (bundle / "bundle.json.sig", bundle / "artifacts/swipe.onnx.sig"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 2}))


REFUSED: dict[Callable[[Path, Path], None], tuple[type[BundleError], str]] = {
    _unsigned: (
        BundleFileMissingError,
        "is not signed: there is no .*sig beside it; .* --key KEY or",
    ),
    _changed: (BundleMismatchError, "was changed after it was signed: .* signed again"),
    _by_other: (BundleMismatchError, "is signed with the key SHA256:.*public.pem trusts SHA256:"),
    _forged: (BundleMismatchError, "was not made with the key SHA256:"),
    _of_another_file: (BundleMismatchError, "was not made with the key SHA256:"),
    _of_another_kind: (BundleMismatchError, "was not made with the key SHA256:"),
    _malformed: (BundleError, "sig is malformed: .*expected base64 of 64 bytes"),
    _newer: (BundleError, "upgrade edgectc"),
}


@pytest.mark.parametrize("damage", REFUSED)
@pytest.mark.parametrize("part", ["bundle", "artifact"])
def test_each_refusal_has_its_own_words(
    damage: Callable[[Path, Path], None], part: str, signed: Path, keys: Path
) -> None:
    damage(signed, keys)
    kind, says = REFUSED[damage]
    path = signed if part == "bundle" else artifact_of(signed)
    for function in (edgectc.load, edgectc.verify):
        with pytest.raises(kind, match=says) as caught:
            function(path, trust=keys / "mine-public.pem")
        assert str(path) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


@needs_cryptography
@pytest.mark.parametrize("damage", [_unsigned, _changed])
@pytest.mark.parametrize("part", ["bundle", "artifact"])
def test_the_line_that_a_refusal_names_helps(
    damage: Callable[[Path, Path], None], part: str, signed: Path, keys: Path
) -> None:
    damage(signed, keys)
    path, trust = signed if part == "bundle" else artifact_of(signed), keys / "mine-public.pem"
    with pytest.raises(BundleError) as caught:
        edgectc.load(path, trust=trust)
    line = re.search(r"edgectc (sign .*? --key) KEY", str(caught.value))
    assert line
    assert main([*line[1].split(), str(keys / "mine.pem")]) == 0
    assert edgectc.load(path, trust=trust)


def test_an_artifact_that_came_into_a_signed_bundle_is_refused(signed: Path, keys: Path) -> None:
    (signed / "artifacts/swipe.onnx.sig").unlink()
    for function in (edgectc.load, edgectc.verify):
        with pytest.raises(BundleFileMissingError, match=r"swipe\.onnx is not signed"):
            function(signed, trust=keys / "mine-public.pem")


def test_the_command_line_names_flags(
    signed: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = artifact_of(signed)
    trust = f"--trust={keys / 'mine-public.pem'}"
    assert main(["verify", str(artifact), trust]) == 0
    assert "signature" in capsys.readouterr().out
    (artifact.parent / "swipe.onnx.sig").unlink()
    for line in (["verify", str(artifact)], ["decode", str(artifact), "--input=x"]):
        assert main([*line, trust]) == 2
        assert "or leave --trust out" in capsys.readouterr().err


# ---- keys -------------------------------------------------------------------------------------


def test_one_file_may_hold_several_keys(signed: Path, keys: Path) -> None:
    both = keys / "both.pem"
    texts = [(keys / f"{name}-public.pem").read_text() for name in ("other", "mine")]
    both.write_text("# ours, and theirs\n" + "\n".join(texts))
    assert len(public_keys.trusted(both).keys) == 2
    assert edgectc.load(artifact_of(signed), trust=both)


@needs_ssh
@needs_cryptography
def test_keys_of_ssh_sign_and_are_trusted(swipe: Path, tmp_path: Path) -> None:
    run("ssh-keygen -q -t ed25519 -N '' -C somebody -f ssh", tmp_path)
    made = edgectc.sign(artifact_of(swipe), key=tmp_path / "ssh")
    assert made["signatures"] == [f"{artifact_of(swipe)}.sig"]
    assert made["key"] == run("ssh-keygen -lf ssh.pub", tmp_path).split()[1]
    assert edgectc.load(artifact_of(swipe), trust=tmp_path / "ssh.pub")


@needs_cryptography
@pytest.mark.parametrize("tool", ["openssl", "ssh-keygen"])
def test_a_key_with_a_passphrase(swipe: Path, tmp_path: Path, tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"makes keys with {tool}")
    (tmp_path / "words").write_text("open sesame\n")
    if tool == "openssl":
        run("openssl genpkey -algorithm ed25519 -aes256 -pass file:words -out k", tmp_path)
        run("openssl pkey -in k -passin file:words -pubout -out k.pub", tmp_path)
    else:
        pytest.importorskip("bcrypt", reason="keys of ssh with a passphrase need it")
        run("ssh-keygen -q -t ed25519 -N 'open sesame' -f k", tmp_path)
    artifact = artifact_of(swipe)
    with pytest.raises(ConfigError, match="needs a passphrase; give passphrase_file"):
        edgectc.sign(artifact, key=tmp_path / "k")
    edgectc.sign(artifact, key=tmp_path / "k", passphrase_file=tmp_path / "words")
    assert edgectc.load(artifact, trust=tmp_path / "k.pub")
    (tmp_path / "words").write_text("open barley\n")
    with pytest.raises(ConfigError, match="is no private key, or not with it"):
        edgectc.sign(artifact, key=tmp_path / "k", passphrase_file=tmp_path / "words")


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea rfc"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no public key; make one with: openssl pkey"),
        ("# nobody\n", "holds no public key"),
        ("nonsense\n", "line 1 is no Ed25519 public key"),
        (KEY + "\nssh-rsa AAAA\n", "line 2 is no Ed25519 public key"),
        (KEY.replace("AAAAC3", "BAAAC3"), "line 1 is no Ed25519 public key"),
        (KEY[:60], "line 1 is no Ed25519 public key"),
        ("ssh-ed25519\n", "line 1 is no Ed25519 public key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no Ed25519 public key"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "no Ed25519 public key",
        ),
        # The neutral element: anybody can sign for it.
        (
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            "AAA=\n-----END PUBLIC KEY-----\n",
            "no usable public key",
        ),
    ],
)
def test_what_is_no_public_key(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        edgectc.load(trust=tmp_path / "k.pem")
    assert "k.pem" in str(caught.value)


def test_a_key_of_ssh_is_read(tmp_path: Path) -> None:
    (tmp_path / "k.pub").write_text(KEY)
    (key,) = public_keys.trusted(tmp_path / "k.pub").keys
    assert key.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def test_a_private_key_is_no_public_one(keys: Path) -> None:
    with pytest.raises(ConfigError, match="holds a private key; give the public one"):
        public_keys.trusted(keys / "mine.pem")
    for missing in ("none.pem", "."):
        with pytest.raises(ConfigError, match="cannot read the keys"):
            public_keys.trusted(keys / missing)


@needs_cryptography
def test_what_is_no_private_key(swipe: Path, keys: Path) -> None:
    run("openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out rsa.pem", keys)
    run("openssl ecparam -name prime256v1 -genkey -noout -out ec.pem", keys)
    (keys / "words").write_text("x\n")
    for name, says in (
        ("rsa.pem", "is no Ed25519 key; make one with: openssl genpkey -algorithm ed25519"),
        ("ec.pem", "is no Ed25519 key"),
        ("mine-public.pem", "is no private key; make one"),
        ("none.pem", "cannot read"),
    ):
        with pytest.raises(ConfigError, match=says):
            edgectc.sign(artifact_of(swipe), key=keys / name)
    with pytest.raises(ConfigError, match="needs no passphrase"):
        edgectc.sign(artifact_of(swipe), key=keys / "mine.pem", passphrase_file=keys / "words")


# ---- signing ----------------------------------------------------------------------------------


@needs_cryptography
def test_a_bundle_is_signed_with_its_artifacts(
    swipe: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sign", str(swipe), "--key", str(keys / "mine.pem"), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert [Path(name).name for name in made["signatures"]] == ["bundle.json.sig", "swipe.onnx.sig"]
    trust = keys / "mine-public.pem"
    assert edgectc.load(swipe, trust=trust)
    assert edgectc.verify(swipe, trust=trust).status in ("pass", "not_run")
    edgectc.sign(swipe, key=keys / "other.pem")  # replaces them
    with pytest.raises(BundleMismatchError, match="signed with the key"):
        edgectc.load(swipe, trust=trust)


@needs_cryptography
@needs_openssl
def test_openssl_confirms_what_was_signed(swipe: Path, keys: Path) -> None:
    artifact = artifact_of(swipe)
    edgectc.sign(artifact, key=keys / "mine.pem")
    written = json.loads(Path(f"{artifact}.sig").read_text())
    (keys / "m").write_text(f"edgectc signature 1\nartifact\n{stated(artifact)}\n")
    (keys / "m.sig").write_bytes(base64.b64decode(written["signature"]))
    line = "openssl pkeyutl -verify -rawin -pubin -inkey mine-public.pem -in m -sigfile m.sig"
    assert "Verified Successfully" in run(line, keys)


def test_a_signed_bundle_can_be_replaced_and_is_unsigned_then(signed: Path, keys: Path) -> None:
    values = json.loads((signed / "bundle.json").read_text())
    files = {name: (signed / name).read_bytes() for name in values.pop("files")}
    del values["schema_version"]
    notes = {
        path.name: path.read_bytes()
        for path in signed.iterdir()
        if path.is_file() and path.name not in {*files, "bundle.json", "bundle.json.sig"}
    }
    bundles.write(signed, values, files, notes=notes)
    with pytest.raises(BundleFileMissingError, match="is not signed"):
        edgectc.load(signed, trust=keys / "mine-public.pem")


@needs_cryptography
def test_what_is_damaged_is_not_signed(swipe: Path, keys: Path) -> None:
    artifact = artifact_of(swipe)
    data = artifact.read_bytes()
    artifact.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    for path in (artifact, swipe):
        with pytest.raises(BundleMismatchError, match="damaged"):
            edgectc.sign(path, key=keys / "mine.pem")
    artifact.write_bytes(data)
    (swipe / "tokens.txt").write_text("x")
    with pytest.raises(BundleMismatchError, match=r"tokens\.txt"):
        edgectc.sign(swipe, key=keys / "mine.pem")
    assert not [*swipe.rglob("*.sig")]


@needs_cryptography
@needs_openssl
def test_the_lines_of_the_page_do_what_it_says(swipe: Path, tmp_path: Path) -> None:
    page = TRUST.read_text(encoding="utf-8")
    (block,) = [part for part in page.split("```")[1::2] if "edgectc sign" in part]
    lines = [line.split("#")[0].strip() for line in block.splitlines()]
    lines = [line for line in lines if line.startswith(("openssl", "edgectc", "ssh-keygen"))]
    assert len(lines) >= 4
    shutil.copy(artifact_of(swipe), tmp_path / "swipe-en.onnx")
    shutil.copy(FILES / "words.trie", tmp_path)
    for line in lines:
        if line.startswith("edgectc"):
            words = [
                str(tmp_path / word) if word in ("swipe-en.onnx", "key.pem", "public.pem") else word
                for word in line.split()[1:]
            ]
            assert main(words) == 0, line
        elif not line.startswith("ssh-keygen") or shutil.which("ssh-keygen"):
            run(line, tmp_path)


# ---- the vectors that every host reads --------------------------------------------------------

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/trust.json").read_text())
WORDS = {
    "unsigned": "is not signed",
    "malformed": "is malformed",
    "other_key": "is signed with the key",
    "changed": "was changed after it was signed",
    "wrong": "was not made with the key",
}


@pytest.mark.parametrize("case", GOLDEN["signatures"], ids=lambda case: case["name"])
def test_signatures_of_the_golden_vectors(case: dict[str, Any], tmp_path: Path) -> None:
    data = base64.b64decode(case["base64"])
    assert manifests.seal(data) == case["sha256"]
    if case["signature"] is not None:
        (tmp_path / "x.onnx.sig").write_text(case["signature"])
    keys = public_keys.Trusted("keys.pem", tuple(map(base64.b64decode, case["trust"])))
    path = tmp_path / "x.onnx"
    if not case["refused"]:
        assert signature.check(keys, path, signature.ARTIFACT, case["sha256"])
        return
    with pytest.raises(BundleError, match=WORDS[case["refused"]]):
        signature.check(keys, path, signature.ARTIFACT, case["sha256"])


@pytest.mark.parametrize("case", GOLDEN["onnx"], ids=lambda case: case["name"])
def test_files_of_the_golden_vectors(case: dict[str, Any]) -> None:
    data = base64.b64decode(case["base64"])
    if case["refused"]:
        with pytest.raises(BundleError, match=r"^x\.onnx"):
            one_file.check_onnx(data, "x.onnx")
    else:
        one_file.check_onnx(data, "x.onnx")
