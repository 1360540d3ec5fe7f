"""`anpr-central watch`: the fleet as it is now: who is late, losing, unhealthy or offline."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from anpr_edge.cli.central_files import (
    ACK_FILE,
    UNITS_FILE,
    add_file_option,
    add_home_option,
    chosen,
)
from anpr_edge.cli.numbers import between, whole
from anpr_edge.cli.output import json_line, note
from anpr_edge.cli.watch_choice import add_choice, wanted_of
from anpr_edge.errors import UsageError
from anpr_edge.uplink import topics

if TYPE_CHECKING:
    from anpr_edge.central.fleet_conditions import Limits
    from anpr_edge.central.fleet_report import FleetReport, Wanted
    from anpr_edge.central.fleet_view import FleetView
    from anpr_edge.central.metrics_server import MetricsServer
    from anpr_edge.central.stores.look import Look
    from anpr_edge.central.watcher import Watcher
    from anpr_edge.seal.keys import VerifyKey
    from anpr_edge.seams import Clock

TEXT = """Watch a fleet: which units are offline, late, losing reads or unhealthy, the worst first.
Looks at what units and centres leave at the broker (status, health, watermarks) and at the
centre's list of units; it acknowledges and changes nothing, and sees no plate.

On a terminal it redraws in place until q or Ctrl-C. --once prints one table and ends;
--json prints one object (docs/watch.md), each --every seconds without --once.
--metrics 127.0.0.1:9464 serves OpenMetrics at /metrics meanwhile, on loopback alone.

--update VERSION shows how far units are with that update, those first that fell back or failed, and
with --once ends with 0 only when all are done. --group G looks at the units of that group alone.

Not known is never shown as ok. With --once the exit code is 1 when a unit fails or nothing
certain is known of it, or the broker was not reached; warnings alone are 0. Examples:

  anpr-central watch --host broker.example --fleet demo
  anpr-central watch --host broker.example --fleet demo --once --json
  anpr-central watch --host broker.example --fleet demo --group pilot --update 1.4.0"""

POLL_S = 0.2
SETTLE_S = 3.0


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `watch`."""
    parser = subparsers.add_parser(
        "watch",
        help="the fleet now: who is offline, late, losing or unhealthy",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--host", default="localhost", help="the broker, by the name in its certificate (%(default)s)"
    )
    parser.add_argument("--port", type=whole(1, 65535), default=8883, help="its TLS port (%(default)s)")
    parser.add_argument("--fleet", required=True, help="the fleet's name")
    add_home_option(parser)
    add_file_option(parser, "--units", UNITS_FILE, "the units there should be; nobody is missed without")
    add_file_option(parser, "--ack-key", ACK_FILE, "the feed's watermark key, or a file with its public text")
    parser.add_argument(
        "--store", metavar="STORE", help="a store of the fleet, for what is missing in it (subscribe --help)"
    )
    add_file_option(parser, "--ca", "ca.crt", "the fleet's certificate")
    add_file_option(parser, "--cert", "tls.crt", "this consumer's certificate")
    add_file_option(parser, "--cert-key", "tls.pem", "the certificate's private key")
    add_choice(parser)
    _add_output_options(parser)
    parser.set_defaults(run=run)


def _add_output_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what is shown")
    group.add_argument("--once", action="store_true", help="print once and end")
    group.add_argument("--json", action="store_true", help="print JSON objects")
    group.add_argument("--every", type=between(0.2), default=2.0, metavar="SECONDS", help="(%(default)s)")
    group.add_argument(
        "--for",
        dest="listen_s",
        type=between(0.1),
        metavar="SECONDS",
        help=f"how long --once listens first ({SETTLE_S:g}); 130 sees every count twice and so what rises",
    )
    group.add_argument(
        "--late-after",
        type=between(1),
        default=150.0,
        metavar="SECONDS",
        help="health older than this is late; units tell it each minute (%(default)s)",
    )
    group.add_argument("--metrics", metavar="ADDRESS:PORT", help="serve OpenMetrics at /metrics there")
    group.add_argument(
        "--metrics-anywhere", action="store_true", help="let --metrics be on an address that is not loopback"
    )


def run(args: Namespace) -> int:
    """Watch until told to stop; with --once 1 when not all is well."""
    from anpr_edge.central.fleet_conditions import Limits
    from anpr_edge.devices.clock import SystemClock

    if not topics.is_name(args.fleet):
        raise UsageError(f"{args.fleet!r} cannot name a fleet", hint=topics.NAME_HINT)
    clock, wanted = SystemClock(), wanted_of(args)
    view = _view(args)
    watch = _Watch(view, clock, Limits(late_s=args.late_after), wanted, _look(args))
    server = _metrics(args, watch)
    watcher = _watcher(args, view, clock)
    watcher.start()
    try:
        return _once(args, watch, watcher) if args.once else _live(args, watch, watcher)
    finally:
        watcher.stop()
        if server:
            server.close()


