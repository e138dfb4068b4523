"""Loaded by pytest before Django's settings: the tests' files go to a directory of their own, in memory where there is
room.

Tests make and remove tens of thousands of small files and synchronise databases to the disk; on a disk that takes
longer than the tests themselves.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - the system's file system in memory; names in it are made by tempfile and pytest
BYTES_NEEDED = 4 * 1024**3


def has_room(folder: Path) -> bool:
    """Return whether a folder is writable and its file system has BYTES_NEEDED free."""
    if not os.access(folder, os.W_OK):
        return False
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize >= BYTES_NEEDED


# A directory for temporary files that you named stays. Workers and child processes inherit the variable.
if "TMPDIR" not in os.environ and has_room(MEMORY):
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # read the variable again

for _name in [name for name in os.environ if name.startswith("CUSTODY_") or name == "ARTIFACT_URL"]:
    del os.environ[_name]  # what is set for a running installation is not meant for its tests
os.environ["CUSTODY_DATA"] = tempfile.mkdtemp(prefix="custody-tests-")
os.environ["CUSTODY_EDGE_PORT"] = "0"  # tests that need the program edge start one of their own
atexit.register(shutil.rmtree, os.environ["CUSTODY_DATA"], ignore_errors=True)
