"""`anpr-fleet`: what it writes fits what units, centres and the broker read; nonsense is refused."""

from __future__ import annotations

import json
import os
import pty
import stat
import sys
from pathlib import Path

import pytest

from anpr_edge.cli.central import main as central
from anpr_edge.cli.edge import main as edge
from anpr_edge.cli.fleet import main
from anpr_edge.fleet.folder import FLEET_FILE, FleetFolder
from anpr_edge.fleet.revocation import RevokedList
from anpr_edge.seal.certificates import read_certificate
from tests.fleet_folders import feeds_text

GUIDE = Path(__file__).parents[2] / "docs" / "installation.md"
COMMANDS = (
    *(
        "authority create",
        "authority show",
        "unit add",
        "unit list",
        "unit show",
        "unit import",
        "unit retire",
    ),
    *("enrol", "renew", "revoke", "consumer", "server", "broker config", "release sign", "command"),
)
WHERE = ("--fleet-dir", "demo")


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with a fleet and a broker's certificate in it, and the shell there."""
    monkeypatch.chdir(tmp_path)
    assert main(["authority", "create", "demo", "--broker", "broker.example", "--no-passphrase"]) == 0
    say("", feeds_text())
    assert main(["server", "broker.example", *WHERE]) == 0
    capsys.readouterr()
    return tmp_path


def say(old: str, new: str) -> None:
    """Change a word of fleet.toml, or add to its end."""
    file = Path("demo") / FLEET_FILE
    text = file.read_text()
    file.write_text(text.replace(old, new) if old else text + new)


def config(*more: str) -> int:
    return main(["broker", "config", *WHERE, *more])


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    assert f"  anpr-fleet {command} " in capsys.readouterr().out


def test_a_centre_gets_the_files_it_looks_for(workshop: Path) -> None:
    assert main(["consumer", "centre", *WHERE, "--out", "centre"]) == 0
    assert {file.name for file in (workshop / "centre").iterdir()} == {"tls.crt", "tls.pem", "ca.crt"}
    assert (workshop / "centre/ca.crt").read_bytes() == (workshop / "demo/authority/ca.crt").read_bytes()
    assert stat.S_IMODE((workshop / "centre/tls.pem").stat().st_mode) == 0o600


