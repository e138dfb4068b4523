"""Loaded by pytest before Django's settings: tests keep their state in a directory of their own, never in yours."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

for _name in [name for name in os.environ if name.startswith("CUSTODY_") or name == "ARTIFACT_URL"]:
    del os.environ[_name]  # what is set for a running installation is not meant for its tests
os.environ["CUSTODY_DATA"] = tempfile.mkdtemp(prefix="custody-tests-")
atexit.register(shutil.rmtree, os.environ["CUSTODY_DATA"], ignore_errors=True)
