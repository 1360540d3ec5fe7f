"""The lamp board's pins, for a Raspberry Pi Pico under MicroPython: see README.md for the wiring."""

import machine
import math
import time

from board import FULL, Board, Seen

PWM_HZ = 25_000
ADC_MV = 3300
FULL_ADC = 65535
MA_PER_MV = 0.5
SUPPLY_DIVIDER = 11
NTC_B, NTC_ZERO_C_K, NTC_25_C_K = 3950, 273.15, 298.15
MOST_TILT_COS = math.cos(math.radians(5))
LIS3DH = 0x18
MEMORY = "tamper"
STEP_MS = 20


class Head:
    """Where the head points, by gravity; nothing is known without an accelerometer."""

    def __init__(self, bus):
        self._bus, self._place = bus, None
        try:
            bus.writeto_mem(LIS3DH, 0x20, b"\x47")  # 50 Hz, three axes
            bus.writeto_mem(LIS3DH, 0x23, b"\x88")  # whole samples, high resolution
        except OSError:
            self._bus = None

    def here(self):
        """Take where it points now for its place."""
        self._place = self._gravity()

    def moved(self):
        """Whether it is tilted against its place."""
        now = self._gravity()
        if now is None or self._place is None:
            return False
        dot = sum(a * b for a, b in zip(now, self._place))
        return dot < MOST_TILT_COS * math.sqrt(_square(now) * _square(self._place))

    def _gravity(self):
        if self._bus is None:
            return None
        try:
            raw = self._bus.readfrom_mem(LIS3DH, 0x28 | 0x80, 6)
        except OSError:
            return None
        words = [raw[i] | raw[i + 1] << 8 for i in (0, 2, 4)]
        return [word - 0x10000 if word & 0x8000 else word for word in words]


def _square(vector):
    return sum(a * a for a in vector)


def millivolts(adc):
    """What an ADC pin sees."""
    return adc.read_u16() * ADC_MV // FULL_ADC


def celsius_tenths(adc):
    """A 10 k NTC to ground, 10 k to 3.3 V; None when it is open or shorted."""
    share = adc.read_u16() / FULL_ADC
    if not 0.01 < share < 0.99:
        return None
    kelvin = 1 / (1 / NTC_25_C_K + math.log(share / (1 - share)) / NTC_B)
    return int((kelvin - NTC_ZERO_C_K) * 10)


def kept():
    """What the memory without power holds."""
    try:
        with open(MEMORY) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def keep(flags):
    """Write it there."""
    with open(MEMORY, "w") as file:
        file.write(str(flags))


def main():
    """Measure, obey, report, for ever."""
    lamps = machine.PWM(machine.Pin(15))
    lamps.freq(PWM_HZ)
    lamps.duty_u16(0)
    line = machine.UART(0, 115200, tx=machine.Pin(0), rx=machine.Pin(1))
    door = machine.Pin(14, machine.Pin.IN, machine.Pin.PULL_UP)
    current, supply, lamp = (machine.ADC(pin) for pin in (26, 27, 28))
    head = Head(machine.I2C(0, sda=machine.Pin(4), scl=machine.Pin(5)))
    head.here()
    by_watchdog = machine.reset_cause() == machine.WDT_RESET
    watchdog = machine.WDT(timeout=1000)
    serial = "LB-" + "".join("%02X" % byte for byte in machine.unique_id()[-4:])
    board = Board(serial, kept(), keep, by_watchdog)
    started = time.ticks_ms()
    uptime_ms = 0
    while True:
        now = time.ticks_ms()
        uptime_ms, started = uptime_ms + time.ticks_diff(now, started), now
        board.hear(line.read() or b"", uptime_ms)
        if board.moved_is_new_place:
            head.here()
            board.moved_is_new_place = False
        seen = Seen(
            int(millivolts(current) * MA_PER_MV),
            celsius_tenths(lamp),
            millivolts(supply) * SUPPLY_DIVIDER,
            bool(door.value()),
            head.moved(),
        )
        said = board.step(seen, uptime_ms)
        lamps.duty_u16(board.level * FULL_ADC // FULL)
        if said:
            line.write(said)
        watchdog.feed()
        time.sleep_ms(STEP_MS)


main()
