"""Has the kernel end a process when its parent ends, so that no process outlives a killed supervisor (Linux)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Loaded at import: between fork and exec nothing should import or allocate much.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

SUPERVISED = "CUSTODY_SUPERVISED"


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Have signal ``number`` sent to this process when its parent ends. Linux only; elsewhere it does nothing."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def die_with_supervised_parent() -> None:
    """Do the same in a process that a supervised process has started, such as a worker of granian."""
    if os.environ.get(SUPERVISED) == "on":
        die_with_parent()
