"""`anpr-fleet enrol --serve`: answers units that ask for their certificate over MQTT, with a token."""

from __future__ import annotations

import random
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.fleet_places import fleet_folder, open_authority
from anpr_edge.cli.numbers import between, whole
from anpr_edge.cli.output import note
from anpr_edge.errors import UplinkError, UsageError

if TYPE_CHECKING:
    from anpr_edge.fleet.enroller import EnrolmentServer, Outcome
    from anpr_edge.seams import Clock

LONGEST_PAUSE_S = 30.0
"""After a lost connection: units leave their requests at the broker meanwhile."""

SERVE_TEXT = """

With --serve the requests come over the broker: from units whose bundle has a token (unit bundle --token).
Each token gives one certificate, to the key that asked first. Runs until it is stopped; requests that came
while nobody was serving are answered at the start. Every answer and refusal is in the fleet folder's
enrolment.log.
--home holds tls.crt and tls.pem of a client that fleet.toml names in [access] enrollers, and ca.crt.

  anpr-fleet enrol --serve --home enroller"""


def add_serve_options(parser: ArgumentParser) -> None:
    """Add --serve, and where the broker is."""
    group = parser.add_argument_group("over MQTT")
    group.add_argument("--serve", action="store_true", help="answer requests that come over the broker")
    group.add_argument("--home", type=Path, metavar="FOLDER", help="the enroller's certificate and key")
    group.add_argument("--host", help="the broker, as in its certificate (fleet.toml's first)")
    group.add_argument("--port", type=whole(1, 65535), help="its TLS port (fleet.toml's)")
    group.add_argument(
        "--idle", type=between(0.1, 864_000), metavar="SECONDS", help="end when nothing has come for so long"
    )


def serve(arguments: Namespace) -> int:
    """Answer requests until stopped, or idle. Exit code 1 when one was refused or not answered."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.enroller import Desk, EnrolmentServer
    from anpr_edge.uplink.link import LinkOptions
    from anpr_edge.uplink.tls import Credentials, SettingNames

    folder = fleet_folder(arguments)
    home, broker = arguments.home, folder.plan.broker
    if home is None:
        raise UsageError(
            "--serve needs --home FOLDER",
            hint="anpr-fleet consumer NAME --out FOLDER makes it; name it in fleet.toml: [access] enrollers",
        )
    host = arguments.host or (broker and broker.host)
    if not host:
        raise UsageError("which broker?", hint="give --host, or [broker] host in fleet.toml")
    credentials = Credentials(home / "ca.crt", home / "tls.crt", home / "tls.pem")
    credentials.context()  # a missing file will not come by waiting
    names = SettingNames("--host", "--port", "ca.crt in --home", "tls.crt in --home")
    port = arguments.port or (broker.port if broker else 8883)
    options = LinkOptions(host, port, credentials, f"{folder.fleet}.enroller", settings=names)
    clock = SystemClock()
    desk = Desk(folder, open_authority(arguments, folder), clock)
    refused: list[str] = []
    note(f"answering requests at {host}:{port}")
    try:
        _serve_for_ever(
            lambda: EnrolmentServer(options, desk, folder.fleet, clock), arguments.idle, refused, clock
        )
    except KeyboardInterrupt:
        note("stopped")
    return 1 if refused else 0


def _serve_for_ever(
    connect: Callable[[], EnrolmentServer], idle_s: float | None, refused: list[str], clock: Clock
) -> None:
    """One connection after another, until nothing comes for `idle_s` seconds.

    Raises: UplinkError when there never was one.
    """
    from anpr_edge.uplink.backoff import Backoff

    backoff, was_up = Backoff(random.Random(), most_s=LONGEST_PAUSE_S), False
    while True:
        server = connect()
        try:
            server.serve(lambda outcome: _show(outcome, refused), idle_s)
            return
        except UplinkError as error:
            if server.was_up:
                backoff.reset()
            was_up = was_up or server.was_up
            if not was_up:
                raise
            note(f"{error}; connecting again")
        clock.sleep(backoff.next_delay_s())


def _show(outcome: Outcome, refused: list[str]) -> None:
    print(f"{outcome.unit}  {outcome.event}  {outcome.serial or outcome.why}", flush=True)
    if outcome.serial:
        note(f"next: anpr-central units add {outcome.unit} {outcome.verify_key}")
    else:
        refused.append(outcome.unit)
