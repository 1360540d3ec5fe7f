"""`scripts/bench seal`: what sealing a read costs a unit, and opening it costs a centre, on one core.

The cases take turns round by round, so that whatever else the machine does slows them alike. Processor
time is the fairer figure on a machine that is not idle; a busy neighbour on the same core still shows in
it, so the best round is given beside the median.
"""

from __future__ import annotations

import statistics
import time
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable, Mapping
from typing import Any, Final

from anpr_edge.central.opener import Opener
from anpr_edge.central.units import Units
from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import json_line, progress
from anpr_edge.records import Alternative, Fix, Instant, PlateRead
from anpr_edge.seal import hpke
from anpr_edge.seal.envelope import CHAIN_START
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.uplink.topics import ReadsTopic
from scripts.benchmarks.machine import machine

SCHEMA: Final = 1
CASES: Final[Mapping[str, tuple[hpke.HpkeSuite, ...]]] = {
    "1 x25519": (hpke.X25519,),
    "2 x25519": (hpke.X25519, hpke.X25519),
    "1 mlkem768-x25519": (hpke.HYBRID,),
    "1 of each": (hpke.X25519, hpke.HYBRID),
}
"""What a feed's recipients are; the first of them opens."""

FLEET, UNIT, FEED = "bench", "unit-0001", "charging"
TOPIC: Final = ReadsTopic(FLEET, UNIT, FEED)
FIRST: Final = Instant(1_790_000_000_000_000_000, 0, 4.0)

READ: Final = PlateRead(
    plate_text="AB12CDE",
    confidence=0.9731,
    char_confidences=(0.999, 0.998, 0.997, 0.999, 0.999, 0.987, 0.99),
    alternatives=(Alternative("AB12CDF", 0.0061), Alternative("A812CDE", 0.0022)),
    syntax="gb:current",
    region="GB",
    first=FIRST,
    last=Instant(FIRST.utc_ns + 267_000_000, 267_000_000, 4.0),
    frames_used=8,
    direction="toward",
    lane="2",
    fix=Fix(3, 51.5, -0.12, 2.5, FIRST),
    model_ids=("detector-1.0.0+0a1b2c3d", "recogniser-1.0.0+4e5f6071"),
)
"""Made up, with something in every field."""


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `seal`."""
    parser = commands.add_parser("seal", help="milliseconds a seal, reads opened a second, bytes a read")
    parser.add_argument("--rounds", type=whole(1), default=30, metavar="N", help="rounds (%(default)s)")
    parser.add_argument(
        "--repeats", type=whole(1), default=100, metavar="N", help="reads a round (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    result = measure(rounds=arguments.rounds, repeats=arguments.repeats)
    json_line(result) if arguments.json else print(report(result))
    return 0


def measure(*, rounds: int, repeats: int) -> dict[str, Any]:
    """The whole measurement as one JSON object."""
    cases = {name: _Case(suites) for name, suites in CASES.items()}
    for number in range(1, rounds + 1):
        progress(f"{number}/{rounds}")
        for case in cases.values():
            case.take_turn(repeats)
    progress("")
    return {
        "schema": SCHEMA,
        "bench": "seal",
        "machine": machine(),
        "rounds": rounds,
        "repeats": repeats,
        "cases": {name: case.result() for name, case in cases.items()},
    }


class _Case:
    """One feed: the unit that seals for it and the centre that opens what it sealed."""

    def __init__(self, suites: tuple[hpke.HpkeSuite, ...]) -> None:
        keys = [RecipientPrivateKey.generate(suite) for suite in suites]
        signing_key = SigningKey.generate()
        unit = UnitIdentity(FLEET, UNIT, bytes(16))
        self._sealer = CoseSealer(unit, signing_key, {FEED: [key.public for key in keys]})
        self._opener = Opener(Units({UNIT: signing_key.public}), keys[0])
        self._blob = self._sealer.seal(READ, FEED, 2**62, CHAIN_START).blob
        self._seal_ms: list[tuple[float, float]] = []
        self._open_ms: list[tuple[float, float]] = []

    def take_turn(self, repeats: int) -> None:
        """Seal and open so many reads."""
        self._seal_ms.append(_timed(lambda: self._sealer.seal(READ, FEED, 2**62, CHAIN_START), repeats))
        self._open_ms.append(
            _timed(lambda: self._opener.open(self._opener.verify(self._blob, TOPIC)), repeats)
        )

    def result(self) -> dict[str, Any]:
        """Milliseconds and reads a second, by processor time and by the clock."""
        return {
            "bytes": len(self._blob),
            "seal_ms": _summary(self._seal_ms),
            "open_ms": (opening := _summary(self._open_ms)),
            "opened_per_s": {key: round(1000 / ms) for key, ms in opening.items()},
        }


def _timed(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Milliseconds for one call: processor time, time by the clock."""
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - cpu) * 1e3 / repeats, (time.perf_counter() - started) * 1e3 / repeats


def _summary(rounds: list[tuple[float, float]]) -> dict[str, float]:
    processor, clock = zip(*rounds, strict=True)
    return {
        "processor_best": round(min(processor), 4),
        "processor_p50": round(statistics.median(processor), 4),
        "clock_p50": round(statistics.median(clock), 4),
    }


def report(result: dict[str, Any]) -> str:
    """The measurement for a person."""
    where = result["machine"]
    lines = [
        f"{where['processor']}, {where['cores']} cores, load {where['load_1min']}, one thread",
        f"{result['rounds']} rounds of {result['repeats']} reads with every field",
        "processor time of the best round, of the median one, and the median by the clock:",
        f"{'recipients':20}{'bytes':>7}{'ms a seal':>26}{'opened a second':>26}",
    ]
    for name, case in result["cases"].items():
        seal = "  ".join(f"{ms:.3f}" for ms in case["seal_ms"].values())
        opened = "  ".join(str(rate) for rate in case["opened_per_s"].values())
        lines.append(f"{name:20}{case['bytes']:7}{seal:>26}{opened:>26}")
    return "\n".join(lines)
