"""The way of a policy by its commands: written, signed, checked, taken, shown, changed, traced."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from threading import Thread

import pytest

from anpr_edge.cli.edge import main as edge
from anpr_edge.cli.fleet import main as fleet
from anpr_edge.config import load_config
from anpr_edge.fleet.assessment import QUESTIONS
from anpr_edge.unitpolicy import admitted, in_force, notice, store_of
from tests.london import EXAMPLES, always_in_date, source_text
from tests.unit.diag.bench import Bench, make_bench

REFUSED = 78


class Fleet:
    """A unit, and an authority with the two shipped policies, their keys put in."""

    def __init__(self, directory: Path, key: str) -> None:
        self.bench: Bench = make_bench(directory)
        self.directory = directory
        text = self.bench.config.read_text().replace('"testfleet"', '"london"')
        start, end = text.index("[feeds.access]"), text.index("[broker]")
        section = f'[policy]\nfile = "etc.cose"\nkey = "{key}"\n\n'
        self.bench.config.write_text(text[:start] + section + text[end:])
        for name in ("charging", "charging-and-police"):
            self.source(name).write_text(always_in_date(source_text(name)))

    @property
    def config(self) -> tuple[str, str]:
        return "--config", str(self.bench.config)

    def source(self, name: str) -> Path:
        return self.directory / f"{name}.toml"

    def sign(self, name: str, out: str, *more: str) -> int:
        key = ("--key", str(self.directory / "policy.pem"), "--out", str(self.directory / out))
        return fleet(["policy", "sign", str(self.source(name)), *key, *more])

    def load(self, name: str) -> int:
        return edge(["policy", "load", str(self.directory / name), *self.config])


@pytest.fixture
def authority(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Fleet:
    assert fleet(["policy", "key", "--out", str(tmp_path / "policy.pem")]) == 0
    return Fleet(tmp_path, capsys.readouterr().out.strip())


def test_the_shipped_examples_want_keys_before_anything_is_signed(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("charging", "charging-and-police"):
        assert fleet(["policy", "explain", str(EXAMPLES / f"{name}.toml")]) == REFUSED
        assert "not a usable recipient key" in capsys.readouterr().err


def test_from_charging_alone_to_charging_and_police(
    authority: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    assert authority.sign("charging", "1.cose") == 0
    assert authority.load("1.cose") == 0
    assert (
        authority.sign("charging-and-police", "2.cose", "--replaces", str(authority.directory / "1.cose"))
        == 0
    )
    assert "feed police: new" in capsys.readouterr().err.splitlines()
    assert authority.load("2.cose") == 0
    capsys.readouterr()

    assert edge(["audit", "verify", *authority.config]) == 0
    assert "2 entries" in capsys.readouterr().out
    assert edge(["audit", "show", *authority.config]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert any("policy-accepted 2, replaces policy 1" in line for line in shown)
    assert "     feed police: controller: The police force" in shown
    assert not any(
        line.startswith("     feed charging") for line in shown[shown.index("     feed police: new") :]
    )
    assert [feed.name for feed in in_force(load_config(authority.bench.config)).feeds] == [
        "charging",
        "police",
    ]


def test_explain_says_what_is_in_force(authority: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert edge(["policy", "explain", *authority.config]) == REFUSED
    authority.sign("charging", "1.cose")
    authority.load("1.cose")
    capsys.readouterr()
    assert edge(["policy", "explain", *authority.config]) == 0
    in_words = capsys.readouterr().out
    assert "Feed charging" in in_words
    assert "Mon-Fri 07:00-18:00, Sat-Sun 12:00-18:00, Europe/London time" in in_words
    assert edge(["policy", "explain", str(authority.directory / "1.cose"), *authority.config]) == 0
    assert capsys.readouterr().out == in_words


def test_check_judges_and_changes_nothing(authority: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    authority.sign("charging", "1.cose")
    before = sorted(authority.directory.rglob("*"))
    assert edge(["policy", "check", str(authority.directory / "1.cose"), *authority.config]) == 0
    assert "policy 1 may be taken by london/unit-0001" in capsys.readouterr().out
    assert edge(["policy", "check", str(authority.source("charging")), *authority.config]) == REFUSED
    assert "the policy: " in capsys.readouterr().err
    assert sorted(authority.directory.rglob("*")) == before


def test_a_policy_that_is_refused_is_not_put_in_place(
    authority: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    authority.sign("charging-and-police", "2.cose")
    authority.load("2.cose")
    authority.sign("charging", "1.cose")
    kept = (authority.directory / "etc.cose").read_bytes()
    capsys.readouterr()
    assert authority.load("1.cose") == REFUSED
    assert "older than policy 2, the last good one" in capsys.readouterr().err
    assert (authority.directory / "etc.cose").read_bytes() == kept


def test_a_policy_is_put_in_place_in_turn_with_the_services(authority: Fleet) -> None:
    authority.sign("charging", "1.cose")
    authority.load("1.cose")
    authority.sign("charging-and-police", "2.cose")
    kept = (authority.directory / "etc.cose").read_bytes()
    store = store_of(load_config(authority.bench.config))
    assert store is not None
    with store.locked():
        loading = Thread(target=authority.load, args=("2.cose",))
        loading.start()
        loading.join(0.5)
        assert (authority.directory / "etc.cose").read_bytes() == kept
    loading.join(30)
    assert (authority.directory / "etc.cose").read_bytes() == (authority.directory / "2.cose").read_bytes()


def test_signing_needs_a_higher_version_and_a_new_file(
    authority: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    authority.sign("charging-and-police", "2.cose")
    assert authority.sign("charging", "1.cose", "--replaces", str(authority.directory / "2.cose")) == REFUSED
    assert "hint: set policy.version to 3" in capsys.readouterr().err
    assert authority.sign("charging-and-police", "2.cose") == 2


def test_diff_and_assessment_take_sources_and_signed_ones(
    authority: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    authority.sign("charging", "1.cose")
    capsys.readouterr()
    old, new = str(authority.directory / "1.cose"), str(authority.source("charging-and-police"))
    assert fleet(["policy", "diff", old, new]) == 0
    assert "feed police: new" in capsys.readouterr().out.splitlines()
    assert fleet(["policy", "assessment", new]) == 1
    said = capsys.readouterr()
    assert "| police | Police ANPR service | The police force |" in said.out
    assert "questions are left for people to answer" in said.err
    assert fleet(["policy", "assessment", new, "--draft"]) == 0


def test_an_assessment_is_whole_once_every_question_is_answered(
    authority: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers, source = tmp_path / "answers.toml", str(authority.source("charging"))
    asked = "".join(f'{key} = "Because <of> {key}."\n' for key in QUESTIONS)
    answers.write_text(f'{asked}[why]\ncharging = "To charge."\n')
    assert fleet(["policy", "assessment", source, "--answers", str(answers)]) == 0
    said = capsys.readouterr()
    assert "TO BE ANSWERED" not in said.out
    assert "Because <of> necessity." in said.out
    assert said.err == ""
    assert fleet(["policy", "assessment", source, "--answers", str(answers), "--html"]) == 0
    page = capsys.readouterr().out
    assert "Because &lt;of&gt; necessity." in page
    assert "<td>The charging authority</td>" in page


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('necesity = "x"', "necesity was not asked"),
        ("necessity = 1", "needs one line of text"),
        ("necessity", "no readable answers"),
    ],
)
def test_answers_that_are_none_are_refused(
    authority: Fleet, tmp_path: Path, text: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "answers.toml"
    answers.write_text(text)
    command = ["policy", "assessment", str(authority.source("charging")), "--answers", str(answers)]
    assert fleet(command) == 2
    assert why in capsys.readouterr().err


def test_a_trace_that_was_meddled_with(authority: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    authority.sign("charging", "1.cose")
    authority.load("1.cose")
    log = authority.bench.state_dir / "audit.log"
    noted = json.loads(notice_of(authority))["audit"]["head"]
    capsys.readouterr()
    assert edge(["audit", "verify", "--head", noted, *authority.config]) == 0
    log.write_text(log.read_text().replace("The charging authority", "Nobody"))
    assert edge(["audit", "verify", "--head", noted, *authority.config]) == 1
    assert "the noted hash is not in it" in capsys.readouterr().out


def notice_of(authority: Fleet) -> bytes:
    config = load_config(authority.bench.config)
    store = store_of(config)
    assert store is not None
    return notice(admitted(config, authority.bench.clock.now().utc_ns), store)


def test_what_is_published_names_the_policy_in_words_and_in_full(authority: Fleet) -> None:
    authority.sign("charging", "1.cose")
    authority.load("1.cose")
    told = json.loads(notice_of(authority))
    assert base64.b64decode(told["signed"]) == (authority.directory / "1.cose").read_bytes()
    assert (told["schema"], told["version"], told["refused"]) == (1, 1, "")
    assert "Feed charging" in told["explained"]
    assert told["changed"]["changes"][0] == "feed charging: new"
    assert told["audit"] == {"entries": 1, "head": told["audit"]["head"], "trouble": ""}


def test_a_unit_with_feeds_of_its_own_has_no_policy_to_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = make_bench(tmp_path)
    assert edge(["policy", "check", str(tmp_path / "x"), "--config", str(bench.config)]) == 2
    assert "no signed policy" in capsys.readouterr().err
    assert edge(["policy", "explain", "--config", str(bench.config)]) == 0
    assert "The feeds of the unit's own configuration, unsigned" in capsys.readouterr().out
