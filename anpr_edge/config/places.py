"""Where things are when the configuration does not say."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import anpr_edge

BESIDE_STATE = {
    ("outbox", "path"): "outbox.db",
    ("commands", "key_file"): "keys/command.pub",
    ("broker", "ca_file"): "keys/ca.crt",
    ("broker", "cert_file"): "keys/tls.crt",
    ("broker", "key_file"): "keys/tls.pem",
}
"""Files that lie under `unit.state_dir` unless the configuration puts them elsewhere."""


_PACKAGE = Path(anpr_edge.__file__).resolve().parent
_PREFIX = Path(sys.prefix)


def find_models_directory(package: Path = _PACKAGE, prefix: Path = _PREFIX) -> Path:
    """The models this installation came with: a checkout's own, else those under the environment's share.

    The checkout comes first, so that an editable installation never uses a stale copy.
    """
    if (package.parent / "setup.cfg").is_file():
        return package.parent / "models"
    return prefix / "share" / "anpr-edge" / "models"


def example_text() -> str:
    """The example configuration: every key with its comment."""
    return files("anpr_edge").joinpath("example.toml").read_text("utf-8")
