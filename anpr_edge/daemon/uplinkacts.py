"""What the uplink does itself when a command says so. Drains are a matter of their own (draining.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from anpr_edge import __version__
from anpr_edge.config import Config
from anpr_edge.daemon.commandjudge import Allowance
from anpr_edge.daemon.commandreply import Answer
from anpr_edge.daemon.serviceacts import is_supervised, reload_config, restart
from anpr_edge.daemon.uplinkdesk import Act
from anpr_edge.errors import AnprError, PolicyError
from anpr_edge.policystore import PolicyStore, read_policy_file
from anpr_edge.seal.commands import Argument, Command
from anpr_edge.seams import Clock
from anpr_edge.statefile import is_fresh, read_state
from anpr_edge.supportreport import write_report
from anpr_edge.unitpolicy import store_of

HEALTH_EVERY_S: Final = 10.0
"""Health on command comes no more often: finer than that it would follow single vehicles."""


def _nothing() -> None:
    """Before the desk is there."""


class UplinkActs:
    """The uplink's own commands. `want_health` and `end` are set to the desk's once that is there."""

    def __init__(self, config: Config, file: Path | None, clock: Clock) -> None:
        self.config = config
        self.file = file
        self.clock = clock
        self.want_health: Callable[[], None] = _nothing
        self.end: Callable[[], None] = _nothing
        self._health = Allowance(clock, 1, HEALTH_EVERY_S)

    def by_name(self) -> dict[str, Act]:
        """What is done for each command."""
        return {
            "ping": self.ping,
            "health": self.health,
            "reload": self.reload,
            "restart": self.restart,
            "report": self.report,
        }

    def reader_runs(self) -> bool:
        """Whether the reader is alive, by its state file."""
        state = self._state("reader")
        return state is not None and is_fresh(state, self.clock.now().mono_ns / 1e9)

    def ping(self, _: Command, __: Mapping[str, Argument]) -> Answer:
        """Say what runs."""
        services = {
            process: state and {"state": state["state"], "uptime_s": state["uptime_s"]}
            for process in ("reader", "uplink")
            for state in (self._state(process),)
        }
        return Answer("done", "here", {"version": __version__, "services": services})

    def health(self, _: Command, __: Mapping[str, Argument]) -> Answer:
        """Have the health message published."""
        if not self._health.take():
            return Answer("failed", f"health was asked for less than {HEALTH_EVERY_S:.0f} s ago")
        self.want_health()
        return Answer("done", "the health message goes out now")

    def reload(self, _: Command, arguments: Mapping[str, Argument]) -> Answer:
        """Check a policy or the configuration, and have the service start again with it."""
        if arguments["what"] == "config":
            return reload_config(self.config, self.file, self.end, supervised=is_supervised())
        store = store_of(self.config)
        if store is None:
            return Answer("failed", "this unit's configuration names its feeds: there is no signed policy")
        return self._reload_policy(store)

    def restart(self, _: Command, __: Mapping[str, Argument]) -> Answer:
        """End the uplink, to be started again."""
        return restart(self.end, supervised=is_supervised())

    def report(self, _: Command, __: Mapping[str, Argument]) -> Answer:
        """Write a support report on the unit."""
        try:
            report = write_report(self.config, self.file, self.clock.now().utc_ns)
        except AnprError as error:
            return Answer("failed", str(error))
        return Answer("done", f"the report lies in {report.path}", report.facts())

    def _reload_policy(self, store: PolicyStore) -> Answer:
        """The services' own watch takes a policy that passes here; they end and are started again with it."""
        try:
            last = store.last_good()
            blob = read_policy_file(store.file)
            policy = store.judge(blob, self.clock.now().utc_ns, last)
        except PolicyError as error:
            return Answer("failed", f"{error}; the last good policy stays in force")
        details = {"version": policy.version}
        if last is not None and last.blob == blob:
            return Answer("done", f"policy {policy.version} is in force already", details)
        return Answer(
            "accepted", f"policy {policy.version} may be taken: both services start again with it", details
        )

    def _state(self, process: str) -> dict[str, Any] | None:
        try:
            return read_state(self.config.unit.run_dir / f"{process}.json")
        except AnprError:
            return None
