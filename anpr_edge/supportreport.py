"""A support report: one zip of what whoever helps from afar needs, and of nothing that is anybody's secret.

No plate, no picture and no key is in it: it is put together from the services' state, from counts, from the
audit log and from the configuration without its keys and passwords. `contents.json` in it says what is
there. It stays on the unit, in `<state_dir>/reports`, until somebody fetches it.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from anpr_edge import __version__
from anpr_edge.auditlog import AUDIT_FILE
from anpr_edge.config import Config
from anpr_edge.dailycounts import counts_file
from anpr_edge.devices import board
from anpr_edge.durable import replace_whole
from anpr_edge.errors import AnprError, PolicyError, reason
from anpr_edge.seal.policy.words import explain
from anpr_edge.unitpolicy import in_force

FOLDER: Final = "reports"
FOLDER_MODE: Final = 0o770
REPORT_MODE: Final = 0o640
MOST_KEPT: Final = 3
LONGEST_PART: Final = 4_000_000
"""A longer file is given with its end alone."""

PACKAGES: Final = ("ai-edge-litert", "cbor2", "cryptography", "numpy", "opencv-python-headless", "paho-mqtt")
PRIVATE: Final = b"PRIVATE KEY"

_PUBLIC_KEY = re.compile(r"\b(x25519|mlkem768-x25519|ed25519|p256):[A-Za-z0-9_-]+")
_PASSWORD = re.compile(r"://[^/@\s\"]*@")

Part = Callable[[], bytes]

Contents = dict[str, dict[str, str | int]]
"""Each part by its name: what it is `about`, and its size in `bytes`, or why it is `missing`."""


@dataclass(frozen=True, slots=True)
class Report:
    """Where a report lies, and what is in it."""

    path: Path
    bytes: int
    sha256: str
    parts: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """The same for a reply or for --json."""
        return {**asdict(self), "path": str(self.path), "parts": list(self.parts)}


def write_report(
    config: Config,
    config_file: Path | None,
    utc_ns: int,
    out: Path | None = None,
    *,
    announce: Callable[[Contents], None] = lambda _: None,
) -> Report:
    """Write a report to `out`, or among the unit's last `MOST_KEPT`.

    `announce` is called with what will be in it before anything is written, and may end it by raising.

    Raises: AnprError when it cannot be written, or would hold a private key.
    """
    content, contents = _packed(config, config_file, utc_ns)
    announce(contents)
    path = out or _place(config.unit.state_dir / FOLDER, utc_ns)
    try:
        replace_whole(path, content, REPORT_MODE)
        if out is None:
            for old in sorted(path.parent.glob("report-*.zip"))[:-MOST_KEPT]:
                old.unlink()
    except OSError as error:
        raise AnprError(f"{path}: {reason(error)}", hint="look at the disk's room and the folder") from None
    names = ("contents.json", *contents)
    return Report(path, len(content), hashlib.sha256(content).hexdigest(), names)


def _place(folder: Path, utc_ns: int) -> Path:
    try:
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    except OSError as error:
        raise AnprError(f"{folder}: {error.strerror}", hint="the state folder must take writes") from None
    return folder / f"report-{datetime.fromtimestamp(utc_ns / 1e9, UTC):%Y%m%dT%H%M%SZ}.zip"


def _packed(config: Config, config_file: Path | None, utc_ns: int) -> tuple[bytes, Contents]:
    packed = BytesIO()
    contents: Contents = {}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, about, part in _parts(config, config_file):
            try:
                content = part()
            except (OSError, AnprError) as error:
                contents[name] = {"about": about, "missing": reason(error)}
                continue
            if PRIVATE in content:
                raise AnprError(f"the report is not written: {name} holds a private key", hint="look there")
            archive.writestr(name, content)
            contents[name] = {"about": about, "bytes": len(content)}
        when = datetime.fromtimestamp(utc_ns / 1e9, UTC).isoformat(timespec="seconds")
        head = {"schema": 1, "fleet": config.unit.fleet, "unit": config.unit.id, "utc": when}
        promise = "no plate, no picture, no key, no list of vehicles"
        archive.writestr("contents.json", _json({**head, "without": promise, "parts": contents}))
    return packed.getvalue(), contents


def _parts(config: Config, config_file: Path | None) -> Iterator[tuple[str, str, Part]]:
    """Each part: its name, what it is, and how to get it."""
    unit = config.unit
    for process in ("reader", "uplink"):
        state = unit.run_dir / f"{process}.json"
        yield f"{process}.json", f"what the {process} last said of itself", _end_of(state)
        counts = counts_file(unit.state_dir, process)
        yield counts.name, f"what the {process} counted by day", _end_of(counts)
    yield (
        "audit.log",
        "policies, lists and commands that were taken or refused",
        _end_of(unit.state_dir / AUDIT_FILE),
    )
    yield "policy.txt", "who gets what, in words", lambda: _policy(config)
    if config_file is not None:
        yield (
            "unit.toml",
            "the configuration, without keys, passwords and comments",
            lambda: _shown(config_file),
        )
    yield "system.json", "versions, board and disk", lambda: _json(_system(config))
    yield (
        "files.json",
        "names, sizes and modes of the state folder's files",
        lambda: _json(_files(unit.state_dir)),
    )


def _end_of(path: Path) -> Part:
    def read() -> bytes:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LONGEST_PART))
            return file.read(LONGEST_PART)

    return read


def _policy(config: Config) -> bytes:
    try:
        return "\n".join(explain(in_force(config))).encode()
    except PolicyError as error:
        return str(error).encode()


def _shown(file: Path) -> bytes:
    """The configuration without its comments, in which anything may stand."""
    import tomli_w

    try:
        text = tomli_w.dumps(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValueError:
        return b"not TOML"
    return _PASSWORD.sub("://***@", _PUBLIC_KEY.sub(r"\1:***", text)).encode()


def _system(config: Config) -> dict[str, Any]:
    limits = board.throttling()
    usage = shutil.disk_usage(config.unit.state_dir)
    return {
        "anpr_edge": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "temperature_c": board.soc_temperature_c(),
        "throttling": None if limits is None else asdict(limits),
        "load_1min": board.load_1min(),
        "disk": {"total_mb": round(usage.total / 1e6), "free_mb": round(usage.free / 1e6)},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _files(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        name = str(path.relative_to(folder))
        found.append({"name": name, "bytes": about.st_size, "mode": f"{about.st_mode:o}"})
    return found


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()
