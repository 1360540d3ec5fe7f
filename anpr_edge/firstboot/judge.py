"""Which bundle there is for this unit, and whether it may be taken now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anpr_edge.bundlecheck import usable_config
from anpr_edge.bundlefile import SIGN_KEY, SUFFIX, Bundle, read_bundle
from anpr_edge.config import Config
from anpr_edge.errors import BundleError, BundleRefusal, KeyFileError
from anpr_edge.firstboot.places import Places
from anpr_edge.firstboot.standing import Record, own_name
from anpr_edge.seal.keys import VerifyKey


@dataclass(frozen=True, slots=True)
class Accepted:
    """A bundle that may be taken, and the configuration in it. `anchored`: a trust anchor says so."""

    bundle: Bundle
    config: Config
    anchored: bool


def bundles_in(folder: Path) -> list[Path]:
    """The bundles in a folder. What a laptop leaves beside them (`._unit.bundle`) is none."""
    try:
        return sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))
    except OSError as error:
        raise BundleError(BundleRefusal.UNUSABLE, f"{folder}: {error.strerror}") from None


def the_one(folder: Path) -> Path | None:
    """The one bundle in a folder; None when there is none. Raises: BundleError when there are more."""
    found = bundles_in(folder)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise BundleError(
            BundleRefusal.TWO,
            f"{folder}: {len(found)} bundles, and a unit takes one: {names}",
            hint="leave this unit's there, and take the others away",
        )
    return found[0] if found else None


def anchor_of(places: Places) -> VerifyKey | None:
    """Whose bundles are believed; None when the image said nothing. Raises: KeyFileError."""
    try:
        return VerifyKey.load(places.anchor) if places.anchor.exists() else None
    except KeyFileError as error:
        raise KeyFileError(str(error), hint="put authority/provision.pub of the fleet folder there") from None


def accept(path: Path, places: Places, last: Record | None, utc_s: int) -> Accepted:
    """The bundle in a file, when this unit may take it now. Raises: BundleError, KeyFileError."""
    anchor = anchor_of(places)
    bundle = read_bundle(path, anchor)
    manifest = bundle.manifest
    if utc_s > manifest.until_utc_s:
        raise BundleError(
            BundleRefusal.EXPIRED,
            f"{path}: was good until {day_text(manifest.until_utc_s)}; it is {day_text(utc_s)} by this clock",
            hint="check the clock, or have the workshop make a new one: anpr-fleet unit bundle",
        )
    _check_unit(path, bundle, places)
    if last is not None and manifest.made_utc_s < last.made_utc_s:
        raise BundleError(
            BundleRefusal.OLDER,
            f"{path}: made {day_text(manifest.made_utc_s)}, and this unit took one made "
            f"{day_text(last.made_utc_s)}",
            hint="take the newest bundle of the workshop",
        )
    config = usable_config(bundle)
    _check_keys(path, bundle, places)
    return Accepted(bundle, config, anchor is not None)


def day_text(utc_s: int) -> str:
    """A moment to the minute, in UTC."""
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _check_unit(path: Path, bundle: Bundle, places: Places) -> None:
    own = own_name(places)
    if own is not None and (own[0] or bundle.manifest.fleet, own[1]) != (
        bundle.manifest.fleet,
        bundle.manifest.unit,
    ):
        raise BundleError(
            BundleRefusal.FOREIGN,
            f"{path}: is for {bundle.unit}, and this unit is {'/'.join(filter(None, own))}",
            hint="take that unit's card, or retire this unit first: anpr-edge retire",
        )


def _check_keys(path: Path, bundle: Bundle, places: Places) -> None:
    """Keys are never overwritten, also not by a bundle that brings some."""
    there, brought = places.state / "keys" / SIGN_KEY, bundle.members.get(SIGN_KEY)
    if brought is not None and there.exists() and there.read_bytes() != brought:
        raise BundleError(
            BundleRefusal.FOREIGN,
            f"{path}: brings keys, and this unit has its own in {there.parent}",
            hint="make the bundle without --with-keys, or retire this unit first: anpr-edge retire",
        )
