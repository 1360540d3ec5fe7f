"""From start to end of a service, whichever it is: alone, seen from its first moment, its end explained."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from anpr_edge.config import Config
from anpr_edge.daemon.alone import alone
from anpr_edge.daemon.policywatch import LOOK_EVERY_S, policy_watch
from anpr_edge.daemon.stages import in_words
from anpr_edge.daemon.wiring_common import build_report
from anpr_edge.devices.clock import SystemClock


class Service(Protocol):
    """What is run: until its end, or until `stop` is called, by a signal handler too.

    `start_again` says that it ended by a command that wants it started again.
    """

    @property
    def start_again(self) -> bool: ...

    def run(self) -> None: ...

    def stop(self) -> None: ...


def run_service(
    process: str,
    config: Config,
    build: Callable[[Config], Service],
    *,
    look_every_s: float = LOOK_EVERY_S,
) -> bool:
    """Build one service and run it to its end. True when it ended to be started again, with a newer policy
    or by a command.

    Its state file says `starting` before anything is opened, and how it failed when it does.

    Raises: AnprError when the unit's `process` runs already; whatever the service raises.
    """
    with alone(config.unit.state_dir, process):
        report = build_report(process, config, SystemClock())
        report.write({"state": "starting"}, force=True)
        ender = _Ender()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ender)
        try:
            with closing(policy_watch(config, SystemClock()) or _NoWatch()) as watch:
                ender.service = build(config)
                watch.start(ender.service.stop, look_every_s)
                ender.service.run()
            return watch.has_news or ender.service.start_again
        except SystemExit:
            report.amend({"state": "stopped"})
            raise
        except BaseException as error:
            report.amend({"state": "failed", "why": in_words(error)})
            raise


class _NoWatch:
    """In the place of a watch where no signed policy is."""

    has_news = False

    def start(self, stop: Callable[[], None], look_every_s: float) -> None:
        """Nothing to look for."""

    def close(self) -> None:
        """Nothing to end."""


class _Ender:
    """The signal handler: stops the service in order, or what is not a service yet at once."""

    def __init__(self) -> None:
        self.service: Service | None = None

    def __call__(self, *_: object) -> None:
        if self.service is None:
            raise SystemExit(0)
        self.service.stop()
