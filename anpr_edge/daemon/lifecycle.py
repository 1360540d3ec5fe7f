"""From start to end of a service, whichever it is: alone, seen from its first moment, its end explained."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Protocol

from anpr_edge.config import Config
from anpr_edge.daemon.alone import alone
from anpr_edge.daemon.policywatch import LOOK_EVERY_S, PolicyWatch, policy_watch
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

    def watch_policy(self, watch: PolicyWatch, look_every_s: float) -> None: ...


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
            with _closing(policy_watch(config, SystemClock())) as watch:
                ender.service = build(config)
                if watch is not None:
                    ender.service.watch_policy(watch, look_every_s)
                ender.service.run()
            return (watch is not None and watch.has_news) or ender.service.start_again
        except SystemExit:
            report.amend({"state": "stopped"})
            raise
        except BaseException as error:
            report.amend({"state": "failed", "why": in_words(error)})
            raise


def _closing(watch: PolicyWatch | None) -> AbstractContextManager[PolicyWatch | None]:
    """Closes a watch at the end; there is none where no signed policy is."""
    return nullcontext() if watch is None else closing(watch)


class _Ender:
    """The signal handler: stops the service in order, or what is not a service yet at once."""

    def __init__(self) -> None:
        self.service: Service | None = None

    def __call__(self, *_: object) -> None:
        if self.service is None:
            raise SystemExit(0)
        self.service.stop()
