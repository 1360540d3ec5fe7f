"""The split keeps pictures of one vehicle, one shot or one stretch of road together."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from anpr_edge.plates.syntax import fold
from anpr_edge.records import Box
from models.recipe.data import Collection, Crop, LabelledPlate, Scene, data_root, load_collection

ANYWHERE = Path("nowhere.jpg")


def scene(name: str, *texts: str) -> Scene:
    plates = tuple(LabelledPlate(Box(0, 0, 100, 25), None, text, False) for text in texts)
    return Scene(name, ANYWHERE, "here", "A", "gb", False, plates)


def crop(name: str, text: str, source: str = "elsewhere") -> Crop:
    return Crop(name, ANYWHERE, source, "A", "gb", False, None, text, False)


def together(*pictures: Scene | Crop) -> bool:
    """Whether the pictures share a split whatever their names are."""
    scenes = tuple(picture for picture in pictures if isinstance(picture, Scene))
    crops = tuple(picture for picture in pictures if isinstance(picture, Crop))
    return len(set(Collection(scenes, crops, ()).splits.values())) == 1


def test_one_plate_is_on_one_side_only() -> None:
    crops = [crop(f"c/{n}.jpg", "AB12CDE") for n in range(40)]
    assert together(scene("s/a.jpg", "AB12CDE"), *crops)


def test_letters_that_look_alike_make_no_two_vehicles() -> None:
    readings = ["OI23QAB", "0123OAB", "O1230AB"]
    assert together(*(crop(f"c/{n}.jpg", readings[n % 3]) for n in range(40)))


def test_a_stretch_of_video_stays_whole_even_unread() -> None:
    assert together(*(scene(f"clip/ride.mp4_t_{time}.jpg") for time in range(0, 300, 7)))


def test_distant_stretches_of_one_clip_may_part() -> None:
    assert not together(*(scene(f"clip/ride.mp4_t_{time}.jpg") for time in range(0, 9000, 300)))


def test_a_crop_follows_the_scene_it_was_cut_from() -> None:
    for n in range(40):
        cut = crop(f"road_derived/shot{n}_0.jpg", f"X{n}", source="road_derived")
        assert together(scene(f"road/shot{n}.jpg"), cut)


def test_vehicles_chain_through_a_shared_picture() -> None:
    links = [scene(f"s/{n}.jpg", f"PLATE{n}", f"PLATE{n + 1}") for n in range(40)]
    assert together(*links)


def test_every_split_gets_its_share() -> None:
    splits = Collection(tuple(scene(f"s/{n}.jpg", f"P{n}") for n in range(2000)), (), ()).splits
    counts: dict[str, int] = defaultdict(int)
    for split in splits.values():
        counts[split] += 1
    assert counts["calibration"] == pytest.approx(200, rel=0.25)
    assert counts["validation"] == pytest.approx(400, rel=0.25)


def write_labels(root: Path) -> None:
    shot = {"image": "a/1.jpg", "source": "a", "tier": "A", "country": "gb", "ir": True}
    plate = {"box": [10.0, 20.0, 110.0, 45.0], "corners": None, "text": "AB12CDE"}
    doubtful = {**shot, "image": "c/1.jpg", "tier": "C"}
    lines = {"scenes": [{**shot, "plates": [plate]}, {**doubtful, "plates": []}]}
    lines["crops"] = [{**shot, "text": "AB12CDE", "lines": 2}]
    lines["backgrounds"] = [{"image": "b/1.jpg", "source": "b", "tier": "B", "kind": "street"}]
    for kind, rows in lines.items():
        (root / kind).mkdir()
        (root / kind / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    corners = [[10, 20], [109, 20], [109, 44], [10, 44]]
    joined = {"image": "a/1.jpg", "box": plate["box"], "corners": corners, "quality": "checked"}
    (root / "scenes" / "corners.jsonl").write_text(json.dumps(joined) + "\n")


def test_labels_become_records_without_the_doubtful_tier(tmp_path: Path) -> None:
    write_labels(tmp_path)
    collection = load_collection(tmp_path)
    (only,) = collection.scenes
    (plate,) = only.plates
    assert only.infrared
    assert only.texts == ("AB12CDE",)
    assert plate.corners is not None
    assert plate.corners.points == ((10.5, 20.5), (109.5, 20.5), (109.5, 44.5), (10.5, 44.5))
    assert collection.crops[0].rows == 2
    assert collection.backgrounds[0].source == "b"


def test_the_doubtful_tier_is_there_for_who_asks(tmp_path: Path) -> None:
    write_labels(tmp_path)
    assert len(load_collection(tmp_path, frozenset("ABC")).scenes) == 2


@pytest.mark.shared
def test_the_real_collection_parts_no_vehicle() -> None:
    if not (data_root() / "scenes" / "labels.jsonl").exists():
        pytest.skip(f"no picture collection in {data_root()}")
    collection = load_collection()
    sides: dict[str, set[str]] = defaultdict(set)
    pictures: list[Scene | Crop] = [*collection.scenes, *collection.crops]
    for picture in pictures:
        for text in picture.texts:
            sides[fold(text)].add(collection.splits[picture.name])
    assert sides
    assert all(len(side) == 1 for side in sides.values())
