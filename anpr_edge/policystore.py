"""A unit's policy over time: takes a new one when it may, else keeps the last good one and says why.

`<state_dir>/policy.cose` is the last good policy as signed; its version is the lowest that may come.
Every change, and every refusal, is entered in the audit log before it counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anpr_edge import auditlog
from anpr_edge.durable import replace_whole
from anpr_edge.errors import AnprError, PolicyError, reason
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.policy.changes import changes
from anpr_edge.seal.policy.model import Policy, utc_text
from anpr_edge.seal.policy.signed import LONGEST_BYTES, open_policy

POLICY_FILE: Final = "policy.cose"

ACCEPTED: Final = "policy-accepted"
REFUSED: Final = "policy-refused"


@dataclass(frozen=True, slots=True)
class Standing:
    """The policy in force, as signed too, and why the file that was offered is not it, or nothing."""

    policy: Policy
    blob: bytes
    refused: str = ""

    @property
    def sha256(self) -> str:
        """What the audit log calls this very file."""
        return hashlib.sha256(self.blob).hexdigest()


@dataclass(frozen=True, slots=True)
class PolicyStore:
    """The policies of one unit. `file` is where a new one is left, `key` the authority's policy key."""

    state_dir: Path
    file: Path
    key: VerifyKey
    fleet: str
    unit: str
    groups: tuple[str, ...] = ()

    @property
    def audit_log(self) -> Path:
        """Where every change is entered."""
        return self.state_dir / auditlog.AUDIT_FILE

    def admit(self, utc_ns: int) -> Standing:
        """Take the policy in `file` when it may be taken; the last good one otherwise.

        Raises: PolicyError when the file is refused and there is no good one to keep.
        """
        with self.locked():
            last = self.last_good()
            blob = b""
            try:
                blob = read_policy_file(self.file)
                offered = Standing(self.judge(blob, utc_ns, last), blob)
            except PolicyError as refusal:
                self._enter_refusal(utc_ns, blob, str(refusal))
                if last is None:
                    raise
                return Standing(last.policy, last.blob, str(refusal))
            if last is None or last.blob != blob:
                self._take(offered, last, utc_ns)
            return offered

    def offers_other_than(self, known: bytes, utc_ns: int) -> bool:
        """Whether `file` holds another policy than `known` that may be taken now; changes nothing."""
        try:
            blob = read_policy_file(self.file)
            if blob == known:
                return False
            self.judge(blob, utc_ns, self.last_good())
        except PolicyError:
            return False
        return True

    def judge(self, blob: bytes, utc_ns: int, last: Standing | None) -> Policy:
        """The policy in `blob`, when this unit may take it after `last`, now.

        Raises: PolicyError saying why not.
        """
        policy = open_policy(blob, self.key)
        where = f"policy {policy.version}"
        if not policy.is_for(self.fleet, self.unit, self.groups):
            raise PolicyError(f"{where} is not for unit {self.fleet}/{self.unit}", hint="ask for this unit's")
        if last is not None and policy.version < last.policy.version:
            raise PolicyError(
                f"{where} is older than policy {last.policy.version}, the last good one",
                hint="an older state of things needs a new, higher version",
            )
        if last is not None and policy.version == last.policy.version and blob != last.blob:
            raise PolicyError(f"{where} is here with other content", hint="a change needs a higher version")
        if utc_ns < policy.from_utc_s * 10**9:
            raise PolicyError(
                f"{where} is not valid before {utc_text(policy.from_utc_s)}",
                hint="check the clock, or load it then",
            )
        if not policy.is_valid(utc_ns):
            raise PolicyError(f"{where} expired at {utc_text(policy.until_utc_s)}", hint="ask for a new one")
        return policy

    def last_good(self) -> Standing | None:
        """The policy taken last, as far as the authority's present key signed it; changes nothing.

        Raises: PolicyError when it is there and cannot be read.
        """
        path = self.state_dir / POLICY_FILE
        if not path.exists():
            return None
        blob = read_policy_file(path)
        try:
            return Standing(open_policy(blob, self.key), blob)
        except PolicyError:
            return None

    def _take(self, offered: Standing, last: Standing | None, utc_ns: int) -> None:
        before = None if last is None else last.policy
        details = {
            "version": offered.policy.version,
            "sha256": offered.sha256,
            "replaces": None if before is None else before.version,
            "reason": offered.policy.reason,
            "changes": changes(before, offered.policy),
        }
        auditlog.append(self.audit_log, utc_ns, ACCEPTED, details)
        write_policy_file(self.state_dir / POLICY_FILE, offered.blob)

    def _enter_refusal(self, utc_ns: int, blob: bytes, why: str) -> None:
        """Enter it once, not at every start: the same refusal after itself says nothing new."""
        details = {"sha256": hashlib.sha256(blob).hexdigest() if blob else None, "why": why}
        entries = auditlog.read_audit(self.audit_log).entries
        if entries and _is_same(entries[-1], details):
            return
        auditlog.append(self.audit_log, utc_ns, REFUSED, details)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Reader, uplink and `policy load` take turns. Raises: PolicyError."""
        with ExitStack() as turn:
            try:
                turn.enter_context(auditlog.in_turn(self.state_dir))
            except AnprError as error:
                raise PolicyError(str(error), hint=error.hint) from None
            yield


def read_policy_file(path: Path) -> bytes:
    """A signed policy's bytes. Raises: PolicyError when there are none to be had."""
    try:
        with path.open("rb") as file:
            return file.read(LONGEST_BYTES + 1)
    except OSError as error:
        hint = "anpr-edge policy load FILE puts one there"
        raise PolicyError(f"{path}: no policy: {error.strerror}", hint=hint) from None


def write_policy_file(path: Path, content: bytes) -> None:
    """Replace a signed policy in one step, and see it to the disk.

    Raises: PolicyError when it cannot be written.
    """
    try:
        replace_whole(path, content)  # a policy is no secret: it is published
    except OSError as error:
        raise PolicyError(f"{path}: {reason(error)}", hint="the folder must take writes") from None


def _is_same(entry: Any, details: dict[str, str | None]) -> bool:
    return entry["event"] == REFUSED and all(entry.get(key) == value for key, value in details.items())
