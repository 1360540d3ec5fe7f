"""The unit's one decryption key: it opens what is addressed to the unit, and never a read.

X25519, in a file that its owner alone may read, or sealed in a TPM.
"""

from __future__ import annotations

from pathlib import Path

from anpr_edge.seal import hpke, keyfile, tpm
from anpr_edge.seal.keys import SECRET_BYTES, RecipientKey, RecipientPrivateKey


def make_open_key(path: Path, place: str | None) -> RecipientKey:
    """Make the key, in the TPM at `place` when there is one, and keep it in the new file `path`.

    Gives the public half. Raises: KeyFileError.
    """
    key = RecipientPrivateKey.generate()
    if place is None:
        key.save(path)
    else:
        tpm.seal_secret(place, path, key.secret)
    return key.public


def load_open_key(path: Path, place: str | None) -> RecipientPrivateKey:
    """The key kept at `path`. Raises: KeyFileError."""
    if not tpm.is_in_tpm(keyfile.read(path)):
        return RecipientPrivateKey.load(path)
    secret = tpm.unseal_secret(place, path)
    if len(secret) != SECRET_BYTES:
        raise keyfile.wrong_kind(path, "X25519")
    return RecipientPrivateKey.from_secret(hpke.X25519, secret)
