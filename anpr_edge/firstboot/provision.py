"""`anpr-edge provision` without its words: a bundle is judged, taken, and finished if it was begun."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anpr_edge import auditlog
from anpr_edge.bundlecheck import usable_config
from anpr_edge.bundlefile import read_bundle
from anpr_edge.durable import finish_wiping, wipe, write_whole
from anpr_edge.errors import AnprError, BundleError, BundleRefusal, reason
from anpr_edge.firstboot.install import Installed, MakeKeys, install
from anpr_edge.firstboot.judge import Accepted, accept, anchor_of, day_text, the_one
from anpr_edge.firstboot.places import STATE, Places
from anpr_edge.firstboot.standing import last_taken
from anpr_edge.seams import Clock

ERROR_FILE: Final = "provision-error.txt"
"""On the card: why what is there was not taken. It goes when something is."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A bundle that was taken. `behind_s`: how far the clock was behind the moment it was made."""

    accepted: Accepted
    installed: Installed
    behind_s: int


def provision(places: Places, clock: Clock, make_keys: MakeKeys, say: Say) -> Provisioned | None:
    """Take the one bundle on the card, or finish the one that was begun; None when there is neither.

    Raises: BundleError when there are several or it is refused, which the audit log then says; AnprError when
    a place cannot be written.
    """
    utc_s = clock.now().utc_ns // 10**9
    path, begun = places.pending, _begun(places)
    if begun is not None and (other := _newer_on_card(begun, places, utc_s)) is not None:
        path, begun = other
    if begun is None:
        try:
            on_card = the_one(places.card)
            if on_card is None:
                return None
            path, begun = on_card, _accepted(on_card, places, utc_s)
        except AnprError as refusal:
            _enter_refusal(places, clock.now().utc_ns, str(refusal))
            _tell_on_card(places, f"{refusal}\nhint: {refusal.hint}\n")
            raise
    made_s = begun.bundle.manifest.made_utc_s
    behind_s = max(0, made_s - utc_s)
    if behind_s:
        say(f"the clock is wrong, {behind_s} s or more behind: it is taken for {day_text(made_s)}, when the")
        say(f"bundle was made. Set it, if this is not done by itself: sudo date -s @{made_s}")
    if not begun.anchored:
        say(f"WARNING: no trust anchor at {places.anchor}: this bundle is believed because it is the first")
        say(f"         from now on its key is: {begun.bundle.key.text}; compare it with the workshop's")
    blob = path.read_bytes()
    with suppress(OSError):
        (places.card / ERROR_FILE).unlink(missing_ok=True)
    if behind_s:
        _note_time(made_s, places)
    try:
        installed = install(begun, blob, places, max(made_s * 10**9, clock.now().utc_ns), make_keys)
    except AnprError as trouble:
        _tell_on_card(places, f"{trouble}\nhint: {trouble.hint}\n")
        raise
    return Provisioned(begun, installed, behind_s)


def _accepted(path: Path, places: Places, utc_s: int) -> Accepted:
    accepted = accept(path, places, last_taken(places), utc_s)
    _check_places(accepted, path)
    return accepted


def _newer_on_card(begun: Accepted, places: Places, utc_s: int) -> tuple[Path, Accepted] | None:
    """A bundle made after the one that was begun takes its place: that one may be no good."""
    try:
        on_card = the_one(places.card)
        found = None if on_card is None else _accepted(on_card, places, utc_s)
    except AnprError:  # it is judged when its turn comes
        return None
    newer = found is not None and found.bundle.manifest.made_utc_s > begun.bundle.manifest.made_utc_s
    return (on_card, found) if newer and on_card is not None and found is not None else None


def _check_places(accepted: Accepted, path: Path) -> None:
    """The services may write in one place alone."""
    if accepted.config.unit.state_dir != STATE:
        raise BundleError(
            BundleRefusal.UNUSABLE,
            f"{path}: state in {accepted.config.unit.state_dir}, and the services write in {STATE} alone",
            hint="leave unit.state_dir out of the unit's settings",
        )


def _begun(places: Places) -> Accepted | None:
    """The bundle whose installation was cut short. It was accepted, and its anchor may have come with it."""
    if not places.pending.exists():
        return None
    try:
        bundle = read_bundle(places.pending, anchor_of(places))
        config = usable_config(bundle)
    except BundleError:  # another version's, after a change of system: the card's counts again
        wipe(places.pending)
        return None
    last, anchored = last_taken(places), places.anchor.exists()
    if last is not None and last.sha256 == bundle.sha256:
        anchored = last.anchored
    return Accepted(bundle, config, anchored)


def finish_clearing(places: Places) -> int:
    """Wipe what a power cut has left half wiped; returns how many files that were. Raises: AnprError."""
    try:
        return sum(map(finish_wiping, (places.card, places.pending.parent)))
    except OSError as error:
        raise AnprError(f"{error.filename}: {reason(error)}", hint="see that it can be written") from None


def _note_time(utc_s: int, places: Places) -> None:
    """For anpr-edge-provision.service, which may set the clock; this program may not."""
    try:
        write_whole(places.clock, f"{utc_s}\n".encode())
    except OSError as error:
        raise AnprError(f"{places.clock}: {reason(error)}", hint="run it as root") from None


def _tell_on_card(places: Places, words: str) -> None:
    """For who has only the card: why it was not taken. A card that takes no writes is no further error."""
    path = places.card / ERROR_FILE
    with suppress(OSError):
        if not path.exists() or path.read_text(encoding="utf-8", errors="replace") != words:
            write_whole(path, words.encode())


def _enter_refusal(places: Places, utc_ns: int, why: str) -> None:
    """Once, not at every start: the same refusal after itself says nothing new."""
    details: dict[str, Any] = {"why": why}
    log = places.state / auditlog.AUDIT_FILE
    with suppress(OSError):
        places.state.mkdir(parents=True, exist_ok=True)
    with auditlog.in_turn(places.state):
        entries = auditlog.read_audit(log).entries
        last = entries[-1] if entries else {}
        if (last.get("event"), last.get("why")) != (auditlog.PROVISION_REFUSED, why):
            auditlog.append(log, utc_ns, auditlog.PROVISION_REFUSED, details)
