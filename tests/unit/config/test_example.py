"""The example, the reference page and the code say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from anpr_edge.config import example_text, inspect_config, load_config
from anpr_edge.config.reference import comments, page
from anpr_edge.config.rules import PLACEHOLDER_KEY
from anpr_edge.config.schema import flatten, known_keys, schema_path
from tests.unit.config.samples import ACK_KEY, RECIPIENT

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def filled_in(text: str) -> str:
    """The example with its required keys switched on and real keys in the place of the placeholders."""
    text = re.sub(r"^#(?=(fleet|id|host) = .(?!broker-2))", "", text, flags=re.MULTILINE)
    text = text.replace(f"x25519:{PLACEHOLDER_KEY}", RECIPIENT)
    return text.replace(f"ed25519:{PLACEHOLDER_KEY}", ACK_KEY)


def switched_on(text: str) -> str:
    """The example with its optional sections and keys switched on."""
    return re.sub(r"^#(?=[a-z\[])", "", text, flags=re.MULTILINE)


def test_only_what_each_unit_has_to_fill_in_keeps_it_from_loading(tmp_path: Path) -> None:
    file = tmp_path / "unit.toml"
    file.write_text(example_text(), encoding="utf-8")
    found = {problem.key: problem.text for problem in inspect_config(file).problems}
    missing, placeholders = (
        {key for key, text in found.items() if word in text} for word in ("missing", "placeholder")
    )
    assert missing == {"unit.fleet", "unit.id", "broker.host"}
    assert placeholders == {"feeds.charging.recipients[0]", "feeds.charging.ack_key"}
    assert found.keys() == missing | placeholders


def test_it_states_no_place_that_the_unit_is_not_at() -> None:
    assert "site" not in tomllib.loads(example_text()) or not tomllib.loads(example_text())["site"]


def without(section: str, text: str) -> str:
    """The example without one of its sections."""
    return re.sub(rf"^\[{section}[^\]]*\]\n(?:(?!\[).*\n)*", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("dropped", ["policy", "feeds"])
@pytest.mark.parametrize("driver", ["pwm", "board"])
def test_it_loads_all_switched_on_but_for_one_place_of_feeds_and_one_driver_of_lamps(
    tmp_path: Path, dropped: str, driver: str
) -> None:
    file = tmp_path / "unit.toml"
    text = without(dropped, switched_on(filled_in(example_text())))
    file.write_text(re.sub(rf"^{driver} = .*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    config = load_config(file)
    assert (bool(config.feeds), config.policy is not None) == (dropped == "policy", dropped == "feeds")
    assert config.illuminator is not None
    assert (config.illuminator.pwm is None) == (driver == "pwm")


def test_it_loads_as_it_is_once_the_keys_are_put_in(tmp_path: Path) -> None:
    file = tmp_path / "unit.toml"
    file.write_text(filled_in(example_text()), encoding="utf-8")
    assert load_config(file).unit.fleet == "demo"


def test_it_has_every_key_of_the_schema_and_no_other() -> None:
    written = {schema_path(path) for path, _ in flatten(tomllib.loads(switched_on(example_text())))}
    assert written == {key.path for key in known_keys()}


def test_what_it_shows_switched_on_are_the_defaults() -> None:
    shown = {schema_path(path): value for path, value in flatten(tomllib.loads(example_text()))}
    defaults = {key.path: key.field.default for key in known_keys() if not key.field.is_required()}
    differing = {
        path for path, default in defaults.items() if path in shown and str(default) != str(shown[path])
    }
    assert not differing


def test_every_key_has_a_comment_of_its_own() -> None:
    words = comments(example_text())
    assert all(words[key.path] for key in known_keys())


def test_the_reference_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8").splitlines() == list(page()), (
        "run python -m anpr_edge.config.reference > docs/configuration.md"
    )
