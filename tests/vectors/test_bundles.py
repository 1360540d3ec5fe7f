"""Every vector of a bundle does what it says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.bundlefile import LONGEST, open_bundle
from anpr_edge.errors import BundleError, BundleRefusal
from anpr_edge.seal.keys import VerifyKey
from tests.vectors.bundles import BUNDLES, bundle_blob
from tests.vectors.make import BUNDLES_FOLDER, bundle_text
from tests.vectors.test_sealed_reads import raw

FILES = sorted(BUNDLES_FOLDER.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bundle_does_what_it_says(file: Path) -> None:
    vector: dict[str, Any] = json.loads(file.read_text())
    key, data = VerifyKey.parse(vector["verify_key"]), raw(vector["file"])
    if vector["expect"] == "opens":
        bundle = open_bundle(data, key)
        assert bundle.members == {name: raw(text) for name, text in vector["members"].items()}
        assert open_bundle(data, None) == bundle
    else:
        with pytest.raises(BundleError) as refused:
            open_bundle(data, key)
        assert refused.value.kind == BundleRefusal(vector["expect"])
        assert "\n" not in str(refused.value)


def test_the_files_are_what_the_maker_makes() -> None:
    made = {case.name: bundle_text(case) for case in BUNDLES}
    assert {file.stem: file.read_text() for file in FILES} == made


def test_gnu_tar_writes_the_same(tmp_path: Path) -> None:
    tar = shutil.which("tar") or "/bin/false"
    if b"GNU tar" not in subprocess.run([tar, "--version"], capture_output=True, check=False).stdout:
        pytest.skip("no GNU tar to compare with (apt-get install tar)")
    whole = bundle_blob(BUNDLES[0])
    subprocess.run([tar, "-xf", "-", "-C", str(tmp_path)], input=whole, check=True)
    names = [line for line in LONGEST if (tmp_path / line).exists()]
    how = ["--format=ustar", "--blocking-factor=1", "--mode=0600", "--mtime=@0"]
    how += ["--owner=0", "--group=0", "--numeric-owner"]
    made = subprocess.run(
        [tar, *how, "-C", str(tmp_path), "-cf", "-", *names], capture_output=True, check=True
    )
    assert without_devices(made.stdout) == without_devices(whole)


def without_devices(archive: bytes) -> bytes:
    """An archive without device numbers: of a plain file GNU tar 1.34 writes zeros there, 1.35 nothing."""
    blocks = [archive[at : at + 512] for at in range(0, len(archive), 512)]
    return b"".join(
        block[:148] + bytes(8) + block[156:329] + bytes(16) + block[345:]
        if block[257:262] == b"ustar"
        else block
        for block in blocks
    )


def test_no_bit_of_a_bundle_can_be_changed() -> None:
    whole = bundle_blob(BUNDLES[0])
    key = VerifyKey.parse(json.loads(FILES[0].read_text())["verify_key"])
    open_bundle(whole, key)
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1
        with pytest.raises(BundleError):
            open_bundle(bytes(changed), key)
