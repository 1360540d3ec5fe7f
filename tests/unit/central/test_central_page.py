"""docs/central.md names every field that the store writes, and no other."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

from anpr_edge.central.intake import Intake
from anpr_edge.central.opener import Opener
from anpr_edge.central.stores.jsonl import JsonlStore
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.fakes import FakeClock
from tests.sealed_reads import SealingUnit

PAGE = Path(__file__).parents[3] / "docs" / "central.md"


def documented() -> set[str]:
    """The names in the first column of the store's table."""
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index("one line a read:") : text.index("Binary values")]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    names = {name.removeprefix("read.") for cell in cells for name in re.findall(r"`([a-z_.]+)`", cell)}
    assert names, "no table"
    return names


def test_the_page_and_a_stored_line_have_the_same_fields(tmp_path: Path) -> None:
    key = RecipientPrivateKey.generate()
    unit = SealingUnit(key.public)
    with closing(JsonlStore(tmp_path / "reads.jsonl")) as store:
        Intake(Opener(unit.units, key), store, FakeClock()).take([(unit.topic, unit.seal()[0])])
    line = json.loads((tmp_path / "reads.jsonl").read_text())
    assert documented() == (line.keys() | line["read"].keys()) - {"read"}
