"""hw/wiring.md against the overlays, the header and the example configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.hw.pages import ROOT, table
from tests.unit.hw.trees import BOARDS, OVERLAYS, compiled, needs_dtc

HEADER = dict(
    zip(
        (3, 5, 7, 8, 10, 11, 12, 13, 15, 16, 18, 19, 21, 22, 23, 24, 26, 29, 31, 32, 33, 35, 36, 37, 38, 40),
        (2, 3, 4, 14, 15, 17, 18, 27, 22, 23, 24, 10, 9, 25, 11, 8, 7, 5, 6, 12, 13, 19, 16, 26, 20, 21),
        strict=True,
    )
)
"""Which GPIO each pin of the header is. Source: Raspberry Pi documentation, "GPIO and the 40-pin header"."""
ROWS = [row for row in table("hw/wiring.md", "pin", "GPIO") if row["GPIO"]]


def gpios(signal: str) -> list[int]:
    return sorted(int(row["GPIO"]) for row in ROWS if row["signal"] == signal)


def example(key: str) -> str:
    (value,) = re.findall(
        rf'^#{key} = "([^"]+)"', (ROOT / "anpr_edge/example.toml").read_text(), re.MULTILINE
    )
    return str(value)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"pin {row['pin']}")
def test_each_pin_of_the_header_is_the_gpio_beside_it(row: dict[str, str]) -> None:
    assert HEADER[int(row["pin"])] == int(row["GPIO"])


def test_no_pin_is_used_twice() -> None:
    used = [row["GPIO"] for row in ROWS]
    assert sorted(set(used)) == sorted(used)


@pytest.mark.parametrize(
    ("setting", "key"),
    [("gps.device", "device"), ("illuminator.board", "board"), ("illuminator.pwm", "pwm")],
)
def test_the_example_configuration_names_a_line_of_the_table(setting: str, key: str) -> None:
    named = {
        row[board].strip("`")
        for row in ROWS
        if row["setting"] == f"`{setting}`"
        for board in ("Raspberry Pi 5", "Pi 4, CM4")
    }
    assert example(key).removeprefix("/sys/class/pwm/") in named


@needs_dtc
def test_the_overlay_for_bcm2711_uses_these_pins(tmp_path: Path) -> None:
    overlay = compiled(OVERLAYS / "anpr-edge.dts", tmp_path)
    pins = "/fragment@0/__overlay__/anpr-{}-pins"
    assert overlay.numbers(pins.format("lamp"), "brcm,pins") == gpios("PWM")
    assert overlay.numbers(pins.format("pps"), "brcm,pins") == gpios("PPS")
    assert overlay.numbers(pins.format("board"), "brcm,pins") == [4, 5]
    assert set(gpios("TXD") + gpios("RXD")) == {4, 5, 14, 15}


@needs_dtc
def test_the_overlay_for_the_pi_5_uses_these_pins(tmp_path: Path) -> None:
    overlay = compiled(OVERLAYS / "anpr-edge-pi5.dts", tmp_path)
    pins = "/fragment@0/__overlay__/anpr-{}-pins"
    assert overlay.text(pins.format("lamp"), "pins") == [f"gpio{gpio}" for gpio in gpios("PWM")]
    assert overlay.text(pins.format("pps"), "pins") == [f"gpio{gpio}" for gpio in gpios("PPS")]


@needs_dtc
@pytest.mark.parametrize("name", BOARDS)
def test_the_pulse_comes_in_on_the_pin_that_is_set_up_for_it(name: str, tmp_path: Path) -> None:
    overlay = compiled(OVERLAYS / f"{name}.dts", tmp_path)
    (fragment,) = [f"/fragment@{n}" for n in range(9) if overlay.has(f"/fragment@{n}/__overlay__/anpr-pps")]
    assert overlay.numbers(f"{fragment}/__overlay__/anpr-pps", "gpios")[1:] == [*gpios("PPS"), 0]


@needs_dtc
@pytest.mark.parametrize(
    ("name", "column"), [("anpr-edge", "Pi 4, CM4"), ("anpr-edge-pi5", "Raspberry Pi 5")]
)
def test_the_lamp_boards_line_is_the_uart_that_is_switched_on(name: str, column: str, tmp_path: Path) -> None:
    """Linux numbers ttyAMA by the tree's aliases, which have uart N as serial N."""
    overlay = compiled(OVERLAYS / f"{name}.dts", tmp_path)
    switched_on = {label for label in overlay.names("/__fixups__") if re.fullmatch(r"uart[1-9]", label)}
    lines = {row[column].strip("`") for row in ROWS if row["setting"] == "`illuminator.board`"}
    assert lines == {label.replace("uart", "/dev/ttyAMA") for label in switched_on}
