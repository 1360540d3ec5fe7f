"""The way of a list by its commands: sealed, loaded, shown, changed, traced; and no plate of it anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anpr_edge.cli.edge import main as edge
from anpr_edge.cli.fleet import main as fleet
from anpr_edge.config import load_config
from anpr_edge.daemon.watchlists import WatchLists
from anpr_edge.diag.checks import lists as lists_check
from anpr_edge.diag.condition import Verdict
from anpr_edge.unitpolicy import in_force, list_store
from tests.cli.test_policy import Fleet
from tests.fakes import FakeClock
from tests.software_tpm import software_tpm

PLATES = {"stolen.txt": "ab12 cde\nXY34ZZZ\n\n", "new.txt": "NEW 1\n", "found.txt": "AB12CDE\n"}
WATCH = """reads = "vehicles-of-interest"
priority = "first"
list = {{ name = "stolen", key = "{key}" }}"""


class Keeper(Fleet):
    """A fleet whose police feed gets matches of a list alone, and the keeper of that list."""

    def __init__(self, directory: Path, policy_key: str, list_key: str) -> None:
        super().__init__(directory, policy_key)
        source = self.source("charging-and-police")
        source.write_text(source.read_text().replace('reads = "all"', WATCH.format(key=list_key)))
        for name, plates in PLATES.items():
            (directory / name).write_text(plates)

    def use_tpm(self, place: str) -> None:
        text = self.bench.config.read_text()
        self.bench.config.write_text(text.replace("[unit]\n", f'[unit]\ntpm = "{place}"\n'))

    def begin(self) -> None:
        """Make the unit's keys, and take the policy that names the list."""
        for name in ("tls.crt", "tls.pem", "sign.pem", "sign.pub"):
            (self.bench.keys / name).unlink()
        assert edge(["init", *self.config]) == 0
        assert self.sign("charging-and-police", "policy-1.cose") == 0
        assert self.load("policy-1.cose") == 0

    def seal(self, revision: int, *what: str, hours: str = "24") -> Path:
        out = self.directory / f"stolen-{revision}.cose"
        unit = (self.bench.keys / "open.pub").read_text().strip()
        keys = ("--key", str(self.directory / "keeper.pem"), "--hash-key", str(self.directory / "stolen.key"))
        names = ("--fleet", "london", "--name", "stolen", "--revision", str(revision), "--hours", hours)
        assert fleet(["list", "seal", *what, *names, *keys, "--unit", unit, "--out", str(out)]) == 0
        return out

    def whole(self, revision: int, hours: str = "24") -> Path:
        return self.seal(revision, "--plates", str(self.directory / "stolen.txt"), hours=hours)

    def change(self, base: int, revision: int) -> Path:
        added, removed = str(self.directory / "new.txt"), str(self.directory / "found.txt")
        return self.seal(revision, "--base", str(base), "--add", added, "--remove", removed)

    def take(self, file: Path) -> int:
        return edge(["list", "load", str(file), *self.config])

    def matched(self) -> list[str]:
        """Which of the plates the reader would give to the police."""
        config = load_config(self.bench.config)
        store = list_store(config, in_force(config))
        assert store is not None
        lists = WatchLists(store, FakeClock())
        utc_ns = self.bench.clock.now().utc_ns
        return [
            plate for plate in ("AB12CDE", "XY34ZZZ", "NEW1", "0THER1") if lists.has("stolen", plate, utc_ns)
        ]


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    printed = []
    for command, name in (("policy", "policy.pem"), ("list", "keeper.pem")):
        assert fleet([command, "key", "--out", str(tmp_path / name)]) == 0
        printed.append(capsys.readouterr().out.strip())
    return Keeper(tmp_path, *printed)


