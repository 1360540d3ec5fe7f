"""Changing the view in a configuration file: that alone, with the comments, and never into a broken file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from anpr_edge.config import example_text, load_config
from anpr_edge.config.areas import ViewPlan
from anpr_edge.config.edit import draft_view, fingerprint, replace_text
from anpr_edge.errors import ConfigError
from tests.unit.config.samples import MINIMAL

SQUARE = ((0.1, 0.2), (0.9, 0.2), (0.9, 0.95), (0.1, 0.95))
WEDGE = ((0.0, 0.5), (0.25, 0.5), (0.125, 1.0))

COMMENTED = f"""# the pole by the school
{MINIMAL}
[view]  # measured on site
# the whole road
regions = [[[0.0, 0.3], [1.0, 0.3], [1.0, 1.0]]]  # not the pavement

[view.lanes.near]
# beside the kerb
polygon = [[0.0, 0.3], [0.5, 0.3], [0.4, 1.0]]

[log]
level = "debug"  # until the end of May
"""

LAYOUTS = {
    "no section": MINIMAL,
    "commented": COMMENTED,
    "empty section": f"{MINIMAL}[view]\n",
    "lanes alone": f"{MINIMAL}[view.lanes.old]\npolygon = [[0,0],[1,0],[1,1]]\n",
    "section in the middle": f"[view]\nexclusions = [[[0,0],[1,0],[1,1]]]\n{MINIMAL}",
    "lanes before their section": f"{MINIMAL}[view.lanes.near]\npolygon = [[0,0],[1,0],[1,1]]\n[view]\n",
    "lanes inside the section": f"{MINIMAL}[view]\nlanes.near.polygon = [[0,0],[1,0],[1,1]]\n",
    "lanes in one line": f"{MINIMAL}[view]\nlanes = {{ near = {{ polygon = [[0,0],[1,0],[1,1]] }} }}\n",
    "section in one line": f"view = {{ regions = [[[0,0],[1,0],[1,1]]] }}\n{MINIMAL}",
    "apart": f"[view]\nregions = []\n{MINIMAL}[view.lanes.near]\npolygon = [[0,0],[1,0],[1,1]]\n[log]\n",
}
PLANS = {
    "all": ViewPlan([SQUARE, WEDGE], [WEDGE], {"near": SQUARE, "far-2": WEDGE}),
    "regions alone": ViewPlan([SQUARE]),
    "lanes alone": ViewPlan(lanes={"near": WEDGE}),
    "nothing": ViewPlan(),
}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "unit.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_takes_every_view(tmp_path: Path, layout: str, plan: str) -> None:
    path = written(tmp_path, LAYOUTS[layout])
    draft = draft_view(path, PLANS[plan])
    config = draft.inspection.usable()
    assert [list(one) for one in config.view.regions] == [list(one) for one in PLANS[plan].regions]
    assert [list(one) for one in config.view.exclusions] == [list(one) for one in PLANS[plan].exclusions]
    assert {name: lane.polygon for name, lane in config.view.lanes.items()} == dict(PLANS[plan].lanes)
    assert path.read_text(encoding="utf-8") == LAYOUTS[layout]


def test_comments_and_everything_else_stay(tmp_path: Path) -> None:
    path = written(tmp_path, COMMENTED)
    text = draft_view(path, ViewPlan([SQUARE], (), {"near": WEDGE})).text
    for comment in ("the pole by the school", "measured on site", "the whole road", "beside the kerb"):
        assert f"# {comment}" in text
    assert 'level = "debug"  # until the end of May' in text
    assert tomllib.loads(text)["log"] == {"level": "debug"}


def test_what_is_as_wanted_already_changes_no_byte(tmp_path: Path) -> None:
    path = written(tmp_path, COMMENTED)
    view = load_config(path).view
    lanes = {name: lane.polygon for name, lane in view.lanes.items()}
    assert draft_view(path, ViewPlan(view.regions, view.exclusions, lanes)).text == COMMENTED


def test_the_example_takes_a_view(tmp_path: Path) -> None:
    path = written(tmp_path, example_text())
    text = draft_view(path, PLANS["all"]).text
    assert [line for line in example_text().splitlines() if line not in text.splitlines()] == []


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (ViewPlan([((0.0, 0.0), (1.0, 1.0))]), "3 to 64 corners"),
        (ViewPlan([((0.0, 0.0), (0.5, 0.5), (1.0, 1.0))]), "enclose an area"),
        (ViewPlan([((0.0, 0.0), (1.2, 0.0), (1.0, 1.0))]), "from 0 to 1"),
        (ViewPlan(lanes={"Near side": SQUARE}), "not allowed as a name"),
    ],
)
def test_what_the_configuration_refuses_is_refused_in_its_words(
    tmp_path: Path, plan: ViewPlan, words: str
) -> None:
    draft = draft_view(written(tmp_path, MINIMAL), plan)
    assert draft.inspection.config is None
    assert words in str(draft.inspection.problems[0])


def test_the_old_file_is_kept_with_owner_and_mode(tmp_path: Path) -> None:
    path = written(tmp_path, MINIMAL)
    path.chmod(0o640)
    kept = replace_text(path, COMMENTED)
    assert (path.read_text(), kept.read_text()) == (COMMENTED, MINIMAL)
    assert [file.stat().st_mode & 0o777 for file in (path, kept)] == [0o640, 0o640]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["unit.toml", "unit.toml.before"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = written(tmp_path, MINIMAL)
    link = tmp_path / "link.toml"
    link.symlink_to(real)
    replace_text(link, COMMENTED)
    assert link.is_symlink()
    assert real.read_text() == COMMENTED


def test_a_folder_that_takes_no_writes_leaves_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, MINIMAL)
    (tmp_path / "unit.toml.before").mkdir()  # refuses root too
    with pytest.raises(ConfigError, match="cannot be replaced"):
        replace_text(path, COMMENTED)
    assert path.read_text() == MINIMAL


def test_the_fingerprint_tells_another_hand(tmp_path: Path) -> None:
    path = written(tmp_path, MINIMAL)
    before = fingerprint(path)
    assert fingerprint(path) == before
    path.write_text(f"{MINIMAL}# more\n")
    assert fingerprint(path) != before
