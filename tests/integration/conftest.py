"""A real mosquitto with a real certificate authority, on a free port of loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UplinkError
from anpr_edge.fleet.authority import Authority, Issued
from anpr_edge.fleet.broker import Listener, find_mosquitto, free_port, running_mosquitto, write_mosquitto
from anpr_edge.uplink.tls import Credentials

FLEET = "testfleet"
UNIT = "unit-0001"
FEED = "access"
CENTRE = "centre"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Site:
    """A fleet's authority and a configured broker that a test may start, kill and start again."""

    directory: Path
    authority: Authority
    listener: Listener
    config: Path

    @property
    def port(self) -> int:
        return self.listener.port

    def broker(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return running_mosquitto(self.config, self.listener, SystemClock())

    def credentials(self, name: str) -> Credentials:
        """The files of a client with a certificate of this fleet; the same ones each time."""
        files = files_in(self.directory / name)
        if files.key_file.exists():
            return files
        return write_credentials(self.directory / name, self.authority, self.authority.issue_client(name))


def files_in(directory: Path) -> Credentials:
    """Where a client's files are in `directory`."""
    return Credentials(directory / "ca.crt", directory / "tls.crt", directory / "tls.pem")


def write_credentials(directory: Path, trusted: Authority, issued: Issued) -> Credentials:
    """Put a client's files into `directory`: the trusted authority, the certificate and the key."""
    directory.mkdir(exist_ok=True)
    files = files_in(directory)
    files.ca_file.write_bytes(trusted.cert_pem)
    files.cert_file.write_bytes(issued.cert_pem)
    files.key_file.write_bytes(issued.key_pem)
    return files


def make_site(directory: Path, server_name: str = HOST) -> Site:
    """A broker for the test fleet, not started yet."""
    authority = Authority.create(directory / "authority", FLEET, SystemClock())
    server = write_credentials(directory / "broker", authority, authority.issue_server(server_name))
    listener = Listener(free_port(), server.ca_file, server.cert_file, server.key_file)
    config = write_mosquitto(directory / "mosquitto", FLEET, listener, {CENTRE: [FEED]})
    return Site(directory, authority, listener, config)


def another_site(site: Site, name: str) -> Site:
    """A second broker of the same fleet, with files and a port of its own."""
    directory = site.directory / name
    listener = replace(site.listener, port=free_port())
    config = write_mosquitto(directory, FLEET, listener, {CENTRE: [FEED]})
    return replace(site, listener=listener, config=config)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A configured broker that is not running."""
    try:
        find_mosquitto()
    except UplinkError as error:
        pytest.skip(f"{error}: {error.hint}")
    return make_site(tmp_path)


@pytest.fixture
def broker(site: Site) -> Iterator[Site]:
    """A broker that is running."""
    with site.broker():
        yield site
