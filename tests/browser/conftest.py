"""A real browser over a real unit's page; without one these tests say so and are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.aim_page import OpenPage, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
LAPTOP: dict[str, Any] = {"viewport": {"width": 1366, "height": 768}}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: scripts/test --browser")
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on this machine: scripts/test --browser installs it")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["phone", "laptop"])
def device(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the page is looked at with."""
    return {"phone": PHONE, "laptop": LAPTOP}[request.param]


@pytest.fixture(scope="module")
def unit(device: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    """One unit for all tests of a device: its page can be entered once."""
    with open_page(tmp_path_factory.mktemp("unit")) as page:
        yield page


@pytest.fixture(scope="module")
def visit(browser: Browser, unit: OpenPage, device: dict[str, Any]) -> Iterator[Visit]:
    """The browser that has entered the unit's page by its link."""
    with entering(browser, unit, device) as visit:
        yield visit


@pytest.fixture
def entered(visit: Visit, unit: OpenPage) -> Iterator[Page]:
    """The page newly opened, over the configuration as it was; a script's error fails the test."""
    unit.rig.config.write_text(visit.config_text)
    visit.troubles.clear()
    visit.page.emulate_media(media="screen", color_scheme="light", reduced_motion="reduce")
    visit.page.reload()
    visit.page.wait_for_selector("#waiting", state="hidden", timeout=60_000)
    yield visit.page
    assert visit.troubles == []


@dataclass
class Visit:
    """A page that was entered, what went wrong in it, and the configuration it began with."""

    page: Page
    config_text: str
    troubles: list[str]


@contextmanager
def entering(browser: Browser, unit: OpenPage, device: dict[str, Any]) -> Iterator[Visit]:
    """Enter a unit's page by its link, and wait for pictures."""
    with browser.new_context(ignore_https_errors=True, reduced_motion="reduce", **device) as context:
        visit = Visit(context.new_page(), unit.rig.config.read_text(), [])
        visit.page.on("pageerror", lambda error: visit.troubles.append(str(error)))
        visit.page.on("console", lambda told: visit.troubles.extend(_troubles(told.type, told.text)))
        visit.page.on("dialog", lambda dialog: dialog.accept())
        visit.page.goto(unit.told["link"])
        visit.page.wait_for_selector("#waiting", state="hidden", timeout=60_000)
        yield visit


def _troubles(kind: str, words: str) -> list[str]:
    """What the browser complains of; that the unit refuses something is no trouble of the page."""
    return (
        [words]
        if kind == "error" and not words.startswith("Failed to load resource: the server resp")
        else []
    )
