"""Keys that live in a TPM 2.0: what lies on the disk is of use in that one chip alone.

The file is a `TSS2 PRIVATE KEY` in PEM: the key's public part, and its private part encrypted by the TPM. A
signing key never leaves the chip; a small secret is sealed in it and given out to whoever may read the file.
Source: TCG TPM 2.0 Library, part 1 §27 (object hierarchies), part 3 (TPM2_Create, TPM2_Sign, TPM2_Unseal).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from anpr_edge.errors import KeyFileError, SignerUnavailable
from anpr_edge.seal import keyfile, signatures
from anpr_edge.seal.keys import Signer, SigningKey, VerifyKey

PEM_BEGIN: Final = b"-----BEGIN TSS2 PRIVATE KEY-----"
DEFAULT_PLACE: Final = "/dev/tpmrm0"
"""The kernel's resource manager of the first TPM. Source: Linux, drivers/char/tpm."""

_OWN: Final = "fixedtpm|fixedparent|userwithauth|noda"
_PARENT: Final = ("ecc256:aes128cfb", f"{_OWN}|restricted|decrypt|sensitivedataorigin")
"""The owner hierarchy's storage key: the same one whenever it is made, so that nothing need be kept in the
chip. Source: TCG TPM 2.0 Keys for Device Identity, and the template the `TSS2 PRIVATE KEY` draft gives."""

_SIGNING: Final = ("ecc256:ecdsa-sha256", f"{_OWN}|sign|sensitivedataorigin")
_SEALED: Final = ("keyedhash", _OWN)


def is_in_tpm(pem: bytes) -> bool:
    """Whether a key file's content is a key in a TPM."""
    return PEM_BEGIN in pem


def load_signing_key(path: Path, place: str | None) -> Signer:
    """The unit's signing key, in memory or in the TPM at `place`, as the file at `path` has it.

    Raises: KeyFileError.
    """
    return TpmSigningKey(place, path) if is_in_tpm(keyfile.read(path)) else SigningKey.load(path)


def make_signing_key(place: str, path: Path) -> None:
    """Make a signing key in the TPM at `place`, and keep what loads it in the new file `path`.

    `place` is a device such as `/dev/tpmrm0`, or a TCTI's configuration such as `swtpm:path=…`.

    Raises: KeyFileError.
    """
    _make(place, path, _SIGNING, b"")


def clear_tpm(place: str) -> None:
    """Make every key that the TPM at `place` ever made worthless, copies of their files included.

    Its owner's secret is replaced by a new one. Source: TCG TPM 2.0 Library, part 3 (TPM2_Clear).

    Raises: KeyFileError when it does not answer or refuses.
    """
    tss = _tss()
    tpm = _open(place, Path(place))
    try:
        tpm.clear(tss.ESYS_TR.LOCKOUT)
    except tss.TSS2_Exception as error:
        hint = "clear it in the firmware's setup, or with tpm2_clear -c p"
        raise KeyFileError(f"{place}: the TPM refuses to be cleared: {error}", hint=hint) from None
    finally:
        tpm.close()


def seal_secret(place: str, path: Path, secret: bytes) -> None:
    """Let the TPM at `place` alone keep `secret`, at most 128 bytes; `path` is what it gives it out for.

    Raises: KeyFileError.
    """
    _make(place, path, _SEALED, secret)


def unseal_secret(place: str | None, path: Path) -> bytes:
    """The secret sealed for `path`. Raises: KeyFileError."""
    key = _private_key(path)
    with _opened(place, path) as tpm, _loaded(tpm, key) as handle:
        return bytes(tpm.unseal(handle))


