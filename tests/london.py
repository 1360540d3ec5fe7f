"""The two shipped London policies with keys put in the place of their placeholders."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from anpr_edge.fleet.policy_source import compile_source
from anpr_edge.seal.policy.model import Policy
from tests.vectors.keys import recipient, signer

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
CHARGING_ONLY, WITH_POLICE = "charging", "charging-and-police"


def source_text(name: str) -> str:
    """One of the examples; the recipient CHARGING or POLICE has the test key of that name."""
    text = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    text = re.sub(r"x25519:PUT-THE-([A-Z]+)[A-Z-]*", lambda m: recipient(m[1]).public.text, text)
    return re.sub(r"ed25519:PUT-THE-([A-Z]+)[A-Z-]*", lambda m: signer(m[1]).public.text, text)


def always_in_date(text: str) -> str:
    """A source that holds whenever the tests run."""
    text = re.sub(r"valid_from = [0-9-]+T", "valid_from = 2020-01-01T", text)
    return re.sub(r"valid_until = [0-9-]+T", "valid_until = 2120-01-01T", text)


def london_policy(name: str) -> Policy:
    """One of the examples, compiled, with its own dates."""
    return compile_source(tomllib.loads(source_text(name)), 1_790_000_000)
