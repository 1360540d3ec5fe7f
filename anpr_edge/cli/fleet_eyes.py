"""`anpr-fleet eye-safety`: from how near one may look into infrared lamps.

`--json`: {"schema": 1, "cornea_w_m2", "cornea_limit_w_m2", "retina_w_m2_sr", "retina_limit_w_m2_sr",
"cornea_from_m", "retina_from_m", "from_m", "safe"}; a distance is null when there is none.
"""

from __future__ import annotations

import argparse
import math
from typing import Any, Final

from anpr_edge.cli.numbers import between, whole
from anpr_edge.cli.output import finding, json_line
from anpr_edge.errors import UsageError
from anpr_edge.fleet import eyes

SCHEMA: Final = 1
TEXT = """Hold infrared lamps to the exposure limits of the eye (IEC 62471: cornea, and retina without a
visible glare to turn away from), for a stare of any length, at the nearest distance of an eye. On the
safe side, to choose and to mount lamps by: it does not replace the class that their maker states.

  anpr-fleet eye-safety --intensity 30 --emitters 6 --emitter 5 --across 60 --distance 0.5
  anpr-fleet eye-safety --wavelength 940 --intensity 30 --emitters 24 --emitter 5 --across 120 --json

Intensity (W/sr, of all emitters at full, along the axis) and sizes are in the lamps' data sheet."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `eye-safety`."""
    parser = commands.add_parser(
        "eye-safety",
        help="from how near one may look into infrared lamps",
        description=TEXT,
        epilog="exit code: 0 within the limits at that distance, 1 not, 2 usage",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    low, high = eyes.WAVELENGTHS_NM
    add = parser.add_argument
    add("--wavelength", type=between(low, high), default=850.0, metavar="NM", help="(%(default)g)")
    add("--intensity", type=between(0.001), required=True, metavar="W/SR", help="of all emitters at full")
    add("--emitters", type=whole(1), default=1, metavar="N", help="how many (%(default)s)")
    add(
        "--emitter", type=between(0.01), required=True, metavar="MM", help="how wide one looks, lens included"
    )
    add("--across", type=between(0.01), metavar="MM", help="how wide all look together (as one)")
    add("--distance", type=between(0.01), default=0.2, metavar="M", help="of the nearest eye (%(default)g)")
    add("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what arrives at the eye, what may, and from where on it does not matter."""
    try:
        lamp = eyes.Lamp(
            arguments.wavelength,
            arguments.intensity,
            arguments.emitters,
            arguments.emitter,
            arguments.across or arguments.emitter,
        )
    except ValueError as error:
        raise UsageError(f"{error}", hint="--across is at least --emitter") from error
    safe = arguments.distance >= lamp.from_m
    if arguments.json:
        json_line(_as_json(lamp, arguments.distance, safe))
    else:
        _show(lamp, arguments.distance)
    return 0 if safe else 1


def _show(lamp: eyes.Lamp, distance_m: float) -> None:
    cornea, retina = lamp.irradiance_w_m2(distance_m), lamp.radiance_w_m2_sr
    limit = lamp.retina_limit_w_m2_sr(distance_m)
    for code, good, measured, most in (
        ("cornea", distance_m >= lamp.cornea_from_m, f"{cornea:.0f} W/m²", f"{eyes.CORNEA_W_M2:.0f}"),
        ("retina", retina <= limit, f"{retina / 1000:.0f} kW/m²sr", f"{limit / 1000:.0f}"),
    ):
        finding("ok" if good else "fail", code, f"{measured} at {distance_m:g} m", most)
    if math.isinf(lamp.from_m):
        finding("fail", "from  ", "nowhere", next_step="more and weaker emitters, or a diffuser over them")
    else:
        finding("ok" if distance_m >= lamp.from_m else "warn", "from  ", f"{lamp.from_m:.2f} m on")


def _as_json(lamp: eyes.Lamp, distance_m: float, safe: bool) -> dict[str, Any]:
    figures = {
        "cornea_w_m2": lamp.irradiance_w_m2(distance_m),
        "cornea_limit_w_m2": eyes.CORNEA_W_M2,
        "retina_w_m2_sr": lamp.radiance_w_m2_sr,
        "retina_limit_w_m2_sr": lamp.retina_limit_w_m2_sr(distance_m),
        "cornea_from_m": lamp.cornea_from_m,
        "retina_from_m": lamp.retina_from_m,
        "from_m": lamp.from_m,
    }
    rounded = {name: None if math.isinf(value) else round(value, 3) for name, value in figures.items()}
    return {"schema": SCHEMA, **rounded, "safe": safe}
