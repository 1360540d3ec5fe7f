"""Each way in which a broker cannot be reached is named, against real sockets and real TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.diag.checks.broker import CHECK
from anpr_edge.diag.condition import Finding, Verdict
from anpr_edge.fleet.authority import Authority
from tests.unit.diag.bench import Bench

HOST = "127.0.0.1"
Serve = Callable[[socket.socket], None]


@contextmanager
def listening(bench: Bench, serve: Serve) -> Iterator[None]:
    """A server for one connection, at the address in the unit's configuration."""

    def work() -> None:
        try:
            connection, _ = server.accept()
            with connection:
                serve(connection)
        except OSError:
            pass  # the client's refusal, or the end of the test

    with socket.create_server((HOST, 0)) as server:
        server.settimeout(10)
        bench.broker_port = server.getsockname()[1]
        bench.write_config()
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield
        thread.join(10)


def tls(
    bench: Bench,
    *,
    name: str = HOST,
    authority: Authority | None = None,
    trusts: bytes = b"",
    tickets: int = 2,
) -> Serve:
    """Serve TLS 1.3 as a broker does: wants a client certificate, then waits for the client to speak."""
    issued = (authority or bench.authority).issue_server(name)
    files = {"crt": issued.cert_pem, "pem": issued.key_pem, "trust": trusts or bench.authority.cert_pem}
    for suffix, content in files.items():
        (bench.directory / f"server.{suffix}").write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bench.directory / "server.crt", bench.directory / "server.pem")
    context.load_verify_locations(bench.directory / "server.trust")
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = tickets

    def serve(connection: socket.socket) -> None:
        connection.settimeout(10)
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    return serve


def other_authority(bench: Bench) -> Authority:
    return Authority.create(bench.directory / "other", "otherfleet", SystemClock())


def find(bench: Bench, serve: Serve) -> dict[str, Finding]:
    with listening(bench, serve):
        return bench.find(CHECK)


def test_a_broker_that_takes_us(bench: Bench) -> None:
    findings = find(bench, tls(bench))
    assert [finding.verdict for finding in findings.values()] == [Verdict.OK] * 4
    assert findings["broker-tls"].measured.startswith("TLSv1.3")


def test_a_broker_that_gives_no_session_ticket_takes_us_by_saying_nothing(bench: Bench) -> None:
    findings = find(bench, tls(bench, tickets=0))
    assert findings["broker-tls"].verdict is Verdict.OK


def test_a_broker_that_refuses_our_certificate_after_the_handshake(bench: Bench) -> None:
    finding = find(bench, tls(bench, trusts=other_authority(bench).cert_pem))["broker-tls"]
    assert finding.verdict is Verdict.FAIL
    assert finding.measured == "tlsv1 alert unknown ca"
    assert "does not trust the authority that issued our certificate" in finding.next


def test_a_broker_of_another_authority(bench: Bench) -> None:
    finding = find(bench, tls(bench, authority=other_authority(bench)))["broker-tls"]
    assert finding.verdict is Verdict.FAIL
    assert "broker.ca_file" in finding.next


def test_a_broker_with_another_name(bench: Bench) -> None:
    finding = find(bench, tls(bench, name="broker.example"))["broker-tls"]
    assert finding.verdict is Verdict.FAIL
    assert "broker.host" in finding.next


def test_a_port_that_does_not_speak_tls(bench: Bench) -> None:
    finding = find(bench, lambda connection: connection.sendall(b"220 mail.example ESMTP\r\n"))["broker-tls"]
    assert finding.verdict is Verdict.FAIL
    assert "broker.port" in finding.next


def test_a_port_where_nothing_listens(bench: Bench) -> None:
    with socket.create_server((HOST, 0)) as server:
        bench.broker_port = server.getsockname()[1]
    bench.write_config()
    findings = bench.find(CHECK)
    assert findings["broker-port"].verdict is Verdict.FAIL
    assert "Connection refused" in findings["broker-port"].measured
    assert "broker-tls" not in findings


@pytest.mark.parametrize("host", ["broker.invalid", "broker..example"])
def test_a_name_without_an_address(bench: Bench, host: str) -> None:
    bench.broker_host = host
    bench.write_config()
    findings = bench.find(CHECK)
    assert findings["broker-name"].verdict is Verdict.FAIL
    assert list(findings) == ["broker-name", "broker-standby"]


def test_a_standby_that_does_not_answer_is_named(bench: Bench) -> None:
    with socket.create_server((HOST, 0)) as server:
        closed = server.getsockname()[1]
    bench.more = f'\n[broker.standby.second]\nhost = "{HOST}"\nport = {closed}\n'
    finding = find(bench, tls(bench))["broker-standby"]
    assert finding.verdict is Verdict.WARN
    assert finding.measured.startswith("second: ")
    assert "Connection refused" in finding.measured


def test_without_a_standby_there_is_nothing_to_say(bench: Bench) -> None:
    assert find(bench, tls(bench))["broker-standby"].measured == "none configured"
