"""`anpr-fleet optics`: which lens, and what the camera will see from its pole."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from anpr_edge.cli.output import Verdict, finding, json_line, note
from anpr_edge.errors import UsageError
from anpr_edge.fleet import optics

SCHEMA: Final = 1
WANTED_PLATE_PX: Final = 100.0
LEAST_PLATE_PX: Final = 74.0
"""Two px for each 14 mm stroke of a 520 mm plate."""
LEAST_LOOKS: Final = 3.0
"""Fewer cannot outvote one."""
STEEPEST_DEG: Final = 30.0
"""Source: our own choice; a plate seen at 30 degrees is a seventh narrower than it is, or lower."""
MOST_SMEAR_PX: Final = 2.0
"""Source: our own choice; two px are the width of the thinnest stroke that can be read."""

TEXT = """Work out which lens a camera needs on its pole, and what it will then see: how wide plates are,
on how much road they can be read, how often, how sharp. One line a finding, limit beside it.
Without --lens the longest stocked one is chosen that still shows all lanes. The figures are
worked out, not measured: `anpr-edge aim` shows what came of them on the pole.

  anpr-fleet optics --distance 20 --height 4 --offset 3
  anpr-fleet optics --distance 25 --lanes 2 --speed-limit 113 --lens 16 --json"""


@dataclass(frozen=True, slots=True)
class Line:
    """One finding: what was worked out, what it is held to, and what to do when it is not enough."""

    verdict: Verdict
    code: str
    value: str
    limit: str = ""
    next_step: str = ""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `optics`."""
    parser = commands.add_parser(
        "optics",
        help="which lens, and what the camera will see",
        description=TEXT,
        epilog="exit code: 0 all is well (warnings included), 1 plates could not be read like that, 2 usage",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, default, words in (
        ("--distance", 20.0, "along the road to the point it looks at, metres"),
        ("--height", 4.0, "of the lens above the road, metres"),
        ("--offset", 2.0, "from the lens to the middle of the lanes, across the road, metres"),
        ("--lane-width", 3.65, "metres"),
        ("--speed-limit", 113.0, "km/h"),
        ("--frame-rate", 30.0, "frames a second"),
        ("--aperture", 2.0, "f-number of the lens"),
    ):
        parser.add_argument(name, type=float, default=default, metavar="N", help=f"{words} (%(default)g)")
    parser.add_argument("--lanes", type=int, default=1, metavar="N", help="in the picture (%(default)s)")
    parser.add_argument("--lens", type=float, metavar="MM", help="focal length (the longest that shows all)")
    parser.add_argument("--sensor", choices=sorted(optics.SENSORS), default="imx296", help="(%(default)s)")
    parser.add_argument(
        "--picture", default="1280x720", metavar="WxH", help="as the unit's [camera] has it (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what the camera will see, and whether that is enough."""
    place, camera = _place(arguments), _camera(arguments)
    seen = optics.view(camera, place, LEAST_PLATE_PX)
    lines = judge(seen, place)
    if arguments.json:
        json_line(_as_json(seen, lines))
    else:
        note(f"{camera.lens_mm:g} mm lens on {arguments.sensor}, {arguments.picture}:")
        width = max(len(line.code) for line in lines)
        for line in lines:
            finding(line.verdict, line.code, line.value, line.limit, line.next_step, width=width)
    return 1 if any(line.verdict == "fail" for line in lines) else 0


def judge(seen: optics.View, place: optics.Place) -> list[Line]:
    """What is enough, what is little and what is too little."""
    return [_plate(seen), _field(seen, place), _looks(seen), _sharp(seen), _smear(seen), *_angles(seen)]


def _plate(seen: optics.View) -> Line:
    value = f"{seen.plate_px:.0f} px where it looks"
    verdict = _verdict(seen.plate_px, WANTED_PLATE_PX, LEAST_PLATE_PX)
    next_step = "" if verdict == "ok" else "take a longer lens, or look at a nearer point of the road"
    return Line(
        verdict, "plate-width", value, f"wanted {WANTED_PLATE_PX:g}, at least {LEAST_PLATE_PX:g}", next_step
    )


def _field(seen: optics.View, place: optics.Place) -> Line:
    wanted, least = place.road_width_m * optics.ROOM, place.road_width_m
    verdict = _verdict(seen.field_m, wanted, least)
    next_step = (
        "" if verdict == "ok" else "take a shorter lens, look further down the road, or cover fewer lanes"
    )
    return Line(
        verdict,
        "road-width",
        f"{seen.field_m:.1f} m of road",
        f"wanted {wanted:.1f}, at least {least:.1f}",
        next_step,
    )


def _looks(seen: optics.View) -> Line:
    value = f"{seen.looks:.1f} looks on {seen.zone_m:.1f} m of road"
    if seen.zone_m > 0:
        value += f", {seen.near_m:.1f} to {seen.far_m:.1f} m from the pole"
    verdict = _verdict(seen.looks, 2 * LEAST_LOOKS, LEAST_LOOKS)
    next_step = (
        "" if verdict == "ok" else "look further down the road, use a taller picture, or more frames a second"
    )
    return Line(verdict, "looks", value, f"wanted {2 * LEAST_LOOKS:g}, at least {LEAST_LOOKS:g}", next_step)


def _sharp(seen: optics.View) -> Line:
    if not seen.zone_m:
        return Line("skip", "focus", "no plate can be read anywhere")
    far = "infinity" if math.isinf(seen.sharp_to_m) else f"{seen.sharp_to_m:.1f} m"
    enough = seen.sharp_from_m <= seen.near_m and seen.sharp_to_m >= seen.far_m
    return Line(
        "ok" if enough else "warn",
        "focus",
        f"sharp from {seen.sharp_from_m:.1f} m to {far}",
        f"{seen.near_m:.1f} to {seen.far_m:.1f} m",
        "" if enough else "close the aperture; where lamps do not allow it, focus on the nearer half",
    )


def _smear(seen: optics.View) -> Line:
    verdict: Verdict = "ok" if seen.smear_px <= MOST_SMEAR_PX else "warn"
    return Line(
        verdict,
        "shutter",
        f"{seen.shutter_us:.0f} µs at the speed limit, plates move {seen.smear_px:.1f} px meanwhile",
        f"{MOST_SMEAR_PX:g} px",
        "" if verdict == "ok" else "set exposure.speed_limit_km_h higher: the shutter gets shorter",
    )


def _angles(seen: optics.View) -> list[Line]:
    said = []
    for code, degrees, words, next_step in (
        ("looking-down", seen.down_deg, "down", "look further down the road, or hang the camera lower"),
        ("looking-aside", seen.aside_deg, "aside", "look further down the road, or hang it nearer the lanes"),
    ):
        good = degrees <= STEEPEST_DEG
        said.append(
            Line(
                "ok" if good else "warn",
                code,
                f"{degrees:.0f}° {words}",
                f"{STEEPEST_DEG:g}°",
                "" if good else next_step,
            )
        )
    return said


def _verdict(value: float, wanted: float, least: float) -> Verdict:
    return "ok" if value >= wanted else "warn" if value >= least else "fail"


def _place(arguments: argparse.Namespace) -> optics.Place:
    for name in ("distance", "lane_width", "speed_limit", "frame_rate", "aperture", "lanes"):
        if not 0 < getattr(arguments, name) < math.inf:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(arguments, name):g}: more than 0")
    if not optics.PLATE_HEIGHT_M < arguments.height <= 30:
        raise UsageError(f"--height {arguments.height:g}: above the plates, {optics.PLATE_HEIGHT_M} to 30 m")
    if not math.isfinite(arguments.offset):
        raise UsageError(f"--offset {arguments.offset}: metres")
    return optics.Place(
        distance_m=arguments.distance,
        height_m=arguments.height,
        offset_m=arguments.offset,
        road_width_m=arguments.lanes * arguments.lane_width,
        speed_limit_km_h=arguments.speed_limit,
    )


def _camera(arguments: argparse.Namespace) -> optics.Camera:
    sensor = optics.SENSORS[arguments.sensor]
    if arguments.lens is not None and not 1 <= arguments.lens <= 500:
        raise UsageError(f"--lens {arguments.lens:g}: a focal length from 1 to 500 mm")
    lens_mm = arguments.lens or optics.choose_lens_mm(sensor, _place(arguments))
    return optics.Camera(
        sensor, lens_mm, _picture(arguments.picture, sensor), arguments.frame_rate, arguments.aperture
    )


def _picture(text: str, sensor: optics.Sensor) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()) or not (int(width) and int(height)):
        raise UsageError(f"--picture {text}: width x height in px, such as 1280x720")
    size = int(width), int(height)
    if size[0] > sensor.across_px or size[1] > sensor.down_px:
        raise UsageError(f"--picture {text}: the sensor has {sensor.across_px}x{sensor.down_px} px")
    return size


def _as_json(seen: optics.View, lines: Sequence[Line]) -> dict[str, Any]:
    figures = {name: None if math.isinf(value) else round(value, 2) for name, value in asdict(seen).items()}
    return {
        "schema": SCHEMA,
        **figures,
        "zone_m": round(seen.zone_m, 2),
        "findings": [
            {"verdict": one.verdict, "code": one.code, "measured": one.value, "limit": one.limit}
            | ({"next": one.next_step} if one.next_step else {})
            for one in lines
        ],
    }
