"""The configuration's reference page: what the schema allows, and what the example's comments say.

`python -m anpr_edge.config.reference > docs/configuration.md` writes it; a test holds the page to the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from anpr_edge.config.places import BESIDE_STATE, example_text
from anpr_edge.config.schema import Key, allowed, known_keys, schema_path, section_at, toml_value

_HEADER = re.compile(r"#?\[([a-z_.]+)\]$")
_KEY = re.compile(r"#?([a-z_]+) = ")

INTRODUCTION = """\
# Configuration of a unit

<!-- Made by `python -m anpr_edge.config.reference`; the meanings come from anpr_edge/example.toml. -->

One TOML file configures a unit. `anpr-edge config example` prints one to start from, `anpr-edge config
check FILE` finds every problem in it at once, `anpr-edge config show FILE` shows each value in force and
where it comes from. The services read `/etc/anpr-edge/unit.toml` unless told otherwise.

Unknown keys are refused, and so are values of another type: `width = "1280"` is not `width = 1280`.
Relative paths are meant from the file's own folder.
"""


def comments(text: str) -> dict[tuple[str, ...], str]:
    """The comment above each section and each key of an example, switched off (`#key = …`) or not."""
    found: dict[tuple[str, ...], str] = {}
    section: tuple[str, ...] = ()
    words: list[str] = []
    for line in text.splitlines():
        if line.startswith("# "):
            words.append(line[2:])
            continue
        if header := _HEADER.match(line):
            section = schema_path(tuple(header[1].split(".")))
            found[section] = " ".join(words)
        elif key := _KEY.match(line):
            found[(*section, key[1])] = " ".join(words)
        words = []
    return found


def default_text(key: Key) -> str:
    """What counts when a key is not given."""
    if name := BESIDE_STATE.get((key.path[0], key.path[-1])):
        return f"`{name}` in `unit.state_dir`"
    if key.path == ("models", "directory"):
        return "the models that came with the program"
    if key.field.is_required():
        return "**required**"
    default = key.field.get_default(call_default_factory=True)
    return "none" if default is None else f"`{toml_value(default)}`"


def page() -> Iterator[str]:
    """The reference page, line by line."""
    meaning = comments(example_text())
    yield from INTRODUCTION.splitlines()
    for section, keys in groupby(known_keys(), key=lambda key: key.path[:-1]):
        yield from (
            "",
            f"## [{'.'.join(section)}]",
            "",
            " ".join((section_at(section).__doc__ or "").split()),
        )
        if words := meaning.get(section):
            yield from ("", words)
        yield from ("", "| key | default | allowed | meaning |", "|---|---|---|---|")
        for key in keys:
            yield f"| `{key.path[-1]}` | {default_text(key)} | {allowed(key.field)} | {meaning[key.path]} |"


if __name__ == "__main__":
    print("\n".join(page()))
