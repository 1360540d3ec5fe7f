"""Does no private key lie on the unit that opens one of its own feeds?"""

from __future__ import annotations

from collections.abc import Iterator

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, not_checked, ok
from anpr_edge.diag.nodes import AS_ROOT
from anpr_edge.diag.subject import Subject
from anpr_edge.strayedkeys import strayed_keys

RECIPIENT_KEYS = Condition(
    code="recipient-keys",
    title="No key that opens a feed lies on the unit",
    severity=Severity.EVIDENCE,
    explanation=(
        "A unit holds its recipients' public keys alone, so that whoever steals it cannot read its outbox. "
        "The state folder, the folders of the configuration, the policy and the certificates, and people's "
        "home folders are looked through for a recipient's private key. One under a password is not seen."
    ),
    depends_on=("config",),
    next_step="shred the file, and give the feed a new recipient key: this one has been on the roadside",
)


def run(subject: Subject) -> Iterator[Finding]:
    """One finding: none found, or the first one and how many there are."""
    strayed = strayed_keys(subject.config, subject.config_path)
    if strayed.found:
        file, feed = strayed.found[0]
        more = f" (and {len(strayed.found) - 1} more)" if len(strayed.found) > 1 else ""
        step = f"shred -u {file}, and give feed {feed} a new recipient key: this one has been on the roadside"
        yield fail(RECIPIENT_KEYS, f"{file}: opens feed {feed}{more}", next_step=step)
    elif strayed.closed:
        yield not_checked(RECIPIENT_KEYS, f"{strayed.closed[0]}: this user may not look", next_step=AS_ROOT)
    else:
        yield ok(RECIPIENT_KEYS, "none found")


CHECK = Check("recipients", (RECIPIENT_KEYS,), run)
