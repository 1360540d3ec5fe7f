"""Stops one thread of this process in the kernel, as SIGSTOP stops a whole process: ptrace(2), by a child."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from threading import enumerate as enumerate_threads

import pytest

from anpr_edge.daemon.notify import NullNotifier

PR_SET_PTRACER = 0x59616D61
ANYONE = ctypes.c_ulong(-1).value

TRACER = """
import ctypes, os, select, sys, time
SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
tid = int(sys.argv[1])
for _ in range(200):
    if ptrace(SEIZE, tid, None, None) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    ptrace(INTERRUPT, tid, None, None)
    while " t " not in open(f"/proc/{sys.argv[2]}/task/{tid}/stat").read():
        time.sleep(0.002)
    os.write(1, b"stopped\\n")
    if select.select([0], [], [], 1.0)[0] and os.read(0, 1):
        break
    ptrace(DETACH, tid, None, None)  # it held the interpreter's lock: let it go on, and try again
    time.sleep(0.013)
os.read(0, 1)
"""
"""Source: ptrace(2); proc_pid_stat(5): `t` is a tracing stop."""


class Feedings(NullNotifier):
    """Counts how often the watchdog was fed."""

    count = 0

    def alive(self) -> None:
        self.count += 1


def thread_named(name: str) -> Thread:
    """The youngest thread of that name."""
    return [thread for thread in enumerate_threads() if thread.name == name][-1]


@contextmanager
def stopped(thread: Thread) -> Iterator[None]:
    """The thread stands still while the block runs, and goes on after it; all others run."""
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYONE)
    command = [sys.executable, "-c", TRACER, str(thread.native_id), str(os.getpid())]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, bufsize=0) as tracer:  # type: ignore[call-overload]
        told = tracer.stdout.read(8)
        if told != b"stopped\n":
            pytest.skip(f"no thread can be stopped here: {tracer.stderr.read().decode().strip()}")
        tracer.stdin.write(b".")
        time.sleep(0.05)
        try:
            yield
        finally:
            tracer.stdin.close()
