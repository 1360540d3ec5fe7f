"""From start to end of the page: the camera taken, the server up, the end seen to, all of it traced."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from anpr_edge.aim.desk import Desk
from anpr_edge.aim.gate import own_hosts
from anpr_edge.aim.interfaces import exposed, outward_interfaces, own_addresses, resolve
from anpr_edge.aim.readerpause import reader_paused
from anpr_edge.aim.routes import AimRoutes
from anpr_edge.aim.server import AimServer
from anpr_edge.aim.session import Session
from anpr_edge.aim.sight import Sight
from anpr_edge.aim.tls import server_context
from anpr_edge.aim.trace import BEGUN, ENDED, Trace
from anpr_edge.config import load_config
from anpr_edge.daemon.alone import alone
from anpr_edge.errors import AnprError, UsageError
from anpr_edge.seal.own_certificate import make_own_certificate
from anpr_edge.seams import Clock

NAME: Final = "anpr-edge aim"
"""In the certificate: whoever connects sees it, so it does not say which unit this is."""
LOOK_EVERY_S: Final = 0.25
LAST_WORD_S: Final = 1.5
"""The page is told why it ends before it does."""
ENDINGS: Final = {
    signal.SIGINT: "ended in the terminal",
    signal.SIGTERM: "told to end",
    signal.SIGHUP: "the terminal is gone",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the page is to be served. `force` allows an interface that the world can reach."""

    listen: str = "127.0.0.1"
    port: int = 8443
    minutes: int = 30
    force: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """What the person in the terminal is told: the link with its token, and the certificate to expect."""

    link: str
    sha256: str
    minutes: int
    reader_paused: bool

    def __repr__(self) -> str:
        return f"Opened({self.link.partition('#')[0]})"


def run_aim(config_path: Path, wanted: Wanted, clock: Clock, tell: Callable[[Opened], None]) -> str:
    """Serve the page until it ends; gives the reason. `tell` is called once it can be reached.

    Raises: AnprError when the camera, the address or the state folder cannot be had.
    """
    config_path = config_path.absolute()
    unit = load_config(config_path).unit
    own = own_addresses()
    address = resolve(wanted.listen, own)
    _refuse_exposed(address, own, wanted.force)
    trace, session = Trace(unit.state_dir, clock), Session(clock, minutes=wanted.minutes)
    with ExitStack() as opened:
        enter = opened.enter_context
        enter(alone(unit.state_dir, "aim"))
        stop = enter(_signals(session))
        paused = enter(reader_paused(unit.state_dir / "aim.lock"))
        enter(alone(unit.state_dir, "reader"))
        enter(_traced(trace, session, address=address, minutes=wanted.minutes, reader_paused=paused))
        sight = enter(closing(Sight(config_path)))
        desk = Desk(config_path, clock, sight, trace, reader_paused=paused)
        certificate = make_own_certificate(
            NAME, sorted(own_hosts(address, own)), clock, timedelta(minutes=wanted.minutes, days=1)
        )
        hosts = own_hosts(address, own)
        routes = AimRoutes(session, desk, sight, trace)
        server = enter(_serving(address, wanted.port, server_context(certificate), routes, hosts))
        link = f"https://{_in_url(address, own)}:{server.port}/#{session.token}"
        tell(Opened(link, certificate.sha256, wanted.minutes, paused))
        while not session.over() and not sight.ended:
            stop.wait(LOOK_EVERY_S)
        if sight.ended:
            session.end(f"the camera's process ended: {sight.ended}")
        clock.sleep(LAST_WORD_S if session.entered and not stop.is_set() else 0.0)
        if sight.ended:
            raise AnprError(sight.ended)
    return session.over()


def _refuse_exposed(address: str, own: dict[str, str], force: bool) -> None:
    """Raises: UsageError when the world may reach `address`, and nobody insists."""
    interface = exposed(address, own, outward_interfaces())
    if interface and not force:
        raise UsageError(
            f"--listen {address}: {interface} has a default route: others may reach the page there",
            hint="use the service port, or ssh -L 8443:localhost:8443; --force if this network is yours",
        )


@contextmanager
def _signals(session: Session) -> Iterator[Event]:
    """Ctrl-C, SIGTERM and the end of the terminal end the page in order."""
    stop = Event()

    def end(number: int, _: Any) -> None:
        session.end(ENDINGS[signal.Signals(number)])
        stop.set()

    before = {number: signal.signal(number, end) for number in ENDINGS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _traced(trace: Trace, session: Session, **how: Any) -> Iterator[None]:
    """Enter beginning and end in the audit log, the end whatever it was."""
    trace.enter(BEGUN, **how)
    try:
        yield
    finally:
        why, refused = session.over() or "it failed", session.refusals.total()
        trace.enter(ENDED, why=why, lasted_s=round(session.lasted_s), refused=refused)


@contextmanager
def _serving(
    address: str, port: int, context: Any, routes: AimRoutes, hosts: frozenset[str]
) -> Iterator[AimServer]:
    try:
        server = AimServer(address, port, context, routes, hosts)
    except OSError as error:
        raise AnprError(
            f"{address} port {port}: {os.strerror(error.errno or 0)}", hint="--port N chooses another"
        ) from None
    thread = Thread(target=server.serve_forever, args=(LOOK_EVERY_S,), name="aim", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _in_url(address: str, own: dict[str, str]) -> str:
    if address in ("0.0.0.0", "::"):
        address = next((one for one, name in own.items() if name != "lo"), "127.0.0.1")
    return f"[{address}]" if ":" in address else address
