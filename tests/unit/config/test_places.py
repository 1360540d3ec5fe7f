"""The models that came with the program are found, however it was installed."""

from __future__ import annotations

from pathlib import Path

from anpr_edge.config import find_models_directory


def test_installed(tmp_path: Path) -> None:
    package = tmp_path / "lib/python3/site-packages/anpr_edge"
    assert find_models_directory(package, tmp_path) == tmp_path / "share/anpr-edge/models"


def test_a_checkout_uses_its_own(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").touch()
    assert find_models_directory(tmp_path / "anpr_edge", Path("/nowhere")) == tmp_path / "models"
