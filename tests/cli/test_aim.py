"""`anpr-edge aim` as a process of its own: who gets in, what comes out, what is written, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from anpr_edge.aim.gate import HEADERS
from anpr_edge.cli.edge import main
from anpr_edge.config import find_models_directory, load_config
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import EDGE, build_rig
from tests.aim_page import ROAD, OpenPage, open_page, page_of

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


# ── its end, and what is left ────────────────────────────────────────────────────────────────────


def test_ended_on_the_page_it_leaves_a_trace_and_no_picture(tmp_path: Path) -> None:
    with open_page(tmp_path) as page:
        page.enter()
        with page.live() as parcels:
            next(parcels)
            assert page.ask("POST", "/end", {}).status == 200
            assert [parcel.facts["over"] for parcel in parcels][-1] == "ended on the page"
        assert page.process.wait(20) == 0
    assert page.events == ["aim-begun", "aim-entered", "aim-ended"]
    begun, _, ended = page.audit
    assert (begun["address"], begun["minutes"], begun["reader_paused"]) == ("127.0.0.1", 30, False)
    assert (ended["why"], ended["refused"]) == ("ended on the page", 0)
    starts = (b"\xff\xd8\xff", b"\x89PNG")
    left = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert [file for file in left if file.read_bytes().startswith(starts)] == []
    assert not any(page.token in file.read_text(errors="replace") for file in left)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with open_page(tmp_path) as page:
        page.process.send_signal(number)
        assert page.process.wait(20) == 0
    assert page.events == ["aim-begun", "aim-ended"]


def test_killed_it_takes_the_camera_with_it_and_frees_the_unit(tmp_path: Path) -> None:
    with open_page(tmp_path) as page:
        page.enter()
        with page.live() as parcels:
            next(parcels)
        (eye,) = children(page.process.pid)
        page.process.kill()
        page.process.wait()
        deadline = time.monotonic() + 10
        while Path(f"/proc/{eye}/stat").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not Path(f"/proc/{eye}/stat").exists()
    with page_of(page.rig) as again:
        assert again.ask("GET", "/").status == 403


def test_the_eye_has_no_network_and_leaves_no_core(closed: OpenPage) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may leave the network behind")
    (eye,) = children(closed.process.pid)
    deadline = time.monotonic() + 20
    own = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{eye}/ns/net").readlink() == own and time.monotonic() < deadline:
        time.sleep(0.1)
    assert Path(f"/proc/{eye}/ns/net").readlink() != own
    assert Path(f"/proc/{closed.process.pid}/ns/net").readlink() == own
    (core,) = (line for line in Path(f"/proc/{eye}/limits").read_text().splitlines() if "core" in line)
    assert core.split()[4:6] == ["0", "0"]


def children(pid: int) -> list[int]:
    """The processes that a process has started, threads' included."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(one) for task in tasks for one in (task / "children").read_text().split()]


def test_one_page_a_unit_and_no_reader_beside_it(
    closed: OpenPage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["aim", "--config", str(closed.rig.config), "--port", "0"]) == 1
    assert "aim runs already" in capsys.readouterr().err
    assert main(["read", "--config", str(closed.rig.config)]) == 1
    assert "reader runs already" in capsys.readouterr().err


def test_a_reader_in_the_foreground_keeps_its_camera(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = build_rig(tmp_path, {"source": "synthetic", "synthetic": {"vehicles": 200}}, SystemClock())
    reader = rig.start_reader()
    try:
        deadline = time.monotonic() + 60
        while rig.state("reader").get("state") != "running":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert main(["aim", "--config", str(rig.config), "--port", "0"]) == 1
        assert f"reader runs already, as process {reader.pid}" in capsys.readouterr().err
        assert reader.poll() is None
    finally:
        reader.terminate()
        reader.wait(60)


@pytest.mark.parametrize("address", ["192.0.2.77", "no-such-name", "0.0.0.0", "::"])
def test_an_address_of_another_machine_or_the_world_is_refused(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = build_rig(tmp_path, ROAD, SystemClock())
    code = main(["aim", "--config", str(rig.config), "--port", "0", "--listen", address])
    shown = capsys.readouterr().err
    if address in ("0.0.0.0", "::") and "default route" not in shown:
        pytest.skip("no default route on this machine")
    assert code == 2
    assert ("not an address" in shown) or ("has a default route" in shown)
    assert not (rig.unit.state_dir / "audit.log").exists()


def test_the_terminal_shows_link_code_and_certificate(tmp_path: Path) -> None:
    rig = build_rig(tmp_path, ROAD, SystemClock())
    command = [*EDGE, "aim", "--config", str(rig.config), "--port", "0"]
    environment = {**os.environ, "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("certificate SHA-256 "):
            lines.append(process.stdout.readline())
        process.terminate()
        said = process.communicate(timeout=20)[1]
    assert lines[-2].startswith("https://127.0.0.1:")
    assert sum("█" in line for line in lines) > 10
    assert "The code works once" in said
    assert "compare its SHA-256" in said
