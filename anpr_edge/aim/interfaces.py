"""This machine's own addresses, and which of them the world can reach: those beside a default route."""

from __future__ import annotations

import array
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from anpr_edge.errors import UsageError

SIOCGIFCONF: Final = 0x8912
"""Source: netdevice(7): every IPv4 address with its interface."""
_ENTRY: Final = 40
_ENTRIES: Final = 256
IPV4_ROUTES = Path("/proc/net/route")
IPV6_ROUTES = Path("/proc/net/ipv6_route")
IPV6_ADDRESSES = Path("/proc/net/if_inet6")
ANYWHERE: Final = frozenset({"0.0.0.0", "::"})


def resolve(wanted: str, own: Mapping[str, str]) -> str:
    """The address to listen at: `wanted` itself, or the first one of the interface of that name.

    Raises: UsageError when this machine has neither.
    """
    named = [address for address, interface in own.items() if interface == wanted]
    if named:
        return named[0]
    try:
        address = str(ipaddress.ip_address(wanted))
    except ValueError:
        address = ""
    if address in own or address in ANYWHERE:
        return address
    shown = ", ".join(f"{address} ({interface})" for address, interface in own.items())
    raise UsageError(
        f"--listen {wanted}: not an address or interface of this unit", hint=f"there are {shown}"
    )


def exposed(address: str, own: Mapping[str, str], outward: frozenset[str]) -> str:
    """The interface with a default route that `address` listens on, or nothing."""
    if address in ANYWHERE:
        return next((interface for interface in own.values() if interface in outward), "")
    return own[address] if own[address] in outward else ""


def own_addresses() -> dict[str, str]:
    """Every address of this machine with its interface's name, link-local ones left out."""
    found = dict(_ipv4())
    if IPV6_ADDRESSES.exists():
        found.update(parse_if_inet6(IPV6_ADDRESSES.read_text()))
    return found


def outward_interfaces() -> frozenset[str]:
    """Interfaces that a default route leads through."""
    ipv4 = parse_ipv4_routes(IPV4_ROUTES.read_text()) if IPV4_ROUTES.exists() else set()
    ipv6 = parse_ipv6_routes(IPV6_ROUTES.read_text()) if IPV6_ROUTES.exists() else set()
    return frozenset(ipv4 | ipv6)


def parse_ipv4_routes(text: str) -> set[str]:
    """Interfaces of default routes in /proc/net/route. Source: Linux, fib_route_seq_show."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return {row[0] for row in rows if len(row) > 7 and int(row[1], 16) == 0 and int(row[7], 16) == 0}


def parse_ipv6_routes(text: str) -> set[str]:
    """Interfaces of default routes in /proc/net/ipv6_route but `lo`, whose route leads nowhere.

    Source: Linux net/ipv6/route.c, rt6_info_route.
    """
    rows = [line.split() for line in text.splitlines()]
    return {
        row[9]
        for row in rows
        if len(row) == 10 and int(row[0], 16) == int(row[1], 16) == 0 and row[9] != "lo"
    }


def parse_if_inet6(text: str) -> dict[str, str]:
    """Addresses in /proc/net/if_inet6 that need no zone. Source: Linux net/ipv6/addrconf.c, if6_seq_show."""
    found: dict[str, str] = {}
    for row in (line.split() for line in text.splitlines()):
        address = ipaddress.IPv6Address(int(row[0], 16))
        if not address.is_link_local:
            found[str(address)] = row[5]
    return found


def _ipv4() -> Iterator[tuple[str, str]]:
    room = array.array("B", bytes(_ENTRY * _ENTRIES))
    place, size = room.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        answer = fcntl.ioctl(asking.fileno(), SIOCGIFCONF, struct.pack("iL", size, place))
    filled, raw = struct.unpack("iL", answer)[0], room.tobytes()
    for start in range(0, filled, _ENTRY):
        name = raw[start : start + 16].split(b"\0", 1)[0].decode()
        yield socket.inet_ntoa(raw[start + 20 : start + 24]), name.partition(":")[0]
