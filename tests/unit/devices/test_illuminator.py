"""The PWM channel, on a tree of files shaped like the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.devices.illuminator import PwmIlluminator
from anpr_edge.errors import DeviceError


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    """What `pwmchip0/pwm0` looks like once exported."""
    channel = tmp_path / "pwmchip0" / "pwm0"
    channel.mkdir(parents=True)
    for name in ("period", "duty_cycle", "enable"):
        (channel / name).write_text("123456\n")
    return channel


def values(channel: Path) -> dict[str, int]:
    return {file.name: int(file.read_text()) for file in channel.iterdir()}


def test_dark_until_told(channel: Path) -> None:
    PwmIlluminator(channel, period_ns=40_000)
    assert values(channel)["duty_cycle"] == 0
    assert values(channel)["period"] == 40_000


@pytest.mark.parametrize(("level", "duty_ns", "enable"), [(1, 40_000, 1), (0.25, 10_000, 1), (0, 0, 0)])
def test_level_is_the_share_of_the_period(channel: Path, level: float, duty_ns: int, enable: int) -> None:
    PwmIlluminator(channel, period_ns=40_000).set_level(level)
    assert values(channel) == {"period": 40_000, "duty_cycle": duty_ns, "enable": enable}


def test_closing_switches_off(channel: Path) -> None:
    lamps = PwmIlluminator(channel)
    lamps.set_level(1)
    lamps.close()
    lamps.close()
    assert values(channel)["enable"] == 0


def test_a_channel_not_yet_exported_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "export").write_text("")
    with pytest.raises(DeviceError):  # no kernel here that would answer
        PwmIlluminator(tmp_path / "pwm3")
    assert (tmp_path / "export").read_text() == "3"


def test_a_path_that_is_no_channel_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="duty_cycle: cannot write 0: No such file") as caught:
        PwmIlluminator(tmp_path)
    assert "illuminator.pwm" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
