"""Ask the kernel to end a process when its parent ends, so that even `kill -9` of the supervisor leaves no orphan."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Loaded here, once: between fork and exec nothing may import or allocate much.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

SUPERVISED = "CUSTODY_SUPERVISED"


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Have signal ``number`` sent to this process when its parent dies. Linux only; elsewhere it does nothing."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def die_with_supervised_parent() -> None:
    """The same, for processes that a supervised process starts by itself (granian's workers)."""
    if os.environ.get(SUPERVISED) == "on":
        die_with_parent()
