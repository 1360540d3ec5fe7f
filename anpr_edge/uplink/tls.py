"""TLS 1.3 with both sides proving who they are, and its failures said in plain words."""

from __future__ import annotations

import hashlib
import secrets
import socket
import ssl
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from anpr_edge.errors import UplinkError


class Papers(Protocol):
    """How a client proves who it is, each time it connects."""

    def context(self) -> ssl.SSLContext: ...

    def secret_name(self) -> str: ...


class ClientContext(ssl.SSLContext):
    """A client's TLS context that resumes its last session with each server.

    A resumed handshake sends no certificates: a third of the bytes. The server may refuse it, and a
    whole handshake follows by itself. Source: RFC 8446 §2.2.
    """

    _sessions: dict[tuple[str, int], ssl.SSLSession]

    def wrap_socket(self, sock: socket.socket, *args: Any, **more: Any) -> ssl.SSLSocket:
        """As in the standard library, with the last session of this server."""
        known = vars(self).setdefault("_sessions", {})
        more.setdefault("session", known.get((more.get("server_hostname"), _port_of(sock))))
        return super().wrap_socket(sock, *args, **more)

    def remember(self, connection: ssl.SSLSocket, port: int) -> None:
        """Keep the session of a connection that is about to be closed, for the next one to `port`."""
        session = connection.session
        if session is not None and session.has_ticket:
            known = vars(self).setdefault("_sessions", {})
            known[(connection.server_hostname, port)] = session


def _port_of(connection: socket.socket) -> int:
    try:
        return int(connection.getpeername()[1])
    except OSError:
        return 0


@dataclass(frozen=True, slots=True)
class Credentials:
    """The PEM files of one client: whom it trusts, who it is, and its private key."""

    ca_file: Path
    cert_file: Path
    key_file: Path

    def context(self) -> ClientContext:
        """A TLS context that speaks 1.3 or nothing, checks the broker's name and shows our certificate.

        Raises: UplinkError when a file is missing, is no PEM, or key and certificate do not match.
        """
        context = _trusting(self.ca_file)
        for path in (self.cert_file, self.key_file):
            _check_readable(path)
        try:
            context.load_cert_chain(str(self.cert_file), str(self.key_file), password=_no_password)
        except ssl.SSLError as error:
            raise UplinkError(
                f"{self.cert_file} and {self.key_file}: not a certificate and its own unencrypted key",
                hint="issue a certificate for the key that is there, or put back the key it was issued for",
            ) from error
        return context

    def secret_name(self) -> str:
        """32 hexadecimal digits that only the holder of the private key knows; they tell nothing of the key.

        Raises: UplinkError when the key file cannot be read.
        """
        _check_readable(self.key_file)
        return hashlib.sha256(_CLIENT_NAME + self.key_file.read_bytes()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class TrustOnly:
    """What a unit that has no certificate yet connects with: it knows whom to believe, and no more."""

    ca_file: Path

    def context(self) -> ssl.SSLContext:
        """A TLS context that speaks 1.3 or nothing, checks the broker's name, and shows no certificate.

        Raises: UplinkError when the file is missing or is no PEM.
        """
        return _trusting(self.ca_file)

    def secret_name(self) -> str:
        """Another name each time: nobody can take a session that nobody can name."""
        return secrets.token_hex(16)


_CLIENT_NAME = b"anpr-edge MQTT client identifier\0"


@dataclass(frozen=True, slots=True)
class SettingNames:
    """What the settings of a connection are called, where this client's are set."""

    host: str
    port: str
    ca: str
    cert: str


UNIT_SETTINGS = SettingNames("broker.host", "broker.port", "broker.ca_file", "broker.cert_file")
"""As in a unit's configuration."""

_TROUBLE = (
    ("hostname mismatch", "the broker's certificate is for another name: set {host} to the name in it"),
    (
        "ip address mismatch",
        "the broker's certificate is for another address: set {host} to the one in it",
    ),
    ("not yet valid", "the broker's certificate is not valid yet: check the clock"),
    ("certificate has expired", "the broker's certificate has expired: renew it, or check the clock"),
    (
        "self-signed certificate",
        "the broker's certificate is from an authority we do not trust: check {ca}",
    ),
    (
        "unable to get local issuer",
        "the broker's certificate is from an authority we do not trust: check {ca}",
    ),
    ("alert certificate expired", "the broker says our certificate has expired: renew it"),
    ("alert unknown ca", "the broker does not trust the authority that issued our certificate"),
    ("alert certificate required", "the broker wants a client certificate: check {cert}"),
    ("alert certificate revoked", "the broker says our certificate is revoked: issue a new one"),
    ("alert bad certificate", "the broker refuses our certificate: check that it is this fleet's"),
    ("protocol version", "the broker does not speak TLS 1.3: allow it there"),
    ("unsupported protocol", "the broker does not speak TLS 1.3: allow it there"),
    ("wrong version number", "the port does not speak TLS: check {port}"),
    ("without a word", "did the broker stop, or does another process use our name?"),
    ("session taken over", "another client uses our name and certificate"),
    ("connection refused", "nothing listens there: is the broker running, and the port right?"),
    ("timed out", "no answer: is the way there open, firewall included?"),
    ("name or service not known", "the name cannot be resolved: check {host} and DNS"),
    ("name resolution", "the name cannot be resolved just now: check the network and DNS"),
    ("no address associated", "the name has no address: check {host} and DNS"),
    ("unreachable", "no route there: is the network up?"),
    (
        "connection reset",
        "the other side hung up: it refuses our certificate, or the port does not speak TLS",
    ),
    ("eof occurred", "the other side hung up: it refuses our certificate, or the port does not speak TLS"),
)
"""What the TLS library and the system say (lower case) and what it means to whoever must mend it.

Source: OpenSSL 3 `X509_verify_cert_error_string` and alert descriptions (RFC 8446 §6.2), strerror(3);
the wording is stable over the OpenSSL versions tried (1.1.1 to 3.5).
"""


def explain(words: str, settings: SettingNames = UNIT_SETTINGS) -> str:
    """What a failed connection means and what to look at, followed by the library's own words.

    `settings` are the words for where to look, by which whoever reads this sets them.
    """
    low = words.lower()
    meaning = next((meaning for needle, meaning in _TROUBLE if needle in low), None)
    return f"{meaning.format_map(asdict(settings))} ({words})" if meaning else words


def _trusting(ca_file: Path) -> ClientContext:
    """Raises: UplinkError."""
    context = ClientContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # A link that breaks off is daily bread, and MQTT's lengths tell what is missing; to OpenSSL 3.5 it
    # would be an attack, after which the session is not resumed.
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    _check_readable(ca_file)
    try:
        context.load_verify_locations(cafile=str(ca_file))
    except ssl.SSLError as error:
        raise UplinkError(
            f"{ca_file}: holds no certificate to trust", hint="copy the fleet's ca.crt there"
        ) from error
    return context


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise UplinkError(
            f"{path}: {error.strerror}", hint="put there what the fleet authority issued for this client"
        ) from error


def _no_password() -> str:
    """An encrypted key must fail, not ask a terminal nobody sits at."""
    return ""
