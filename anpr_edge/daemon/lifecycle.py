"""From start to end of a service, whichever it is: alone, seen from its first moment, its end explained."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Protocol

from anpr_edge.config import Config
from anpr_edge.daemon.alone import alone
from anpr_edge.daemon.stages import in_words
from anpr_edge.daemon.wiring_common import build_report
from anpr_edge.devices.clock import SystemClock


class Service(Protocol):
    """What is run: until its end, or until `stop` is called, by a signal handler too."""

    def run(self) -> None: ...

    def stop(self) -> None: ...


def run_service(process: str, config: Config, build: Callable[[Config], Service]) -> None:
    """Build one service and run it to its end.

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
            ender.service = build(config)
            ender.service.run()
        except SystemExit:
            report.amend({"state": "stopped"})
            raise
        except BaseException as error:
            report.amend({"state": "failed", "why": in_words(error)})
            raise


class _Ender:
    """The signal handler: stops the service in order, or what is not a service yet at once."""

    def __init__(self) -> None:
        self.service: Service | None = None

    def __call__(self, *_: object) -> None:
        if self.service is None:
            raise SystemExit(0)
        self.service.stop()
