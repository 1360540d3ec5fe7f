"""Makes a unit's bundle in the workshop: signed, and judged as the unit will judge it. See docs/bundle.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from anpr_edge.bundlecheck import usable_config
from anpr_edge.bundlefile import LONGEST, MANIFEST, members_of, open_bundle, pack
from anpr_edge.errors import BundleError, BundleRefusal
from anpr_edge.seal.keys import Signer
from anpr_edge.seal.manifest import Enrolment, Manifest, sign_manifest

GOOD_DAYS: Final = 90
"""How long a bundle is good for unless told otherwise: a season of poles."""


@dataclass(frozen=True, slots=True)
class BundleOrder:
    """What one unit's bundle is to hold, by the names of `bundlefile`.

    `listener` is the broker's name and its port for enrolment by token.
    """

    fleet: str
    unit: str
    contents: Mapping[str, bytes] = field(repr=False)
    hostname: str
    enrolment: Enrolment = Enrolment.CARRY
    listener: tuple[str, int] | None = None


def make_bundle(order: BundleOrder, key: Signer, made_utc_s: int, days: int = GOOD_DAYS) -> bytes:
    """The bundle, signed with the fleet's provision key, as a unit would take it.

    Raises: BundleError when the unit would refuse it, SealError when a name is out of its limits.
    """
    for name, content in order.contents.items():
        if len(content) > LONGEST[name]:
            raise BundleError(
                BundleRefusal.OVERSIZE,
                f"{order.unit}: {name} has {len(content)} bytes, at most {LONGEST[name]} go into a bundle",
            )
    manifest = Manifest(
        fleet=order.fleet,
        unit=order.unit,
        made_utc_s=made_utc_s,
        until_utc_s=made_utc_s + days * 86_400,
        members=members_of(order.contents),
        hostname=order.hostname,
        enrolment=order.enrolment,
        listener=order.listener,
    )
    blob = pack({MANIFEST: sign_manifest(manifest, key), **order.contents})
    try:
        usable_config(open_bundle(blob, key.public))
    except BundleError as error:
        raise BundleError(error.kind, f"{order.unit}: {error}", hint=error.hint) from None
    return blob
