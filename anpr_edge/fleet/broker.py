"""A ready mosquitto for a fleet: its configuration, its access list, and running it as a child.

Every client shows a certificate of the fleet; its common name is its user name. A unit writes under
its own name alone, a consumer reads its own feeds alone (docs/topics.md).
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from anpr_edge.errors import KeyFileError, UplinkError
from anpr_edge.fleet.access import check_names, for_clients, for_units
from anpr_edge.fleet.authority import make_folder, write_private
from anpr_edge.fleet.processes import end
from anpr_edge.seams import Clock

CONFIG_FILE = "mosquitto.conf"
ACCESS_FILE = "access.acl"
STATE_DIR = "state"
SERVICE_FILE = "service.conf"
CA_FILE, CERT_FILE, KEY_FILE, CRL_FILE = "ca.crt", "server.crt", "server.pem", "crl.pem"

PASSWORDS_FILE = "enrol.passwd"
"""Of units that have no certificate yet (enrollistener.py), where they have a listener."""

OF_ENROLMENT = (PASSWORDS_FILE, "enrol.acl")
"""What a folder may still have of its last configuration; earlier versions wrote an access list as well."""

INSTALLED_AT = Path("/etc/mosquitto/anpr")
"""Where the broker's folder goes on Debian, unless told otherwise."""

SERVICE = """# Debian's mosquitto, with this fleet's configuration instead of its own
[Service]
ExecStart=
ExecStart=/usr/sbin/mosquitto -c {config}
# Restart it, never reload: after a reload mosquitto 2.0 keeps nothing more for a centre that is away.
ExecReload=
"""

READY_WITHIN_S = 10.0
STOP_WITHIN_S = 5.0

BROKER_USER = "mosquitto"
"""The user mosquitto becomes when root starts it. Source: mosquitto.conf(5), `user`."""

LOG_LINES = 6
"""How much of the broker's log goes into an error: a wrong file takes it that many lines to tell."""

SYSTEM_PATHS = "/usr/sbin:/usr/local/sbin"
"""Where distributions put daemons; an ordinary user's PATH may lack it."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the broker listens, how it proves who it is, and whom it refuses; PEM files.

    `address` is one of this machine's, or empty: everywhere, IPv4 and IPv6. `crl_file` is the fleet's list of
    revoked certificates.
    """

    port: int
    ca_file: Path
    cert_file: Path
    key_file: Path
    address: str = "127.0.0.1"
    crl_file: Path | None = None


def write_mosquitto(
    directory: Path,
    fleet: str,
    listener: Listener,
    consumers: Mapping[str, Sequence[str]],
    commanders: Sequence[str] = (),
) -> Path:
    """Write mosquitto's configuration and access list into `directory`; returns the configuration.

    `consumers` maps each consumer's certificate name to the feeds it may read and acknowledge; one without
    any only watches: it may see status, health, policies and watermarks of all units. `commanders` are the
    names that may send commands and read replies.

    Raises: UsageError for a name that cannot be a topic level.
    """
    check_names(fleet, consumers, commanders)
    directory = directory.resolve()
    (directory / STATE_DIR).mkdir(parents=True, exist_ok=True)
    _write_access(directory, fleet, consumers, commanders)
    config = directory / CONFIG_FILE
    config.write_text(_configuration(listener, directory), encoding="utf-8")
    return config


def pack_mosquitto(
    directory: Path,
    fleet: str,
    listener: Listener,
    consumers: Mapping[str, Sequence[str]],
    installed_at: Path = INSTALLED_AT,
    *,
    commanders: Sequence[str] = (),
) -> Path:
    """Write all a broker needs into `directory`, to be carried to `installed_at` on its machine.

    The listener's files are copied in; nothing in the folder names a place of this machine. What it had for
    units that enrol is gone then (`add_enrolment` writes it). Returns the configuration; `install_commands`
    says how to put the folder in its place.

    Raises: UsageError for a name that cannot be a topic level, KeyFileError when a file cannot be copied.
    """
    check_names(fleet, consumers, commanders)
    make_folder(directory)
    _write_access(directory, fleet, consumers, commanders)
    for source, name in (
        (listener.ca_file, CA_FILE),
        (listener.cert_file, CERT_FILE),
        (listener.key_file, KEY_FILE),
        (listener.crl_file, CRL_FILE),
    ):
        if source is not None:
            _copy(source, directory / name)
    there = replace(
        listener,
        ca_file=installed_at / CA_FILE,
        cert_file=installed_at / CERT_FILE,
        key_file=installed_at / KEY_FILE,
        crl_file=listener.crl_file and installed_at / CRL_FILE,
    )
    (directory / SERVICE_FILE).write_text(SERVICE.format(config=installed_at / CONFIG_FILE), encoding="utf-8")
    config = directory / CONFIG_FILE
    config.write_text(_configuration(there, installed_at), encoding="utf-8")
    for name in OF_ENROLMENT:
        (directory / name).unlink(missing_ok=True)
    return config


def install_commands(directory: Path, installed_at: Path = INSTALLED_AT) -> tuple[str, ...]:
    """The shell commands that put a packed folder in its place, readable by mosquitto's own user.

    mosquitto started by root gives up root's rights before it reads its key and its access list, and
    before it saves its database: these belong to its user, and nobody else reads them.
    """
    names = (CONFIG_FILE, CA_FILE, CERT_FILE, *((CRL_FILE,) if (directory / CRL_FILE).exists() else ()))
    public = " ".join(str(directory / name) for name in names)
    more = (PASSWORDS_FILE,) if (directory / PASSWORDS_FILE).exists() else ()
    private = " ".join(str(directory / name) for name in (KEY_FILE, ACCESS_FILE, *more))
    own = f"-o {BROKER_USER} -g {BROKER_USER}"
    return (
        f"sudo install -d -m 755 {installed_at}",
        f"sudo install -m 644 {public} {installed_at}",
        f"sudo install {own} -m 600 {private} {installed_at}",
        f"sudo install -d {own} -m 700 {installed_at / STATE_DIR}",
    )


