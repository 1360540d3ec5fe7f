"""The broker's second listener, where units without a certificate bring their request and fetch the answer.

A unit proves itself there with its name and a password made of its token; it may write its one request and
read its one answer. Enrollers, with a certificate of the fleet, meet it from the broker's own listener.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from anpr_edge.fleet.access import Grant
from anpr_edge.fleet.broker import ACCESS_FILE, CONFIG_FILE, ENROLMENT_FILES, Listener
from anpr_edge.fleet.filing import write_all
from anpr_edge.fleet.tokens import TokenRecord

PASSWORDS_FILE, ENROL_ACCESS_FILE = ENROLMENT_FILES
MOST_CONNECTIONS: Final = 200
"""At once: a fleet enrols within hours, not seconds, and strangers shall not use up the broker's memory."""

_PASSWORDS_OF_ITS_OWN: Final = ("per_listener_settings false", "per_listener_settings true")
"""Passwords and rights for this listener alone: then each has its own settings, and mosquitto 2.0.21
keeps nothing for a centre that is away; its reads come when the centre asks for them again."""

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
    passwords = "".join(f"{token.unit}:{token.password}\n" for token in tokens)
    own = [f"pattern {grant.action} {grant.topic('%u')}" for grant in _for_unit(fleet)]
    more = ["", *(line for name in sorted(enrollers) for line in _for_enroller(fleet, name))]
    private = {
        directory / PASSWORDS_FILE: passwords.encode(),
        directory / ENROL_ACCESS_FILE: ("\n".join(own) + "\n").encode(),
        access: access.read_bytes() + ("\n".join(more) + "\n").encode(),
    }
    write_all(private, mode=0o600)
    text = config.read_text(encoding="utf-8").replace(*_PASSWORDS_OF_ITS_OWN) + _listener(listener, there)
    write_all({config: text.encode()})


def _for_unit(fleet: str) -> tuple[Grant, ...]:
    return Grant("write", fleet, REQUEST), Grant("read", fleet, REPLY)


def _for_enroller(fleet: str, name: str) -> tuple[str, ...]:
    grants = Grant("readwrite", fleet, REQUEST), Grant("write", fleet, REPLY)
    return f"user {name}", *(f"topic {grant.action} {grant.topic()}" for grant in grants), ""


def _listener(listener: Listener, directory: Path) -> str:
    """What follows in mosquitto.conf; options after a `listener` are that listener's own."""
    settings = {
        "listener": f"{listener.port} {listener.address}".strip(),
        "max_connections": str(MOST_CONNECTIONS),
        "tls_version": "tlsv1.3",
        "cafile": str(listener.ca_file.absolute()),
        "certfile": str(listener.cert_file.absolute()),
        "keyfile": str(listener.key_file.absolute()),
        "require_certificate": "false",
        "allow_anonymous": "false",
        "password_file": str(directory / PASSWORDS_FILE),
        "acl_file": str(directory / ENROL_ACCESS_FILE),
    }
    return "\n" + "".join(f"{key} {value}\n" for key, value in settings.items())
