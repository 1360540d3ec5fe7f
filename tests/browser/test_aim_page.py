"""The aim page in a real browser, at the size of a phone and of a laptop."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from anpr_edge.config import load_config
from tests.aim_page import OpenPage, open_page
from tests.browser.conftest import PHONE, entering

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Request

pytestmark = pytest.mark.timeout(180)

SAVED = "#saved:has-text('Saved.')"


def press(target: Locator) -> None:
    """A tap or a click; the page must not care which."""
    target.click()


def drag(page: Page, start: tuple[float, float], stop: tuple[float, float]) -> None:
    """With one finger, or the mouse, in several steps."""
    page.mouse.move(*start)
    page.mouse.down()
    for step in range(1, 6):
        share = step / 5
        page.mouse.move(start[0] + share * (stop[0] - start[0]), start[1] + share * (stop[1] - start[1]))
    page.mouse.up()


def centre(target: Locator) -> tuple[float, float]:
    box = target.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def handle(page: Page, corner: int) -> Locator:
    return page.locator(f".handle[data-corner='{corner}'] .dot")


def add(page: Page, kind: str) -> None:
    press(page.locator("#tab-areas"))
    press(page.locator(f"[data-add={kind}]"))
    page.evaluate("window.scrollTo(0, 0)")


# ── in ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_token_leaves_the_address_bar_and_opens_one_browser_only(
    entered: Page, unit: OpenPage, browser: Browser
) -> None:
    assert entered.url == f"https://{unit.host}/"
    assert unit.token not in entered.content()
    entered.reload()
    entered.wait_for_selector("#waiting", state="hidden")
    with browser.new_context(ignore_https_errors=True) as other:
        page = other.new_page()
        page.goto(unit.told["link"])
        page.wait_for_selector("#what:has-text('has been used')")
        assert page.title() == "Code needed"
        assert page.url == f"https://{unit.host}/"
        assert page.locator("canvas").count() == 0
    with browser.new_context(ignore_https_errors=True) as third:
        page = third.new_page()
        answer = page.goto(f"https://{unit.host}/aim.html")
        assert answer is not None
        assert answer.status == 403


def test_nothing_is_asked_of_anyone_else_and_nothing_is_kept(entered: Page, unit: OpenPage) -> None:
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    entered.on("request", note)
    entered.reload()
    entered.wait_for_selector("#waiting", state="hidden")
    assert asked
    own = (f"https://{unit.host}/", f"blob:https://{unit.host}/")
    assert [request.url for request in asked if not request.url.startswith(own)] == []
    stored = "JSON.stringify([localStorage.length, sessionStorage.length, document.cookie])"
    assert json.loads(entered.evaluate(f"() => {stored}")) == [0, 0, ""]
    assert entered.evaluate("async () => (await caches.keys()).length") == 0
    assert entered.evaluate("async () => (await navigator.serviceWorker.getRegistrations()).length") == 0


# ── live view and meters ─────────────────────────────────────────────────────────────────────────


def test_plates_are_outlined_measured_and_the_meters_move(entered: Page) -> None:
    entered.wait_for_selector(".plate polygon", state="attached", timeout=60_000)
    assert re.fullmatch(r"\d+ px", entered.locator(".plate text").first.text_content() or "")
    entered.wait_for_selector("#meters .meter:first-child .value:has-text('px')")
    entered.wait_for_selector("#meter-scene .value:has-text('%')")
    assert "need 100 px" in entered.inner_text("#meters")
    filled = entered.evaluate("() => document.querySelector('#meter-scene .fill').offsetWidth")
    assert filled > 20
    press(entered.locator("#peak"))
    entered.wait_for_selector("#meter-scene .value:has-text('100 %')")


def test_the_picture_is_not_one_colour(entered: Page) -> None:
    spread = """() => {
      const canvas = document.getElementById("picture");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let low = 255, high = 0;
      for (let i = 0; i < data.length; i += 4) {
        low = Math.min(low, data[i]);
        high = Math.max(high, data[i]);
      }
      return high - low;
    }"""
    assert entered.evaluate(spread) > 50


# ── areas ────────────────────────────────────────────────────────────────────────────────────────


def test_a_region_drawn_by_dragging_is_saved_where_it_was_drawn(entered: Page, unit: OpenPage) -> None:
    add(entered, "region")
    frame = entered.locator("#overlay").bounding_box()
    assert frame is not None
    wanted = [(0.1, 0.35), (0.92, 0.4), (0.85, 0.9), (0.15, 0.95)]
    for corner, (x, y) in enumerate(wanted):
        target = frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]
        drag(entered, centre(handle(entered, corner)), target)
    press(entered.locator("#save"))
    entered.wait_for_selector(SAVED)
    (region,) = load_config(unit.rig.config).view.regions
    px = 1.5 / frame["width"], 1.5 / frame["height"]
    for (x, y), (wanted_x, wanted_y) in zip(region, wanted, strict=True):
        assert abs(x - wanted_x) <= px[0]
        assert abs(y - wanted_y) <= px[1]
    entered.reload()
    press(entered.locator("#tab-areas"))
    assert entered.locator(".shape.region").count() == 1
    assert unit.events[-1] == "aim-saved"


def test_a_whole_area_is_moved_and_stays_in_the_picture(entered: Page, unit: OpenPage) -> None:
    add(entered, "exclusion")
    start = centre(entered.locator(".shape.chosen .face"))
    drag(entered, start, (start[0] + 3000, start[1]))
    press(entered.locator("#save"))
    entered.wait_for_selector(SAVED)
    (exclusion,) = load_config(unit.rig.config).view.exclusions
    assert max(x for x, _ in exclusion) == 1.0
    assert [round(y, 4) for _, y in exclusion] == [0.3, 0.3, 0.75, 0.75]


def test_a_lane_is_drawn_and_named_with_the_keyboard_alone(entered: Page, unit: OpenPage) -> None:
    entered.focus("#tab-focus")
    entered.keyboard.press("ArrowRight")
    assert entered.evaluate("document.activeElement.id") == "tab-areas"
    entered.focus("[data-add=lane]")
    entered.keyboard.press("Enter")
    entered.focus(".handle[data-corner='0']")
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowDown"):
        entered.keyboard.press(key)
    assert "corner 1 of 4: 23\u00a0% across, 35\u00a0% down" in (
        entered.evaluate("document.activeElement.getAttribute('aria-label')")
    )
    entered.keyboard.press("Tab")
    entered.keyboard.press("Delete")
    entered.focus(".lane-name input")
    entered.keyboard.press("Control+a")
    entered.keyboard.type("near")
    entered.focus("#save")
    entered.keyboard.press("Enter")
    entered.wait_for_selector(SAVED)
    (name,) = (lanes := load_config(unit.rig.config).view.lanes)
    assert name == "near"
    assert lanes["near"].polygon == ((0.23, 0.35), (0.65, 0.75), (0.2, 0.75))


def test_corners_are_moved_without_dragging(entered: Page, unit: OpenPage) -> None:
    add(entered, "region")
    press(entered.locator("[data-nudge=right]"))
    press(entered.locator("[data-nudge=up]"))
    press(entered.locator("#corner-add"))
    press(entered.locator("#save"))
    entered.wait_for_selector(SAVED)
    (region,) = load_config(unit.rig.config).view.regions
    assert region[0] == (0.26, 0.29)
    assert len(region) == 5


def test_a_name_that_cannot_be_is_said_and_not_saved(entered: Page, unit: OpenPage) -> None:
    add(entered, "lane")
    entered.fill(".lane-name input", "Near Side")
    assert entered.get_attribute(".lane-name input", "aria-invalid") == "true"
    assert entered.is_disabled("#save")
    assert "small letters" in entered.inner_text("#saved")
    press(entered.locator("#discard"))
    assert entered.locator(".shape").count() == 0
    assert load_config(unit.rig.config).view.lanes == {}


def test_another_hand_in_the_file_is_told(entered: Page, unit: OpenPage) -> None:
    add(entered, "region")
    unit.rig.config.write_text(f"{unit.rig.config.read_text()}\n# by hand\n")
    press(entered.locator("#save"))
    entered.wait_for_selector("#saved.bad:has-text('another hand')")


# ── acceptance, and the end ──────────────────────────────────────────────────────────────────────


def test_the_record_has_every_point_and_its_name_goes_nowhere(entered: Page) -> None:
    press(entered.locator("#tab-accept"))
    press(entered.locator("#checks"))
    entered.wait_for_selector("#checks:enabled", timeout=60_000)
    names = entered.locator("#points th").all_inner_texts()
    assert names[:5] == [
        "Plate width",
        "Sharpness of plates",
        "Saturation of plates",
        "Frame rate",
        "Exposure",
    ]
    assert {"Clock", "Outbox", "Broker"} <= set(names)
    marks = entered.locator("#points .mark").all_inner_texts()
    assert set(marks) <= {"✓ ok", "✕ not ok", "– not checked"}
    sent: list[str] = []
    entered.on("request", lambda request: sent.append(request.post_data or ""))
    entered.fill("#technician", "A Technician")
    entered.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    entered.emulate_media(media="print")
    assert entered.is_visible("#record-head")
    assert entered.is_visible(".signature")
    assert not entered.is_visible("#picture")
    assert not entered.is_visible("#print")
    assert not any("Technician" in body for body in sent)


def test_the_view_is_captured(entered: Page, unit: OpenPage) -> None:
    press(entered.locator("#tab-accept"))
    press(entered.locator("#commission"))
    entered.wait_for_selector("#commission-status:has-text('Captured')", timeout=60_000)
    assert (unit.rig.unit.state_dir / "commissioning.json").exists()


def test_ending_asks_first_and_says_so(browser: Browser, tmp_path: Path) -> None:
    with open_page(tmp_path) as unit, entering(browser, unit, PHONE) as visit:
        page = visit.page
        press(page.locator("#end"))
        page.keyboard.press("Escape")
        assert unit.process.poll() is None
        press(page.locator("#end"))
        press(page.locator("#end-now"))
        page.wait_for_selector("#trouble:has-text('has ended')")
        assert unit.process.wait(20) == 0


# ── for everybody ────────────────────────────────────────────────────────────────────────────────

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_tab(entered: Page, scheme: Any) -> None:
    base = pytest.importorskip("axe_playwright_python.base", reason="no axe: scripts/test --browser")
    axe = Path(base.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    entered.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    entered.evaluate(axe)
    for tab, before in (("focus", None), ("areas", "[data-add=lane]"), ("accept", None)):
        press(entered.locator(f"#tab-{tab}"))
        if before:
            press(entered.locator(before))
        options = {"runOnly": WCAG, "resultTypes": ["violations", "incomplete"]}
        found = entered.evaluate("(options) => window.axe.run(document, options)", options)
        told = [(one["id"], node["target"]) for one in found["violations"] for node in one["nodes"]]
        assert told == [], tab
        assert len(found["passes"]) > 15


def test_the_tab_key_goes_through_in_the_order_of_the_page(entered: Page) -> None:
    entered.focus(".skip")
    visited = []
    for _ in range(6):
        entered.keyboard.press("Tab")
        visited.append(entered.evaluate("document.activeElement.id"))
    assert visited[:4] == ["end", "tab-focus", "focus", "peak"]


def test_every_control_is_large_enough_for_a_finger(entered: Page) -> None:
    add(entered, "lane")
    for tab in ("focus", "areas", "accept"):
        press(entered.locator(f"#tab-{tab}"))
        for control in entered.locator("button:visible, input:visible").all():
            box = control.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44, control.inner_text()


def test_nothing_is_wider_than_the_screen(entered: Page) -> None:
    for tab in ("focus", "areas", "accept"):
        press(entered.locator(f"#tab-{tab}"))
        if tab == "accept":
            press(entered.locator("#checks"))
            entered.wait_for_selector("#checks:enabled", timeout=60_000)
        assert entered.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_door_is_accessible_too(browser: Browser, unit: OpenPage) -> None:
    base = pytest.importorskip("axe_playwright_python.base", reason="no axe: scripts/test --browser")
    axe = Path(base.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(f"https://{unit.host}/")
        page.evaluate(axe)
        assert page.evaluate("() => window.axe.run()")["violations"] == []
