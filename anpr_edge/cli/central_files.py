"""Where a centre's files are, and reading sealed reads from files: shared by the `anpr-central` commands."""

from __future__ import annotations

import base64
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from anpr_edge.central.units import Units
from anpr_edge.errors import UsageError

DEFAULT_HOME = Path("/etc/anpr-central")
RECIPIENT_FILE = "recipient.pem"
ACK_FILE = "ack.pem"
UNITS_FILE = "units.toml"


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
        help="a sealed read, or lines of JSON with a base64 `blob` such as a store's .refused file; "
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

    Raises: UsageError when a file cannot be read.
    """
    for name in files:
        try:
            content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise UsageError(f"{name}: {error.strerror}") from error
        if content.lstrip()[:1] == b"{":
            yield from _lines(name, content)
        else:
            yield name, content


def _lines(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(content.splitlines(), 1):
        try:
            yield f"{name}:{number}", base64.b64decode(json.loads(line)["blob"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"{name}:{number}: not a JSON object with a base64 blob") from None