@contextmanager
def running_mosquitto(
    config: Path, listener: Listener, clock: Clock, *, as_service: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Run mosquitto with `config` until the block ends; it accepts connections when the block begins.

    Started by root it stays root, so that it can read what only root can; `as_service`: it becomes its
    own user, as Debian's service does.

    Raises: UplinkError when mosquitto is not installed or does not come up; its own words are in it.
    """
    log = config.with_suffix(".log")
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [find_mosquitto(), "-c", str(config if as_service else _for_this_user(config))],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
    try:
        _wait_until_ready(process, listener, clock, log)
        yield process
    finally:
        end(process, STOP_WITHIN_S)


def find_mosquitto() -> str:
    """The mosquitto program.

    Raises: UplinkError when it is not installed.
    """
    path = shutil.which("mosquitto") or shutil.which("mosquitto", path=SYSTEM_PATHS)
    if path is None:
        raise UplinkError("mosquitto is not installed", hint="apt-get install mosquitto (2.0 or newer)")
    return path


def free_port() -> int:
    """A TCP port on loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_access(
    directory: Path, fleet: str, consumers: Mapping[str, Sequence[str]], commanders: Sequence[str]
) -> None:
    access = directory / ACCESS_FILE
    access.write_text(_access_list(fleet, consumers, commanders), encoding="ascii")
    access.chmod(0o600)


def _copy(source: Path, target: Path) -> None:
    """Copy a PEM file; a private key stays its owner's alone."""
    try:
        content = source.read_bytes()
        if not (target.exists() and target.samefile(source)):
            target.unlink(missing_ok=True)
            write_private(target, content)
    except OSError as error:
        raise KeyFileError(f"{error.filename}: {error.strerror}") from error
    if target.name != KEY_FILE:
        target.chmod(0o644)


def _access_list(fleet: str, consumers: Mapping[str, Sequence[str]], commanders: Sequence[str]) -> str:
    lines = ["# %u is the common name of the client's certificate"]
    lines += [f"pattern {grant.action} {grant.topic('%u')}" for grant in for_units(fleet)]
    for name, grants in for_clients(fleet, consumers, commanders):
        lines += ["", f"user {name}", *(f"topic {grant.action} {grant.topic()}" for grant in grants)]
    return "\n".join(lines) + "\n"


def _configuration(listener: Listener, directory: Path) -> str:
    """The text of mosquitto.conf in `directory`."""
    settings = {
        # With settings of its own for each listener mosquitto 2.0.21 grants nothing to who is away: it would
        # acknowledge reads to the unit and keep none of them for a centre that comes back.
        "per_listener_settings": "false",
        "log_dest": "stderr",
        "log_timestamp_format": "%Y-%m-%dT%H:%M:%S",
        "persistence": "true",
        "persistence_location": f"{directory / STATE_DIR}/",
        "autosave_interval": "5",
        # A full queue would drop reads that were acknowledged to the unit: let disk be the limit.
        "max_queued_messages": "0",
        "max_inflight_messages": "100",
        "max_packet_size": "65536",
        "persistent_client_expiration": "14d",
        "listener": f"{listener.port} {listener.address}".strip(),
        "tls_version": "tlsv1.3",
        "cafile": str(listener.ca_file.absolute()),
        "certfile": str(listener.cert_file.absolute()),
        "keyfile": str(listener.key_file.absolute()),
        "require_certificate": "true",
        "use_identity_as_username": "true",
        "allow_anonymous": "false",
        "acl_file": str(directory / ACCESS_FILE),
    }
    if listener.crl_file is not None:
        settings["crlfile"] = str(listener.crl_file.absolute())
    return "".join(f"{key} {value}\n" for key, value in settings.items())


def _for_this_user(config: Path) -> Path:
    """The configuration to start with: root's mosquitto would become a user that cannot read the files."""
    if os.geteuid() != 0:
        return config
    for_root = config.with_name(f"root-{config.name}")
    for_root.write_text(
        f"user {pwd.getpwuid(0).pw_name}\n{config.read_text(encoding='utf-8')}", encoding="utf-8"
    )
    return for_root


def _wait_until_ready(process: subprocess.Popen[bytes], listener: Listener, clock: Clock, log: Path) -> None:
    deadline_ns = clock.now().mono_ns + round(READY_WITHIN_S * 1e9)
    while clock.now().mono_ns < deadline_ns:
        if process.poll() is not None:
            break
        if _answers_tls(listener):
            return
        clock.sleep(0.02)
    last = log.read_text(errors="replace").strip().splitlines()[-LOG_LINES:]
    raise UplinkError(
        f"mosquitto did not come up on {listener.address}:{listener.port}: {' | '.join(last) or 'no output'}",
        hint=f"read {log}; is the port free?",
    )


def _answers_tls(listener: Listener) -> bool:
    """Whether the broker is past reading its files: it listens before, and then may still give up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((listener.address, listener.port), timeout=1.0) as plain,
            context.wrap_socket(plain),
        ):
            return True
    except OSError:
        return False
