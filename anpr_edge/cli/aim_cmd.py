"""`anpr-edge aim`: a page for the phone of whoever stands under the pole, for some minutes.

`aim --json` prints one line once the page can be reached: {"schema": 1, "link", "sha256", "minutes",
"reader_paused"}. Exit code: 0 it ended as it should, 1 the camera or the address could not be had, 2 wrong
usage, 78 the configuration cannot be used.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from typing import TYPE_CHECKING

from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import json_line, note
from anpr_edge.cli.program import add_config_option
from anpr_edge.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from anpr_edge.aim.run import Opened
    from anpr_edge.config.model import ViewSettings

SCHEMA = 1

AIM_HELP = """Serve a page to aim, focus and accept the unit by: live view with plates outlined and painted
over, focus meter, plate width, exposure, frame rate; areas and lanes drawn by finger; the
commissioning view; the acceptance record. The page opens with the code printed here, in one
browser, and ends by itself. Nothing of a picture is kept or sent elsewhere.

The camera serves one at a time: a reader that systemd runs is stopped, and started again when
the page ends, in whatever way. VEHICLES THAT PASS MEANWHILE ARE NOT READ. Reads already made
are sent as always. Examples:

  sudo anpr-edge aim                       through ssh -L 8443:localhost:8443
  sudo anpr-edge aim --listen eth0         on the service port, with the code for a phone"""

EXIT_CODES = """exit code: 0 it ended as it should, 1 the camera or the address could not be had,
2 wrong usage, 78 the configuration cannot be used"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `aim`."""
    aim = subparsers.add_parser(
        "aim",
        help="serve a page to aim, focus and accept the unit by, for some minutes",
        description=AIM_HELP,
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_config_option(aim)
    aim.add_argument(
        "--listen",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the service port's address or interface; by default this unit alone (%(default)s)",
    )
    aim.add_argument("--port", type=whole(0, 65_535), default=8443, help="0: any (%(default)s)")
    aim.add_argument("--minutes", type=whole(1, 120), default=30, help="until it ends (%(default)s)")
    aim.add_argument("--force", action="store_true", help="listen where a default route leads, too")
    aim.add_argument("--json", action="store_true", help="print one JSON object instead of the code")
    aim.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Serve the page until it ends."""
    from anpr_edge.aim.run import Wanted, run_aim
    from anpr_edge.config import load_config
    from anpr_edge.daemon.logs import start_logging
    from anpr_edge.devices.clock import SystemClock

    start_logging("warning")
    note("Opening the page; a reader that systemd runs is stopped first.")
    wanted = Wanted(arguments.listen, arguments.port, arguments.minutes, arguments.force)
    tell = _tell_json if arguments.json else _tell
    before = load_config(arguments.config).view
    why = run_aim(arguments.config, wanted, SystemClock(), tell)
    note(f"The page has ended: {why}.")
    _tell_areas(arguments.config, before)
    return 0


def _tell_areas(file: Path, before: ViewSettings) -> None:
    """Whoever drew some is to save them; a file that was spoilt meanwhile is no failure of the page."""
    from anpr_edge.config import load_config

    try:
        drawn = load_config(file).view != before
    except ConfigError:
        note(f"{file} has become unusable meanwhile: anpr-edge config check")
        return
    if drawn:
        note("next: save the new areas for the workshop: the menu's drive-by test leaves them on the stick;")
        note("      with a login: anpr-edge config areas --out FOLDER")


def _tell(opened: Opened) -> None:
    """The code for a phone's camera, the link, and what the browser will ask about."""
    import segno

    if (os.environ.get("LANG", "") + os.environ.get("LC_ALL", "")).lower().replace("-", "").find("utf8") >= 0:
        segno.make(opened.link, error="l").terminal(out=sys.stdout, compact=True)
    else:
        segno.make(opened.link, error="l").terminal(out=sys.stdout)
    print(opened.link)
    print(f"certificate SHA-256 {opened.sha256}", flush=True)
    note("The browser does not know this certificate: compare its SHA-256 with the one above, then go on.")
    if opened.reader_paused:
        note("The reader is stopped: vehicles are not read until this ends. Then it starts by itself.")
    note(f"The code works once. The page ends after {opened.minutes} minutes, or with Ctrl-C.")


def _tell_json(opened: Opened) -> None:
    json_line(
        {
            "schema": SCHEMA,
            "link": opened.link,
            "sha256": opened.sha256,
            "minutes": opened.minutes,
            "reader_paused": opened.reader_paused,
        }
    )
    sys.stdout.flush()
