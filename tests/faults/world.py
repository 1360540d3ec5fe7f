"""A whole small fleet that faults can be done to: writer, uplink, broker, centre, and the links between."""

from __future__ import annotations

import os
import random
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock

import tomli_w

from anpr_edge.cli.central_files import RECIPIENT_FILE
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.broker import find_mosquitto, write_mosquitto
from anpr_edge.fleet.rig import CENTRAL, CENTRE, EDGE, FEED, FLEET, HOST, Rig, build_rig
from anpr_edge.seal.envelope import parse
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.faults.books import Book, JsonlBook, Stored
from tests.faults.ledger import Ledger, Number
from tests.faults.places import CARD, CLOCK, NETWORK, clock_environment, lacking, own_network, small_card
from tests.faults.proxy import Proxy
from tests.faults.services import Service
from tests.faults.sql_books import PostgresBook, SqliteBook
from tests.faults.verdict import Loss, missing, reported

SECOND_FEED = "traffic"
FEEDS = (FEED, SECOND_FEED)
KEEP_ALIVE_S = 5

QUICK_BACKLOG: dict[str, object] = {
    "backlog_per_s": 500.0,
    "backlog_spread_s": 1.0,
    "backlog_unconfirmed": 200,
}
"""What was refused goes with the backlog, whose pace is another test's matter: here nothing may be lost."""
STORES: dict[str, Callable[[Path], Book]] = {
    "jsonl": JsonlBook,
    "sqlite": SqliteBook,
    "postgres": PostgresBook,
}
"""Every kind of store that the faults are tried on."""

SUMMARY = re.compile(r"^[\d,]+ reads?, .* missing.*$", re.MULTILINE)
"""What `anpr-central subscribe` says when it ends."""

ROOT = Path(__file__).parents[2]


class GivenUp(Exception):
    """Nobody waits for this trial any more."""


