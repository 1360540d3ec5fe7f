"""The primitives give the answers their specifications print."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from anpr_edge.seal import hpke, signatures
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey, VerifyKey
from tests.vectors import hybrid
from tests.vectors.signing import other_form


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


# Source: RFC 9180 appendix A.1.1, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode
A1_INFO = raw("4f6465206f6e2061204772656369616e2055726e")
A1_PRIVATE = raw("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
A1_PUBLIC = raw("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d")
A1_ENC = raw("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
A1_KEY = raw("4531685d41d65f03dc48f6b8302c05b0")
A1_NONCE = raw("56d890e5accaaf011cff4b7d")
A1_PLAINTEXT = raw("4265617574792069732074727574682c20747275746820626561757479")
A1_CIPHERTEXT = raw(
    "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
)


def test_the_numbers_of_rfc_9180_are_copied_rightly() -> None:
    assert AESGCM(A1_KEY).encrypt(A1_NONCE, A1_PLAINTEXT, b"Count-0") == A1_CIPHERTEXT


def test_x25519_unwraps_with_the_key_and_nonce_of_rfc_9180() -> None:
    """The appendix encrypts with additional data, which this format leaves empty: same key, same nonce."""
    own = RecipientPrivateKey.from_secret(hpke.X25519, A1_PRIVATE)
    wrapped = AESGCM(A1_KEY).encrypt(A1_NONCE, A1_PLAINTEXT, b"")

    assert own.public.raw == A1_PUBLIC
    assert hpke.X25519.unwrap(A1_ENC, wrapped, own.private, A1_INFO) == A1_PLAINTEXT
    with pytest.raises(InvalidTag):
        hpke.X25519.unwrap(A1_ENC, wrapped, own.private, A1_INFO + b".")


# Source: RFC 8032 §7.1: seed, public key, message, signature of TEST 1, TEST 2, TEST 3 and TEST SHA(abc)
ED25519 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"), ED25519, ids=["TEST 1", "TEST 2", "TEST 3", "TEST SHA(abc)"]
)
def test_ed25519_signs_as_rfc_8032_does(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(raw(seed)))
    assert key.public.raw == raw(public)
    assert key.sign(raw(message)) == raw(signature)
    assert key.public.verify(raw(signature), raw(message))


def test_ed25519_takes_no_second_form_of_a_signature() -> None:
    """S + L passes the equation as S does, and is refused. Source: RFC 8032 §5.1.7, §8.4."""
    seed, public, message, signature = (raw(text) for text in ED25519[1])
    order = 2**252 + 27742317777372353535851937790883648493
    other = int.from_bytes(signature[32:], "little") + order
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(seed))
    assert key.public.raw == public
    assert not key.public.verify(signature[:32] + other.to_bytes(32, "little"), message)


# Source: RFC 6979 §A.2.5, P-256 with SHA-256: the public key, and for each message R and S
P256_X = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
P256_Y = "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
P256_SIGNATURES = {
    "sample": (
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    ),
    "test": (
        "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
        "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
    ),
}


@pytest.mark.parametrize("message", P256_SIGNATURES)
def test_ecdsa_verifies_what_rfc_6979_signed_in_the_lower_form_alone(message: str) -> None:
    r, s = (int(value, 16) for value in P256_SIGNATURES[message])
    key = VerifyKey(signatures.P256, signatures.p256_point(int(P256_X, 16), int(P256_Y, 16)))
    taken = signatures.p256_signature(r, s)
    assert key.verify(taken, message.encode())
    assert not key.verify(other_form(taken), message.encode())
    assert (taken == raw(P256_SIGNATURES[message][0] + P256_SIGNATURES[message][1])) is (message == "test")


# Source: draft-connolly-cfrg-xwing-kem-10 appendix C, the first three: seed, randomness, shared secret
XWING = [
    (
        "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
        "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2"
        "35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
        "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384",
    ),
    (
        "badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea",
        "17cda7cfad765f5623474d368ccca8af0007cd9f5e4c849f167a580b14aabdef"
        "aee7eef47cb0fca9767be1fda69419dfb927e9df07348b196691abaeb580b32d",
        "f2e86241c64d60f6649fbc6c5b7d17180b780a3f34355e64a85749949c45f150",
    ),
    (
        "ef58538b8d23f87732ea63b02b4fa0f4873360e2841928cd60dd4cee8cc0d4c9",
        "22a96188d032675c8ac850933c7aff1533b94c834adbb69c6115bad4692d8619"
        "f90b0cdf8a7b9c264029ac185b70b83f2801f2f4b3f70c593ea3aeeb613a7f1b",
        "953f7f4e8c5b5049bdc771d1dffada0dd961477d1a2ae0988baa7ea6898d893f",
    ),
]


@pytest.mark.parametrize(("seed", "randomness", "secret"), XWING)
def test_the_hybrid_unwraps_under_the_secrets_of_x_wing(seed: str, randomness: str, secret: str) -> None:
    """The library shows no shared secret: it has to open what was wrapped under the appendix's."""
    own = RecipientPrivateKey.from_secret(hpke.HYBRID, raw(seed))
    encapsulated = hybrid.encapsulate(own.public.raw, raw(randomness))
    key, nonce = hybrid.schedule(raw(secret), b"info")
    wrapped = AESGCM(key).encrypt(nonce, b"content key", b"")

    assert own.public.raw == hybrid.public_raw(raw(seed))
    assert encapsulated.secret == raw(secret)
    assert hpke.HYBRID.unwrap(encapsulated.carrier, wrapped, own.private, b"info") == b"content key"
