"""Rules that join several keys. Each looks at the raw values, so that it speaks even where others failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from anpr_edge.config.schema import field_at, known_names

Finding = tuple[tuple[str | int, ...], str]
"""The path of the key at fault, and what is wrong with it."""

PLACEHOLDER_KEY = "A" * 43
"""The key in the example: all zero bits, which no X25519 or Ed25519 key is."""


def get(data: Mapping[str, Any], *path: str) -> Any:
    """The value of a key as written, else its default, else None."""
    node: Any = data
    for part in path:
        node = node.get(part) if isinstance(node, Mapping) else None
    if node is None and (field := field_at(path)) and not field.is_required():
        return field.get_default(call_default_factory=True)
    return node


def shutter_fits_frame_rate(data: Mapping[str, Any]) -> Iterator[Finding]:
    """A frame cannot be exposed for longer than it lasts."""
    shutter_us, frame_rate = get(data, "camera", "shutter_us"), get(data, "camera", "frame_rate")
    if isinstance(shutter_us, int) and isinstance(frame_rate, int | float) and 1 <= frame_rate < math.inf:
        longest_us = int(1_000_000 / frame_rate)
        if shutter_us > longest_us:
            yield (
                ("camera", "shutter_us"),
                f"{shutter_us} is longer than a frame; at most {longest_us} at {frame_rate:g} frames/s",
            )


def position_is_whole(data: Mapping[str, Any]) -> Iterator[Finding]:
    """A surveyed position needs both coordinates."""
    names = ("lat_deg", "lon_deg")
    given = [name for name in names if get(data, "site", name) is not None]
    if len(given) == 1:
        other = next(name for name in names if name not in given)
        yield ("site", other), f"missing; site.{given[0]} is given, and a position needs both or neither"


def location_is_given(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Video and images have to come from somewhere."""
    source = get(data, "camera", "source")
    if source in ("video", "images") and get(data, "camera", "location") is None:
        example = "a file, rtsp:// address or /dev/video0" if source == "video" else "a file or folder"
        yield ("camera", "location"), f'missing; camera.source = "{source}" needs {example}'


def lamps_have_one_driver(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Lamps hang on a PWM channel or on a lamp board: not on both, and not on neither."""
    lamps = data.get("illuminator")
    if isinstance(lamps, Mapping):
        given = [name for name in ("pwm", "board") if name in lamps]
        if not given:
            yield ("illuminator", "pwm"), "missing; the lamps need illuminator.pwm or illuminator.board"
        elif len(given) == 2:
            yield ("illuminator", "board"), "illuminator.pwm is given too; lamps have one driver"


def feeds_come_from_one_place(data: Mapping[str, Any]) -> Iterator[Finding]:
    """The unit's own sections or a signed policy say who gets reads: not both, and not neither."""
    if data.get("policy") is None and not data.get("feeds"):
        if not get_close_matches("feeds", [name for name in data if name not in known_names(())], n=1):
            yield ("feeds",), "missing; needs at least one section [feeds.NAME], or [policy]"
    elif data.get("policy") is not None and data.get("feeds"):
        yield ("policy",), "[feeds] is given too; a unit has its own feeds or a signed policy, not both"


def keys_are_real(data: Mapping[str, Any]) -> Iterator[Finding]:
    """The example's placeholder keys have to be replaced, and a recipient is named once."""
    for path, text in _feed_keys(data):
        if text.partition(":")[2] == PLACEHOLDER_KEY:
            maker = "anpr-fleet policy key" if path[0] == "policy" else "anpr-central keygen"
            yield path, f"still the example's placeholder; put the key here that `{maker}` printed"


def recipients_differ(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Naming a recipient twice is a slip: a second key was meant."""
    seen: set[tuple[Any, ...]] = set()
    for path, text in _feed_keys(data):
        if "recipients" in path and text.partition(":")[2] != PLACEHOLDER_KEY:
            if (path[1], text) in seen:
                yield path, "names the same recipient a second time"
            seen.add((path[1], text))


def _feed_keys(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    policy_key = get(data, "policy", "key")
    if isinstance(policy_key, str):
        yield ("policy", "key"), policy_key
    feeds = get(data, "feeds")
    for name in feeds if isinstance(feeds, Mapping) else ():
        recipients = get(data, "feeds", name, "recipients")
        for index, text in enumerate(recipients if isinstance(recipients, list) else ()):
            if isinstance(text, str):
                yield ("feeds", name, "recipients", index), text
        ack_key = get(data, "feeds", name, "ack_key")
        if isinstance(ack_key, str):
            yield ("feeds", name, "ack_key"), ack_key


RULES: tuple[Callable[[Mapping[str, Any]], Iterator[Finding]], ...] = (
    shutter_fits_frame_rate,
    position_is_whole,
    location_is_given,
    lamps_have_one_driver,
    feeds_come_from_one_place,
    keys_are_real,
    recipients_differ,
)
