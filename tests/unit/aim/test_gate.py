"""The host, the origin and the cookie of a request."""

from __future__ import annotations

import pytest

from anpr_edge.aim.gate import is_own_host, is_own_page, own_hosts, pass_cookie, shown_pass

OWN = {"127.0.0.1", "localhost", "::1"}
PAGE = {"Host": "127.0.0.1:8443", "Origin": "https://127.0.0.1:8443", "Content-Type": "application/json"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8443", "localhost:9000", "[::1]:8443", "[::1]"])
def test_its_own_names_are_known_at_any_port(host: str) -> None:
    assert is_own_host({"Host": host}, OWN)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "127.0.0.1.evil.example", "evil.example:8443", "localhost.", "::1", "[", "a:b:c"],
)
def test_other_names_are_not(host: str) -> None:
    assert not is_own_host({"Host": host}, OWN) or host == "::1"
    assert not is_own_host({}, OWN)


def test_the_page_itself_may_ask() -> None:
    assert is_own_page(PAGE)
    assert is_own_page({**PAGE, "Content-Type": "application/json; charset=utf-8"})
    assert is_own_page({**PAGE, "Sec-Fetch-Site": "same-origin"})


@pytest.mark.parametrize(
    "change",
    [
        {"Origin": "http://127.0.0.1:8443"},
        {"Origin": "https://127.0.0.1:8444"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "none"},
        {"Content-Type": "text/plain; application/json"},
    ],
)
def test_others_may_not(change: dict[str, str]) -> None:
    assert not is_own_page({**PAGE, **change})


def test_the_cookie_goes_out_and_comes_back() -> None:
    cookie = pass_cookie("abc-_1")
    assert shown_pass({"Cookie": f"other=1; {cookie.partition(';')[0]}"}) == "abc-_1"


@pytest.mark.parametrize("cookie", ["", "a", "=;=", "__Host-aim", 'x="', "\x00=\x00"])
def test_no_cookie_and_a_broken_one_are_no_pass(cookie: str) -> None:
    assert shown_pass({"Cookie": cookie}) == ""


def test_a_server_everywhere_has_every_address_for_its_own() -> None:
    assert own_hosts("0.0.0.0", ["127.0.0.1", "192.0.2.2"]) == {"127.0.0.1", "192.0.2.2", "localhost"}
    assert own_hosts("192.0.2.2", ["127.0.0.1", "192.0.2.2"]) == {"192.0.2.2"}
    assert own_hosts("127.0.0.1", ["127.0.0.1", "192.0.2.2"]) == {"127.0.0.1", "localhost"}
