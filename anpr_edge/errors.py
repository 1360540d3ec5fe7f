"""Every error this package raises on purpose, in one tree.

    AnprError                   what, where and the limit; `hint` says what to do next
    ├── UsageError              a command was called in a way it cannot be           exit 2
    ├── ConfigError             the unit's configuration cannot be used              exit 78
    │   └── PolicyError         a policy is refused: who signed it, for whom, when, or what it says
    ├── CaptureError            no frames
    │   ├── SourceUnavailable   the camera, file or stream cannot be opened
    │   ├── SourceStalled       it was open and stopped giving frames
    │   └── BadImage            one still picture cannot be decoded or looked at
    ├── DeviceError             lamps or another part of the unit do not do what they are told
    ├── ModelError              a model, its card or its checksum is not what it must be
    ├── SealError               a read cannot be sealed, or a blob cannot be opened
    │   ├── KeyFileError        a key is missing, malformed, exposed or of the wrong kind
    │   ├── SignerUnavailable   the signing key's TPM does not answer now: try again
    │   ├── EnvelopeError       a sealed read is refused; `kind` names the reason
    │   ├── ListError           a list of vehicles is refused: who signed it, for whom, or which revision
    │   ├── BundleError         a unit's bundle is refused; `kind` names the reason
    │   └── CommandError        a command is refused; `kind` names the reason
    ├── OutboxError             the outbox cannot keep or give reads
    │   ├── OutboxFull          the disk under it has no room left
    │   └── OutboxBroken        its file is damaged or gone: let go of it, so that it can be begun anew
    ├── UplinkError             the broker cannot be used as configured
    ├── UpdateError             a system cannot be installed, tried, committed or rolled back
    ├── ImageError              an image cannot be built or does not boot, or a card cannot be written
    └── StoreError              the centre cannot keep what it opened
        └── StoreUnavailable    not now: what was not kept is tried again

A message names the thing, the place and the limit ("unit.toml:12: camera.shutter_us is 40000,
at most 33333 at 30 frames/s"); it never contains a plate.
"""

from __future__ import annotations

import os
from enum import StrEnum


def reason(error: Exception) -> str:
    """What the system says went wrong, in its words, without its number or the file's name again."""
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


class AnprError(Exception):
    """Base of all deliberate errors. `hint` is one sentence on what to do next, or empty."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(AnprError):
    """A command was called in a way it cannot be."""

    exit_code = 2


class ConfigError(AnprError):
    """The unit's configuration cannot be used."""

    exit_code = 78


class PolicyError(ConfigError):
    """A policy is refused: who signed it, for whom, when, or what it says."""


class CaptureError(AnprError):
    """No frames."""


class SourceUnavailable(CaptureError):
    """The camera, file or stream cannot be opened."""


class SourceStalled(CaptureError):
    """The source was open and stopped giving frames."""


class BadImage(CaptureError):
    """One still picture cannot be decoded, or is of a size that no model takes."""


class DeviceError(AnprError):
    """Lamps or another part of the unit do not do what they are told."""


class ModelError(AnprError):
    """A model, its card or its checksum is not what it must be."""


class SealError(AnprError):
    """A read cannot be sealed, or a blob cannot be opened."""


class KeyFileError(SealError):
    """A key is missing, malformed, readable by others, or of the wrong kind."""


class SignerUnavailable(SealError):
    """The signing key cannot be used just now: what was to be signed is kept, and tried again."""


class Refusal(StrEnum):
    """Why a sealed read was refused. Values are stable: they appear in logs, tests and docs."""

    MALFORMED = "malformed"
    OVERSIZE = "oversize"
    TRAILING_BYTES = "trailing-bytes"
    VERSION = "version"
    HEADER = "header"
    SIGNATURE = "signature"
    UNKNOWN_UNIT = "unknown-unit"
    WRONG_UNIT = "wrong-unit"
    WRONG_FEED = "wrong-feed"
    NOT_A_RECIPIENT = "not-a-recipient"
    PAYLOAD = "payload"
    LOSS_REPORT = "loss-report"
    """Genuine, and no read: it says which reads will never come. The centre heeds it, and keeps it."""


class EnvelopeError(SealError):
    """A sealed read is refused; `kind` names the reason."""

    def __init__(self, kind: Refusal, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class ListError(SealError):
    """A list of vehicles of interest is refused: who signed it, for whom, or which revision it is."""


class BundleRefusal(StrEnum):
    """Why a unit's bundle was refused. Values are stable: they appear in logs, tests and docs."""

    OVERSIZE = "oversize"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    MEMBERS = "members"
    CONTENTS = "contents"
    UNKNOWN_KEY = "unknown-key"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    FOREIGN = "foreign"
    OLDER = "older"
    TWO = "two"
    NONE = "none"
    UNUSABLE = "unusable"


class BundleError(SealError):
    """A unit's bundle is refused; `kind` names the reason."""

    def __init__(self, kind: BundleRefusal, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class CommandRefusal(StrEnum):
    """Why a command was refused. Values are stable: they appear in replies, logs, tests and docs."""

    NO_KEY = "no-key"
    OVERSIZE = "oversize"
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown-key"
    SIGNATURE = "signature"
    TOPIC = "topic"
    FOREIGN = "foreign"
    RESPONSE_TOPIC = "response-topic"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    REPLAY = "replay"
    UNKNOWN_COMMAND = "unknown-command"
    ARGUMENTS = "arguments"
    BUSY = "busy"


class CommandError(SealError):
    """A command is refused; `kind` names the reason."""

    def __init__(self, kind: CommandRefusal, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class OutboxError(AnprError):
    """The outbox cannot keep or give reads."""


class OutboxFull(OutboxError):
    """The disk under the outbox has no room left."""


class OutboxBroken(OutboxError):
    """The outbox's file is damaged or gone: whoever has it open lets go of it, to let it be begun anew."""


class UplinkError(AnprError):
    """The broker cannot be used as configured."""


class UpdateError(AnprError):
    """A system cannot be installed, tried, committed or rolled back."""


class ImageError(AnprError):
    """An image cannot be built or does not boot, or a card cannot be written."""


class StoreError(AnprError):
    """The centre cannot keep what it opened."""


class StoreUnavailable(StoreError):
    """The centre's store does not answer or has no room now: nothing is acknowledged, it is tried again."""
