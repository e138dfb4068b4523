"""Commands that are measured: seconds and the most memory of each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from config.env import BASE_DIR

MANAGE = (sys.executable, str(BASE_DIR / "manage.py"))


class Run(NamedTuple):
    """The seconds that a command took, and its largest resident set in bytes."""

    seconds: float
    peak: int


def measured(*command: str) -> Run:
    """Run a command to its end. Raises RuntimeError where it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=BASE_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Run(time.perf_counter() - began, usage.ru_maxrss * 1024)


@contextmanager
def sequencer() -> Iterator[None]:
    """Run a sequencer meanwhile."""
    process = subprocess.Popen([*MANAGE, "audit_sequencer"])
    try:
        yield
    finally:
        process.terminate()
        process.wait()
