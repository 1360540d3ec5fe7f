"""Can the broker be reached, step by step: its name, its port, and TLS that proves who both sides are?"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from anpr_edge.config import Broker
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, Verdict, fail, ok, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import UplinkError
from anpr_edge.uplink.tls import Credentials, explain

CONNECT_TIMEOUT_S = 5.0
"""Per address. A mobile network answers a SYN within 3 s or not at all."""

LISTEN_S = 0.05
LISTEN_TIMES = 20
"""How long, and how often, to listen for the broker's refusal of our certificate after the handshake."""

BROKER_NAME = Condition(
    code="broker-name",
    title="The broker's name has an address",
    severity=Severity.DELIVERY,
    explanation="Without a network, or with a wrong name server, the name cannot be resolved.",
    depends_on=("config",),
    next_step="is the network up (ip route), and a name server there (resolvectl)? is broker.host right",
)
BROKER_PORT = Condition(
    code="broker-port",
    title="The broker's port takes connections",
    severity=Severity.DELIVERY,
    explanation="The way there is open and something listens: routes, firewalls and the broker itself.",
    depends_on=("broker-name",),
    next_step="see that the broker runs and a firewall on the way lets its port through; correct broker.port",
)
BROKER_TLS = Condition(
    code="broker-tls",
    title="TLS 1.3 with the broker, both sides proving who they are",
    severity=Severity.DELIVERY,
    explanation=(
        "The broker's certificate must be from the fleet's authority and for the name in broker.host; the "
        "broker must accept the unit's own. MQTT begins only after that."
    ),
    depends_on=("broker-port", "certificate", "certificate-dates"),
    next_step="the words say who refuses: renew that certificate, or correct broker.ca_file or broker.host",
)

BROKER_STANDBY = Condition(
    code="broker-standby",
    title="Every standby broker takes connections and proves who it is",
    severity=Severity.DELIVERY,
    explanation=(
        "The brokers in [broker.standby.NAME] are used when the first one fails. Name, port and TLS of "
        "each are tried, so that it is known before that."
    ),
    depends_on=("certificate", "certificate-dates"),
    next_step="mend it before it is needed, or take it out of [broker.standby.NAME]",
)

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


def run(subject: Subject) -> Iterator[Finding]:
    """Each step is timed; the first that fails is the last. Then the standbys, in one finding."""
    yield from _preferred(subject, subject.config.broker)
    yield _standbys(subject)


def _preferred(subject: Subject, broker: Broker) -> Iterator[Finding]:
    started_ns = subject.clock.now().mono_ns
    try:
        addresses = _resolve(broker)
    except OSError as error:
        yield fail(BROKER_NAME, f"{broker.host}: {_words(error)}", next_step=_next_step(error))
        return
    shown = f"{broker.host}: {len(addresses)} address{'es' if len(addresses) > 1 else ''}"
    yield ok(BROKER_NAME, f"{shown}, {subject.elapsed_ms(started_ns):.0f} ms")

    started_ns = subject.clock.now().mono_ns
    try:
        connection = _connect(addresses)
    except OSError as error:
        where = f"{broker.host}:{broker.port}"
        limit = f"{CONNECT_TIMEOUT_S:.0f} s"
        yield fail(BROKER_PORT, f"{where}: {_words(error)}", limit=limit, next_step=_next_step(error))
        return
    with connection:
        peer = connection.getpeername()[0]
        yield ok(BROKER_PORT, f"{peer} port {broker.port}, {subject.elapsed_ms(started_ns):.0f} ms")
        yield _handshake(subject, broker, connection)


def _standbys(subject: Subject) -> Finding:
    broker, troubles = subject.config.broker, []
    for name, standby in broker.standby.items():
        address = broker.model_copy(update={"host": standby.host, "port": standby.port})
        wrong = [one for one in _preferred(subject, address) if one.verdict is not Verdict.OK]
        troubles += [f"{name}: {one.measured}" for one in wrong]
    if troubles:
        step = "the uplink works by the others; mend this one before they fail: log, routes, certificate"
        return warn(BROKER_STANDBY, "; ".join(troubles), next_step=step)
    return ok(BROKER_STANDBY, ", ".join(broker.standby) or "none configured")


def _resolve(broker: Broker) -> list[Address]:
    try:
        found = socket.getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is empty or longer than 63 characters
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from error
    return [(family, address) for family, _, _, _, address in found]


def _connect(addresses: list[Address]) -> socket.socket:
    """A connection to the first address that answers; raises what the last one said."""
    trouble = OSError("no address")
    for family, address in addresses:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(CONNECT_TIMEOUT_S)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            trouble = error
        else:
            return connection
    raise trouble


def _handshake(subject: Subject, broker: Broker, connection: socket.socket) -> Finding:
    started_ns = subject.clock.now().mono_ns
    try:
        context = Credentials(broker.ca_file, broker.cert_file, broker.key_file).context()
        with context.wrap_socket(connection, server_hostname=broker.host) as secured:
            took_ms = subject.elapsed_ms(started_ns)
            _hear_refusal(secured)
            return ok(BROKER_TLS, f"{secured.version()}, {took_ms:.0f} ms")
    except UplinkError as error:
        return fail(BROKER_TLS, str(error), next_step=error.hint)
    except OSError as error:
        return fail(BROKER_TLS, _words(error), next_step=_next_step(error))


def _hear_refusal(secured: ssl.SSLSocket) -> None:
    """Raise the broker's refusal of our certificate, if it sends one.

    In TLS 1.3 the client is done before the server has looked at its certificate. A session ticket then
    means that it was accepted, and so does silence: the broker waits for MQTT to begin.
    Source: RFC 8446 §4.6.1 and appendix E.1.
    """
    secured.settimeout(LISTEN_S)
    for _ in range(LISTEN_TIMES):
        try:
            if secured.recv(1) == b"":
                raise ConnectionResetError("connection reset: closed after the handshake")
        except TimeoutError:
            if secured.session and secured.session.has_ticket:
                return


def _words(error: OSError) -> str:
    """What the TLS library or the system says, without its own source lines."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return error.strerror or str(error)


def _next_step(error: OSError) -> str:
    return explain(str(error.strerror or error)).partition(" (")[0]


CHECK = Check("broker", (BROKER_NAME, BROKER_PORT, BROKER_TLS, BROKER_STANDBY), run)
