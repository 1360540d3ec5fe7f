"""What a unit could not live by is no bundle: each fault by itself, found in the workshop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.bundlecheck import usable_config
from anpr_edge.bundlefile import POLICY as POLICY_FILE
from anpr_edge.bundlefile import open_bundle
from anpr_edge.errors import BundleError, BundleRefusal, SealError
from anpr_edge.fleet.authority import AUTHORITY_DAYS
from anpr_edge.seal.keys import SigningKey
from anpr_edge.seal.manifest import Enrolment
from anpr_edge.seal.policy.signed import sign_policy
from tests.bundles import FLEET, UNIT, Workshop, config_text
from tests.unit.seal.policies import KEY, POLICY

FEEDS_BEGIN, FEEDS_END = b"[feeds.charging]", b"[broker]"
POLICY_OF_THE_FLEET = replace(POLICY, fleet=FLEET, units=(), groups=())


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))


def with_policy() -> bytes:
    """A configuration whose feeds come from a signed policy."""
    text = config_text()
    head, tail = text.split(FEEDS_BEGIN)[0], text.split(FEEDS_END)[1]
    return head + f'[policy]\nkey = "{KEY.public.text}"\n\n'.encode() + FEEDS_END + tail


def test_a_bundle_with_a_policy(workshop: Workshop) -> None:
    contents = workshop.contents(unit_toml=with_policy(), policy_cose=sign_policy(POLICY_OF_THE_FLEET, KEY))
    bundle = open_bundle(workshop.bundle(contents=contents), workshop.key.public)
    config = usable_config(bundle)
    assert config.policy is not None
    assert config.policy.key == KEY.public.text
    assert str(config.policy.file) == "/etc/anpr-edge/policy.cose"


def policies() -> dict[str, tuple[bytes, bytes | None, BundleRefusal, str]]:
    good = sign_policy(POLICY_OF_THE_FLEET, KEY)
    other_unit = sign_policy(replace(POLICY_OF_THE_FLEET, units=("unit-0002",)), KEY)
    other_fleet = sign_policy(replace(POLICY_OF_THE_FLEET, fleet="paris"), KEY)
    stranger = sign_policy(POLICY_OF_THE_FLEET, SigningKey.generate())
    unusable, foreign, members = BundleRefusal.UNUSABLE, BundleRefusal.FOREIGN, BundleRefusal.MEMBERS
    return {
        "none": (with_policy(), None, members, "wants a policy, and there is none"),
        "spare": (config_text(), good, members, "names no policy, and there is one"),
        "another unit's": (with_policy(), other_unit, foreign, "is not for demo/unit-0001"),
        "another fleet's": (with_policy(), other_fleet, foreign, "is not for demo/unit-0001"),
        "another key's": (with_policy(), stranger, unusable, "is not signed by"),
        "changed": (with_policy(), good[:-1] + b"\0", unusable, "is not signed by"),
    }


@pytest.mark.parametrize("what", policies())
def test_a_policy_that_the_unit_would_not_work_by(workshop: Workshop, what: str) -> None:
    text, policy, kind, words = policies()[what]
    contents = workshop.contents(unit_toml=text) | ({} if policy is None else {POLICY_FILE: policy})
    with pytest.raises(BundleError, match=words) as refused:
        workshop.bundle(contents=contents)
    assert refused.value.kind is kind
    assert str(refused.value).startswith(f"{UNIT}: ")


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"unit_toml": config_text("unit-0002")}, BundleRefusal.FOREIGN, "its unit.toml for demo/unit-0002"),
        (
            {"unit_toml": config_text(fleet="paris")},
            BundleRefusal.FOREIGN,
            "its unit.toml for paris/unit-0001",
        ),
        ({"unit_toml": b""}, BundleRefusal.UNUSABLE, "unit.toml: empty"),
        ({"unit_toml": b"\xff"}, BundleRefusal.UNUSABLE, "not UTF-8"),
        ({"unit_toml": b"[unit\n"}, BundleRefusal.UNUSABLE, "unit.toml:1"),
        ({"ca_crt": b"no certificate"}, BundleRefusal.UNUSABLE, "ca.crt: not a certificate"),
        ({"command_pub": b"no key"}, BundleRefusal.UNUSABLE, "public key 'no key'"),
        ({"unit_toml": b"#" * 70_000}, BundleRefusal.OVERSIZE, "unit.toml has 70000 bytes, at most 65536"),
    ],
)
def test_a_part_that_is_none(
    workshop: Workshop, changes: dict[str, bytes], kind: BundleRefusal, words: str
) -> None:
    contents = workshop.contents() | {name.replace("_", "."): data for name, data in changes.items()}
    with pytest.raises(BundleError, match=words) as refused:
        workshop.bundle(contents=contents)
    assert refused.value.kind is kind
    assert refused.value.hint or kind is BundleRefusal.OVERSIZE


def test_an_authority_that_has_ended(workshop: Workshop) -> None:
    late_s = workshop.now_s + (AUTHORITY_DAYS + 1) * 86_400
    with pytest.raises(BundleError, match=r"its ca.crt expired on"):
        workshop.bundle(made_s=late_s)


def test_a_token_that_is_none(workshop: Workshop) -> None:
    with pytest.raises(BundleError, match="is not 64 hex digits"):
        workshop.bundle(
            contents=workshop.contents(enrol_token=b"secret"),
            enrolment=Enrolment.TOKEN,
            listener=("broker.example", 8884),
        )


@pytest.mark.parametrize("whose", ["another unit's", "another key's", "another authority's"])
def test_keys_that_do_not_belong_together(workshop: Workshop, tmp_path: Path, whose: str) -> None:
    own, other = workshop.authority.issue_client(UNIT), workshop.authority.issue_client("unit-0002")
    stranger = Workshop(tmp_path / "stranger").authority.issue_client(UNIT)
    certificate = {
        "another unit's": other.cert_pem,
        "another key's": workshop.authority.issue_client(UNIT).cert_pem,
        "another authority's": stranger.cert_pem,
    }[whose]
    contents = workshop.contents(
        tls_pem=own.key_pem, sign_pem=own.key_pem, open_pem=own.key_pem, tls_crt=certificate
    )
    with pytest.raises(BundleError, match=r"tls\.crt in it is") as refused:
        workshop.bundle(contents=contents, enrolment=Enrolment.INCLUDED)
    assert refused.value.kind is BundleRefusal.UNUSABLE


@pytest.mark.parametrize("name", ["sign.pem", "open.pem", "tls.pem"])
def test_a_key_that_is_none(workshop: Workshop, name: str) -> None:
    own = workshop.authority.issue_client(UNIT)
    keys = dict.fromkeys(("sign.pem", "open.pem", "tls.pem"), own.key_pem)
    contents = workshop.contents() | keys | {"tls.crt": own.cert_pem, name: b"no key"}
    with pytest.raises(BundleError, match=f"{name}: not an unencrypted private key"):
        workshop.bundle(contents=contents, enrolment=Enrolment.INCLUDED)


@pytest.mark.parametrize("name", ["", "Unit", "a" * 33, "../etc"])
def test_a_name_that_cannot_be_a_units(workshop: Workshop, name: str) -> None:
    with pytest.raises(SealError, match="cannot be signed"):
        workshop.bundle(name, contents=workshop.contents())