def test_a_centres_certificates_can_be_revoked_all_or_the_old_ones(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in ("first", "second"):
        assert main(["consumer", "centre", *WHERE, "--out", out]) == 0
    first, second = (
        f"{read_certificate(workshop / out / 'tls.crt').parsed.serial_number:x}"
        for out in ("first", "second")
    )
    assert main(["revoke", "centre", "--old", *WHERE]) == 0
    assert RevokedList.load(FleetFolder(Path("demo"))).serials == {first}
    assert main(["revoke", "centre", *WHERE]) == 0
    assert RevokedList.load(FleetFolder(Path("demo"))).serials == {first, second}
    assert main(["revoke", "nobody", *WHERE]) == 2
    assert "no unit and no client nobody" in capsys.readouterr().err
    assert main(["revoke", "../servers/broker.example", *WHERE]) == 2


def test_who_is_not_in_fleet_toml_or_is_a_unit_is_told_so(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["consumer", "control", *WHERE, "--out", "control"]) == 0
    assert "Say in fleet.toml what control may do" in capsys.readouterr().err
    assert main(["unit", "add", "unit-0001", *WHERE]) == 0
    assert main(["consumer", "unit-0001", *WHERE, "--out", "u"]) == 1
    assert main(["unit", "add", "centre", *WHERE]) == 2
    assert not (workshop / "demo/units/centre.toml").exists()


def test_a_unit_gets_all_it_needs_beside_its_request(workshop: Path) -> None:
    assert main(["unit", "add", "unit-0001", *WHERE]) == 0
    assert edge(["init", "--state", "unit", "--fleet", "demo", "--unit", "unit-0001"]) == 0
    assert main(["enrol", "unit/keys/tls.csr", "--unit", "unit-0001", *WHERE]) == 0
    for name in ("ca.crt", "command.pub"):
        assert (workshop / "unit/keys" / name).read_bytes() == (
            workshop / "demo/authority" / name
        ).read_bytes()
    certificate = workshop / "demo/certificates/unit-0001.crt"
    assert (workshop / "unit/keys/tls.crt").read_bytes() == certificate.read_bytes()
    assert main(["enrol", "unit/keys/tls.csr", "--unit", "unit-0002", *WHERE]) == 2


def test_a_command_that_no_unit_would_take_is_not_signed(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--fleet", "demo", "--home", "demo-keys", "--out", "one.cose"]
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


def test_commands_and_policies_are_signed_with_keys_under_a_passphrase(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("right", "correct horse battery"), ("wrong", "another horse")):
        (workshop / name).write_text(f"{text}\n")
        (workshop / name).chmod(0o600)
    assert main(["authority", "create", "closed", "--passphrase-file", "right"]) == 0
    words = ["command", "ping", "--all", "--fleet", "closed", "--home", "closed-keys", "--out", "one.cose"]
    capsys.readouterr()
    assert main([*words, "--passphrase-file", "wrong"]) == 1
    assert "command.pem: wrong passphrase" in capsys.readouterr().err
    assert main(words) == 1
    assert "hint: give --passphrase-file" in capsys.readouterr().err
    assert main([*words, "--passphrase-file", "right"]) == 0
    (workshop / "right").chmod(0o644)
    assert main(["server", "b.example", "--fleet-dir", "closed", "--passphrase-file", "right"]) == 1
    assert "lets others at a private key" in capsys.readouterr().err


def test_a_person_types_the_passphrase_twice_and_later_once(workshop: Path) -> None:
    said, code = typed(["authority", "create", "typed"], ["correct horse battery", "correct horse battery"])
    assert (code, said.count("passphrase")) == (0, 1), said
    assert "correct horse" not in said
    said, code = typed(["server", "b.example", "--fleet-dir", "typed"], ["correct horse battery"])
    assert (code, "Passphrase for" in said) == (0, True), said
    said, code = typed(["server", "b.example", "--fleet-dir", "typed"], ["another horse"])
    assert (code, "wrong passphrase" in said) == (1, True), said
    said, code = typed(["authority", "create", "other"], ["correct horse battery", "correct horse batteri"])
    assert (code, "the two passphrases differ" in said) == (2, True), said
    assert not Path("other").exists()


def typed(words: list[str], lines: list[str]) -> tuple[str, int]:
    """What a command says on a terminal where a person types these lines, and its exit code."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-m", "anpr_edge.cli.fleet", *words])
    said = ""
    try:
        while chunk := os.read(terminal, 4096).decode():
            said += chunk
            if said.endswith(": ") and lines:
                os.write(terminal, f"{lines.pop(0)}\n".encode())
    except OSError:  # what Linux says when the other side of a terminal has ended
        pass
    finally:
        os.close(terminal)
    return said, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["other"], 1, "nobody is there to type it"),
        (["other", "--passphrase-file", "short"], 2, "has 5 characters, at least 12"),
        (["Bad Name", "--no-passphrase"], 2, "'Bad Name' cannot be a fleet's"),
        (["demo", "--no-passphrase"], 2, "is a fleet folder already"),
    ],
)
def test_a_fleet_that_cannot_be_founded(
    workshop: Path, capsys: pytest.CaptureFixture[str], more: list[str], code: int, words: str
) -> None:
    (workshop / "short").write_text("abcde\n")
    (workshop / "short").chmod(0o600)
    before = set(workshop.rglob("*"))
    assert main(["authority", "create", *more]) == code
    assert words in capsys.readouterr().err
    assert set(workshop.rglob("*")) == before


def test_what_the_authority_is(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unit", "add", "unit-0001", *WHERE]) == 0
    capsys.readouterr()
    assert main(["authority", "show", *WHERE, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["schema"], said["fleet"], said["revoked"], said["authority"]["key"]) == (
        1,
        "demo",
        0,
        "ca.key",
    )
    assert said["units"] == {"planned": 1, "bundled": 0, "enrolled": 0, "retired": 0}
    assert set(said["public_keys"]) == {"command", "policy", "provision"}
    assert main(["authority", "show", *WHERE]) == 0
    assert "1 planned" in capsys.readouterr().out


def test_the_broker_tells_how_to_install_it(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say("", '[consumers.access]\nfeeds = ["access"]\n')
    say("", '[access]\nwatchers = ["monitor"]\ncommanders = ["control"]\n')
    assert config() == 0
    told = capsys.readouterr()
    assert told.out == "broker/mosquitto.conf\n"
    assert "sudo install -o mosquitto -g mosquitto -m 600 broker/server.pem broker/access.acl" in told.err
    assert "sudo install -d -o mosquitto -g mosquitto -m 700 /etc/mosquitto/anpr/state" in told.err
    rules = (workshop / "broker/access.acl").read_text()
    assert "topic read anpr/v1/demo/+/reads/charging" in rules
    assert [line for line in rules.splitlines() if line.startswith("user")] == [
        *("user access", "user centre", "user monitor", "user control"),
    ]
    assert "crlfile /etc/mosquitto/anpr/crl.pem" in (workshop / "broker/mosquitto.conf").read_text()
    assert (workshop / "broker/crl.pem").read_bytes() == (workshop / "demo/authority/crl.pem").read_bytes()


def test_emqx_shuts_out_who_has_no_good_certificate(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for unit in ("unit-0001", "unit-0002"):
        assert main(["unit", "add", unit, *WHERE]) == 0
        assert edge(["init", "--state", unit, "--fleet", "demo", "--unit", unit]) == 0
        assert main(["enrol", f"{unit}/keys/tls.csr", "--unit", unit, *WHERE]) == 0
    for client in ("centre", "access"):
        assert main(["consumer", client, *WHERE, "--out", client]) == 0
    for name in ("unit-0001", "centre"):
        assert main(["revoke", name, *WHERE]) == 0
    assert main(["consumer", "centre", *WHERE, "--out", "centre-2"]) == 0
    assert main(["revoke", "access", *WHERE]) == 0
    assert config("--for", "emqx", "--out", "emqx") == 0
    rules = (workshop / "emqx/acl.conf").read_text().splitlines()
    assert [line for line in rules if line.startswith("{deny")] == [
        '{deny, {username, "access"}, all, ["#"]}.',
        '{deny, {username, "unit-0001"}, all, ["#"]}.',
        "{deny, all}.",
    ]


def test_a_centre_has_no_name_that_a_unit_without_a_certificate_has(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["consumer", "enrol.unit-0001", *WHERE, "--out", "centre"]) == 2
    assert "not beginning with 'enrol.'" in capsys.readouterr().err
    assert main(["unit", "add", "enrol.unit-0001", *WHERE]) == 2
    assert not (workshop / "centre").exists()


def test_the_guide_installs_the_broker_as_the_command_says(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert config("--out", "broker") == 0
    said = [line.strip() for line in capsys.readouterr().err.splitlines() if line.startswith("  ")]
    assert len(said) == 6
    assert "\n".join(said) in GUIDE.read_text(encoding="utf-8")


def test_a_key_is_never_written_over(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, certificate = (
        workshop / "demo-keys/servers/broker.example.pem",
        workshop / "demo/certificates/servers",
    )
    before = key.read_bytes(), (certificate / "broker.example.crt").read_bytes()
    assert main(["server", "broker.example", *WHERE]) == 0
    assert key.read_bytes() == before[0]
    assert (certificate / "broker.example.crt").read_bytes() != before[1]
    assert central(["keygen", "--out", "keys"]) == 0
    assert central(["keygen", "--out", "keys"]) == 1
    for code in (0, 1):
        assert main(["consumer", "centre", "--out", "centre", *WHERE]) == code
    assert capsys.readouterr().err.count("never overwritten") == 2


def test_a_host_that_fleet_toml_does_not_name(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config("--host", "other.example") == 2
    assert "no broker other.example in fleet.toml; there is broker.example" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[consumers.centre]", "[consumers.unit-0001]", "unit-0001 is a unit and a client"),
        ("[consumers.centre]\nfeeds", "[settings.log]\n#", "fleet.toml names no centre"),
        ("broker.example", "new.example", "anpr-fleet server new.example makes key and certificate"),
    ],
)
def test_nonsense_for_the_broker(
    workshop: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, words: str
) -> None:
    assert main(["unit", "add", "unit-0001", *WHERE]) == 0
    say(old, new)
    assert config() == 2
    assert words in capsys.readouterr().err
    assert not (workshop / "broker").exists()


def test_a_certificate_that_is_not_the_brokers(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["consumer", "centre", *WHERE, "--out", "centre"])
    (workshop / "demo/certificates/servers/broker.example.crt").write_bytes(
        (workshop / "centre/tls.crt").read_bytes()
    )
    assert config() == 1
    assert "not a server's" in capsys.readouterr().err


def test_without_a_fleet_folder_or_its_keys(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["server", "b.example", "--fleet-dir", "nowhere"]) == 2
    assert "no fleet folder: no fleet.toml" in capsys.readouterr().err
    (workshop / "demo-keys").rename(workshop / "elsewhere")
    assert main(["server", "b.example", *WHERE]) == 2
    assert "hint: name it, or plug it in: --keys FOLDER" in capsys.readouterr().err
    assert main(["server", "b.example", *WHERE, "--keys", "elsewhere"]) == 0
    assert main(["unit", "list", *WHERE]) == 0
