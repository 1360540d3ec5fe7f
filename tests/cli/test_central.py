"""`anpr-central`: makes keys, verifies and opens reads from files, stores and shows reads from a broker."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anpr_edge.cli.central import main
from anpr_edge.cli.central_keygen import SUITES
from anpr_edge.errors import UplinkError
from anpr_edge.fleet.broker import find_mosquitto, free_port
from anpr_edge.records import SealedRead, mask_plate
from anpr_edge.seal import hpke
from anpr_edge.seal.acks import open_ack
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from tests.integration.conftest import CENTRE, FLEET, HOST, UNIT, Site, make_site
from tests.integration.helpers import collect, link_state, make_uplink, within
from tests.sealed_reads import FEED, PLATE, SealingUnit


class Home:
    """A centre's folder with its keys, and a unit it knows."""

    def __init__(self, directory: Path, suite: str = "x25519") -> None:
        self.directory = directory
        assert main(["keygen", "--out", str(directory), "--suite", suite]) == 0
        self.ack_key = SigningKey.load(directory / "ack.pem").public
        self.unit = SealingUnit(RecipientPrivateKey.load(directory / "recipient.pem").public, unit=UNIT)
        (directory / "units.toml").write_text(f'[units]\n"{UNIT}" = "{self.unit.key.public.text}"\n')

    def run(self, command: str, *arguments: str) -> int:
        return main([command, "--home", str(self.directory), *arguments])


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    made = Home(tmp_path / "centre")
    capsys.readouterr()
    return made


@pytest.fixture
def files(home: Home, tmp_path: Path) -> list[str]:
    """Three sealed reads, each in a file."""
    paths = [tmp_path / f"{number}.cose" for number in (1, 2, 3)]
    for path, blob in zip(paths, home.unit.seal(3), strict=True):
        path.write_bytes(blob)
    return [str(path) for path in paths]


