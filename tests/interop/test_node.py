"""A third implementation of the wire format, in JavaScript and from the document alone, agrees with ours.

Needs node (18 or later) and npm, and three npm packages that npm fetches or has in its cache.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.vectors.make import ACKS_FOLDER, CHAINS_FOLDER, FOLDER

HERE = Path(__file__).parent
OLDEST_NODE = 18
FOLDERS = (FOLDER, CHAINS_FOLDER, ACKS_FOLDER)
INSTALL = (
    "npm",
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--fetch-retries=1",
)


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
    try:
        install = run(*INSTALL, folder=folder)
    except subprocess.TimeoutExpired:
        pytest.skip("npm cannot install the packages: no answer in time")
    if install.returncode:
        pytest.skip(f"npm cannot install the packages: {install.stderr.strip()[-200:]}")
    return folder


def test_it_agrees_with_every_vector(node: Path) -> None:
    count = sum(len(list(folder.glob("*.json"))) for folder in FOLDERS)
    result = run("node", "verify.js", FOLDER.parent, folder=node)
    assert result.stdout == f"{count} of {count} vectors agree\n", result.stderr
    assert result.returncode == 0


@pytest.mark.parametrize(
    ("folder", "name", "change"),
    [
        (FOLDER, "good-hybrid", {"expect": "payload"}),
        (FOLDER, "good-all-fields", {"hash": "00" * 32}),
        (FOLDER, "hybrid-ek-mlkem-flipped", {"expect": "signature"}),
        (ACKS_FOLDER, "gaps-order", {"expect": "header"}),
        (ACKS_FOLDER, "good", {"fields": {}}),
        (CHAINS_FOLDER, "replay", {"expect": ["new", "new", "new"]}),
        (CHAINS_FOLDER, "restart", {"missing": [[3, 2**40 + 2]]}),
        (CHAINS_FOLDER, "restart", {"restarts": []}),
    ],
)
def test_it_would_notice_a_vector_it_does_not_agree_with(
    node: Path, tmp_path: Path, folder: Path, name: str, change: dict[str, object]
) -> None:
    for kind in FOLDERS:
        (tmp_path / kind.name).mkdir()
    vector = json.loads((folder / f"{name}.json").read_text())
    (tmp_path / folder.name / f"{name}.json").write_text(json.dumps({**vector, **change}))
    result = run("node", "verify.js", tmp_path, folder=node)
    assert result.returncode == 1
    assert result.stdout.startswith(f"{folder.name}/{name}.json: ")


def test_its_packages_are_pinned_without_naming_where_they_come_from() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())
