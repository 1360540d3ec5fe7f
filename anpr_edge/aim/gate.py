"""What every request must pass before anything looks at it, and what every answer says to the browser."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

PASS: Final = "__Host-aim"
"""The cookie's name; with this prefix browsers refuse it from anywhere but this host over TLS.

Source: RFC 6265bis §4.1.3.2."""

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Nothing is kept, nothing comes from elsewhere, nobody frames it."""


def pass_cookie(granted: str) -> str:
    """The cookie that lets one browser in: no script sees it, no other site sends it."""
    return f"{PASS}={granted}; Path=/; Secure; HttpOnly; SameSite=Strict"


def shown_pass(headers: Mapping[str, str]) -> str:
    """The pass that a request shows; empty without one."""
    try:
        found = SimpleCookie(headers.get("Cookie", "")).get(PASS)
    except CookieError:
        return ""
    return found.value if found else ""


def is_own_host(headers: Mapping[str, str], own: Collection[str]) -> bool:
    """Whether the browser means us: a name of another site that leads here by DNS is turned away."""
    return _host(headers.get("Host", "")) in own


def is_own_page(headers: Mapping[str, str]) -> bool:
    """Whether a request that changes something comes from our own page and is no form's."""
    from_here = headers.get("Origin", "") == f"https://{headers.get('Host', '')}"
    site = headers.get("Sec-Fetch-Site", "same-origin")
    kind = headers.get("Content-Type", "").partition(";")[0].strip()
    return from_here and site == "same-origin" and kind == "application/json"


def own_hosts(address: str, addresses: Collection[str]) -> frozenset[str]:
    """The hosts in a URL that lead to a server at `address`, of a machine with these `addresses`."""
    if ipaddress.ip_address(address).is_unspecified:
        return frozenset({*addresses, "localhost"})
    return frozenset({address, *(["localhost"] if ipaddress.ip_address(address).is_loopback else [])})


def _host(value: str) -> str:
    """The host of a Host header, without its port."""
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.rpartition(":")[0] if value.count(":") == 1 else value
