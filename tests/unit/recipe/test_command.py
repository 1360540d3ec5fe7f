"""`python -m models.recipe` where PyTorch is not installed."""

from __future__ import annotations

import sys

import pytest

from models.recipe.__main__ import main


@pytest.mark.parametrize(
    ("command", "module"),
    [("train-ocr", "models.recipe.ocr.train"), ("train-detector", "models.recipe.detector.train")],
)
def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    assert main([command, "--help"]) == 1
    assert capsys.readouterr().err == f"{command} needs torch: install the extra [train], models/README.md\n"
