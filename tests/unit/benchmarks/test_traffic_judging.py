"""Reads set against the truth of a clip: who was read once, who twice, who never, and who was nobody."""

from __future__ import annotations

from anpr_edge.capture.render.flow import Flow
from anpr_edge.capture.render.stage import Stage
from anpr_edge.capture.synthetic import Passage
from scripts.benchmarks.traffic_clips import FIRST_SEED, Clip, empty, situations, traffic
from scripts.benchmarks.traffic_judging import Read, Visit, judge
from scripts.benchmarks.traffic_runs import ClipResult
from scripts.benchmarks.traffic_table import failures, slices


def passage(text: str, first: int, last: int, readable: int = 10, direction: str = "toward") -> Passage:
    way = "toward" if direction == "toward" else "away"
    return Passage(text, first, last, 100.0, "uk-single", way, 1, 60.0, readable, "day")  # type: ignore[arg-type]


def read(text: str, first: int, last: int) -> Read:
    return Read(text, first, last, 0.9, 5, "away")


def visits(truth: list[Passage], reads: list[Read]) -> tuple[list[Visit], list[Read]]:
    return judge("test", 1, truth, reads)


def test_one_right_read() -> None:
    ((visit,), stray) = visits([passage("AB12OCD", 10, 40)], [read("AB120CD", 12, 39)])
    assert (visit.judged, visit.once, visit.right, visit.strict) == (True, True, True, False)
    assert stray == []


def test_a_wrong_character_is_wrong() -> None:
    ((visit,), _) = visits([passage("AB12ECD", 10, 40)], [read("AB12FCD", 12, 39)])
    assert (visit.once, visit.right) == (True, False)


def test_two_reads_of_one_vehicle_are_not_once() -> None:
    reads = [read("AB12ECD", 12, 30), read("AB12FCD", 31, 39)]
    ((visit,), stray) = visits([passage("AB12ECD", 10, 40)], reads)
    assert (len(visit.reads), visit.once, visit.right, stray) == (2, False, False, [])


def test_a_read_goes_to_the_vehicle_whose_plate_is_like_it() -> None:
    truth = [passage("AB12ECD", 10, 40), passage("XY65KLM", 20, 50)]
    (first, second), _ = visits(truth, [read("XY65KLN", 21, 49)])
    assert first.reads == ()
    assert len(second.reads) == 1


def test_a_read_like_no_plate_or_at_another_time_belongs_to_none() -> None:
    truth = [passage("AB12ECD", 10, 40)]
    reads = [read("DIESEL149", 12, 39), read("AB12ECD", 300, 330)]
    ((visit,), stray) = visits(truth, reads)
    assert visit.reads == ()
    assert stray == reads


def test_back_soon_is_one_visit_and_back_late_two() -> None:
    soon = [passage("AB12ECD", 10, 40, 2), passage("AB12ECD", 200, 240, 2)]
    late = [passage("AB12ECD", 10, 40), passage("AB12ECD", 900, 940)]
    ((visit,), _) = visits(soon, [read("AB12ECD", 12, 39)])
    assert visit.judged
    assert visit.once
    two, _ = visits(late, [read("AB12ECD", 12, 39), read("AB12ECD", 905, 930)])
    assert [one.once for one in two] == [True, True]


def test_a_plate_readable_in_two_frames_is_not_judged() -> None:
    ((visit,), _) = visits([passage("AB12ECD", 10, 40, readable=2)], [])
    assert not visit.judged


def test_figures_count_only_judged_vehicles() -> None:
    truth = [passage("AB12ECD", 10, 40), passage("XY65KLM", 100, 150), passage("LM51NOP", 200, 210, 1)]
    seen, _ = visits(truth, [read("AB12ECD", 12, 39)])
    figures = slices(seen)["all"]
    assert (figures["vehicles"], figures["judged"]) == (3, 2)
    assert figures["one_read"]["value"] == 0.5
    assert figures["missed"]["value"] == 0.5
    assert figures["right"] == {"value": 1.0, "low": figures["right"]["low"], "high": 1.0, "of": 1}


def test_direction_is_judged_where_there_is_one_read() -> None:
    truth = [passage("AB12ECD", 10, 40, direction="away"), passage("XY65KLM", 500, 550)]
    seen, _ = visits(truth, [read("AB12ECD", 12, 39), read("XY65KLM", 510, 540)])
    assert [visit.way_right for visit in seen] == [True, False]
    assert slices(seen)["all"]["direction_right"]["value"] == 0.5


def test_every_failure_is_named() -> None:
    truth = [
        passage(text, 1000 * n, 1000 * n + 40)
        for n, text in enumerate(("AB12ECD", "OX65KLM", "LM51NEP", "GH71RTU", "KL03XYZ"))
    ]
    reads = [read("AB12ECD", 5, 30), read("0X65KLM", 1005, 1030), read("LM51NFP", 2005, 2030)]
    reads += [read("GH71RTU", 3005, 3010), read("GH71RT", 3012, 3030), read("SCHOOL", 100, 160)]
    seen, stray = visits(truth, reads)
    found = failures([ClipResult(Clip("test", 1, Stage(Flow(5))), tuple(seen), tuple(stray), 5000, 0)])
    assert [one["what"] for one in found] == ["spelling", "wrong", "duplicate", "missed", "false read"]
    assert [one.get("truth") for one in found] == ["OX65KLM", "LM51NEP", "GH71RTU", "KL03XYZ", None]
    assert found[-1]["read"] == ["SCHOOL"]


def test_seeds_of_the_splits_never_meet() -> None:
    def seeds(split: str) -> list[int]:
        clips = [*traffic(split, 20_000), *situations(split), *empty(split, 1000)]  # type: ignore[arg-type]
        return [clip.seed for clip in clips]

    tune, report = seeds("tune"), seeds("report")
    assert len(set(tune)) == len(tune)
    assert set(tune).isdisjoint(report)
    assert min(tune) >= FIRST_SEED["tune"]
