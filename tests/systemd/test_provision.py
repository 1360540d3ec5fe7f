"""A flashed card with a bundle boots under a real systemd: a unit, before the reader starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.systemd import machine

MISSING = machine.missing()

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"booting a machine needs {MISSING}"),
    pytest.mark.timeout(300),
]

FLASH = """
import os, shutil, io, contextlib
from pathlib import Path
from anpr_edge.cli.central import main as central
from anpr_edge.cli.fleet import main as fleet

os.chdir("/srv")
said = io.StringIO()
with contextlib.redirect_stdout(said):
    assert central(["keygen", "--out", "/srv/centre"]) == 0
    assert fleet(["authority", "create", "demo", "--broker", "localhost", "--no-passphrase"]) == 0
lines = [line for line in said.getvalue().splitlines() if line.startswith(("recipients", "ack_key"))]
with open("demo/fleet.toml", "a") as file:
    file.write("\\n[feeds.charging]\\npurpose = \\"test\\"\\n" + "\\n".join(lines) + "\\n")
    file.write("\\n[consumers.centre]\\nfeeds = [\\"charging\\"]\\n")
    file.write("[access]\\nenrollers = [\\"enroller\\"]\\n")
    file.write("[enrolment]\\nport = 8884\\n")
    file.write("\\n[settings.camera]\\nsource = \\"synthetic\\"\\n")
    file.write("\\n[settings.camera.synthetic]\\nvehicles = 1000\\n")
os.chdir("demo")
card = Path("/boot/firmware/anpr")
card.mkdir(parents=True)
assert fleet(["unit", "add", "unit-0001"]) == 0
assert fleet(["unit", "bundle", "unit-0001", "--token", "--out", str(card)]) == 0
assert fleet(["server", "localhost"]) == 0
assert fleet(["consumer", "enroller", "--out", "/srv/enroller"]) == 0
broker = Path("/srv/rig/broker")
broker.mkdir(parents=True)
assert fleet(["broker", "config", "--out", str(broker), "--installed-at", str(broker)]) == 0
(broker / "state").mkdir(exist_ok=True)
with (broker / "mosquitto.conf").open("r+") as file:
    text = file.read()
    file.seek(0)
    file.write("user root\\n" + text)  # else it becomes a user who cannot read these files
shutil.copy("authority/provision.pub", "/etc/anpr-edge/provision.pub")
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the probe found inside one boot."""
    probe = Path(__file__).parent / "probe_provision.py"
    return machine.boot(tmp_path_factory.mktemp("boot"), probe, FLASH)


def test_it_is_a_unit_before_the_reader_starts(facts: dict[str, Any]) -> None:
    assert facts["result"] == "success", facts["journal"]
    assert facts["before_the_reader"]
    assert facts["card"] == ["unit-0001.csr"]
    assert facts["hostname"] == "unit-0001"
    assert [entry["event"] for entry in facts["audit"]["entries"]][:1] == ["provisioned"]
    assert not facts["clock_file"]


def test_each_key_belongs_to_the_service_that_needs_it(facts: dict[str, Any]) -> None:
    looks = facts["looks"]
    assert looks["sign.pem"] == looks["open.pem"] == ["anpr-reader", 0o600]
    assert looks["tls.pem"] == ["anpr-uplink", 0o600]
    assert looks["ca.crt"] == looks["command.pub"] == looks["unit.toml"] == ["root", 0o644]


def test_it_enrols_by_itself_shut_in_as_it_is(facts: dict[str, Any]) -> None:
    assert facts["enrolled"] == [["root", 0o644], "success"], facts["enrol_journal"]
    assert not facts["ticket"]
    assert [entry["event"] for entry in facts["audit_after"]["entries"]][-1] == "enrolled"


def test_the_certificate_is_taken_from_the_card(facts: dict[str, Any]) -> None:
    assert facts["after_enrol"] == ["success", [], ["root", 0o644]]


def test_without_anything_on_the_card_it_does_not_run(facts: dict[str, Any]) -> None:
    assert facts["without_work"] == "no"
