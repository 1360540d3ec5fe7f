"""IR lamps on a PWM channel of the kernel. Source: Linux Documentation/driver-api/pwm.rst."""

from __future__ import annotations

import os
from pathlib import Path

from anpr_edge.errors import DeviceError

PERIOD_NS = 40_000
"""25 kHz: a 500 µs exposure averages over a dozen periods, so that frames are equally bright."""


class PwmIlluminator:
    """An Illuminator on a sysfs channel such as /sys/class/pwm/pwmchip0/pwm0, exported when it is not yet.

    Raises: DeviceError when there is no such channel or it may not be written.
    """

    def __init__(self, channel: Path, period_ns: int = PERIOD_NS) -> None:
        self._channel = channel
        self._period_ns = period_ns
        if not channel.exists():
            self._write(channel.parent / "export", channel.name.removeprefix("pwm"))
        self._set("duty_cycle", 0)  # the kernel refuses a period shorter than the duty cycle
        self._set("period", period_ns)

    def set_level(self, level: float) -> None:
        """Brightness from 0 (dark) to 1 (full).

        Raises: ValueError outside that range, DeviceError when the kernel refuses.
        """
        if not 0 <= level <= 1:
            raise ValueError(f"level {level} is outside 0 to 1")
        self._set("duty_cycle", round(level * self._period_ns))
        self._set("enable", int(level > 0))

    def close(self) -> None:
        """Switch the lamps off; harmless when called twice."""
        self.set_level(0)

    def _set(self, name: str, value: int) -> None:
        self._write(self._channel / name, str(value))

    @staticmethod
    def _write(path: Path, text: str) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)  # never creates a file
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
        except OSError as error:
            raise DeviceError(
                f"{path}: cannot write {text}: {error.strerror}",
                hint="check illuminator.pwm, the pwm overlay in config.txt and the udev rule for its group",
            ) from error
