"""A policy under the fleet authority's policy key: COSE_Sign1, strict, in one encoding."""

from __future__ import annotations

from typing import Final

from anpr_edge.errors import EnvelopeError, PolicyError
from anpr_edge.seal import cbor, sign1
from anpr_edge.seal.keys import Signer, VerifyKey
from anpr_edge.seal.policy.codec import VERSION_KEY, policy_of, values_of
from anpr_edge.seal.policy.model import Policy
from anpr_edge.seal.wire_values import Wrong

LONGEST_BYTES: Final = 16_384
"""Room for 16 feeds; published with its words, a policy still fits a broker's packet of 65,536 bytes."""

POLICY_TYPE: Final = "application/anpr-policy+cose"
"""Keeps a policy from passing for anything else its key may sign. Source: RFC 9596."""

WHAT: Final = "the policy"


def sign_policy(policy: Policy, key: Signer) -> bytes:
    """The policy as units take it.

    Raises: PolicyError when a value is out of its limits; its path is in the message.
    """
    values = values_of(policy)
    try:
        policy_of(values)
    except Wrong as wrong:
        raise PolicyError(f"{WHAT} cannot be signed: {wrong}") from None
    blob = sign1.sign(_protected(key.public), cbor.encode(values), key)
    if len(blob) > LONGEST_BYTES:
        raise PolicyError(f"{WHAT} cannot be signed: {len(blob)} bytes, at most {LONGEST_BYTES}")
    return blob


def open_policy(blob: bytes, key: VerifyKey) -> Policy:
    """The policy, when `key` signed it. Whether it is for this unit and now is for the caller to judge.

    Raises: PolicyError.
    """
    signed = _parsed(blob)
    if signed.protected != _protected(key) or not signed.signed_by(key):
        raise PolicyError(f"{WHAT} is not signed by {key.text}", hint="ask who made it for one that is")
    return _decoded(signed.payload)


def read_unverified(blob: bytes) -> Policy:
    """What a policy says, whoever signed it: for showing, never for acting on. Raises: PolicyError."""
    return _decoded(_parsed(blob).payload)


def _parsed(blob: bytes) -> sign1.Sign1:
    try:
        return sign1.parse(blob, LONGEST_BYTES, WHAT)
    except EnvelopeError as error:
        raise PolicyError(str(error), hint="anpr-fleet policy sign makes policies") from None


def _protected(key: VerifyKey) -> bytes:
    return cbor.encode({sign1.ALG: key.alg, sign1.KID: key.kid, sign1.TYP: POLICY_TYPE})


def _decoded(payload: bytes) -> Policy:
    try:
        values = cbor.decode(payload, WHAT)
        if isinstance(values, dict) and values.get(VERSION_KEY) not in (1, None):
            raise PolicyError(f"{WHAT} is of a later format", hint="install a newer anpr-edge first")
        return policy_of(values)
    except (EnvelopeError, Wrong) as wrong:
        raise PolicyError(f"{WHAT} is malformed: {wrong}") from None
