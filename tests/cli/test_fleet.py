"""`anpr-fleet`: what it writes fits what units, centres and the broker read; nonsense is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from anpr_edge.cli.central import main as central
from anpr_edge.cli.edge import main as edge
from anpr_edge.cli.fleet import main

GUIDE = Path(__file__).parents[2] / "docs" / "installation.md"
COMMANDS = ("authority", "command-key", "enrol", "consumer", "server", "broker", "command")


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with an authority and a broker's certificate, and the shell in it."""
    monkeypatch.chdir(tmp_path)
    assert main(["authority", "--dir", "authority", "--fleet", "demo"]) == 0
    assert main(["server", "broker.example", "--dir", "authority", "--out", "server"]) == 0
    capsys.readouterr()
    return tmp_path


def broker(
    *more: str, cert: str = "server/broker.example.crt", key: str = "server/broker.example.pem"
) -> int:
    return main(["broker", "--dir", "authority", "--cert", cert, "--key", key, *more])


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"  anpr-fleet {command} " in capsys.readouterr().out


def test_a_centre_gets_the_files_it_looks_for(workshop: Path) -> None:
    assert main(["consumer", "centre", "--dir", "authority", "--out", "centre"]) == 0
    assert {file.name for file in (workshop / "centre").iterdir()} == {"tls.crt", "tls.pem", "ca.crt"}
    assert (workshop / "centre/ca.crt").read_bytes() == (workshop / "authority/ca.crt").read_bytes()
    assert stat.S_IMODE((workshop / "centre/tls.pem").stat().st_mode) == 0o600


def test_a_unit_gets_both_files_beside_its_request(workshop: Path) -> None:
    assert edge(["init", "--state", "unit", "--fleet", "demo", "--unit", "unit-0001"]) == 0
    assert main(["enrol", "unit/keys/tls.csr", "--dir", "authority", "--unit", "unit-0001"]) == 0
    assert (workshop / "unit/keys/tls.crt").exists()
    assert (workshop / "unit/keys/ca.crt").read_bytes() == (workshop / "authority/ca.crt").read_bytes()


def test_a_unit_gets_the_command_key_and_an_authority_without_one_still_enrols(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edge(["init", "--state", "unit", "--fleet", "demo", "--unit", "unit-0001"]) == 0
    enrol = ["enrol", "unit/keys/tls.csr", "--dir", "authority", "--unit", "unit-0001"]
    believed, own = workshop / "unit/keys/command.pub", workshop / "authority/command.pub"
    for file in ("command.pem", "command.pub"):
        (workshop / "authority" / file).unlink()
    capsys.readouterr()
    assert main(enrol) == 0
    assert "anpr-fleet command-key" in capsys.readouterr().err
    assert not believed.exists()
    assert main(["command-key", "--dir", "authority"]) == 0
    assert main(enrol) == 0
    assert believed.read_text() == own.read_text()
    assert main(["command-key", "--dir", "authority"]) == 1


def test_a_command_that_no_unit_would_take_is_not_signed(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--fleet", "demo", "--home", "authority", "--out", "one.cose"]
    for words in (
        ["fly", "--all"],
        ["ping"],
        ["ping", "--all", "--unit", "unit-0001"],
        ["pause", "--all", "--arg", "feed=charging"],
        ["pause", "--all", "--arg", "feed=charging", "--arg", "minutes=99999"],
        ["ping", "--unit", "a/b"],
    ):
        assert main(["command", *words, *where]) in {1, 2}, words
        assert not (workshop / "one.cose").exists()
        assert capsys.readouterr().err.startswith("error: ")
    assert main(["command", "ping", "--all", *where]) == 0
    assert (workshop / "one.cose").exists()
    assert main(["command", "ping", "--all", *where]) == 2


def test_the_broker_tells_how_to_install_it(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert broker("--consumer", "centre=charging,access") == 0
    told = capsys.readouterr()
    assert told.out == "broker/mosquitto.conf\n"
    assert "sudo install -o mosquitto -g mosquitto -m 600 broker/server.pem broker/access.acl" in told.err
    assert "sudo install -d -o mosquitto -g mosquitto -m 700 /etc/mosquitto/anpr/state" in told.err
    rules = (workshop / "broker/access.acl").read_text()
    assert "topic read anpr/v1/demo/+/reads/charging" in rules
    assert "topic read anpr/v1/demo/+/reads/access" in rules


def test_the_guide_installs_the_broker_as_the_command_says(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert broker("--consumer", "centre=charging", "--out", "broker") == 0
    said = [line.strip() for line in capsys.readouterr().err.splitlines() if line.startswith("  ")]
    assert len(said) == 6
    assert "\n".join(said) in GUIDE.read_text(encoding="utf-8")


def test_another_key_is_never_written_over_one(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (workshop / "server/broker.example.pem").read_bytes()
    assert main(["server", "broker.example", "--dir", "authority", "--out", "server"]) == 1
    assert main(["authority", "--dir", "authority", "--fleet", "demo"]) == 1
    assert central(["keygen", "--out", "keys"]) == 0
    assert central(["keygen", "--out", "keys"]) == 1
    assert "never overwritten" in capsys.readouterr().err
    assert (workshop / "server/broker.example.pem").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--fleet", "other", "--consumer", "c=f"), 2, "is of fleet demo"),
        (("--consumer", "centre"), 2, "expected NAME=FEED"),
        (("--consumer", "c=f", "--consumer", "c=g"), 2, "given twice"),
        (("--consumer", "c=#"), 2, "cannot name"),
        (("--consumer", "c=f", "--watcher", "c"), 2, "is a consumer too"),
        (("--consumer", "c=f", "--watcher", "#"), 2, "cannot name"),
    ],
)
def test_nonsense_for_the_broker(
    workshop: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], code: int, words: str
) -> None:
    assert broker(*more) == code
    assert words in capsys.readouterr().err
    assert not (workshop / "broker/mosquitto.conf").exists()


@pytest.mark.parametrize("missing", [("--consumer",), ("--port", "0", "--consumer", "c=f")])
def test_a_broker_needs_a_consumer_and_a_real_port(workshop: Path, missing: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        broker(*(missing if len(missing) > 1 else ()))
    assert ended.value.code == 2


def test_a_certificate_that_is_not_there_or_not_the_brokers(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert broker("--consumer", "c=f", cert="nowhere.crt") == 2
    assert capsys.readouterr().err.startswith("error: nowhere.crt: No such file")
    main(["consumer", "centre", "--dir", "authority", "--out", "centre"])
    assert broker("--consumer", "c=f", cert="centre/tls.crt", key="centre/tls.pem") == 1
    assert "not a server's" in capsys.readouterr().err


def test_a_folder_without_an_authority(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["consumer", "centre", "--dir", "nowhere", "--out", "centre"]) == 1
    told = capsys.readouterr().err
    assert "no usable authority: No such file" in told
    assert "hint: anpr-fleet authority --dir" in told


def test_a_fleet_needs_a_possible_name(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["authority", "--dir", "other", "--fleet", "Bad Name"]) == 2
    assert "'Bad Name' cannot be a fleet's" in capsys.readouterr().err
