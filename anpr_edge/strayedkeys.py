"""Private keys that have strayed to the unit: no key of any feed's recipient may lie here.

Looked through are the whole state folder, and the files that lie in the folders of the configuration, the
policy and the certificates, in people's home folders, and where `anpr-central` keeps its keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anpr_edge.config import Config
from anpr_edge.errors import PolicyError
from anpr_edge.policystore import read_policy_file
from anpr_edge.seal.keysearch import public_halves
from anpr_edge.seal.policy.model import Policy
from anpr_edge.seal.policy.signed import read_unverified
from anpr_edge.unitpolicy import OPEN_KEY, in_force

OPEN_KEY_PUBLIC: Final = OPEN_KEY.replace(".pem", ".pub")
ELSEWHERE: Final = (Path("/root"), Path("/home"), Path("/etc/anpr-central"))
"""Where a key is put down and forgotten: home folders, and the centre's own, on a card that served as one."""


@dataclass(frozen=True, slots=True)
class Strayed:
    """What a search found: each file with the feeds it opens, and the places nobody could look at."""

    found: tuple[tuple[Path, str], ...]
    closed: tuple[Path, ...]


def strayed_keys(config: Config, config_file: Path) -> Strayed:
    """Look for the private key of any feed's recipient on this unit."""
    feeds = _feeds_by_key(config)
    found: list[tuple[Path, str]] = []
    closed: list[Path] = []
    for file in sorted(set(_files(config, config_file, closed))):
        try:
            opened = {feeds[key.text] for key in public_halves(file) if key.text in feeds}
        except OSError:
            closed.append(file)
            continue
        if file == config.unit.keys_dir / OPEN_KEY_PUBLIC:  # its private half may be out of sight, in a TPM
            opened |= {feeds[text] for text in file.read_text(errors="replace").split() if text in feeds}
        found += [(file, feed) for feed in sorted(opened)]
    return Strayed(tuple(found), tuple(closed))


def _feeds_by_key(config: Config) -> Mapping[str, str]:
    """The feed, or feeds, that each recipient's key opens: of the policy in force, and of the one offered."""
    opens: dict[str, set[str]] = {}
    for policy in _policies(config):
        for feed in policy.feeds:
            for recipient in feed.recipients:
                opens.setdefault(recipient.key, set()).add(feed.name)
    return {key: ", ".join(sorted(names)) for key, names in opens.items()}


def _policies(config: Config) -> Iterator[Policy]:
    """A policy that is refused may be of the right keys all the same; one that is not there has none."""
    with suppress(PolicyError):
        yield in_force(config)
    if config.policy is not None:
        with suppress(PolicyError):
            yield read_unverified(read_policy_file(config.policy.file))


def _files(config: Config, config_file: Path, closed: list[Path]) -> Iterator[Path]:
    broker, policy = config.broker, config.policy
    for within, _, names in os.walk(config.unit.state_dir, onerror=lambda error: _note(error, closed)):
        yield from (Path(within) / name for name in names)
    named = [config_file, broker.ca_file, broker.cert_file, broker.key_file]
    folders = {file.absolute().parent for file in named}
    folders |= {policy.file.absolute().parent} if policy else set()
    for folder in (*folders, *ELSEWHERE, *_listed(Path("/home"), [])):
        yield from _listed(folder, closed)


def _listed(folder: Path, closed: list[Path]) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        _note(error, closed)
        return []


def _note(error: OSError, closed: list[Path]) -> None:
    """What is not there holds no key; anything else nobody knows."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        closed.append(Path(str(error.filename)))
