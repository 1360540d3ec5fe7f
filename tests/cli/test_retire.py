"""`anpr-edge retire`: nothing is destroyed by mistake, and what is destroyed is gone and proven."""

from __future__ import annotations

import shutil
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import SealError
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.retirement import read_proof
from anpr_edge.seal.tls_request import TlsKey
from anpr_edge.statefile import StateFile
from tests.bundles import UNIT, Machine, Workshop, config_text
from tests.faults.cuts import run_until_cut
from tests.software_tpm import software_tpm
from tests.unit.outbox.samples import keep, opened, send


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))


def unit(folder: Path, workshop: Workshop, blob: bytes | None = None) -> Machine:
    """A unit with its keys and a certificate, made from a bundle without a trust anchor."""
    machine = Machine(folder)
    (machine.card / f"{UNIT}.bundle").write_bytes(blob or workshop.bundle())
    assert main(["provision", "--root", str(machine.root)]) == 0
    request = (machine.card / f"{UNIT}.csr").read_bytes()
    (machine.card / f"{UNIT}.crt").write_bytes(workshop.authority.issue_csr(request, UNIT))
    assert main(["provision", "--root", str(machine.root)]) == 0
    return machine


@pytest.fixture
def machine(tmp_path: Path, workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> Machine:
    made = unit(tmp_path / "machine", workshop)
    capsys.readouterr()
    return made


def retire(machine: Machine, *more: str) -> int:
    return main(["retire", "--root", str(machine.root), *more])


def wait_for_centre(machine: Machine) -> None:
    """Three reads in the outbox: one sent, two not."""
    with closing(opened(machine.state / "outbox.db", SystemClock())) as outbox:
        first, *_ = keep(outbox, 3)
        send(outbox, first)


def test_keys_and_data_are_gone_and_the_page_proves_it(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    wait_for_centre(machine)
    verify_key = VerifyKey.load(machine.keys / "sign.pub")
    tls_key = TlsKey.load(machine.keys / "tls.pem").public
    (machine.etc / "unit.toml.before").write_bytes(config_text())  # the aim page keeps it
    assert retire(machine, "--yes", UNIT, "--discard-reads") == 0
    page = capsys.readouterr().out
    proof = read_proof(page)
    assert (proof.verify_key, proof.tls_key) == (verify_key, tls_key)
    assert proof.unit == f"demo/{UNIT}"
    assert proof.fields["sealed reads destroyed"] == "2 never sent, 1 sent and not confirmed"
    assert proof.fields["audit log"].startswith("3 entries, the last is ")
    assert machine.files() == {f"boot/firmware/anpr/{UNIT}.retired.txt": page.encode()}


def test_the_machine_in_its_place_is_not_revoked_with_it(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --old `revoke` takes all the certificates that the name has, the new machine's too."""
    assert retire(machine, "--yes", UNIT) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert f"anpr-fleet revoke {UNIT} before that one enrols" in said
    assert f"anpr-fleet revoke {UNIT} --old after that" in said
    with pytest.raises(SystemExit):
        main(["retire", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "anpr-fleet revoke UNIT before the new one enrols, anpr-fleet revoke UNIT --old after that" in said


def test_the_machine_can_be_another_unit_then(machine: Machine, workshop: Workshop) -> None:
    assert retire(machine, "--yes", UNIT) == 0
    (machine.card / "unit-0002.bundle").write_bytes(workshop.bundle("unit-0002"))
    assert main(["provision", "--root", str(machine.root)]) == 0
    assert (machine.etc / "hostname").read_text() == "unit-0002\n"


def test_the_images_own_trust_anchor_stays(tmp_path: Path, workshop: Workshop) -> None:
    machine = Machine(tmp_path / "machine")
    machine.trust(workshop)
    (machine.card / f"{UNIT}.bundle").write_bytes(workshop.bundle())
    assert main(["provision", "--root", str(machine.root)]) == 0
    assert retire(machine, "--yes", UNIT) == 0
    assert [path.name for path in machine.etc.iterdir()] == ["provision.pub"]


def but_the_outbox(machine: Machine) -> dict[str, bytes]:
    """All files but those that SQLite has beside a database that is looked at."""
    return {name: content for name, content in machine.files().items() if "outbox.db" not in name}


def refused(machine: Machine, capsys: pytest.CaptureFixture[str], *more: str, code: int = 1) -> str:
    before = but_the_outbox(machine)
    assert retire(machine, *more) == code
    assert but_the_outbox(machine) == before
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_reads_that_nobody_has_confirmed_are_not_lost_by_mistake(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    wait_for_centre(machine)
    said = refused(machine, capsys, "--yes", UNIT)
    assert "feed charging 2 never sent, 1 sent" in said
    assert "anpr-edge outbox export" in said


def test_an_outbox_that_nobody_can_read_is_not_taken_for_empty(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine.state / "outbox.db").write_bytes(b"no database")
    assert "nobody can tell whether reads are left" in refused(machine, capsys, "--yes", UNIT)
    assert retire(machine, "--yes", UNIT, "--discard-reads") == 0
    assert "unknown: the outbox could not be read" in capsys.readouterr().out


def test_not_while_a_service_runs(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    now_s = SystemClock().now().mono_ns / 1e9
    StateFile(machine.root / "run/anpr-edge/reader.json").write(
        {"schema": 1, "state": "running", "mono_s": now_s}
    )
    assert "the reader is running" in refused(machine, capsys, "--yes", UNIT)


def test_without_keys_there_is_nothing_to_retire(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(machine.keys)
    assert "no keys, and so nobody to sign a proof" in refused(machine, capsys, "--yes", UNIT)


@pytest.mark.parametrize(("given", "words"), [("unit-0002", "is not this unit"), (None, "nobody is there")])
def test_only_the_units_own_name_is_a_yes(
    machine: Machine, capsys: pytest.CaptureFixture[str], given: str | None, words: str
) -> None:
    assert words in refused(machine, capsys, *(["--yes", given] if given else []), code=2)


def test_a_page_that_cannot_be_handed_over_is_kept(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert retire(machine, "--yes", UNIT, "--out", str(tmp_path / "file" / "proof.txt")) == 1
    said = capsys.readouterr()
    assert "the keys are destroyed, and the page is kept" in said.err
    assert not list(machine.root.rglob("*.pem"))
    assert retire(machine, "--out", str(tmp_path / "proof.txt")) == 0
    assert (tmp_path / "proof.txt").read_text() == said.out == capsys.readouterr().out


def test_a_tpm_is_cleared_and_knows_its_key_no_more(
    tmp_path: Path, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    from anpr_edge.errors import KeyFileError
    from anpr_edge.seal.tpm import load_signing_key

    with software_tpm(tmp_path / "chip") as chip:
        text = config_text().replace(b"[camera]", f'tpm = "{chip.place}"\n\n[camera]'.encode())
        blob = workshop.bundle(contents=workshop.contents(unit_toml=text))
        machine = unit(tmp_path / "machine", workshop, blob)
        copy = tmp_path / "copy.pem"
        copy.write_bytes((machine.keys / "sign.pem").read_bytes())
        copy.chmod(0o600)
        capsys.readouterr()
        assert retire(machine, "--yes", UNIT) == 0
        proof = read_proof(capsys.readouterr().out)
        assert proof.verify_key.text.startswith("p256:")
        assert proof.fields["keys in"] == "a TPM 2.0, cleared after this"
        with pytest.raises(KeyFileError, match="the TPM refuses it"):
            load_signing_key(copy, chip.place)


def test_any_changed_letter_of_the_page_shows(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert retire(machine, "--yes", UNIT) == 0
    page = capsys.readouterr().out
    for at in range(0, len(page), 7):
        letter = "x" if page[at] != "x" else "y"
        with pytest.raises(SealError):
            read_proof(page[:at] + letter + page[at + 1 :])
    with pytest.raises(SealError):
        read_proof(page + "more: words\n")


def test_the_power_may_go_at_any_moment(
    tmp_path: Path, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    made = unit(tmp_path / "made", workshop)
    verify_key = VerifyKey.load(made.keys / "sign.pub")
    for cuts in range(1, 200):
        capsys.readouterr()
        machine = Machine(tmp_path / str(cuts))
        shutil.copytree(made.root, machine.root, dirs_exist_ok=True)
        ended = run_until_cut(cuts, partial(retire, machine, "--yes", UNIT), machine.root)
        page = machine.card / f"{UNIT}.retired.txt"
        if not ended and not (page.exists() and not (machine.etc / "provision/retiring.json").exists()):
            run_until_cut(0, partial(retire, machine, "--yes", UNIT), machine.root)
        assert read_proof(page.read_text()).verify_key == verify_key
        assert set(machine.files()) == {f"boot/firmware/anpr/{UNIT}.retired.txt"}
        if ended:
            break
    assert cuts > 25