class World:
    """Four services and two links. `start` brings all up; faults are done to its parts; `settle` waits.

    `seed` decides the reads and whatever else is left to chance here.
    """

    def __init__(
        self,
        directory: Path,
        seed: int,
        *,
        store: str = "jsonl",
        outbox_dir: Path | None = None,
        has_clock: bool = False,
        outbox_megabytes: int = 512,
    ) -> None:
        self.directory = directory
        self.rig = _two_feeds(build_rig(directory, {"source": "synthetic"}, SystemClock()))
        self.card = outbox_dir or self.rig.unit.state_dir
        (directory / "store").mkdir(exist_ok=True)
        self.book: Book = STORES[store](directory / "store")
        self.ledger, self.stored = Ledger(), Stored()
        self._losses: list[Loss] = []
        self._reports_opened = 0
        self.unit_link = Proxy(self.rig.listener.port, random.Random(seed))
        self.centre_link = Proxy(self.rig.listener.port, random.Random(seed + 1))
        self._clock = SystemClock()
        self._given_up = Event()
        self._looking, self._asking = Lock(), Lock()
        self.shift_clock(0)
        changes: dict[str, dict[str, object]] = {
            "broker": {"port": self.unit_link.port, "keep_alive_s": KEEP_ALIVE_S},
            "outbox": {"path": str(self.outbox_path), "max_megabytes": outbox_megabytes},
            "uplink": QUICK_BACKLOG,
        }
        _configure(self.rig.config, changes)
        self._ledger_path = directory / "ledger.txt"
        self._target_path = directory / "target.txt"
        self.configure_broker({})
        unit_clock = clock_environment(directory) if has_clock else {}
        self.services = {
            "broker": self._service("broker", [find_mosquitto(), "-c", str(self.broker_config)], {}),
            "centre": self._service("centre", self._centre_command(), self.book.environment),
            "uplink": self._service(
                "uplink", [*EDGE, "uplink", "--config", str(self.rig.config)], unit_clock
            ),
            "writer": self._service("writer", self._writer_command(seed), unit_clock),
        }

    @property
    def outbox_path(self) -> Path:
        """The unit's outbox."""
        return self.card / "outbox.db"

    @property
    def broker_config(self) -> Path:
        """What the broker is started with."""
        return self.rig.directory / "broker" / "faults.conf"

    def configure_broker(self, changes: Mapping[str, str]) -> None:
        """Write the broker's configuration with some settings changed; it counts when it is started again."""
        lines = (line.partition(" ") for line in self.rig.broker_config.read_text().splitlines())
        settings = {**{key: value for key, _, value in lines}, **changes}
        if os.geteuid() == 0:
            settings = {"user": "root", **settings}
        self.broker_config.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))

    def shift_clock(self, seconds: int) -> None:
        """Set the unit's wall clock so far off the machine's, for all its services."""
        draft = self.directory / "shift.new"
        draft.write_text(str(seconds))
        draft.replace(self.directory / "shift")

    def start(self) -> None:
        """Bring all up: the broker has the centre's subscription before the first read is written.

        And the unit is connected, or a fault of its link would find nothing to strike.
        """
        self.services["broker"].start()
        self._connect("centre")
        self._connect("uplink")

    def renew(self) -> None:
        """Bring the centre back after `end_centre`, and the uplink without its back-off."""
        self.services["uplink"].stop()
        self._connect("centre")
        self._connect("uplink")

    def end_centre(self) -> str:
        """Stop the centre in order, once it is up; gives its account of what came since it was started."""
        with suppress(AssertionError):
            self._wait_for_connection("centre")
        self.services["centre"].stop()
        summaries = SUMMARY.findall(self.services["centre"].said())
        return str(summaries[-1]) if summaries else ""

    def write(self, reads: int) -> None:
        """From now on `reads` more reads are written for each feed; the writer goes on slowly after them."""
        self._ask_for(self.committed // len(FEEDS) + reads)
        self.services["writer"].start()

    def wait_for_reads(self, reads: int) -> None:
        """Wait until `reads` more are kept on the unit, and have them written if they are not under way."""
        target = self.committed // len(FEEDS) + reads
        self._ask_for(target)
        self.wait(f"{reads} more reads are kept", lambda: self.committed >= target * len(FEEDS))

    @property
    def committed(self) -> int:
        """How many reads the unit has kept, of all feeds."""
        self.look()
        return self.ledger.count

    def look(self) -> None:
        """Read on in the writer's ledger and the centre's store; faults that strike at once all do."""
        with self._looking:
            self.ledger.follow(self._ledger_path)
            self.book.follow(self.stored)

    def missing(self) -> list[Number]:
        """Numbers that the unit has kept and the centre has not."""
        self.look()
        return missing(self.ledger, self.stored)

    def losses(self) -> list[Loss]:
        """What the unit has told its centre it has lost."""
        key = RecipientPrivateKey.load(self.rig.centre_dir / RECIPIENT_FILE)
        for blob in self.stored.reports[self._reports_opened :]:
            envelope = parse(blob)
            self._losses += reported(envelope.feed, envelope.open(key))
        self._reports_opened = len(self.stored.reports)
        return self._losses

    def wait(self, goal: str, true: Callable[[], bool], within_s: float = 60.0) -> None:
        """Wait until something is true; fails with the goal that was not reached."""
        deadline_ns = self._clock.now().mono_ns + round(within_s * 1e9)
        while not true():
            assert self._clock.now().mono_ns < deadline_ns, f"not within {within_s:.0f} s: {goal}"
            self.sleep(0.05)

    def sleep(self, seconds: float) -> None:
        """Let things happen."""
        if self._given_up.wait(seconds):
            raise GivenUp("the run was interrupted")

    def give_up(self) -> None:
        """End every wait here, from another thread."""
        self._given_up.set()

    def sizes(self) -> dict[str, int]:
        """How long every service's log is."""
        return {name: len(service.said().encode()) for name, service in self.services.items()}

    def words(self, lines: int = 12) -> str:
        """The end of every service's log, for whoever has to find out."""
        logs = {name: service.said().strip().splitlines()[-lines:] for name, service in self.services.items()}
        return "\n".join(line for name, log in logs.items() for line in (f"── {name}", *log))

    def close(self) -> None:
        """End everything; harmless in any state."""
        for service in reversed(self.services.values()):
            service.close()
        self.unit_link.close()
        self.centre_link.close()
        self.book.close()

    def _ask_for(self, target: int) -> None:
        """Have the writer keep `target` reads for each feed in all, or more if more are asked for already."""
        with self._asking:
            asked = int(self._target_path.read_text()) if self._target_path.exists() else 0
            draft = self._target_path.with_suffix(".new")
            draft.write_text(str(max(asked, target)))
            draft.replace(self._target_path)

    def _connect(self, name: str) -> None:
        self.services[name].start()
        self._wait_for_connection(name)

    def _wait_for_connection(self, name: str) -> None:
        service = self.services[name]
        self.wait(f"the {name} is connected", lambda: "connected to" in service.said_last())

    def _service(self, name: str, command: list[str], environment: Mapping[str, str]) -> Service:
        path = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        return Service(command, self.directory / f"{name}.log", {"PYTHONPATH": path, **environment})

    def _centre_command(self) -> list[str]:
        return [
            *(*CENTRAL, "subscribe", "--home", str(self.rig.centre_dir), *self.book.options),
            *("--host", HOST, "--port", str(self.centre_link.port), "--keep-alive", str(KEEP_ALIVE_S)),
            *("--fleet", FLEET, "--name", CENTRE),
            *(word for feed in FEEDS for word in ("--feed", feed)),
        ]

    def _writer_command(self, seed: int) -> list[str]:
        return [
            *(sys.executable, "-m", "tests.faults.writer", str(self.rig.config), str(self._ledger_path)),
            *("--target", str(self._target_path), "--seed", str(seed)),
        ]


@contextmanager
def new_world(
    directory: Path, seed: int, *, store: str = "jsonl", on_disk: bool = False, outbox_megabytes: int = 512
) -> Iterator[World]:
    """A running fleet with all that this machine can give it: a network, small disks, a clock of its own.

    `on_disk`: the unit's outbox is on the machine's disk, not on one in memory.
    """
    with ExitStack() as stack:
        if not lacking(NETWORK):
            stack.enter_context(own_network())
        card = None
        if not lacking(CARD):
            card = stack.enter_context(small_card(directory / "card"))
            stack.enter_context(small_card(directory / "store"))
        world = World(
            directory,
            seed,
            store=store,
            outbox_dir=None if on_disk else card,
            has_clock=not lacking(CLOCK),
            outbox_megabytes=outbox_megabytes,
        )
        stack.callback(world.close)
        world.start()
        yield world


def _two_feeds(rig: Rig) -> Rig:
    """The rig's unit with a second feed for the same centre: each has its own numbers and chain."""
    feed = rig.unit.feeds[0]
    rig = replace(rig, unit=replace(rig.unit, feeds=(feed, replace(feed, name=SECOND_FEED))))
    rig.unit.write(rig.config)
    write_mosquitto(rig.directory / "broker", FLEET, rig.listener, {CENTRE: FEEDS})
    return rig


def _configure(path: Path, changes: Mapping[str, Mapping[str, object]]) -> None:
    """Change some settings of a unit's configuration."""
    document = tomllib.loads(path.read_text())
    for section, values in changes.items():
        document.setdefault(section, {}).update(values)
    path.write_text(tomli_w.dumps(document))
