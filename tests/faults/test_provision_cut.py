"""The power goes at any moment while a unit is provisioned: the next run makes it whole."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from random import Random

import pytest

from anpr_edge.auditlog import read_audit
from anpr_edge.cli.edge import main
from anpr_edge.config import load_config
from anpr_edge.seal.keys import SigningKey, VerifyKey
from anpr_edge.seal.tls_request import TlsKey
from tests.bundles import UNIT, Machine, Workshop, config_text
from tests.faults.cuts import run_until_cut

FEWEST_CUTS = 40
"""A run changes the disk more often than that: else nothing was cut."""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    made = Workshop(tmp_path_factory.mktemp("workshop"))
    warm = flashed(tmp_path_factory.mktemp("warm"), made, made.bundle(), anchored=True)
    assert provision(warm) == 0  # whatever it imports it has imported now, and its forks need not
    return made


def flashed(folder: Path, workshop: Workshop, blob: bytes, *, anchored: bool) -> Machine:
    machine = Machine(folder)
    if anchored:
        machine.trust(workshop)
    (machine.card / f"{UNIT}.bundle").write_bytes(blob)
    return machine


def provision(machine: Machine) -> int:
    return main(["provision", "--root", str(machine.root)])


def finish(machine: Machine) -> int:
    """What the service does at the next boot: nothing, when there is nothing to do."""
    is_there = list(machine.card.glob("*.bundle")) or list(machine.etc.glob("provision/pending.bundle*"))
    return provision(machine) if is_there else 0


def is_whole(machine: Machine, workshop: Workshop) -> None:
    """Everything is in its place, belongs together, and nothing is left over."""
    assert (machine.etc / "unit.toml").read_bytes() == config_text()
    assert (machine.etc / "hostname").read_text() == f"{UNIT}\n"
    assert VerifyKey.load(machine.etc / "provision.pub") == workshop.key.public
    assert (machine.keys / "ca.crt").read_bytes() == workshop.authority.cert_pem
    assert VerifyKey.load(machine.keys / "command.pub") == workshop.command_key.public
    assert SigningKey.load(machine.keys / "sign.pem").public == VerifyKey.load(machine.keys / "sign.pub")
    assert TlsKey.load(machine.keys / "tls.pem").made(machine.card / f"{UNIT}.csr")
    assert [path.name for path in machine.card.iterdir()] == [f"{UNIT}.csr"]
    assert [path.name for path in (machine.etc / "provision").iterdir()] == ["taken.json"]
    audit = read_audit(machine.state / "audit.log")
    assert audit.trouble == ""
    assert [entry["event"] for entry in audit.entries] == ["provisioned"]
    assert not list(machine.root.rglob(".*.new"))


@pytest.mark.parametrize(("anchored", "step"), [(False, 1), (True, 6)])
def test_the_power_may_go_at_any_moment(
    tmp_path: Path, workshop: Workshop, anchored: bool, step: int
) -> None:
    blob = workshop.bundle()
    for cuts in range(1, 500, step):
        machine = flashed(tmp_path / "machine", workshop, blob, anchored=anchored)
        ended = run_until_cut(cuts, partial(provision, machine), machine.root)
        if not ended and not (machine.card / f"{UNIT}.bundle").exists():
            assert (machine.etc / "unit.toml").read_bytes() == config_text()
        if not ended:
            run_until_cut(0, partial(finish, machine), machine.root)
        is_whole(machine, workshop)
        shutil.rmtree(machine.root)
        if ended:
            break
    assert cuts > FEWEST_CUTS


def test_the_power_may_go_twice(tmp_path: Path, workshop: Workshop) -> None:
    blob, random = workshop.bundle(), Random(7)
    for _ in range(10):
        machine = flashed(tmp_path / "machine", workshop, blob, anchored=False)
        for _ in range(2):
            run_until_cut(random.randrange(1, FEWEST_CUTS), partial(finish, machine), machine.root)
        run_until_cut(0, partial(finish, machine), machine.root)
        is_whole(machine, workshop)
        shutil.rmtree(machine.root)


def test_the_units_own_areas_outlive_every_cut(tmp_path: Path, workshop: Workshop) -> None:
    areas = b"\n[view]\nregions = [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]]\n"
    for cuts in range(1, 500, 4):
        machine = flashed(tmp_path / "machine", workshop, workshop.bundle(), anchored=True)
        (machine.etc / "unit.toml").write_bytes(config_text(more="port = 1883\n") + areas)
        ended = run_until_cut(cuts, partial(provision, machine), machine.root)
        if not ended:
            run_until_cut(0, partial(finish, machine), machine.root)
        config = load_config(machine.etc / "unit.toml")
        assert (config.broker.port, len(config.view.regions)) == (8883, 1)
        shutil.rmtree(machine.root)
        if ended:
            break
    assert cuts > FEWEST_CUTS
