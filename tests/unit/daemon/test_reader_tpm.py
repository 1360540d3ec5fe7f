"""A signing key that is out of reach for a while delays reads and loses none."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

from anpr_edge.seal import envelope
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.seal.tpm import load_signing_key, make_signing_key
from tests.software_tpm import software_tpm
from tests.unit.daemon.reader_bench import CLOCK, Film, make_reader, new_outbox
from tests.vectors.keys import recipient


def test_a_tpm_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    with software_tpm(tmp_path / "chip") as chip:
        make_signing_key(chip.place, tmp_path / "sign.pem")
        with closing(load_signing_key(tmp_path / "sign.pem", chip.place)) as key:
            feeds = {"a": [recipient("a").public], "b": [recipient("b").public]}
            sealer = CoseSealer(UnitIdentity("testfleet", "unit-0001", bytes(16)), key, feeds)
            chip.stop()
            outbox = new_outbox(tmp_path)
            thread = Thread(target=make_reader(tmp_path, Film(20), outbox, sealer=sealer).run)
            thread.start()
            while not state(tmp_path).get("outbox_down"):
                CLOCK.sleep(0.02)
            assert outbox.due(10) == []
            chip.start()
            thread.join(30)
            reads = state(tmp_path)["reads"]
            assert (reads["committed"], reads["unsealable"], reads["lost"]) == (1, 0, 0)
            assert sorted(entry.read.feed for entry in outbox.due(10)) == ["a", "b"]
            for entry in outbox.due(10):
                envelope.parse(entry.read.blob).verify(key.public)


def state(folder: Path) -> dict[str, Any]:
    file = folder / "reader.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found
