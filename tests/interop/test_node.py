"""A third implementation of the wire format, in JavaScript and from the document alone, agrees with ours.

Needs node (18 or later) and npm, and three npm packages that npm fetches or has in its cache.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.vectors.make import FOLDER

HERE = Path(__file__).parent
OLDEST_NODE = 18


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the scripts with their packages beside them."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: no third implementation to compare with")
    version = run("node", "--version", folder=HERE).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node {version} is older than {OLDEST_NODE}")
    folder = tmp_path_factory.mktemp("interop")
    for file in [*HERE.glob("*.js"), *HERE.glob("*.json")]:
        shutil.copy(file, folder)
    install = run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)
    if install.returncode:
        pytest.skip(f"npm cannot install the packages: {install.stderr.strip().splitlines()[-1:]}")
    return folder


def test_it_agrees_with_every_vector(node: Path) -> None:
    count = len(list(FOLDER.glob("*.json")))
    result = run("node", "verify.js", FOLDER, folder=node)
    assert result.stdout == f"{count} of {count} vectors agree\n", result.stderr
    assert result.returncode == 0


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("good-hybrid", {"expect": "payload"}),
        ("good-all-fields", {"hash": "00" * 32}),
        ("hybrid-ek-mlkem-flipped", {"expect": "signature"}),
    ],
)
def test_it_would_notice_a_vector_it_does_not_agree_with(
    node: Path, tmp_path: Path, name: str, change: dict[str, str]
) -> None:
    vector = json.loads((FOLDER / f"{name}.json").read_text())
    (tmp_path / f"{name}.json").write_text(json.dumps({**vector, **change}))
    result = run("node", "verify.js", tmp_path, folder=node)
    assert result.returncode == 1
    assert result.stdout.startswith(f"{name}.json: expected ")


def test_its_packages_are_pinned_without_naming_where_they_come_from() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())