class TpmSigningKey:
    """A signer whose key, of P-256, is in a TPM. Not for two threads at once.

    When the TPM does not answer, `sign` raises SignerUnavailable, and the next one asks it anew.
    """

    def __init__(self, place: str | None, path: Path) -> None:
        """Raises: KeyFileError when the TPM is not there or does not know the key."""
        self._place = place
        self._path = path
        self._key = _private_key(path)
        self._tpm: Any = None
        self._handle: Any = None
        try:
            point = self._key.public.publicArea.unique.ecc
            raw = signatures.p256_point(int.from_bytes(point.x), int.from_bytes(point.y))
        except ValueError:
            raise keyfile.wrong_kind(path, "P-256 signing") from None
        self.public = VerifyKey(signatures.P256, raw)
        self._connect()

    @property
    def kid(self) -> bytes:
        return self.public.kid

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature over `data`. Raises: SignerUnavailable."""
        tss = _tss()
        try:
            if self._tpm is None:
                self._connect()
            scheme = tss.TPMT_SIG_SCHEME(scheme=tss.TPM2_ALG.NULL)
            ticket = tss.TPMT_TK_HASHCHECK(tag=tss.TPM2_ST.HASHCHECK, hierarchy=tss.TPM2_RH.NULL)
            digest = hashlib.sha256(data).digest()
            made = self._tpm.sign(self._handle, digest, scheme, ticket)
        except (tss.TSS2_Exception, KeyFileError) as error:
            self.close()
            raise SignerUnavailable(
                f"{self._path}: the TPM does not sign: {error}", hint="look at the kernel's log"
            ) from None
        # `made` owns the memory that its parts point into: it has to stay until they are read.
        ecdsa = made.signature.ecdsa
        r, s = (int.from_bytes(bytes(part)) for part in (ecdsa.signatureR, ecdsa.signatureS))
        return signatures.p256_signature(r, s)

    def close(self) -> None:
        """Let go of the TPM; the next `sign` takes it again."""
        tpm, handle, self._tpm, self._handle = self._tpm, self._handle, None, None
        if tpm is None:
            return
        with suppress(_tss().TSS2_Exception):  # it may be gone already
            tpm.flush_context(handle)
        tpm.close()

    def _connect(self) -> None:
        tpm = _open(self._place, self._path)
        try:
            self._handle = _load(tpm, self._key)
        except _tss().TSS2_Exception as error:
            tpm.close()
            raise _does_not_know(self._path, error) from None
        self._tpm = tpm

    def __repr__(self) -> str:
        return f"TpmSigningKey(of {self.public.text})"


def _make(place: str, path: Path, template: tuple[str, str], secret: bytes) -> None:
    tss = _tss()
    sensitive = tss.TPM2B_SENSITIVE_CREATE(tss.TPMS_SENSITIVE_CREATE(data=secret))
    with _opened(place, path) as tpm, _parent(tpm) as parent:
        private, public, *_ = tpm.create(parent, sensitive, _public(template))
    keyfile.write_new(path, tss.tsskey.TSSPrivKey(private, public).to_pem())


@contextmanager
def _opened(place: str | None, path: Path) -> Iterator[Any]:
    """The TPM while it is in use. Raises: KeyFileError, also for what fails meanwhile."""
    tpm = _open(place, path)
    try:
        yield tpm
    except _tss().TSS2_Exception as error:
        raise _does_not_know(path, error) from None
    finally:
        tpm.close()


def _open(place: str | None, path: Path) -> Any:
    tss = _tss()
    if place is None:
        raise KeyFileError(
            f"{path}: lies in a TPM, and nothing says in which", hint=f'unit.tpm = "{DEFAULT_PLACE}"'
        )
    try:
        return tss.ESAPI(f"device:{place}" if place.startswith("/") else place)
    except (tss.TSS2_Exception, RuntimeError) as error:
        raise KeyFileError(
            f"{place}: no TPM answers: {error}",
            hint="look whether it is there, and whether this user's groups may use it",
        ) from None


def _does_not_know(path: Path, error: Exception) -> KeyFileError:
    hint = "was the key made in another TPM, or this one cleared? then the unit needs a new identity"
    return KeyFileError(f"{path}: the TPM refuses it: {error}", hint=hint)


@contextmanager
def _parent(tpm: Any) -> Iterator[Any]:
    handle, *_ = tpm.create_primary(None, _public(_PARENT))
    with handle:
        yield handle


def _load(tpm: Any, key: Any) -> Any:
    with _parent(tpm) as parent:
        return tpm.load(parent, key.private, key.public)


@contextmanager
def _loaded(tpm: Any, key: Any) -> Iterator[Any]:
    with _load(tpm, key) as handle:
        yield handle


def _public(template: tuple[str, str]) -> Any:
    alg, attributes = template
    return _tss().TPM2B_PUBLIC.parse(alg=alg, objectAttributes=attributes)


def _private_key(path: Path) -> Any:
    tss, pem = _tss(), keyfile.read(path)
    try:
        return tss.tsskey.TSSPrivKey.from_pem(pem)
    except (ValueError, TypeError, tss.TSS2_Exception):
        raise keyfile.wrong_kind(path, "TSS2 PRIVATE KEY") from None


def _tss() -> Any:
    """The TPM software stack's package. Raises: KeyFileError when it is not installed."""
    os.environ.setdefault("TSS2_LOG", "all+none")  # it would write to stderr by itself
    try:
        import tpm2_pytss.tsskey
    except ImportError:
        raise KeyFileError(
            "the package tpm2-pytss is not installed: this unit's TPM cannot be used",
            hint="apt-get install libtss2-dev pkg-config gcc, then pip install 'anpr-edge[tpm]'",
        ) from None
    return tpm2_pytss
