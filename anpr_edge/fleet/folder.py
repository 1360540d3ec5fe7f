"""The fleet folder: all the workshop knows of a fleet, as files one can keep in git. See docs/fleet.md.

    fleet.toml               what the whole fleet has in common, written by people
    units/NAME.toml          one unit
    certificates/NAME.crt    its newest certificate, and NAME.csr, the request that it answers
    authority/               what everybody may know: ca.crt, crl.pem, release.crt, command.pub, …

Private keys lie in another folder (keysfolder.py), never in this one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from anpr_edge.config.lines import LineMap
from anpr_edge.errors import ConfigError, UsageError, reason
from anpr_edge.fleet.authority import CERTIFICATE_FILE, check_name
from anpr_edge.fleet.commandkey import COMMAND_PUBLIC
from anpr_edge.fleet.filing import only_one, write_all
from anpr_edge.fleet.fleetfile import FleetPlan, parse_fleet
from anpr_edge.fleet.unitrecord import FleetUnit, State, parse_unit
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.wire_values import Wrong

FLEET_FILE: Final = "fleet.toml"
UNITS_DIR, CERTIFICATES_DIR, AUTHORITY_DIR = "units", "certificates", "authority"
SERVERS_DIR, CLIENTS_DIR = "servers", "clients"
"""Of brokers, in certificates/ and in the keys folder; of centres and others, in certificates/."""
POLICY_PUBLIC, PROVISION_PUBLIC = "policy.pub", "provision.pub"
RELEASE_CERTIFICATE, REVOKED_FILE = "release.crt", "crl.pem"
HINT: Final = "docs/fleet.md has every key"

T = TypeVar("T")


class FleetFolder:
    """One fleet's folder, which must hold a fleet.toml.

    Raises: UsageError when there is none, ConfigError when it says what it cannot, with its line.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        file = directory / FLEET_FILE
        if not file.is_file():
            raise UsageError(
                f"{directory}: no fleet folder: no {FLEET_FILE} in it",
                hint="go to the fleet folder or name it: --fleet-dir; anpr-fleet authority create makes one",
            )
        self.plan: FleetPlan = read_toml(file, parse_fleet)

    @property
    def fleet(self) -> str:
        """The fleet's name."""
        return self.plan.fleet

    @property
    def authority_dir(self) -> Path:
        """Where the public halves of the fleet's keys lie."""
        return self.directory / AUTHORITY_DIR

    def changing(self) -> AbstractContextManager[None]:
        """Keeps every other anpr-fleet from changing the folder meanwhile. Raises: UsageError."""
        return only_one(self.directory / FLEET_FILE)

    def unit_names(self) -> list[str]:
        """The names of all units, in order."""
        return sorted(path.stem for path in (self.directory / UNITS_DIR).glob("[!.]*.toml"))

    def has_unit(self, name: str) -> bool:
        """Whether there is a unit of this name."""
        return self.unit_file(name).is_file()

    def unit(self, name: str) -> FleetUnit:
        """One unit. Raises: UsageError when there is none, ConfigError when its file cannot be used."""
        check_name(name)
        if not self.has_unit(name):
            raise UsageError(
                f"{self.directory}: no unit {name}",
                hint="anpr-fleet unit list shows them; unit add makes one",
            )
        return read_toml(self.unit_file(name), lambda data: parse_unit(name, data))

    def units(self) -> Iterator[FleetUnit]:
        """All units, in the order of their names."""
        return map(self.unit, self.unit_names())

    def unit_file(self, name: str) -> Path:
        """Where a unit's file is, or would be."""
        return self.directory / UNITS_DIR / f"{name}.toml"

    def save(self, units: Iterable[FleetUnit], others: Mapping[Path, bytes] | None = None) -> None:
        """Write units' files, and others with them: all, or none when one cannot be. Raises: KeyFileError."""
        write_all({self.unit_file(unit.name): unit.dump() for unit in units} | dict(others or {}))

    def certificate_file(self, name: str) -> Path:
        """Where a unit's newest certificate is, or would be."""
        return self.directory / CERTIFICATES_DIR / f"{name}.crt"

    def request_file(self, name: str) -> Path:
        """Where the request that its certificate answers is, or would be."""
        return self.directory / CERTIFICATES_DIR / f"{name}.csr"

    def public_key(self, name: str) -> VerifyKey:
        """The public key kept as `name` in authority/, such as provision.pub. Raises: KeyFileError."""
        return VerifyKey.load(self.authority_dir / name)

    @cached_property
    def shared_files(self) -> Mapping[str, bytes]:
        """What every unit of the fleet is given alike: ca.crt, command.pub, and policy.cose if there is one.

        Raises: ConfigError when one is missing, or the policy is not this fleet's.
        """
        files = {name: self._read(self.authority_dir / name) for name in (CERTIFICATE_FILE, COMMAND_PUBLIC)}
        if self.plan.policy_file:
            files["policy.cose"] = self._policy()
        return files

    def unit_files(self, name: str) -> dict[str, bytes]:
        """All a unit is given before its certificate, by file name: unit.toml and the shared files.

        Raises: UsageError for a unit that is retired or not there, ConfigError when its unit would refuse
        the configuration.
        """
        from anpr_edge.fleet.unitconfig import unit_toml

        unit = self.unit(name)
        if unit.state is State.RETIRED:
            raise UsageError(f"unit {name} is retired", hint="a new unit takes a new name")
        key = self.public_key(POLICY_PUBLIC) if self.plan.policy_file else None
        return {"unit.toml": unit_toml(self.plan, unit, key), **self.shared_files}

    def _policy(self) -> bytes:
        from anpr_edge.seal.policy.signed import open_policy

        path = self.directory / self.plan.policy_file
        blob = self._read(path)
        policy = open_policy(blob, self.public_key(POLICY_PUBLIC))
        if policy.fleet != self.fleet:
            raise ConfigError(f"{path}: a policy of fleet {policy.fleet}, not {self.fleet}")
        return blob

    @staticmethod
    def _read(path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: {reason(error)}", hint="restore it, from git for one") from error


def client_file(folder: FleetFolder, name: str) -> Path:
    """Where all certificates of a centre or other client are, or would be, the newest last."""
    return folder.directory / CERTIFICATES_DIR / CLIENTS_DIR / f"{name}.crt"


def server_certificate(folder: FleetFolder, host: str) -> Path:
    """Where the certificate of a broker reached as `host` is, or would be."""
    return folder.directory / CERTIFICATES_DIR / SERVERS_DIR / f"{host}.crt"


def read_toml(path: Path, parse: Callable[[Mapping[str, Any]], T]) -> T:
    """What `parse` makes of a TOML file. Raises: ConfigError with the file, and the line if it is known."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {reason(error)}", hint=HINT) from error
    try:
        return parse(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}", hint=HINT) from None
    except Wrong as wrong:
        line = LineMap(text).nearest(tuple(str(wrong).partition(":")[0].split(".")))
        where = f"{path}:{line}" if line else path
        raise ConfigError(f"{where}: {wrong}", hint=HINT) from None
