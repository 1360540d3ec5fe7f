"""Own addresses, and which of them the world can reach."""

from __future__ import annotations

import pytest

from anpr_edge.aim.interfaces import (
    exposed,
    own_addresses,
    parse_if_inet6,
    parse_ipv4_routes,
    parse_ipv6_routes,
    resolve,
)
from anpr_edge.errors import UsageError

OWN = {"127.0.0.1": "lo", "192.0.2.2": "wwan0", "192.168.50.1": "eth0", "fd00::2": "wwan0", "::1": "lo"}
OUTWARD = frozenset({"wwan0"})

IPV4 = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wwan0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0032A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
"""
NONE, HOST = "0" * 32, "fd000000000000000000000000000001"
IPV6 = f"""\
{HOST} 80 {NONE} 00 {NONE} 00000100 00000001 00000000 00000001     eth0
{NONE} 00 {NONE} 00 {HOST} 00000400 00000002 00000000 00000003    wwan0
{NONE} 00 {NONE} 00 {NONE} ffffffff 00000001 00000000 00200200       lo
"""
ADDRESSES = """\
00000000000000000000000000000001 01 80 10 80       lo
fe8000000000000000fc00fffe000001 02 40 20 80     eth0
fd000000000000000000000000000002 03 40 00 80    wwan0
"""


def test_default_routes_are_found() -> None:
    assert parse_ipv4_routes(IPV4) == {"wwan0"}
    assert parse_ipv6_routes(IPV6) == {"wwan0"}


def test_addresses_that_need_a_zone_are_left_out() -> None:
    assert parse_if_inet6(ADDRESSES) == {"::1": "lo", "fd00::2": "wwan0"}


def test_this_machine_has_a_loopback() -> None:
    assert own_addresses()["127.0.0.1"] == "lo"


@pytest.mark.parametrize(
    ("wanted", "address"),
    [("127.0.0.1", "127.0.0.1"), ("eth0", "192.168.50.1"), ("::1", "::1"), ("0:0::1", "::1"), ("::", "::")],
)
def test_an_address_or_an_interface_may_be_named(wanted: str, address: str) -> None:
    assert resolve(wanted, OWN) == address


@pytest.mark.parametrize("wanted", ["192.0.2.3", "eth9", "", "localhost", "127.0.0.1:80"])
def test_what_is_not_here_is_refused_with_what_is(wanted: str) -> None:
    with pytest.raises(UsageError, match="not an address or interface") as caught:
        resolve(wanted, OWN)
    assert "192.168.50.1 (eth0)" in caught.value.hint


@pytest.mark.parametrize(
    ("address", "interface"),
    [
        ("127.0.0.1", ""),
        ("192.168.50.1", ""),
        ("192.0.2.2", "wwan0"),
        ("fd00::2", "wwan0"),
        ("0.0.0.0", "wwan0"),
    ],
)
def test_what_the_world_reaches_is_told(address: str, interface: str) -> None:
    assert exposed(address, OWN, OUTWARD) == interface
