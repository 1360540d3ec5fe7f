"""How each fault is done to the fleet, and undone: when a function returns, the fleet may recover.

They may run at the same time: what they share, such as the broker's configuration, each undoes for itself.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.provision import enrol
from anpr_edge.fleet.rig import CENTRE, HOST, UNIT
from anpr_edge.records import Instant
from tests.faults.places import LOSE, run
from tests.faults.proxy import Proxy
from tests.faults.world import KEEP_ALIVE_S, World

EXPIRED = "certificate has expired|expired certificate"
GONE = "broker: .*(reset|hung up|connection lost)"
SILENT = "no sign of life|timed out|has not answered"
REFUSED = "MQTT reason 135|refused a publish"
READ_ONLY = "[Rr]ead-only"
UNKEPT = "cannot keep: .* is full|disk-full"
"""Either nothing more is kept, or the oldest is given up and the centre told so."""

NOTICED_WITHIN_S = 20.0

Strike = Callable[[World, Random], None]

DAY_S = 86_400
LONG_AGO_S = 3 * 365 * DAY_S
"""A certificate issued then has expired: they are good for two years."""


@contextmanager
def until_noticed(
    world: World, *traces: tuple[str, str], within_s: float = NOTICED_WITHIN_S
) -> Iterator[None]:
    """The block goes on until these services have said these words since it began, or for long enough.

    A service that another fault has taken away says nothing; that is no failure here.
    """
    known = world.sizes()
    yield
    try:
        world.wait(
            "the fault is noticed",
            lambda: all(re.search(words, world.services[name].said(known[name])) for name, words in traces),
            within_s,
        )
    except AssertionError:
        return


# ── processes ───────────────────────────────────────────────────────────────────────────────


def kill(service: str, times: int) -> Strike:
    """kill -9 at any moment, several times."""

    def strike(world: World, rng: Random) -> None:
        for _ in range(times):
            world.sleep(rng.uniform(0.1, 0.9))
            world.services[service].kill()

    return strike


def crash_store(world: World, rng: Random) -> None:
    with world.services["centre"].held():
        world.book.crash(rng)
        world.sleep(rng.uniform(0.2, 1.0))


# ── links ───────────────────────────────────────────────────────────────────────────────────


def _links(world: World) -> tuple[Proxy, Proxy]:
    return world.unit_link, world.centre_link


def lose_link(which: int) -> Strike:
    """Broken, and nobody answers for some seconds."""

    def strike(world: World, rng: Random) -> None:
        link = _links(world)[which]
        for _ in range(2):
            link.refusing = True
            link.cut()
            world.sleep(rng.uniform(0.5, 1.5))
            link.refusing = False
            world.sleep(rng.uniform(0.2, 0.8))

    return strike


def leave_half_open(which: int) -> Strike:
    """Nothing passes and nobody is told; a new connection would be well."""

    def strike(world: World, rng: Random) -> None:
        with until_noticed(world, (("uplink", "centre")[which], SILENT)):
            _links(world)[which].forget()
            world.sleep(rng.uniform(1.0, 3.0))

    return strike


def delay(world: World, rng: Random) -> None:
    for link in _links(world):
        link.delay_s = 2.0
    world.sleep(rng.uniform(5.0, 7.0))
    for link in _links(world):
        link.delay_s = 0.0


def stutter(world: World, rng: Random) -> None:
    for link in _links(world):
        link.fits_s = 1.5
    world.sleep(rng.uniform(4.0, 6.0))
    for link in _links(world):
        link.fits_s = 0.0


def _packets_dropped_by_now() -> int:
    """How many packets our rules have met in this network namespace."""
    table = subprocess.run(
        ["iptables", "-w", "-nvxL", "INPUT"], capture_output=True, text=True, check=True
    ).stdout
    return sum(int(line.split()[0]) for line in table.splitlines() if "DROP" in line)


@contextmanager
def _packets_dropped(world: World, *condition: str) -> Iterator[None]:
    """For the block, and until one is met: another fault may have silenced the network meanwhile."""
    run("iptables", "-w", "-A", "INPUT", "-i", "lo", *condition, "-j", "DROP")
    try:
        yield
        world.wait("a packet is lost", lambda: _packets_dropped_by_now() > 0)
    finally:
        run("iptables", "-w", "-D", "INPUT", "-i", "lo", *condition, "-j", "DROP")


def lose_packets(world: World, rng: Random) -> None:
    with _packets_dropped(world, *LOSE):
        world.sleep(rng.uniform(6.0, 8.0))


def lose_all_packets(world: World, rng: Random) -> None:
    with _packets_dropped(world, "-p", "tcp"):
        world.sleep(rng.uniform(2.0, 2 * KEEP_ALIVE_S))


# ── the broker's own ways ───────────────────────────────────────────────────────────────────


def forget_all(world: World, rng: Random) -> None:
    """The centre is away; the broker accepts for it and then loses its disk."""
    with world.services["centre"].held():
        world.wait_for_reads(rng.randint(50, 150))
        with world.services["broker"].held():
            for file in (world.broker_config.parent / "state").iterdir():
                file.unlink()


def queue_little(world: World, rng: Random) -> None:
    """The centre is away; the broker acknowledges all and keeps ten messages."""
    world.configure_broker({"max_queued_messages": "10"})
    try:
        with world.services["centre"].held():
            world.services["broker"].kill()
            world.wait_for_reads(rng.randint(100, 300))
    finally:
        world.configure_broker({})
    world.services["broker"].kill()


def refuse(world: World, rng: Random) -> None:
    """The broker's access list loses the unit for a while: `Not authorized`."""
    access = world.broker_config.parent / "access.acl"
    right = access.read_text()
    access.write_text(right.replace("/%u/reads/+", "/%u/nothing/+"))
    try:
        with until_noticed(world, ("uplink", REFUSED)):
            world.services["broker"].signal(signal.SIGHUP)
            world.sleep(rng.uniform(0.5, 2.0))
    finally:
        access.write_text(right)
        world.services["broker"].signal(signal.SIGHUP)