def show(keeper: Keeper, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert edge(["list", "show", "--json", *keeper.config]) == 0
    (found,) = json.loads(capsys.readouterr().out)["lists"]
    return dict(found)


def test_a_list_and_a_change_to_it(keeper: Keeper, capsys: pytest.CaptureFixture[str]) -> None:
    keeper.begin()
    assert show(keeper, capsys)["revision"] is None
    assert keeper.take(keeper.whole(1)) == 0
    assert keeper.matched() == ["AB12CDE", "XY34ZZZ"]
    assert keeper.take(keeper.change(1, 2)) == 0
    assert keeper.matched() == ["XY34ZZZ", "NEW1"]
    found = show(keeper, capsys)
    assert (found["name"], found["revision"], found["entries"], found["expired"]) == ("stolen", 2, 2, False)
    assert edge(["list", "show", *keeper.config]) == 0
    assert edge(["audit", "show", *keeper.config]) == 0
    assert "list-taken stolen, revision 2: 2 entries until" in capsys.readouterr().out


def test_no_plate_of_it_lies_on_the_unit(keeper: Keeper, capsys: pytest.CaptureFixture[str]) -> None:
    keeper.begin()
    keeper.take(keeper.whole(1))
    edge(["list", "show", *keeper.config])
    said = capsys.readouterr()
    files = [file for file in keeper.bench.state_dir.rglob("*") if file.is_file()]
    on_the_unit = b"".join(file.read_bytes() for file in files) + (said.out + said.err).encode()
    for plate in (b"AB12CDE", b"XY34ZZZ"):
        assert plate not in on_the_unit


def test_a_list_that_does_not_follow_is_refused_and_changes_nothing(
    keeper: Keeper, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper.begin()
    first = keeper.whole(1)
    assert keeper.take(first) == 0
    assert keeper.take(first) == 1
    assert "revision 1 is not newer than 1" in capsys.readouterr().err
    assert keeper.take(keeper.change(2, 3)) == 1
    assert "changes revision 2, here is revision 1" in capsys.readouterr().err
    assert keeper.matched() == ["AB12CDE", "XY34ZZZ"]


def test_the_doctor_says_which_list_is_missing_or_over(keeper: Keeper) -> None:
    keeper.begin()
    finding = keeper.bench.find(lists_check.CHECK)["lists"]
    assert (finding.verdict, finding.measured) == (Verdict.FAIL, "list stolen: missing")
    keeper.take(keeper.whole(1, hours="1"))
    finding = keeper.bench.find(lists_check.CHECK)["lists"]
    assert (finding.verdict, finding.measured) == (Verdict.OK, "stolen: revision 1, 2 entries")
    keeper.bench.clock.advance(3601)
    assert "expired" in keeper.bench.find(lists_check.CHECK)["lists"].measured
    (keeper.bench.keys / "open.pem").unlink()
    assert "open.pem" in keeper.bench.find(lists_check.CHECK)["lists"].measured


def test_with_a_tpm_the_card_alone_opens_no_list(keeper: Keeper, tmp_path: Path) -> None:
    with software_tpm(tmp_path / "chip") as chip:
        keeper.use_tpm(chip.place)
        keeper.begin()
        assert b"TSS2" in (keeper.bench.keys / "open.pem").read_bytes()
        assert keeper.take(keeper.whole(1)) == 0
        assert keeper.matched() == ["AB12CDE", "XY34ZZZ"]
    with software_tpm(tmp_path / "thief"):
        assert keeper.take(keeper.change(1, 2)) == 1


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ((), "has --plates"),
        (("--plates", "stolen.txt", "--add", "new.txt"), "has --plates"),
        (("--plates", "stolen.txt", "--base", "1"), "has --plates"),
        (("--plates", "missing.txt"), "no readable list"),
        (("--plates", "stolen.txt", "--hours", "0"), "more than 0"),
    ],
)
def test_what_cannot_be_sealed_is_said(
    keeper: Keeper,
    more: tuple[str, ...],
    why: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(keeper.directory)
    fixed = ["--fleet", "london", "--name", "stolen", "--revision", "1", "--hours", "1", "--unit", "x25519:"]
    files = ["--key", "keeper.pem", "--hash-key", "stolen.key", "--out", "out.cose"]
    assert fleet(["list", "seal", *fixed, *files, *more]) == 2
    assert why in capsys.readouterr().err
    assert not (keeper.directory / "out.cose").exists()
