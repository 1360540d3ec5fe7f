"""Does the unit have a policy that holds, is the newest one taken, and does its trace hold together?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anpr_edge.auditlog import read_audit
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, not_checked, ok, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import AnprError, PolicyError
from anpr_edge.policystore import POLICY_FILE, PolicyStore, read_policy_file
from anpr_edge.unitpolicy import store_of

RENEW_BEFORE = timedelta(days=14)
"""A new policy has to be decided on and signed by people: that takes days."""

OWN_FEEDS = "the configuration names its feeds itself, there is no signed policy"
LOAD = "anpr-edge policy load FILE takes one"

POLICY = Condition(
    code="policy",
    title="A signed policy is in force and will be for a while",
    severity=Severity.READS,
    explanation=(
        "With [policy] in the configuration, what the unit's feeds get is said by a file under the fleet "
        "authority's policy key. Outside the policy's dates no feed gets anything: reads are counted and "
        "go no further. Without [policy] the sections [feeds.NAME] count, and nothing is checked here."
    ),
    depends_on=("config", "clock-date"),
    next_step="ask the fleet's authority for the next policy; anpr-edge policy load FILE takes it",
)
POLICY_OFFERED = Condition(
    code="policy-offered",
    title="The policy file is the one in force",
    severity=Severity.EVIDENCE,
    explanation=(
        "A policy that is unsigned, for others, expired, older than the last good one or changed without a "
        "higher version is refused, and the last good one stays. A good one is taken within 10 seconds."
    ),
    depends_on=("policy",),
    next_step="ask the fleet's authority for a policy this unit may take",
)
POLICY_TRACE = Condition(
    code="policy-trace",
    title="The audit log of policy changes is whole",
    severity=Severity.EVIDENCE,
    explanation=(
        "Each entry of audit.log names the hash of the one before: a changed, removed or inserted entry "
        "breaks the chain. `anpr-edge audit show` prints it in words."
    ),
    depends_on=("policy",),
    next_step="keep a copy of the log and find out who wrote to it; compare with the policy topic",
)


def run(subject: Subject) -> Iterator[Finding]:
    """The policy in force, the file that is offered, then the log."""
    store = store_of(subject.config)
    if store is None:
        yield from (ok(condition, OWN_FEEDS) for condition in (POLICY, POLICY_OFFERED, POLICY_TRACE))
        return
    utc_ns = subject.clock.now().utc_ns
    if closed := _closed(store.state_dir / POLICY_FILE):
        yield closed
        return
    yield _in_force(store, utc_ns)
    yield _offered(store, utc_ns)
    yield _trace(store)


def _closed(path: Path) -> Finding | None:
    try:
        path.exists()
    except PermissionError:
        step = "run it as root: sudo anpr-edge doctor"
        return not_checked(POLICY, f"{path}: this user may not look", next_step=step)
    return None


def _in_force(store: PolicyStore, utc_ns: int) -> Finding:
    last = store.last_good()
    if last is None:
        return fail(POLICY, f"{store.state_dir}: no policy has been taken", next_step=LOAD)
    policy = last.policy
    until = datetime.fromtimestamp(policy.until_utc_s, UTC)
    left = until - datetime.fromtimestamp(utc_ns / 1e9, UTC)
    measured = f"policy {policy.version}, feeds {', '.join(f.name for f in policy.feeds) or 'none'}"
    measured += f", until {until:%Y-%m-%d %H:%M} UTC"
    if not policy.is_valid(utc_ns):
        step = f"check the clock; then {LOAD}. Until then nobody gets reads"
        return fail(POLICY, f"{measured}: not valid now", next_step=step)
    if left < RENEW_BEFORE:
        step = "ask the fleet's authority for the next policy"
        return warn(POLICY, f"{measured}, {left.days} days left", limit="14 days ahead", next_step=step)
    return ok(POLICY, measured)


def _offered(store: PolicyStore, utc_ns: int) -> Finding:
    last = store.last_good()
    try:
        blob = read_policy_file(store.file)
        policy = store.judge(blob, utc_ns, last)
    except PolicyError as refusal:
        step = refusal.hint or "ask the fleet's authority for a policy this unit may take"
        return fail(POLICY_OFFERED, str(refusal), next_step=step)
    if last is None or blob != last.blob:
        step = "the services take it within 10 seconds; if they do not run: systemctl start anpr-edge.target"
        return warn(POLICY_OFFERED, f"{store.file}: policy {policy.version} is not taken yet", next_step=step)
    return ok(POLICY_OFFERED, f"{store.file}: policy {policy.version}")


def _trace(store: PolicyStore) -> Finding:
    try:
        audit = read_audit(store.audit_log)
    except AnprError as error:
        return not_checked(POLICY_TRACE, str(error), next_step=error.hint)
    step = "keep a copy of the log and find out who wrote to it; compare with the policy topic"
    if audit.trouble:
        return fail(POLICY_TRACE, f"{store.audit_log}: {audit.trouble}", next_step=step)
    if not audit.entries:
        return fail(POLICY_TRACE, f"{store.audit_log}: empty, though a policy was taken", next_step=step)
    return ok(POLICY_TRACE, f"{store.audit_log}: {len(audit.entries)} entries")


CHECK = Check("policy", (POLICY, POLICY_OFFERED, POLICY_TRACE), run)
