"""`scripts/wheelhouse` with a package index of made-up wheels: what is pinned gets in, nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
BACKEND = """
from zipfile import ZipFile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name, info = "anpr_edge-0.1.0-py3-none-any.whl", "anpr_edge-0.1.0.dist-info"
    with ZipFile(f"{directory}/{name}", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: anpr-edge\\nVersion: 0.1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
        wheel.write("anpr_edge/__init__.py")
    return name
"""


class Index:
    """A checkout with pins of its own, and the folder in which pip finds wheels."""

    def __init__(self, directory: Path) -> None:
        self.wheels, self.checkout = directory / "index", directory / "checkout"
        self.wheels.mkdir()
        (self.checkout / "scripts" / "pins").mkdir(parents=True)
        for script in ("wheelhouse", "env"):
            shutil.copy(ROOT / "scripts" / script, self.checkout / "scripts")
        for folder in ("anpr_edge", "models"):
            (self.checkout / folder).mkdir()
        (self.checkout / "anpr_edge" / "__init__.py").write_text("")
        for name in ("README.md", "LICENSE", "setup.cfg"):
            (self.checkout / name).write_text("")
        (self.checkout / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["minibuild"]\nbuild-backend = "minibuild"\n'
        )
        self.pin("build", self.wheel("minibuild", BACKEND))
        self.pin(
            "aarch64-cp311", self.wheel("alpha"), self.wheel("beta", tag="cp311-cp311-manylinux_2_28_aarch64")
        )

    def wheel(self, name: str, content: str = "", tag: str = "py3-none-any") -> str:
        """Offer a package 1.0; its line for the pins."""
        file, info = self.wheels / f"{name}-1.0-{tag}.whl", f"{name}-1.0.dist-info"
        with ZipFile(file, "w") as wheel:
            wheel.writestr(f"{name}.py", content)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
            wheel.writestr(f"{info}/RECORD", "")
        return f"{name}==1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"

    def pin(self, name: str, *lines: str) -> None:
        (self.checkout / "scripts" / "pins" / f"{name}.txt").write_text("# pins\n" + "".join(lines))

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PYTHON": sys.executable,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_CACHE_DIR": "1",
        }
        command = [self.checkout / "scripts" / "wheelhouse", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path)


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_what_is_pinned_is_there_with_our_own_wheel_and_installs_by_hash(
    index: Index, tmp_path: Path
) -> None:
    folder = tmp_path / "wheels"
    made = index.run(folder)
    assert made.returncode == 0, made.stderr
    found = digests(folder)
    assert sorted(found) == [
        "alpha-1.0-py3-none-any.whl",
        "anpr_edge-0.1.0-py3-none-any.whl",
        "beta-1.0-cp311-cp311-manylinux_2_28_aarch64.whl",
        "requirements.txt",
    ]
    listed = (folder / "requirements.txt").read_text()
    assert listed.startswith(
        f"anpr-edge[unit]==0.1.0 --hash=sha256:{found['anpr_edge-0.1.0-py3-none-any.whl']}"
    )
    assert all(digest in listed for name, digest in found.items() if name.endswith(".whl"))

    shutil.rmtree(index.wheels)
    index.wheels.mkdir()
    index.pin("build", index.wheel("minibuild", BACKEND))
    (folder / "gamma-1.0-py3-none-any.whl").write_bytes(b"not pinned")
    again = index.run(folder)
    assert again.returncode == 0, again.stderr
    assert "fetching" not in again.stderr
    assert sorted(digests(folder)) == sorted(found)


def test_a_wheel_with_another_hash_is_refused_and_what_was_there_stays(index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / "requirements.txt").write_text("alpha==0.9\n")
    (folder / "alpha-0.9-py3-none-any.whl").write_bytes(b"what a unit was installed from before")
    before = digests(folder)
    index.wheel("alpha", "print('not what was pinned')")

    refused = index.run(folder)
    assert refused.returncode == 1
    assert "alpha==1.0" in refused.stderr
    assert "error: not every wheel could be fetched with the hash in scripts/pins" in refused.stderr
    assert digests(folder) == before
    assert not list(tmp_path.glob("wheels.*"))


def test_a_folder_of_something_else_is_left_alone(index: Index, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    refused = index.run(tmp_path / "mine")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: {tmp_path}/mine is there and is not a wheelhouse")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize(
    "arguments", [(), ("--python",), ("wheels", "--python", "312"), ("--nonsense",), ("a", "b")]
)
def test_wrong_use_is_said(index: Index, arguments: tuple[str, ...]) -> None:
    said = index.run(*arguments)
    assert said.returncode == 2
    assert said.stderr
