"""`anpr-edge aim` as a process of its own: who gets in, what comes out, what is written, how it ends."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from anpr_edge.aim.gate import HEADERS
from anpr_edge.config import find_models_directory, load_config
from tests.aim_page import OpenPage, open_page

pytestmark = pytest.mark.skipif(
    not (find_models_directory() / "detector.json").is_file(), reason="no trained detector in models/"
)

SQUARE = [[0.1, 0.2], [0.9, 0.2], [0.9, 0.95], [0.1, 0.95]]
BEHIND_THE_DOOR = ("/aim.html", "/aim.js", "/aim.css", "/live", "/unit", "/no-such-thing")
ACTIONS = ("/view", "/commission", "/checks", "/peak", "/end")


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    """A page that one browser has entered."""
    with open_page(tmp_path_factory.mktemp("entered")) as page:
        page.enter()
        yield page


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    """A page that nobody has entered."""
    with open_page(tmp_path_factory.mktemp("closed")) as page:
        yield page


# ── without the token ────────────────────────────────────────────────────────────────────────────


def test_without_the_token_there_is_a_door_that_says_nothing(closed: OpenPage) -> None:
    door = closed.ask("GET", "/")
    assert door.status == 403
    assert b"Code needed" in door.body
    for parts in (door.body, str(door.headers).encode(), closed.ask("GET", "/door.js").body):
        assert b"unit-0001" not in parts
        assert b"Loopback" not in parts
        assert b"0.1.0" not in parts


@pytest.mark.parametrize("path", BEHIND_THE_DOOR)
def test_nothing_behind_the_door_is_given_without_a_pass(closed: OpenPage, path: str) -> None:
    for cookie in ("", "__Host-aim=", "__Host-aim=guessed", f"__Host-aim={closed.token}", "}{=;"):
        reply = closed.ask("GET", path, Cookie=cookie)
        assert (reply.status, reply.body) == (403, b"refused\n")


@pytest.mark.parametrize("path", ACTIONS)
def test_nothing_is_done_without_a_pass(closed: OpenPage, path: str) -> None:
    assert closed.ask("POST", path, {}).status == 403
    assert closed.process.poll() is None


@pytest.mark.parametrize("token", ["", "x", "ä", "a" * 22, "\0", None, ["a"], {"a": 1}])
def test_a_wrong_token_is_refused_in_words(closed: OpenPage, token: object) -> None:
    reply = closed.ask("POST", "/enter", {"token": token})
    assert reply.status == 403
    assert "not the one" in reply.json["error"]
    assert "Set-Cookie" not in reply.headers


def test_refused_tokens_are_in_the_audit_log_and_cannot_fill_it(closed: OpenPage) -> None:
    for _ in range(8):
        closed.ask("POST", "/enter", {"token": "wrong"})
    assert closed.events.count("aim-refused") == 5
    assert all("token" not in entry for entry in closed.audit)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "192.0.2.9:{port}", "[::1]:{port}"])
def test_another_host_name_that_leads_here_is_turned_away(entered: OpenPage, host: str) -> None:
    host = host.format(port=entered.host.rpartition(":")[2])
    assert entered.ask("GET", "/unit", Host=host).status == 421
    assert entered.ask("POST", "/peak", {}, Host=host, Origin=f"https://{host}").status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": ""},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
    ],
)
def test_what_does_not_come_from_the_page_itself_does_nothing(
    entered: OpenPage, headers: dict[str, str]
) -> None:
    assert entered.ask("POST", "/end", {}, **headers).status == 403
    assert entered.process.poll() is None


# ── with it ──────────────────────────────────────────────────────────────────────────────────────


def test_a_second_device_is_refused(entered: OpenPage) -> None:
    other = OpenPage(entered.rig, entered.told, entered.process)
    reply = other.ask("POST", "/enter", {"token": entered.token})
    assert (reply.status, "has been used" in reply.json["error"]) == (403, True)
    assert other.ask("GET", "/unit").status == 403
    assert entered.ask("GET", "/unit").status == 200
    assert "a code was offered that is used" in [entry.get("why") for entry in entered.audit]


def test_the_pass_is_for_this_browser_and_no_script(tmp_path: Path) -> None:
    with open_page(tmp_path) as page:
        cookie = page.ask("POST", "/enter", {"token": page.token}).headers["Set-Cookie"]
    assert set(cookie.split("; ")[1:]) == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"}
    assert page.token not in cookie


@pytest.mark.parametrize("path", ["/", "/aim.js", "/unit", "/no-such-thing", "/../aim.html", "/door.js"])
def test_every_answer_forbids_keeping_framing_and_foreign_parts(entered: OpenPage, path: str) -> None:
    reply = entered.ask("GET", path)
    assert HEADERS.items() <= reply.headers.items()
    assert reply.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "unsafe" not in reply.headers["Content-Security-Policy"]
    assert not {"Server", "Date", "ETag", "Last-Modified"} & reply.headers.keys()


def test_the_live_view_is_small_and_its_plates_are_painted_over(entered: OpenPage) -> None:
    with entered.live() as parcels:
        for parcel in islice(parcels, 200):
            if parcel.facts["plates"]:
                break
    picture = cv2.imdecode(np.frombuffer(parcel.picture, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (270, 480)
    assert parcel.facts["size"] == [1280, 720]
    (plate, *_) = parcel.facts["plates"]
    xs, ys = zip(*plate["corners"], strict=True)
    inside = picture[
        int(min(ys) * 270) : int(max(ys) * 270) + 1,
        int(min(xs) * 480) : int(max(xs) * 480) + 1,
    ]
    assert inside.std() < 6  # JPEG's own noise
    assert "text" not in json.dumps(parcel.facts)
    assert set(plate) == {"corners", "width_px", "sharpness", "clipped"}


def test_only_the_newest_viewer_has_the_live_view(entered: OpenPage) -> None:
    with entered.live() as first:
        next(first)
        with entered.live() as second:
            next(second)
            assert len(list(islice(first, 100))) < 100
            next(second)


def test_areas_are_saved_through_the_configurations_own_validation(entered: OpenPage) -> None:
    unit = entered.ask("GET", "/unit").json
    before = entered.rig.config.read_text()
    wanted = {"regions": [SQUARE], "exclusions": [], "lanes": {"near": SQUARE}, "sha256": unit["sha256"]}
    saved = entered.ask("POST", "/view", wanted)
    assert saved.status == 200
    view = load_config(entered.rig.config).view
    assert [list(map(list, polygon)) for polygon in view.regions] == [SQUARE]
    assert list(view.lanes) == ["near"]
    assert entered.rig.config.with_name("unit.toml.before").read_text() == before
    assert entered.audit[-1]["event"] == "aim-saved"
    assert entered.audit[-1]["changes"] == ["regions: 0 before, 1 now", "lane near: new"]

    refused = entered.ask("POST", "/view", {**wanted, "lanes": {"Near Side": SQUARE}, **sha(saved.json)})
    assert (refused.status, "not allowed as a name" in refused.json["error"]) == (409, True)
    stale = entered.ask("POST", "/view", wanted)
    assert (stale.status, "changed by another hand" in stale.json["error"]) == (409, True)
    assert list(load_config(entered.rig.config).view.lanes) == ["near"]


def sha(saved: dict[str, str]) -> dict[str, str]:
    return {"sha256": saved["sha256"]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"regions": 1, "exclusions": [], "lanes": {}},
        {"regions": [[[0, 0], [1]]], "exclusions": [], "lanes": {}},
        {"regions": [[["a", 0]]], "exclusions": [], "lanes": {}},
        {"regions": [], "exclusions": [], "lanes": []},
    ],
)
def test_what_is_no_view_is_refused_and_changes_nothing(entered: OpenPage, body: object) -> None:
    before = entered.rig.config.read_text()
    assert entered.ask("POST", "/view", body).status == 409
    assert entered.rig.config.read_text() == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'"a"', b"\xff", b" " * 70_000])
def test_what_is_no_json_object_is_refused(entered: OpenPage, body: bytes) -> None:
    assert entered.ask("POST", "/view", body).status == 400


@pytest.mark.parametrize("line", [b"GET / HTTP/9\r\n\r\n", b"\0\0\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n"])
def test_what_is_no_request_gets_a_bare_refusal(entered: OpenPage, line: bytes) -> None:
    host, _, port = entered.host.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, int(port)), 10) as plain,
        context.wrap_socket(plain) as connection,
    ):
        connection.sendall(line)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b"BREW" not in answer
    assert b"Python" not in answer
    assert entered.ask("GET", "/unit").status == 200


def test_older_tls_and_plain_http_get_nothing(entered: OpenPage) -> None:
    host, _, port = entered.host.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((host, int(port)), 10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain)
    with socket.create_connection((host, int(port)), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: " + entered.host.encode() + b"\r\n\r\n")
        assert b"HTTP" not in plain.recv(4096)


def test_connections_that_say_nothing_do_not_stop_the_page(entered: OpenPage) -> None:
    host, _, port = entered.host.rpartition(":")
    idle = [socket.create_connection((host, int(port)), 10) for _ in range(20)]
    try:
        assert entered.ask("GET", "/unit").status == 200
    finally:
        for one in idle:
            one.close()


def test_the_view_is_kept_as_features_and_the_checks_are_made(entered: OpenPage) -> None:
    captured = entered.ask("POST", "/commission", {})
    assert list(captured.json["commissioned"]) == ["any"]
    kept = entered.rig.unit.state_dir / "commissioning.json"
    assert kept.stat().st_size < 2_000
    assert entered.audit[-1]["event"] == "aim-commissioned"
    points = {point["name"]: point for point in entered.ask("POST", "/checks", {}).json["points"]}
    assert points["Keys"]["mark"] == "ok"
    assert points["Broker"]["mark"] == "not-ok"  # none runs here
    assert points["Outbox"]["mark"] == "not-checked"
    assert points["Broker"]["next"]


def test_a_camera_that_gives_nothing_is_said_on_the_page_and_tried_again(tmp_path: Path) -> None:
    with open_page(tmp_path, {"source": "video", "location": str(tmp_path / "none.avi")}) as page:
        page.enter()
        with page.live(everything=True) as parcels:
            faults = [parcel for parcel in islice(parcels, 12) if "fault" in parcel.facts]
        assert len(faults) > 1
        assert "none.avi" in faults[0].facts["fault"]
        assert page.ask("POST", "/commission", {}).status == 409