# ── disks ───────────────────────────────────────────────────────────────────────────────────


@contextmanager
def filled(directory: Path) -> Iterator[None]:
    """No byte is free on the small file system that `directory` is."""
    assert directory.is_mount(), "never fill a disk that others use"
    ballast = directory / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            _write_until_full(file.fileno())
        yield
    finally:
        ballast.unlink(missing_ok=True)


def _write_until_full(descriptor: int) -> None:
    size = 1 << 20
    while size:
        try:
            os.write(descriptor, bytes(size))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            size //= 2


def fill_card(world: World, rng: Random) -> None:
    """Full while the uplink is away, so that nothing makes room; then the uplink comes, and it still is.

    The outbox keeps some room back for that, its log has some, and so have the pages of reads that are gone:
    hundreds of new ones fit there. Here all of that is gone too.
    """
    (world.card / "outbox.db.reserve").unlink(missing_ok=True)
    noticed = until_noticed(world, ("writer", UNKEPT), within_s=5.0)
    with world.services["uplink"].held():
        world.wait("the outbox has no room of its own", lambda: _squeezed(world.outbox_path), 10.0)
        with filled(world.card), noticed:
            world.write(rng.randint(100, 200))
            world.sleep(rng.uniform(0.5, 1.5))
    with filled(world.card):
        world.sleep(rng.uniform(1.0, 2.0))


def _squeezed(outbox: Path) -> bool:
    """Whether its free pages could be given up, and its log cut off: not while somebody else is at it."""
    try:
        with closing(sqlite3.connect(outbox)) as database:
            database.execute("VACUUM")
            busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return not busy


def fill_centre(world: World, rng: Random) -> None:
    with filled(world.book.directory), until_noticed(world, ("centre", "cannot keep reads")):
        world.sleep(rng.uniform(1.0, 3.0))


def card_read_only(world: World, rng: Random) -> None:
    """As after a reboot that found the card failing: nothing can be written to it."""
    try:
        with until_noticed(world, ("writer", READ_ONLY), ("uplink", READ_ONLY)):
            with world.services["writer"].held(), world.services["uplink"].held():
                run("mount", "-o", "remount,ro", str(world.card))
            world.sleep(rng.uniform(0.5, 2.0))
    finally:
        run("mount", "-o", "remount,rw", str(world.card))


# ── time ────────────────────────────────────────────────────────────────────────────────────


def step_clock(world: World, rng: Random) -> None:
    for _ in range(3):
        for days in rng.sample((-1, 1), 2):
            world.shift_clock(days * DAY_S)
            world.sleep(rng.uniform(0.3, 1.0))
            if rng.random() < 0.3:
                world.services["uplink"].kill()
    world.shift_clock(0)


class _LongAgo(SystemClock):
    """What the authority's clock said when it issued what has expired now."""

    def now(self) -> Instant:
        now = SystemClock().now()
        return Instant(now.utc_ns - LONG_AGO_S * 10**9, now.mono_ns, now.utc_error_ms)


def expire_unit(world: World, rng: Random) -> None:
    directory = world.directory / "authority"
    enrol(Authority.load(directory, _LongAgo()), world.rig.unit.state_dir, UNIT)
    with until_noticed(world, ("uplink", EXPIRED)):
        world.services["uplink"].kill()  # one that runs would stay with the certificate it has
        world.sleep(rng.uniform(0.5, 2.0))
    enrol(Authority.load(directory, SystemClock()), world.rig.unit.state_dir, UNIT)


def expire_broker(world: World, rng: Random) -> None:
    listener, directory = world.rig.listener, world.directory / "authority"
    for clock in (_LongAgo(), SystemClock()):
        issued = Authority.load(directory, clock).issue_server(HOST)
        traces = (("uplink", EXPIRED), ("centre", EXPIRED)) if isinstance(clock, _LongAgo) else ()
        with until_noticed(world, *traces):
            with world.services["broker"].held():
                listener.cert_file.write_bytes(issued.cert_pem)
                listener.key_file.write_bytes(issued.key_pem)
            world.sleep(rng.uniform(0.5, 2.0))


def expire_centre(world: World, rng: Random) -> None:
    directory, home = world.directory / "authority", world.rig.centre_dir
    right = (home / "tls.crt").read_bytes(), (home / "tls.pem").read_bytes()
    issued = Authority.load(directory, _LongAgo()).issue_client(CENTRE)
    try:
        (home / "tls.crt").write_bytes(issued.cert_pem)
        (home / "tls.pem").write_bytes(issued.key_pem)
        with until_noticed(world, ("centre", EXPIRED)):
            world.services["centre"].kill()
            world.sleep(rng.uniform(0.5, 2.0))
    finally:
        (home / "tls.crt").write_bytes(right[0])
        (home / "tls.pem").write_bytes(right[1])
    world.services["centre"].kill()
