"""`anpr-fleet unit add`: one new unit."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from typing import Any

from anpr_edge.cli.fleet_places import add_fleet_option, fleet_folder
from anpr_edge.cli.output import note
from anpr_edge.errors import ConfigError, UsageError

TEXT = """Add a unit to the fleet folder: units/NAME.toml, which says where it stands and how it hangs. All
but its name may be left out, and written into the file later. A key of its configuration that is not as in
the rest of the fleet goes by --set.

  anpr-fleet unit add unit-0001 --site "Example Road, northbound" --lat 51.5007 --lon -0.1246 \\
      --group north --height 6 --distance 20 --set exposure.speed_limit_km_h=50"""

MOUNTING = {
    "height": "height_m",
    "distance": "distance_m",
    "offset": "offset_m",
    "bearing": "bearing_deg",
    "lens": "lens_mm",
}
HELP = {
    "height": "of the camera over the road, in metres",
    "distance": "from below the camera to where plates are read, in metres",
    "offset": "from the lane's middle, in metres; left of it negative",
    "bearing": "where the camera looks, in degrees clockwise from north",
    "lens": "its focal length, in millimetres",
}


def add_command(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `add`."""
    parser = commands.add_parser(
        "add", help="add a unit", description=TEXT, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="the unit's id: it is in its certificate and in every topic")
    parser.add_argument("--site", metavar="TEXT", help="what people call the place")
    parser.add_argument("--lat", type=float, metavar="DEGREES", help="surveyed latitude, WGS 84")
    parser.add_argument("--lon", type=float, metavar="DEGREES", help="surveyed longitude, east positive")
    parser.add_argument("--group", action="append", default=[], metavar="G", help="a group; repeat for more")
    for name, text in HELP.items():
        parser.add_argument(f"--{name}", type=float, metavar=name[0].upper(), help=text)
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a key of its configuration"
    )
    parser.add_argument("--note", metavar="TEXT", help="anything people should know of it")
    add_fleet_option(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Write the new unit's file."""
    from anpr_edge.fleet.authority import check_name
    from anpr_edge.fleet.unitconfig import own_problems
    from anpr_edge.fleet.unitrecord import parse_unit
    from anpr_edge.seal.wire_values import Wrong

    folder, name = fleet_folder(arguments), arguments.name
    check_name(name)
    if name in folder.plan.clients:
        raise UsageError(f"{name} is a client's name in fleet.toml", hint="the broker knows both by name")
    try:
        unit = parse_unit(name, _stated(arguments))
    except Wrong as wrong:
        raise UsageError(f"unit {name}: {wrong}", hint="anpr-fleet unit add --help") from None
    if problems := own_problems(folder.plan, unit):
        said = "\n".join(f"unit {name}: {key}: {text}" for key, text in problems)
        raise ConfigError(said, hint="docs/configuration.md has every key")
    with folder.changing():
        if folder.has_unit(name):
            raise UsageError(f"unit {name} is there already", hint=f"change {folder.unit_file(name)} instead")
        folder.save([unit])
    print(folder.unit_file(name))
    note(f"{name} is planned.")
    return 0


def _stated(arguments: Namespace) -> dict[str, Any]:
    """The unit's file as it would be written by hand."""
    from anpr_edge.fleet.settings import value_of

    site = {"name": arguments.site, "lat_deg": arguments.lat, "lon_deg": arguments.lon}
    mounting = {key: getattr(arguments, option) for option, key in MOUNTING.items()}
    settings: dict[str, dict[str, Any]] = {}
    for text in arguments.set:
        path, equals, value = text.partition("=")
        section, dot, key = path.partition(".")
        if not (equals and dot and key):
            raise UsageError(f"--set {text}: expected SECTION.KEY=VALUE", hint="as in exposure.mode=fixed")
        settings.setdefault(section, {})[key] = value_of(value)
    document: dict[str, Any] = {"groups": arguments.group, "settings": settings}
    document["site"] = {key: value for key, value in site.items() if value is not None}
    document["mounting"] = {key: value for key, value in mounting.items() if value is not None}
    return document | ({"note": arguments.note} if arguments.note is not None else {})