def test_keygen_prints_what_a_feed_needs_and_keeps_the_rest_private(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "keys"
    assert main(["keygen", "--out", str(out)]) == 0
    recipient = RecipientPrivateKey.load(out / "recipient.pem").public.text
    signer = SigningKey.load(out / "ack.pem").public.text
    assert capsys.readouterr().out == f'recipients = ["{recipient}"]\nack_key = "{signer}"\n'
    assert stat.S_IMODE(out.stat().st_mode) == 0o700


def test_keygen_makes_a_key_of_the_suite_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keygen", "--out", str(tmp_path / "keys"), "--suite", hpke.HYBRID.name]) == 0
    key = RecipientPrivateKey.load(tmp_path / "keys" / "recipient.pem")
    assert key.suite is hpke.HYBRID
    assert f'recipients = ["{key.public.text}"]' in capsys.readouterr().out


def test_keygen_offers_every_suite_there_is() -> None:
    assert tuple(hpke.SUITES) == SUITES


def test_keygen_never_overwrites_a_key(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    before = (home.directory / "recipient.pem").read_bytes()
    assert main(["keygen", "--out", str(home.directory)]) == 1
    assert "never overwritten" in capsys.readouterr().err
    assert (home.directory / "recipient.pem").read_bytes() == before


def test_a_centre_with_a_hybrid_key_opens_what_is_sealed_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path / "centre", hpke.HYBRID.name)
    (tmp_path / "1.cose").write_bytes(home.unit.seal()[0])
    capsys.readouterr()
    assert home.run("open", "--show-plates", str(tmp_path / "1.cose")) == 0
    assert json.loads(capsys.readouterr().out)["read"]["plate_text"] == PLATE


def test_open_masks_plates_unless_told(
    home: Home, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert home.run("open", *files) == 0
    shown = capsys.readouterr().out
    assert PLATE not in shown
    assert [json.loads(line)["read"]["plate_text"] for line in shown.splitlines()] == [mask_plate(PLATE)] * 3
    assert home.run("open", "--show-plates", files[0]) == 0
    assert json.loads(capsys.readouterr().out)["read"]["plate_text"] == PLATE


def test_open_names_what_it_refuses_and_opens_the_rest(
    home: Home, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(files[1]).write_bytes(b"junk")
    assert home.run("open", *files) == 1
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 2
    assert f"{files[1]}: malformed" in shown.err


def test_open_takes_a_stores_refusals(
    home: Home, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"blob": base64.b64encode(Path(file).read_bytes()).decode()}) for file in files]
    (tmp_path / "reads.jsonl.refused").write_text("\n".join(lines))
    assert home.run("open", str(tmp_path / "reads.jsonl.refused")) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_open_does_not_make_up_when_a_read_was_received(
    home: Home, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert home.run("open", files[0]) == 0
    assert "received_utc" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", ["open", "verify"])
def test_a_store_that_refused_nothing_is_no_fault(
    home: Home, tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = tmp_path / "reads.jsonl.refused"
    refused.touch()
    assert home.run(command, str(refused)) == 0
    assert capsys.readouterr() == ("", f"{refused}: 0 sealed reads\n")


def test_an_empty_sealed_read_is_a_fault(home: Home, tmp_path: Path) -> None:
    (tmp_path / "1.cose").touch()
    assert home.run("verify", str(tmp_path / "1.cose")) == 1


@pytest.mark.parametrize("command", ["open", "verify"])
def test_a_stores_own_lines_are_refused_with_the_reason(
    home: Home, files: list[str], tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home.run("open", "--show-plates", files[0])
    store = tmp_path / "reads.jsonl"
    store.write_text(capsys.readouterr().out)
    assert home.run(command, str(store)) == 2
    said = capsys.readouterr().err
    assert "1: a read that was opened already" in said
    assert "hint: a store keeps what the envelopes held, not the envelopes" in said
    assert PLATE not in said


def test_verify_needs_no_private_key(
    home: Home, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (home.directory / "recipient.pem").unlink()
    assert home.run("verify", *files) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", f"{FLEET}/{UNIT}/{FEED}#{seq}"] for seq in (1, 2, 3)
    ]


def test_verify_finds_a_forgery(home: Home, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    forged = SealingUnit(RecipientPrivateKey.generate().public, unit=UNIT).seal()[0]
    Path(files[2]).write_bytes(forged)
    assert home.run("verify", "--json", *files) == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["ok"] for one in found] == [True, True, False]
    assert found[2]["found"].startswith("signature")


def test_a_missing_file_is_a_wrong_call(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.run("verify", "/nowhere/1.cose") == 2
    assert "/nowhere/1.cose" in capsys.readouterr().err


def test_a_missing_list_of_units_is_a_configuration_error(
    home: Home, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (home.directory / "units.toml").unlink()
    assert home.run("verify", *files) == 78
    assert "hint:" in capsys.readouterr().err


def test_a_feed_that_is_no_name_is_a_wrong_call(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.run("subscribe", "--fleet", FLEET, "--feed", "#") == 2
    assert "'#' cannot name" in capsys.readouterr().err


def test_the_centre_needs_nothing_that_only_a_unit_has(home: Home, files: list[str]) -> None:
    absent = ("numpy", "cv2", "tflite_runtime", "ai_edge_litert", "pydantic", "serial", "pynmea2")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({absent!r})); "
        "from anpr_edge.cli.central import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "open", "--home", str(home.directory), *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


# ── over a real broker ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def broker(tmp_path: Path, home: Home) -> Iterator[Site]:
    """A running broker, and the centre's certificate in its folder."""
    try:
        find_mosquitto()
    except UplinkError as error:
        pytest.skip(f"{error}: {error.hint}")
    site = make_site(tmp_path)
    files = site.credentials(CENTRE)
    for path in (files.ca_file, files.cert_file, files.key_file):
        (home.directory / path.name).write_bytes(path.read_bytes())
    with site.broker():
        yield site


@contextmanager
def subscribed(home: Home, site: Site, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A running `anpr-central subscribe` that the broker knows."""
    command = [sys.executable, "-m", "anpr_edge.cli.central", "subscribe", "--home", str(home.directory)]
    where = ["--host", HOST, "--port", str(site.port), "--fleet", FLEET, "--feed", FEED, "--idle", "30"]
    with subprocess.Popen(
        [*command, *where, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any(line.startswith("connected") for line in process.stderr)
        try:
            yield process
        finally:
            process.kill()


def publish(site: Site, blobs: list[bytes]) -> None:
    """Hand the blobs to the broker as the unit does."""
    with make_uplink(site) as uplink:
        assert link_state(uplink).connected
        for seq, blob in enumerate(blobs, 1):
            uplink.publish(SealedRead(FEED, seq, blob))


def ack_at(site: Site) -> bytes:
    """The watermark that the centre left for the unit, after those its session was still to get."""
    with make_uplink(site) as uplink:
        events = collect(uplink, lambda events: any(hasattr(event, "payload") for event in events))
        while more := uplink.events(0.5):
            events += more
    return [event.payload for event in events if hasattr(event, "payload")][-1]


@pytest.mark.broker
def test_subscribe_shows_stores_and_acknowledges(home: Home, broker: Site, tmp_path: Path) -> None:
    store = tmp_path / "reads.jsonl"
    with subscribed(home, broker, "--store", str(store), "--count", "3") as process:
        publish(broker, home.unit.seal(3))
        shown, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [line.split()[2:4] for line in shown.splitlines()] == [
        [f"{FEED}#{seq}", mask_plate(PLATE)] for seq in (1, 2, 3)
    ]
    assert said.splitlines()[-1] == "3 reads, 0 repeats, 0 missing"
    assert len(store.read_text().splitlines()) == 3
    assert open_ack(ack_at(broker), home.ack_key).watermark == 3


@pytest.mark.broker
def test_a_killed_subscriber_has_every_read_once_when_it_is_back(
    home: Home, broker: Site, tmp_path: Path
) -> None:
    store = tmp_path / "reads.jsonl"
    blobs = home.unit.seal(300)
    with subscribed(home, broker, "--store", str(store)) as process:
        publish(broker, blobs)
        process.kill()
    with subscribed(home, broker, "--store", str(store)):
        for _ in within("all are stored"):
            if store.read_text().count("\n") >= len(blobs):
                break
    seqs = [json.loads(line)["seq"] for line in store.read_text().splitlines()]
    assert sorted(seqs) == list(range(1, len(blobs) + 1))


@pytest.mark.broker
def test_subscribe_without_a_store_acknowledges_nothing(home: Home, broker: Site) -> None:
    with subscribed(home, broker, "--jsonl", "--show-plates", "--count", "1") as process:
        publish(broker, home.unit.seal())
        shown, _ = process.communicate(timeout=60)
    assert json.loads(shown)["read"]["plate_text"] == PLATE
    with make_uplink(broker) as uplink:
        assert link_state(uplink).connected
        assert not any(hasattr(event, "payload") for event in uplink.events(1.0))


@pytest.mark.broker
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_subscribe_ends_in_order_when_told(home: Home, broker: Site, tmp_path: Path, number: int) -> None:
    store = tmp_path / "reads.jsonl"
    with subscribed(home, broker, "--store", str(store)) as process:
        publish(broker, home.unit.seal(2))
        for _ in within("both are stored"):
            if store.exists() and store.read_text().count("\n") == 2:
                break
        os.kill(process.pid, number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "2 reads" in said
    assert open_ack(ack_at(broker), home.ack_key).watermark == 2


def test_subscribe_without_a_certificate_ends_at_once(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.run("subscribe", "--fleet", FLEET, "--feed", FEED) == 1
    assert "ca.crt: No such file" in capsys.readouterr().err


@pytest.mark.broker
def test_subscribe_says_why_it_cannot_connect_and_ends_when_idle(
    home: Home, broker: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--host", HOST, "--port", str(free_port()), "--fleet", FLEET, "--feed", FEED]
    assert home.run("subscribe", *where, "--idle", "0.5") == 1
    said = capsys.readouterr().err
    assert "nothing listens there" in said
    assert "access list" not in said


@pytest.mark.broker
def test_subscribe_names_its_own_options_when_it_cannot_connect(
    home: Home, broker: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--host", "localhost", "--port", str(broker.port), "--fleet", FLEET, "--feed", FEED]
    assert home.run("subscribe", *where, "--idle", "0.5") == 1
    assert "set --host to the name in it" in capsys.readouterr().err


@pytest.mark.broker
def test_two_centres_under_one_name_hear_what_the_matter_is(home: Home, broker: Site, tmp_path: Path) -> None:
    with (
        subscribed(home, broker, "--store", str(tmp_path / "one.jsonl")) as first,
        subscribed(home, broker, "--store", str(tmp_path / "two.jsonl")),
    ):
        assert first.stderr is not None
        said = next(iter(first.stderr))
        asked = "does another process use our name?"  # mosquitto 2.0.11 hangs up without a reason
        assert asked in said or "another client uses our name and certificate" in said


@pytest.mark.broker
def test_subscribe_asks_about_the_access_list_when_nothing_came(home: Home, broker: Site) -> None:
    """mosquitto takes any subscription and delivers nothing of what is not granted."""
    other = ("--feed", "parking", "--idle", "1")
    with subscribed(home, broker, *other) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"hint: does the broker's access list grant {FEED}, parking of {FLEET} to us?" in said
