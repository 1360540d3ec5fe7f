"""Where things are when the configuration does not say."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import anpr_edge

BESIDE_STATE = {
    ("outbox", "path"): "outbox.db",
    ("broker", "ca_file"): "keys/ca.crt",
    ("broker", "cert_file"): "keys/tls.crt",
    ("broker", "key_file"): "keys/tls.pem",
}
"""Files that lie under `unit.state_dir` unless the configuration puts them elsewhere."""


def find_models_directory() -> Path:
    """The models this installation came with: the checkout's own, or those under the environment's share.

    The checkout comes first, so that an editable installation never uses a stale copy.
    """
    checkout = Path(anpr_edge.__file__).resolve().parent.parent / "models"
    installed = Path(sys.prefix) / "share" / "anpr-edge" / "models"
    return checkout if (checkout / "detector.json").is_file() else installed


def example_text() -> str:
    """The example configuration: every key with its comment."""
    return files("anpr_edge").joinpath("example.toml").read_text("utf-8")
