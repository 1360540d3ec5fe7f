"""What a good configuration becomes, and what is said of a bad one, word for word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anpr_edge.config import Config, inspect_config, load_config
from anpr_edge.config.schema import known_keys
from anpr_edge.errors import ConfigError
from tests.unit.config.bad_cases import ALTERED, BAD, SECRETS
from tests.unit.config.samples import HYBRID_RECIPIENT, MINIMAL, RECIPIENT


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of one's own, so that messages name `unit.toml` alone."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str) -> Config:
    Path("unit.toml").write_text(text, encoding="utf-8")
    return load_config(Path("unit.toml"))


def problems(text: str) -> list[str]:
    Path("unit.toml").write_text(text, encoding="utf-8")
    return [str(problem) for problem in inspect_config(Path("unit.toml")).problems]


def test_the_least_configuration_has_defaults_for_the_rest() -> None:
    config = load(MINIMAL)
    assert (config.unit.fleet, config.unit.id) == ("london", "unit-7")
    assert config.camera.source == "picamera"
    assert config.gps is None
    assert config.feeds["charging"].recipients == (RECIPIENT,)
    assert config.broker.port == 8883
    assert config.models.directory.name == "models"


def test_a_feed_may_name_recipients_of_both_suites() -> None:
    config = load(MINIMAL.replace(f'["{RECIPIENT}"]', f'["{RECIPIENT}", "{HYBRID_RECIPIENT}"]'))
    assert config.feeds["charging"].recipients == (RECIPIENT, HYBRID_RECIPIENT)


def test_files_lie_in_the_state_folder_unless_said_otherwise() -> None:
    config = load(MINIMAL.replace('id = "unit-7"', 'id = "unit-7"\nstate_dir = "/srv/state"'))
    assert config.unit.keys_dir == Path("/srv/state/keys")
    assert config.outbox.path == Path("/srv/state/outbox.db")
    assert config.broker.ca_file == Path("/srv/state/keys/ca.crt")
    assert config.broker.key_file == Path("/srv/state/keys/tls.pem")


def test_relative_paths_start_at_the_file(in_folder: Path) -> None:
    more = '[outbox]\npath = "here.db"\n[camera]\nsource = "video"\nlocation = "clips/road.mp4"\n'
    config = load(MINIMAL + more)
    assert config.outbox.path == in_folder / "here.db"
    assert config.camera.location == str(in_folder / "clips/road.mp4")


def test_an_address_is_no_path() -> None:
    config = load(MINIMAL + '[camera]\nsource = "video"\nlocation = "rtsp://192.0.2.1/road"\n')
    assert config.camera.location == "rtsp://192.0.2.1/road"


def test_whole_numbers_do_for_numbers() -> None:
    assert load(MINIMAL + "[camera]\nframe_rate = 25\n").camera.frame_rate == 25.0


@pytest.mark.parametrize("case", BAD)
def test_bad_configuration(case: str) -> None:
    added, expected = BAD[case]
    text = added + MINIMAL if added.startswith("gps =") else f"{MINIMAL}\n{added}"
    assert problems(text) == [f"unit.toml:{line}" for line in expected]


@pytest.mark.parametrize("case", ALTERED)
def test_altered_configuration(case: str) -> None:
    text, expected = ALTERED[case]
    assert problems(text) == expected


@pytest.mark.parametrize("case", SECRETS)
def test_what_may_be_a_secret_is_not_echoed(case: str) -> None:
    found = problems(f"{MINIMAL}\n{SECRETS[case]}")
    assert found
    assert "hunter2" not in "\n".join(found)


def test_all_problems_are_in_the_error_and_it_says_what_to_do() -> None:
    with pytest.raises(ConfigError) as caught:
        load(MINIMAL + "[log]\nlevel = 1\ncolour = 2\n")
    assert len(str(caught.value).splitlines()) == 2
    assert "config example" in caught.value.hint


def test_no_such_file() -> None:
    with pytest.raises(ConfigError, match=r"^nowhere\.toml: no such configuration file$") as caught:
        load_config(Path("nowhere.toml"))
    assert caught.value.hint == "`anpr-edge config example > nowhere.toml` writes one to start from"


def test_a_folder_is_no_file(in_folder: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(in_folder)


def test_other_encodings_are_named_with_their_line() -> None:
    Path("unit.toml").write_bytes(b'[site]\nname = "Caf\xe9"\n')
    with pytest.raises(ConfigError, match=r"^unit\.toml:2: not UTF-8 text$"):
        load_config(Path("unit.toml"))


NAMES = st.sampled_from([*Config.model_fields, *(part for key in known_keys() for part in key.path), "other"])
VALUES = st.one_of(
    st.booleans(),
    st.integers(-1, 10**6),
    st.floats(),
    st.text('aZ09-_:/ "', max_size=5),
    st.dates(),
    st.sampled_from(["video", "images", RECIPIENT]),
)
ANYTHING = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, ANYTHING, max_size=6))
def test_any_toml_gives_a_configuration_or_problems_with_a_place(data: dict[str, Any]) -> None:
    text = tomli_w.dumps(data)
    Path("unit.toml").write_text(text, encoding="utf-8")
    inspection = inspect_config(Path("unit.toml"))
    assert (inspection.config is None) == bool(inspection.problems)
    assert all(
        problem.key and (problem.line or 0) <= len(text.splitlines()) for problem in inspection.problems
    )
