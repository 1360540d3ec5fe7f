"""The configuration for EMQX: well formed, closed but for TLS, and with mosquitto's rules."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UsageError
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.broker import ACCESS_FILE, Listener, pack_mosquitto
from anpr_edge.fleet.emqx import CONFIG_FILE, RULES_FILE, emqx_install_commands, pack_emqx

CLIENTS = {"centre": ("charging",), "monitor": ()}
VERBS = {"subscribe": "read", "publish": "write", "all": "readwrite"}


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    authority = Authority.create(tmp_path / "authority", "demo", SystemClock())
    issued = authority.issue_server("broker.example")
    (tmp_path / "host.crt").write_bytes(issued.cert_pem)
    (tmp_path / "host.pem").write_bytes(issued.key_pem)
    return Listener(8883, tmp_path / "authority/ca.crt", tmp_path / "host.crt", tmp_path / "host.pem", "")


def test_it_listens_by_tls_alone_and_wants_a_certificate(tmp_path: Path, listener: Listener) -> None:
    document = json.loads(pack_emqx(tmp_path / "emqx", "demo", listener, CLIENTS).read_text())
    listeners = document["listeners"]
    assert {name for name, one in listeners.items() if one["default"]["enable"]} == {"ssl"}
    tls = listeners["ssl"]["default"]["ssl_options"]
    assert (tls["verify"], tls["fail_if_no_peer_cert"], tls["versions"]) == ("verify_peer", True, ["tlsv1.3"])
    assert document["mqtt"]["peer_cert_as_username"] == "cn"
    assert document["authorization"]["no_match"] == "deny"
    assert stat.S_IMODE((tmp_path / "emqx/server.pem").stat().st_mode) == 0o600


def test_what_waits_for_a_centre_is_kept_as_mosquitto_keeps_it(tmp_path: Path, listener: Listener) -> None:
    document = json.loads(pack_emqx(tmp_path / "emqx", "demo", listener, CLIENTS).read_text())
    assert document["mqtt"]["max_mqueue_len"] == "infinity"
    assert document["force_shutdown"] == {"max_heap_size": "1GB", "max_mailbox_size": 100_000}
    assert document["retainer"]["backend"]["storage_type"] == "disc"


def test_its_dashboard_listens_on_the_machine_itself_alone(tmp_path: Path, listener: Listener) -> None:
    document = json.loads(pack_emqx(tmp_path / "emqx", "demo", listener, CLIENTS).read_text())
    assert document["dashboard"]["listeners"] == {"http": {"bind": "127.0.0.1:18083"}}


def test_its_rules_are_mosquittos(tmp_path: Path, listener: Listener) -> None:
    pack_emqx(tmp_path / "emqx", "demo", listener, CLIENTS, commanders=["control"])
    pack_mosquitto(tmp_path / "mosquitto", "demo", listener, CLIENTS, commanders=["control"])
    rules = re.findall(
        r'\{allow, (?:all|\{username, "(.+)"\}), (\w+), \["(.+)"\]\}\.',
        (tmp_path / "emqx" / RULES_FILE).read_text(),
    )
    found = {(who, VERBS[verb], topic.replace("${username}", "%u")) for who, verb, topic in rules}
    expected, who = set(), ""
    for line in (tmp_path / "mosquitto" / ACCESS_FILE).read_text().splitlines():
        word, _, rest = line.partition(" ")
        who = rest if word == "user" else who
        if word in ("pattern", "topic"):
            expected.add((who, *rest.split(" ")))
    assert found == expected


def test_the_last_word_is_no_and_the_first_is_for_whom_is_shut_out(
    tmp_path: Path, listener: Listener
) -> None:
    pack_emqx(tmp_path / "emqx", "demo", listener, CLIENTS, shut_out=["unit-0002", "unit-0001"])
    lines = (tmp_path / "emqx" / RULES_FILE).read_text().splitlines()
    assert lines[:2] == [
        f'{{deny, {{username, "{name}"}}, all, ["#"]}}.' for name in ("unit-0001", "unit-0002")
    ]
    assert lines[-1] == "{deny, all}."


@pytest.mark.skipif(not shutil.which("erl"), reason="Erlang is missing: apt-get install erlang-base")
def test_erlang_reads_the_rules(tmp_path: Path, listener: Listener) -> None:
    pack_emqx(tmp_path / "emqx", "demo", listener, CLIENTS, commanders=["control"], shut_out=["unit-0001"])
    rules = tmp_path / "emqx" / RULES_FILE
    code = f'case file:consult("{rules}") of {{ok, [_|_]}} -> halt(0); _ -> halt(1) end.'
    subprocess.run(["erl", "-noshell", "-eval", code], check=True, timeout=60)


def test_nothing_that_is_no_name_gets_into_a_rule(tmp_path: Path, listener: Listener) -> None:
    with pytest.raises(UsageError, match="cannot name"):
        pack_emqx(tmp_path / "emqx", "demo", listener, {'x"}, all, ["#"]}.': ("charging",)})
    assert not (tmp_path / "emqx").exists()


def test_it_says_how_to_install_it(tmp_path: Path, listener: Listener) -> None:
    folder = tmp_path / "emqx"
    pack_emqx(folder, "demo", listener, CLIENTS)
    told = "\n".join(emqx_install_commands(folder))
    for file in folder.iterdir():
        assert str(file) in told
    assert CONFIG_FILE in told
