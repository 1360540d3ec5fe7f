"""The hardware pages' figures: added up, worked out anew, and printed by the commands they show."""

from __future__ import annotations

import csv
import math
import re
from decimal import Decimal
from pathlib import Path

import pytest

from anpr_edge.cli.fleet import main
from anpr_edge.fleet.eyes import Lamp
from tests.unit.hw.pages import ROOT, table, tables

OPTICS = (ROOT / "hw" / "optics.md").read_text()
SHOWN = re.findall(r"^```\n\$ anpr-fleet (optics [^\n]*)\n(.*?)^```", OPTICS, re.MULTILINE | re.DOTALL)
LISTS = sorted((ROOT / "hw").glob("parts-*.csv"))


def parts(name: str) -> list[dict[str, str]]:
    with (ROOT / "hw" / f"parts-{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[command for command, _ in SHOWN])
def test_the_optics_page_shows_what_the_command_prints(
    command: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(command.split())
    printed = capsys.readouterr()
    assert printed.err + printed.out == output


def test_the_optics_page_shows_some() -> None:
    assert len(SHOWN) == 4


@pytest.mark.parametrize("row", table("hw/infrared.md", "wavelength nm"), ids=lambda row: row["lamp mm"])
def test_the_infrared_page_has_the_distances_worked_out(row: dict[str, str]) -> None:
    wavelength, intensity, emitters, emitter, across, cornea, retina = map(float, row.values())
    lamp = Lamp(wavelength, intensity, int(emitters), emitter, across)
    assert f"{lamp.cornea_from_m:.2f} {lamp.retina_from_m:.2f}" == f"{cornea:.2f} {retina:.2f}"


POWER = [rows for rows in tables("hw/power.md") if rows[0][:2] == ["what", "usual W"]]


@pytest.mark.parametrize("rows", POWER, ids=["pi5", "cm4"])
@pytest.mark.parametrize("column", [1, 2], ids=["usual", "most"])
def test_a_power_budget_adds_up(rows: list[list[str]], column: int) -> None:
    *lines, total = [Decimal(row[column].strip("*")) for row in rows[1:]]
    assert rows[-1][0] == "**sum**"
    assert sum(lines) == total


@pytest.mark.parametrize("rows", POWER, ids=["pi5", "cm4"])
@pytest.mark.parametrize("column", [1, 2], ids=["usual", "most"])
def test_losses_are_a_tenth_of_what_the_converter_feeds(rows: list[list[str]], column: int) -> None:
    names = [row[0] for row in rows]
    converter, lamps = names.index("5 V converter's losses, 10 %"), names.index("lamps")
    fed = sum(float(row[column]) for row in rows[1:converter])
    assert float(rows[converter][column]) == pytest.approx(fed / 10, abs=0.06)
    assert float(rows[lamps + 1][column]) == pytest.approx(float(rows[lamps][column]) / 10, abs=0.06)


@pytest.mark.parametrize(("rows", "name"), list(zip(POWER, ("pi5-nvme", "cm4-emmc"), strict=True)))
def test_the_listed_supply_gives_the_most_and_a_third_more(rows: list[list[str]], name: str) -> None:
    (supply,) = [part["requirement"] for part in parts(name) if part["part"] == "24 V supply"]
    (watts,) = re.findall(r"^(\d+) W", supply)
    assert int(watts) >= float(rows[-1][2].strip("*")) * 4 / 3


def test_the_heat_page_has_its_sums_right() -> None:
    across, deep, high = 0.3, 0.2, 0.15
    surface = 2 * (across * deep + across * high + deep * high)
    page = (ROOT / "hw" / "power.md").read_text()
    assert f"{surface:.2f} m²" in page
    assert f"make {10 / (5.5 * surface):.0f} K" in page
    assert f"makes {math.floor(across * deep * 1000 * 0.3 / (5.5 * surface))} K more" in page


def test_there_are_two_bills_of_materials() -> None:
    assert [file.name for file in LISTS] == ["parts-cm4-emmc.csv", "parts-pi5-nvme.csv"]


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.stem)
def test_a_bill_of_materials_is_a_table_without_holes(file: Path) -> None:
    rows = parts(file.stem.removeprefix("parts-"))
    assert {tuple(row) for row in rows} == {("quantity", "part", "requirement", "example")}
    assert [
        row for row in rows if not (row["quantity"].isdecimal() and row["part"] and row["requirement"])
    ] == []
    names = [row["part"] for row in rows]
    assert len(set(names)) == len(names)


def test_both_variants_see_alike() -> None:
    alike = {"camera", "lens", "infrared filter", "infrared lamps", "lamp driver", "GPS receiver"}
    chosen = [
        {p["part"]: p["requirement"] for p in parts(n) if p["part"] in alike}
        for n in ("pi5-nvme", "cm4-emmc")
    ]
    assert chosen[0] == chosen[1]
    assert set(chosen[0]) == alike
