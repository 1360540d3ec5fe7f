"""The public trace: every line hangs on the one before."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from anpr_edge.auditlog import NO_ENTRY, append, read_audit
from anpr_edge.errors import AnprError
from tests.fakes import EPOCH_NS


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "audit.log"
    for number in range(4):
        append(path, EPOCH_NS, "policy-accepted", {"version": number})
    return path


def test_entries_come_back_in_order(log: Path) -> None:
    audit = read_audit(log)
    assert [entry["version"] for entry in audit.entries] == [0, 1, 2, 3]
    assert audit.entries[0]["utc"] == "2026-09-21T14:13:20+00:00"
    assert audit.trouble == ""


def test_anyone_can_check_it_with_sha256(log: Path) -> None:
    lines = log.read_bytes().splitlines()
    named = [json.loads(line)["previous"] for line in lines]
    assert named == [NO_ENTRY] + [hashlib.sha256(line).hexdigest() for line in lines[:-1]]
    assert read_audit(log).head == hashlib.sha256(lines[-1]).hexdigest()


def rewrite(log: Path, lines: list[str]) -> str:
    log.write_text("\n".join(lines) + "\n")
    return read_audit(log).trouble


def test_whatever_is_done_to_a_line_shows(log: Path) -> None:
    a, b, c, d = log.read_text().splitlines()
    assert rewrite(log, [a, b.replace('"version":1', '"version":9'), c, d]).startswith(
        "line 3 does not follow"
    )
    assert rewrite(log, [a, c, d]).startswith("line 2 does not follow")
    assert rewrite(log, [b, c, d]).startswith("line 1 does not follow")
    assert rewrite(log, [a, b, b, c, d]).startswith("line 3 does not follow")
    assert rewrite(log, [a, c, b, d]).startswith("line 2 does not follow")
    assert rewrite(log, [a, "not json", c, d]) == "line 2 is no entry"
    assert rewrite(log, [a, '["previous"]', c, d]) == "line 2 is no entry"


def test_what_is_missing_at_the_end_shows_by_the_hash_noted_before(log: Path) -> None:
    noted = read_audit(log).head
    log.write_text("\n".join(log.read_text().splitlines()[:-1]) + "\n")
    audit = read_audit(log)
    assert audit.trouble == ""
    assert audit.head != noted


def test_a_line_that_power_loss_cut_short_gives_way_to_the_next(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b'{"utc":"2026')
    assert read_audit(log).trouble == "the last line is cut short"
    append(log, EPOCH_NS, "policy-accepted", {"version": 4})
    audit = read_audit(log)
    assert (audit.trouble, audit.entries[-1]["version"]) == ("", 4)


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    audit = read_audit(tmp_path / "audit.log")
    assert (audit.entries, audit.head, audit.trouble) == ((), NO_ENTRY, "")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(AnprError, match="cannot be written"):
        append(tmp_path / "none" / "audit.log", EPOCH_NS, "policy-accepted", {})
