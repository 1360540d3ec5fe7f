"""How a demo run shows itself: progress for people, a line a read, and the summary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from anpr_edge.cli.demo_summary import CentreRead, Comparison
from anpr_edge.cli.output import json_line, note
from anpr_edge.records import mask_plate
from anpr_edge.seams import Clock

SCHEMA = 1
COLUMNS = "{:>7}  {:<10} {:<10} {:<6} {:>5} {:>7} {:>9}"


class DemoView:
    """Prints one run. Plates of real pictures are masked unless `unmasked`; rendered ones are fiction."""

    def __init__(
        self, comparison: Comparison, clock: Clock, *, rendered: bool, unmasked: bool, as_json: bool
    ) -> None:
        self.comparison = comparison
        self._clock = clock
        self._rendered = rendered
        self._masked = not (rendered or unmasked)
        self._as_json = as_json
        self._began_ns = clock.now().mono_ns
        self._reading_since_ns = self._began_ns
        self._first_read_s: float | None = None

    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return (self._clock.now().mono_ns - self._began_ns) / 1e9

    def say(self, text: str) -> None:
        """One step of the run, for people."""
        note(f"{self.elapsed_s():6.1f}s  {text}")

    def reading(self) -> None:
        """The reader has been started: head the table, and measure to the first read from here."""
        self._reading_since_ns = self._clock.now().mono_ns
        if not self._as_json:
            truth = "truth" if self._rendered else ""
            print(COLUMNS.format("at", "centre", truth, "", "conf", "frames", "latency"), flush=True)

    def show(self, line: str) -> None:
        """One line of `anpr-central subscribe --jsonl`."""
        read = _centre_read(json.loads(line))
        if self._first_read_s is None:
            self._first_read_s = (self._clock.now().mono_ns - self._reading_since_ns) / 1e9
        true = self.comparison.add(read)
        if self._as_json:
            return
        text = mask_plate(read.plate_text) if self._masked else read.plate_text
        verdict = ("right" if true == read.plate_text else "WRONG") if self._rendered else ""
        cells = (f"{self.elapsed_s():.1f}s", text, true or "", verdict, f"{read.confidence:.2f}")
        print(COLUMNS.format(*cells, read.frames_used, f"{read.latency_ms:.0f} ms"), flush=True)

    def summarise(self, reader: Mapping[str, Any]) -> None:
        """The sums; `reader` is the reader's last state."""
        if self._as_json:
            json_line(self._figures(reader))
        else:
            print("\n" + "\n".join(self._sentences(reader)))

    def _figures(self, reader: Mapping[str, Any]) -> dict[str, Any]:
        seen, frames = self.comparison, reader.get("frames", {})
        against_truth = {
            "vehicles": len(seen.truth),
            "captured": seen.captured,
            "read_right": seen.right,
            "duplicates": seen.duplicates,
            "false": seen.false,
        }
        return {
            "schema": SCHEMA,
            **(against_truth if self._rendered else {}),
            "reads": len(seen.reads),
            "frames_taken": frames.get("taken", 0),
            "frames_dropped": sum(frames.get("dropped", {}).values()),
            "latency_ms_p50": seen.latency_ms(50),
            "latency_ms_p95": seen.latency_ms(95),
            "start_to_first_read_s": self._first_read_s,
            "reader_rss_mb": reader.get("rss_mb"),
        }

    def _sentences(self, reader: Mapping[str, Any]) -> list[str]:
        figures = self._figures(reader)
        lines = [f"reads     {figures['reads']}"]
        if self._rendered:
            lines = [
                f"vehicles  {figures['vehicles']}: captured {figures['captured']}, "
                f"read right {figures['read_right']}; "
                f"duplicates {figures['duplicates']}, false reads {figures['false']}"
            ]
        lines.append(f"frames    {figures['frames_taken']}: dropped {figures['frames_dropped']}")
        if figures["reads"]:
            lines.append(
                f"latency   p50 {figures['latency_ms_p50']:.0f} ms, p95 {figures['latency_ms_p95']:.0f} ms "
                "from a plate's last frame to the centre"
            )
            lines.append(f"start     {self._first_read_s:.1f} s from the reader's start to the first read")
        if figures["reader_rss_mb"] is not None:
            lines.append(f"memory    {figures['reader_rss_mb']:.0f} MB resident in the reader")
        return lines


def _centre_read(line: Mapping[str, Any]) -> CentreRead:
    read = line["read"]
    latency = datetime.fromisoformat(line["received_utc"]) - datetime.fromisoformat(read["last_utc"])
    return CentreRead(
        read["plate_text"], read["confidence"], read["frames_used"], latency.total_seconds() * 1e3
    )
