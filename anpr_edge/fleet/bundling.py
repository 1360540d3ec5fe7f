"""Bundles of a fleet folder's units: made and judged first, written together, remembered in the folder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from anpr_edge.bundlefile import (
    CERTIFICATE,
    OPEN_KEY,
    SIGN_KEY,
    SUFFIX,
    TLS_KEY,
    TOKEN,
    Bundle,
    members_of,
    read_bundle,
)
from anpr_edge.durable import PRIVATE
from anpr_edge.errors import BundleError, ConfigError
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.bundle import BundleOrder, make_bundle
from anpr_edge.fleet.filing import write_all
from anpr_edge.fleet.folder import FleetFolder
from anpr_edge.fleet.tokens import TokenRecord, new_token, read_token, token_file
from anpr_edge.fleet.unitrecord import FleetUnit, State
from anpr_edge.seal.certificates import parse_certificate
from anpr_edge.seal.keys import Signer, SigningKey
from anpr_edge.seal.manifest import Enrolment
from anpr_edge.seal.openkey import make_open_key
from anpr_edge.seal.tls_request import TlsKey
from anpr_edge.seams import Clock

KEPT_SHARE: Final = 2
"""A bundle is kept while it is good for another half of its time."""


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """What is known of keys that were made here for a unit: its verify key, request and certificate."""

    verify_key: str
    request: bytes
    certificate: bytes

    @property
    def serial(self) -> str:
        """The certificate's serial number, in hex."""
        return f"{parse_certificate(self.certificate, CERTIFICATE).parsed.serial_number:x}"


@dataclass(frozen=True, slots=True)
class Bundled:
    """One unit's bundle: new bytes for `path`, or the file that is there and still good."""

    name: str
    path: Path
    blob: bytes | None = field(repr=False)
    until_utc_s: int
    enrolment: Enrolment
    token: TokenRecord | None = None
    own_keys: OwnKeys | None = None

    @property
    def is_new(self) -> bool:
        """Whether it is to be written."""
        return self.blob is not None


class Bundler:
    """Makes the bundles of one fleet. `by_token`: units enrol over MQTT.

    Raises: ConfigError when fleet.toml does not say where they would.
    """

    def __init__(
        self, folder: FleetFolder, key: Signer, clock: Clock, days: int, *, by_token: bool = False
    ) -> None:
        self._folder = folder
        self._key = key
        self._days = days
        self._now_s = clock.now().utc_ns // 10**9
        self._listener = _listener(folder) if by_token else None

    def make(self, name: str, out: Path, authority: Authority | None = None) -> Bundled:
        """One unit's bundle, for the folder `out`; nothing is written yet. With an `authority` its keys too.

        Raises: UsageError or ConfigError for a unit that is not there, retired or cannot be configured,
        BundleError when the unit would refuse the bundle.
        """
        path, until_s = out / f"{name}{SUFFIX}", self._now_s + self._days * 86_400
        contents: dict[str, bytes] = self._folder.unit_files(name)
        there = self._there(path)
        token, own_keys, enrolment = None, None, Enrolment.CARRY
        if self._listener is not None:
            enrolment = Enrolment.TOKEN
            contents[TOKEN], token = self._token(name, there, until_s)
        if authority is not None:
            enrolment = Enrolment.INCLUDED
            own, own_keys = _own_keys(authority, name)
            contents |= own
        order = BundleOrder(self._folder.fleet, name, contents, name.rstrip("-"), enrolment, self._listener)
        if there is not None and self._says(there, order):
            return Bundled(name, path, None, there.manifest.until_utc_s, enrolment)
        blob = make_bundle(order, self._key, self._now_s, self._days)
        return Bundled(name, path, blob, until_s, enrolment, token, own_keys)

    def save(self, made: Sequence[Bundled]) -> None:
        """Write the new ones, and remember in the folder what they mean.

        The folder comes first: a bundle that is out with a token that nobody knows would be good for nothing.

        Raises: KeyFileError when something cannot be written.
        """
        units = [self._after(one) for one in made if one.is_new]
        tokens = [one.token for one in made if one.token is not None]
        others = {token_file(self._folder, one.unit): one.dump() for one in tokens}
        for path in others:
            path.parent.mkdir(exist_ok=True)
        for one in made:
            if one.own_keys is not None:
                others[self._folder.certificate_file(one.name)] = one.own_keys.certificate
                others[self._folder.request_file(one.name)] = one.own_keys.request
        self._folder.save([unit for unit in units if unit is not None], others)
        files: Mapping[Path, bytes] = {one.path: one.blob for one in made if one.blob is not None}
        write_all(files, PRIVATE)

    def _after(self, one: Bundled) -> FleetUnit | None:
        """The unit's file as it is to be; None when it stays as it is."""
        unit = self._folder.unit(one.name)
        if one.own_keys is not None:
            return replace(unit, state=State.ENROLLED, serials=(*unit.serials, one.own_keys.serial))
        return replace(unit, state=State.BUNDLED) if unit.state is State.PLANNED else None

    def _there(self, path: Path) -> Bundle | None:
        try:
            return read_bundle(path, self._key.public) if path.exists() else None
        except BundleError:
            return None

    def _says(self, there: Bundle, order: BundleOrder) -> bool:
        """Whether the bundle that is there says what the new one would, and for long enough."""
        manifest = there.manifest
        same = (
            manifest.fleet == order.fleet
            and manifest.unit == order.unit
            and manifest.members == members_of(order.contents)
            and manifest.hostname == order.hostname
            and (manifest.enrolment, manifest.listener) == (order.enrolment, order.listener)
        )
        return same and manifest.until_utc_s - self._now_s >= self._days * 86_400 // KEPT_SHARE

    def _token(self, name: str, there: Bundle | None, until_s: int) -> tuple[bytes, TokenRecord | None]:
        """A token's text, and what to remember of it; that of the bundle there, while it is unused."""
        known = read_token(self._folder, name)
        text = there.members.get(TOKEN) if there is not None else None
        if (
            known is not None
            and text is not None
            and not known.used_by
            and known.is_of(bytes.fromhex(text.decode()))
        ):
            return text, replace(known, until_utc_s=until_s)
        token, record = new_token(name, until_s)
        return token.hex().encode(), record


def _listener(folder: FleetFolder) -> tuple[str, int]:
    plan = folder.plan
    if plan.broker is None or plan.enrol_port is None:
        raise ConfigError(
            f"{folder.directory / 'fleet.toml'}: does not say where units enrol",
            hint="add [broker] host = …, and [enrolment] port = 8884",
        )
    return plan.broker.host, plan.enrol_port


def _own_keys(authority: Authority, name: str) -> tuple[dict[str, bytes], OwnKeys]:
    """A whole identity, made here; the folder will remember its certificate, nobody its keys."""
    sign, tls = SigningKey.generate(), TlsKey.generate()
    with tempfile.TemporaryDirectory() as folder:
        private = Path(folder)
        sign.save(private / SIGN_KEY)
        tls.save(private / TLS_KEY)
        make_open_key(private / OPEN_KEY, None)
        contents = {path.name: path.read_bytes() for path in private.iterdir()}
    request = tls.request(name)
    contents[CERTIFICATE] = authority.issue_csr(request, name)
    return contents, OwnKeys(sign.public.text, request, contents[CERTIFICATE])
