"""Keys and certificates, each with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from anpr_edge.cli.fleet import main as fleet
from anpr_edge.devices.clock import SystemClock
from anpr_edge.diag.checks.keys import CHECK
from anpr_edge.diag.condition import Verdict
from anpr_edge.fleet.authority import LEAF_DAYS, Authority
from anpr_edge.seal.keys import SigningKey
from anpr_edge.seal.tpm import load_signing_key, make_signing_key
from tests.software_tpm import software_tpm
from tests.unit.diag.bench import Bench

DAY_S = 86_400.0


def test_a_unit_that_was_enrolled(bench: Bench) -> None:
    findings = bench.find(CHECK)
    assert {finding.verdict for finding in findings.values()} == {Verdict.OK}
    assert findings["sign-key"].measured.startswith("ed25519:")


def test_a_key_in_a_tpm_is_well_while_the_tpm_answers(bench: Bench, tmp_path: Path) -> None:
    with software_tpm(tmp_path / "chip") as chip:
        for name in ("sign.pem", "sign.pub"):
            (bench.keys / name).unlink()
        make_signing_key(chip.place, bench.keys / "sign.pem")
        with closing(load_signing_key(bench.keys / "sign.pem", chip.place)) as key:
            (bench.keys / "sign.pub").write_text(key.public.text)
        text = bench.config.read_text()
        bench.config.write_text(text.replace("[unit]\n", f'[unit]\ntpm = "{chip.place}"\n'))
        findings = bench.find(CHECK)
        assert {finding.verdict for finding in findings.values()} == {Verdict.OK}
        assert findings["sign-key"].measured == key.public.text
    findings = bench.find(CHECK)
    assert findings["sign-key"].verdict is Verdict.FAIL
    assert "no TPM answers" in findings["sign-key"].measured


def missing_sign_key(bench: Bench) -> None:
    (bench.keys / "sign.pem").unlink()


def exposed_sign_key(bench: Bench) -> None:
    (bench.keys / "sign.pem").chmod(0o640)


def garbled_sign_key(bench: Bench) -> None:
    (bench.keys / "sign.pem").write_text("no key")


def tls_key_as_sign_key(bench: Bench) -> None:
    (bench.keys / "sign.pem").write_bytes((bench.keys / "tls.pem").read_bytes())


def missing_public_half(bench: Bench) -> None:
    (bench.keys / "sign.pub").unlink()


def garbled_public_half(bench: Bench) -> None:
    (bench.keys / "sign.pub").write_text("no key")


def another_public_half(bench: Bench) -> None:
    (bench.keys / "sign.pub").write_text(SigningKey.generate().public.text)


def missing_tls_key(bench: Bench) -> None:
    (bench.keys / "tls.pem").unlink()


def garbled_tls_key(bench: Bench) -> None:
    (bench.keys / "tls.pem").write_text("no key")


def missing_certificate(bench: Bench) -> None:
    (bench.keys / "tls.crt").unlink()


def garbled_certificate(bench: Bench) -> None:
    (bench.keys / "tls.crt").write_text("no certificate")


def another_units_certificate(bench: Bench) -> None:
    bench.enrol("unit-0002")


def certificate_for_another_key(bench: Bench) -> None:
    key = (bench.keys / "tls.pem").read_bytes()
    bench.enrol()
    (bench.keys / "tls.pem").write_bytes(key)


def certificate_from_another_fleet(bench: Bench) -> None:
    other = Authority.create(bench.directory / "other", "testfleet", SystemClock())
    (bench.keys / "ca.crt").write_bytes(other.cert_pem)


def nobody_to_trust(bench: Bench) -> None:
    (bench.keys / "ca.crt").unlink()


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (missing_sign_key, "sign-key", "no such file"),
        (exposed_sign_key, "sign-key", "mode 0640"),
        (garbled_sign_key, "sign-key", "PEM"),
        (tls_key_as_sign_key, "sign-key", "Ed25519"),
        (missing_public_half, "sign-pub", "No such file"),
        (garbled_public_half, "sign-pub", "public key"),
        (another_public_half, "sign-pub", "not the public half"),
        (missing_tls_key, "tls-key", "no such file"),
        (garbled_tls_key, "tls-key", "PEM"),
        (missing_certificate, "certificate", "No such file"),
        (garbled_certificate, "certificate", "not a certificate"),
        (another_units_certificate, "certificate", "names unit-0002"),
        (certificate_for_another_key, "certificate", "another key"),
        (certificate_from_another_fleet, "certificate", "did not issue"),
        (nobody_to_trust, "certificate", "ca.crt"),
    ],
)
def test_one_fault_is_one_failure(
    bench: Bench, damage: Callable[[Bench], None], code: str, words: str
) -> None:
    damage(bench)
    findings = bench.find(CHECK)
    assert findings[code].verdict is Verdict.FAIL
    assert words in findings[code].measured
    assert findings[code].next
    assert not [
        other for other in findings.values() if other.code != code and other.verdict is Verdict.FAIL
    ] or code in (
        "sign-key",
        "tls-key",
    )  # without its key neither public half nor certificate can be judged; examine hides that


def test_only_the_authoritys_certificate_is_asked_for_when_only_that_is_missing(bench: Bench) -> None:
    nobody_to_trust(bench)
    step = bench.find(CHECK)["certificate"].next
    assert "ca.crt" in step
    assert "enrol" not in step


def test_a_unit_with_a_token_needs_nobody_to_sign_anything(bench: Bench) -> None:
    (bench.keys / "tls.crt").unlink()
    (bench.keys / "enrol.json").touch()
    step = bench.find(CHECK)["certificate"].next
    assert "it enrols by itself" in step


def test_the_command_to_enrol_is_one_that_anpr_fleet_understands(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    missing_certificate(bench)
    step = bench.find(CHECK)["certificate"].next
    command = step.partition("anpr-fleet ")[2].partition(";")[0].split()
    assert fleet(command) != 0  # there is no folder FLEET here
    assert "usage:" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("days", "verdict"),
    [
        (0.0, Verdict.OK),
        (LEAF_DAYS - 31.0, Verdict.OK),
        (LEAF_DAYS - 29.0, Verdict.WARN),
        (LEAF_DAYS + 1.0, Verdict.FAIL),
        (-1.0, Verdict.FAIL),
    ],
)
def test_certificates_end(bench: Bench, days: float, verdict: Verdict) -> None:
    bench.clock.step_utc(days * DAY_S)
    assert bench.find(CHECK)["certificate-dates"].verdict is verdict


def test_no_finding_shows_a_private_key(bench: Bench) -> None:
    secrets = [line for name in ("sign.pem", "tls.pem") for line in body(bench.keys / name)]
    shown = " ".join(f"{finding.measured} {finding.next}" for finding in bench.find(CHECK).values())
    assert not [line for line in secrets if line in shown]


def body(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith("-----")]
