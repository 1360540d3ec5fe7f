"""Whether a unit can live by what its bundle holds: the workshop asks before it hands it out, the unit again.

A bundle that passes here and is refused on the pole would be a journey for nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from anpr_edge import bundlefile
from anpr_edge.bundlefile import Bundle
from anpr_edge.config import Config
from anpr_edge.config.load import inspect_text
from anpr_edge.errors import AnprError, BundleError, BundleRefusal, ConfigError
from anpr_edge.seal.certificates import Certificate, parse_certificate, public_half
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.manifest import Enrolment
from anpr_edge.seal.policy.signed import open_policy

CONFIG_FILE: Final = Path("/etc/anpr-edge/unit.toml")
"""Where the configuration of a bundle goes, and from where its relative paths are meant."""

_TOKEN = re.compile(rb"[0-9a-f]{64}")


def usable_config(bundle: Bundle) -> Config:
    """The configuration in a bundle, when everything in the bundle fits it and fits together.

    Raises: BundleError (foreign, members, unusable).
    """
    config = _config(bundle)
    manifest = bundle.manifest
    if (config.unit.fleet, config.unit.id) != (manifest.fleet, manifest.unit):
        named = f"{config.unit.fleet}/{config.unit.id}"
        raise _refused(BundleRefusal.FOREIGN, f"is for {bundle.unit}, and its unit.toml for {named}")
    try:
        authority = parse_certificate(bundle.members[bundlefile.TRUST], bundlefile.TRUST)
        _check_authority(bundle, authority)
        _check_command_key(bundle)
        _check_token(bundle)
        _check_policy(bundle, config)
        if manifest.enrolment is Enrolment.INCLUDED:
            _check_identity(bundle, authority)
    except BundleError:
        raise
    except AnprError as error:
        raise _refused(BundleRefusal.UNUSABLE, f"cannot be used: {error}") from None
    return config


def _config(bundle: Bundle) -> Config:
    try:
        text = bundle.members[bundlefile.CONFIG].decode()
        return inspect_text(Path(bundlefile.CONFIG), text).usable() if text else _no_config()
    except UnicodeDecodeError:
        raise _refused(BundleRefusal.UNUSABLE, "cannot be used: its unit.toml is not UTF-8") from None
    except ConfigError as error:
        raise BundleError(
            BundleRefusal.UNUSABLE,
            f"the bundle of {bundle.unit} cannot be used:\n{error}",
            hint="mend the unit's file in the workshop and make it again; or is this unit's software older?",
        ) from None


def _no_config() -> Config:
    raise ConfigError("unit.toml: empty")


def _check_authority(bundle: Bundle, authority: Certificate) -> None:
    ends = int(authority.not_after.timestamp())
    if ends < bundle.manifest.made_utc_s:
        day = authority.not_after.date()
        raise _refused(BundleRefusal.UNUSABLE, f"cannot be used: its ca.crt expired on {day}")


def _check_command_key(bundle: Bundle) -> None:
    if (text := bundle.members.get(bundlefile.COMMAND_KEY)) is not None:
        VerifyKey.parse(text.decode("ascii", "replace").strip())


def _check_token(bundle: Bundle) -> None:
    token = bundle.members.get(bundlefile.TOKEN)
    if token is not None and not _TOKEN.fullmatch(token):
        raise _refused(BundleRefusal.UNUSABLE, f"cannot be used: its {bundlefile.TOKEN} is not 64 hex digits")


def _check_policy(bundle: Bundle, config: Config) -> None:
    blob = bundle.members.get(bundlefile.POLICY)
    if (blob is None) is not (config.policy is None):
        told = "names no policy" if config.policy is None else "wants a policy"
        there = "there is one" if blob is not None else "there is none"
        raise _refused(BundleRefusal.MEMBERS, f"cannot be used: its unit.toml {told}, and {there} in it")
    if blob is None or config.policy is None:
        return
    policy = open_policy(blob, VerifyKey.parse(config.policy.key))
    if not policy.is_for(config.unit.fleet, config.unit.id, config.policy.groups):
        raise _refused(
            BundleRefusal.FOREIGN, f"cannot be used: policy {policy.version} is not for {bundle.unit}"
        )


def _check_identity(bundle: Bundle, authority: Certificate) -> None:
    for name in (bundlefile.SIGN_KEY, bundlefile.OPEN_KEY):
        public_half(bundle.members[name], name)
    certificate = parse_certificate(bundle.members[bundlefile.CERTIFICATE], bundlefile.CERTIFICATE)
    if certificate.common_name != bundle.manifest.unit or not certificate.is_issued_by(authority):
        raise _refused(BundleRefusal.UNUSABLE, f"cannot be used: tls.crt in it is not {bundle.unit}'s")
    if certificate.public_key != public_half(bundle.members[bundlefile.TLS_KEY], bundlefile.TLS_KEY):
        raise _refused(
            BundleRefusal.UNUSABLE, "cannot be used: tls.crt in it is for another key than tls.pem"
        )


def _refused(kind: BundleRefusal, why: str) -> BundleError:
    return BundleError(
        kind, f"the bundle {why}", hint="have the workshop make a new one: anpr-fleet unit bundle"
    )