class _Watch:
    """One view of the fleet, looked at by the screen's thread and by those who ask for metrics."""

    def __init__(
        self, view: FleetView, clock: Clock, limits: Limits, wanted: Wanted, look: Look | None
    ) -> None:
        self.view = view
        self._wanted = wanted
        self._look = look
        self._clock = clock
        self._limits = limits
        self._guard = Lock()

    def take(self, watcher: Watcher, timeout_s: float) -> None:
        """Wait for news, then put all of it in at once."""
        watcher.wait(timeout_s)
        with self._guard:
            watcher.take()
            if self._look:
                now = self._clock.now()
                self._look.look(now.utc_ns)
                if self._look.is_whole:
                    self.view.count(self._look.ledgers.items(), now)

    def report(self) -> FleetReport:
        from anpr_edge.central.fleet_report import report

        with self._guard:
            return report(self.view, self._clock.now(), self._limits, self._wanted)

    def metrics(self) -> str:
        """Of the whole fleet, whatever is shown."""
        from anpr_edge.central.fleet_report import report
        from anpr_edge.central.openmetrics import openmetrics

        with self._guard:
            whole = report(self.view, self._clock.now(), self._limits)
        return openmetrics(whole)

    def now_s(self) -> float:
        return self._clock.now().mono_ns / 1e9


def _view(args: Namespace) -> FleetView:
    from anpr_edge.central.fleet_view import FleetView
    from anpr_edge.central.units import Units

    path = chosen(args, "units", UNITS_FILE)
    listed = Units.load(path).keys if path.exists() or args.units else None
    if listed is None:
        note(f"{path}: no list of units: who has never been heard of is not missed")
    return FleetView(args.fleet, listed=listed, ack_keys=_ack_keys(args))


def _ack_keys(args: Namespace) -> tuple[VerifyKey, ...]:
    from anpr_edge.seal.keys import SigningKey, VerifyKey

    path: Path = chosen(args, "ack_key", ACK_FILE)
    if not path.exists() and not args.ack_key:
        note(f"{path}: no key to check watermarks with: what centres miss is not looked at")
        return ()
    is_private = b"PRIVATE KEY" in path.read_bytes() if path.exists() else False
    return (SigningKey.load(path).public if is_private else VerifyKey.load(path),)


def _look(args: Namespace) -> Look | None:
    from anpr_edge.central.stores.look import open_look

    return open_look(args.store) if args.store else None


def _metrics(args: Namespace, watch: _Watch) -> MetricsServer | None:
    from anpr_edge.central.metrics_server import MetricsServer, parse_address

    if not args.metrics:
        return None
    host, port = parse_address(args.metrics, anywhere=args.metrics_anywhere)
    server = MetricsServer((host, port), watch.metrics)
    note(f"metrics: http://{f'[{host}]' if ':' in host else host}:{server.port}/metrics")
    return server


def _watcher(args: Namespace, view: FleetView, clock: Clock) -> Watcher:
    from anpr_edge.central.watcher import Watcher
    from anpr_edge.uplink.link import LinkOptions
    from anpr_edge.uplink.tls import Credentials, SettingNames

    credentials = Credentials(
        chosen(args, "ca", "ca.crt"), chosen(args, "cert", "tls.crt"), chosen(args, "cert_key", "tls.pem")
    )
    credentials.context()  # a missing file will not come by waiting
    options = LinkOptions(
        host=args.host,
        port=args.port,
        credentials=credentials,
        client_id=f"{args.fleet}.fleetwatch.{clock.now().utc_ns:x}",
        in_flight=100,
        settings=SettingNames(host="--host", port="--port", ca="--ca", cert="--cert"),
    )
    return Watcher(options, view, clock)


def _once(args: Namespace, watch: _Watch, watcher: Watcher) -> int:
    listen_s = args.listen_s or SETTLE_S
    began_s = watch.now_s()
    while watch.now_s() - began_s < listen_s:
        watch.take(watcher, POLL_S)
    report = watch.report()
    _print(args, report)
    if report.fleet.connected and not report.units and report.fleet.units:
        note("hint: no unit is of these groups; anpr-fleet unit list shows them")
    elif report.fleet.connected and not report.units:
        note("hint: nothing came; does the broker's access list grant this consumer the fleet's status?")
    return 0 if report.is_well else 1


def _live(args: Namespace, watch: _Watch, watcher: Watcher) -> int:
    from anpr_edge.cli.watch_screen import screen_if

    told_to_stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_stop.set())
    shown_s = watch.now_s() - args.every
    with screen_if(sys.stdout.isatty() and not args.json) as screen:
        while not told_to_stop.is_set() and not (screen and screen.is_quit()):
            watch.take(watcher, POLL_S)
            if watch.now_s() - shown_s >= args.every or (screen and screen.is_resized):
                shown_s = watch.now_s()
                screen.draw(watch.report()) if screen else _print(args, watch.report())
    return 0


def _print(args: Namespace, report: FleetReport) -> None:
    from anpr_edge.central.fleet_report import document
    from anpr_edge.cli.watch_screen import lines

    if args.json:
        json_line(document(report))
    else:
        print("\n".join(lines(report)), end="\n" if args.once else "\n\n")
    sys.stdout.flush()
