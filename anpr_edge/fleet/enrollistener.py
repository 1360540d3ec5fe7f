"""The broker's second listener, where units without a certificate bring their request and fetch the answer.

A unit proves itself there with a password made of its token, under a name that no certificate can have; it
may write its one request and read its one answer. Enrollers, with a certificate of the fleet, meet it from
the broker's own listener, which takes no password.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from anpr_edge.fleet.access import Grant
from anpr_edge.fleet.broker import ACCESS_FILE, CONFIG_FILE, PASSWORDS_FILE, Listener
from anpr_edge.fleet.filing import write_all
from anpr_edge.fleet.tokens import TokenRecord
from anpr_edge.uplink import clientnames

MOST_CONNECTIONS: Final = 200
"""At once: a fleet enrols within hours, not seconds, and strangers shall not use up the broker's memory."""

REQUEST, REPLY = "enrol/request", "enrol/reply"


def add_enrolment(
    directory: Path,
    fleet: str,
    listener: Listener,
    *,
    tokens: Iterable[TokenRecord],
    enrollers: Sequence[str],
    installed_at: Path | None = None,
) -> None:
    """Add the listener to a mosquitto configuration that was just written into `directory`.

    `listener` is the new one, with files as the broker will find them; `installed_at` is where the folder
    will lie, when not where it is.

    Raises: KeyFileError when a file cannot be written.
    """
    config, access = directory / CONFIG_FILE, directory / ACCESS_FILE
    there = installed_at or directory.resolve()
    known = list(tokens)
    passwords = "".join(f"{clientnames.enrol_user(token.unit)}:{token.password}\n" for token in known)
    rules = [line for name in sorted(enrollers) for line in _for_enroller(fleet, name)]
    rules += [line for token in known for line in _for_unit(fleet, token.unit)]
    private = {
        directory / PASSWORDS_FILE: passwords.encode(),
        access: access.read_bytes() + ("\n".join(["", *rules]) + "\n").encode(),
    }
    write_all(private, mode=0o600)
    write_all({config: (config.read_text(encoding="utf-8") + _listener(listener, there)).encode()})


def _for_unit(fleet: str, unit: str) -> Iterator[str]:
    """What a unit's password opens, and nothing of what the patterns for units would give its user name."""
    user = clientnames.enrol_user(unit)
    yield f"user {user}"
    for grant in Grant("write", fleet, REQUEST), Grant("read", fleet, REPLY):
        yield f"topic {grant.action} {grant.topic(unit)}"
    yield f"topic deny {Grant('readwrite', fleet, '#').topic(user)}"
    yield ""


def _for_enroller(fleet: str, name: str) -> Iterator[str]:
    yield f"user {name}"
    for grant in Grant("readwrite", fleet, REQUEST), Grant("write", fleet, REPLY):
        yield f"topic {grant.action} {grant.topic()}"
    yield ""


def _listener(listener: Listener, directory: Path) -> str:
    """What follows in mosquitto.conf.

    The passwords are the whole broker's: with settings of its own for each listener mosquitto 2.0.21 keeps
    nothing for a centre that is away. The other listener asks for none, for a certificate is its user name.
    """
    settings = {
        "password_file": str(directory / PASSWORDS_FILE),
        "listener": f"{listener.port} {listener.address}".strip(),
        "max_connections": str(MOST_CONNECTIONS),
        "tls_version": "tlsv1.3",
        "cafile": str(listener.ca_file.absolute()),
        "certfile": str(listener.cert_file.absolute()),
        "keyfile": str(listener.key_file.absolute()),
        # Who has a password comes as itself, and not into the session of another client whose id it shows.
        "use_username_as_clientid": "true",
        "require_certificate": "false",
    }
    return "\n" + "".join(f"{key} {value}\n" for key, value in settings.items())
