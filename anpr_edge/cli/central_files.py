"""Where a centre's files are, and reading sealed reads from files: shared by the `anpr-central` commands."""

from __future__ import annotations

import base64
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from anpr_edge.central.units import Units
from anpr_edge.cli.output import note
from anpr_edge.errors import UsageError

DEFAULT_HOME = Path("/etc/anpr-central")
RECIPIENT_FILE = "recipient.pem"
ACK_FILE = "ack.pem"
UNITS_FILE = "units.toml"
REFUSED_SUFFIX = ".refused"
OPENED = (
    "a store keeps what the envelopes held, not the envelopes: nothing in it can be verified or opened "
    f"again, but what is in its {REFUSED_SUFFIX} file can"
)


def add_home_option(parser: ArgumentParser) -> None:
    """The option `--home DIR`, the folder in which the other files are looked for."""
    parser.add_argument(
        "--home",
        type=Path,
        default=DEFAULT_HOME,
        metavar="DIR",
        help="where this centre's keys, certificate and list of units are (%(default)s)",
    )


def add_file_option(parser: ArgumentParser, option: str, name: str, meaning: str) -> None:
    """An option for one of those files, by default HOME/`name`."""
    parser.add_argument(option, type=Path, metavar="FILE", help=f"{meaning} (HOME/{name})")


def add_blob_arguments(parser: ArgumentParser) -> None:
    """The arguments of a command that reads sealed reads from files."""
    parser.add_argument(
        "files",
        nargs="*",
        default=["-"],
        metavar="FILE",
        help="a sealed read, or lines of JSON with a base64 `blob` such as a store's .refused file "
        "(not the store itself: it keeps no envelopes); "
        "- is standard input (the default)",
    )
    add_home_option(parser)
    add_file_option(parser, "--units", UNITS_FILE, "the units and their signing keys")


def chosen(args: Namespace, option: str, name: str) -> Path:
    """The file an option names, or HOME/`name`."""
    given = getattr(args, option)
    home: Path = args.home
    return given if isinstance(given, Path) else home / name


def load_units(args: Namespace) -> Units:
    """The list of units. Raises: ConfigError."""
    return Units.load(chosen(args, "units", UNITS_FILE))


def blobs(files: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Each sealed read with its place: a file's name, or name:line for lines of JSON.

    An empty `.refused` file gives nothing, and says so: it is a list of which nothing was refused.

    Raises: UsageError when a file cannot be read, or holds reads that were opened already.
    """
    for name in files:
        try:
            content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise UsageError(f"{name}: {error.strerror}") from error
        if not content and name.endswith(REFUSED_SUFFIX):
            note(f"{name}: 0 sealed reads")
        elif content.lstrip()[:1] == b"{":
            yield from _lines(name, content)
        else:
            yield name, content


def _lines(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(content.splitlines(), 1):
        place = f"{name}:{number}"
        try:
            document = json.loads(line)
            if "blob" not in document and "read" in document:
                raise UsageError(
                    f"{place}: a read that was opened already, without its envelope", hint=OPENED
                )
            yield place, base64.b64decode(document["blob"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"{place}: not a JSON object with a base64 blob") from None
