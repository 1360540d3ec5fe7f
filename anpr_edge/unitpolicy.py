"""A unit's feeds, wherever its configuration takes them from: a signed policy, or sections of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from anpr_edge.auditlog import read_audit
from anpr_edge.config import Config
from anpr_edge.config.model import Feed
from anpr_edge.errors import PolicyError
from anpr_edge.liststore import FOLDER, ListStore
from anpr_edge.policystore import ACCEPTED, PolicyStore, Standing
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.openkey import load_open_key
from anpr_edge.seal.policy.model import (
    ALWAYS_ON,
    CHOOSABLE,
    FeedTerms,
    Policy,
    Recipient,
    unsigned_policy,
    utc_text,
)
from anpr_edge.seal.policy.words import explain

NOTICE_SCHEMA: Final = 1

OPEN_KEY: Final = "open.pem"
"""The unit's decryption key, in its keys folder."""

LONGEST_NOTICE: Final = 60_000
"""Longer notices go without their words: brokers take packets of 65,536 bytes (docs/topics.md)."""


def store_of(config: Config) -> PolicyStore | None:
    """Where the unit's signed policy is kept; None when its configuration names its feeds itself."""
    if config.policy is None:
        return None
    unit, policy = config.unit, config.policy
    key = VerifyKey.parse(policy.key)
    return PolicyStore(unit.state_dir, policy.file, key, unit.fleet, unit.id, policy.groups)


def admitted(config: Config, utc_ns: int) -> Standing:
    """What a service works by from now on; a new policy is taken here.

    Raises: PolicyError when the policy is refused and there is no good one to keep.
    """
    store = store_of(config)
    return Standing(own_feeds(config), b"") if store is None else store.admit(utc_ns)


def in_force(config: Config) -> Policy:
    """What the services work by, changing nothing.

    Raises: PolicyError when there has been no good policy yet.
    """
    store = store_of(config)
    if store is None:
        return own_feeds(config)
    last = store.last_good()
    if last is None:
        raise PolicyError(
            f"{store.state_dir}: no policy has been taken yet", hint="anpr-edge policy load FILE"
        )
    return last.policy


def own_feeds(config: Config) -> Policy:
    """The feeds of the configuration's own sections: every field of every read, at all times."""
    feeds = tuple(_terms(name, feed) for name, feed in config.feeds.items())
    return unsigned_policy(config.unit.fleet, config.unit.id, feeds)


def _terms(name: str, feed: Feed) -> FeedTerms:
    return FeedTerms(
        name=name,
        purpose=feed.purpose,
        controller="not said",
        legal_basis="not said",
        recipients=tuple(Recipient("not named", key) for key in feed.recipients),
        ack_key=feed.ack_key,
        fields=CHOOSABLE,
        time_ms=1,
        place_m=0,
        calendar=ALWAYS_ON,
        reads="all",
        min_confidence=0.0,
        share=1.0,
        waits_s=round(feed.retention_hours * 3600),
        kept_days=None,
        most_per_minute=None,
    )


def notice(standing: Standing, store: PolicyStore) -> bytes:
    """What the unit publishes of its policy: the words, the last change, and the signed file itself."""
    policy, audit = standing.policy, read_audit(store.audit_log)
    changed = [entry for entry in audit.entries if entry["event"] == ACCEPTED]
    document: dict[str, Any] = {
        "schema": NOTICE_SCHEMA,
        "version": policy.version,
        "from": utc_text(policy.from_utc_s),
        "until": utc_text(policy.until_utc_s),
        "sha256": standing.sha256,
        "refused": standing.refused,
        "explained": list(explain(policy)),
        "changed": _change(changed[-1]) if changed else None,
        "audit": {"entries": len(audit.entries), "head": audit.head, "trouble": audit.trouble},
        "signed": base64.b64encode(standing.blob).decode(),
    }
    encoded = _json(document)
    return (
        encoded if len(encoded) <= LONGEST_NOTICE else _json({**document, "explained": [], "changed": None})
    )


def _change(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in ("utc", "replaces", "reason", "changes")}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def list_store(config: Config, policy: Policy) -> ListStore | None:
    """Where the lists that a policy names are kept; None when it names none.

    Raises: KeyFileError when the unit's decryption key cannot be had.
    """
    keepers = {feed.watch.name: VerifyKey.parse(feed.watch.key) for feed in policy.feeds if feed.watch}
    if not keepers:
        return None
    own = load_open_key(config.unit.keys_dir / OPEN_KEY, config.unit.tpm)
    return ListStore(config.unit.state_dir / FOLDER, config.unit.fleet, keepers, own)
