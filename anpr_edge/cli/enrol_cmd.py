"""`anpr-edge enrol`: with the bundle's token, the unit fetches its certificate over MQTT."""

from __future__ import annotations

import random
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path

from anpr_edge.cli.needs_root import needing_root
from anpr_edge.cli.numbers import between
from anpr_edge.cli.output import note
from anpr_edge.errors import KeyFileError

TEXT = """Send the unit's certificate request to the broker's enrolment listener, under the token that came
with its bundle, and take the certificate that the workshop answers with. Tried again, with growing pauses of
up to a quarter of an hour, until there is one; the unit records meanwhile. A token works once.
anpr-edge-enrol.service does this by itself.

  sudo anpr-edge enrol --once"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `enrol`."""
    parser = subparsers.add_parser(
        "enrol",
        help="fetch the unit's certificate over MQTT",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--once", action="store_true", help="try once, and say why it did not work")
    parser.add_argument(
        "--wait",
        type=between(0.1, 3600),
        default=60.0,
        metavar="SECONDS",
        help="how long to wait for an answer each time (%(default)s)",
    )
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="enrol the system below here (/)"
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Ask until there is a certificate."""
    with needing_root():
        return _run(arguments)


def _run(arguments: Namespace) -> int:
    from anpr_edge.bundlecheck import CONFIG_FILE
    from anpr_edge.config.load import inspect_text, read_text
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.firstboot.certificate import read_ticket
    from anpr_edge.firstboot.enrolling import FIRST_PAUSE_S, LONGEST_PAUSE_S, Enroller
    from anpr_edge.firstboot.install import papers_of
    from anpr_edge.firstboot.places import Places
    from anpr_edge.uplink.backoff import Backoff

    places = Places(arguments.root.absolute())
    config = inspect_text(CONFIG_FILE, read_text(places.config_file)).usable()
    papers = papers_of(config, places)
    ticket = read_ticket(papers.ticket)
    if ticket is None:
        raise KeyFileError(
            f"{papers.ticket}: no token to enrol with",
            hint="it comes with a bundle (anpr-fleet unit bundle --token), and goes when it is used; without "
            "one the request is carried: anpr-fleet enrol",
        )
    enroller = Enroller(papers, ticket, config.unit.fleet, SystemClock(), note)
    backoff = Backoff(random.Random(), first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S)
    serial = enroller.once(arguments.wait) if arguments.once else enroller.until_done(backoff, arguments.wait)
    print(serial)
    note(f"took the certificate {papers.certificate}; the uplink uses it within a minute")
    return 0
