"""Proxies in front of the database, the broker and the store, and a disk of a megabyte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.proxy import FaultProxy

NewProxy = Callable[[int | str], FaultProxy]


@pytest.fixture
def new_proxy() -> Iterator[NewProxy]:
    """Return a function that starts a proxy in front of a port or of the path of a socket."""
    proxies: list[FaultProxy] = []

    def start(target: int | str) -> FaultProxy:
        proxies.append(FaultProxy(target))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes, which only root can mount."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["/bin/umount", "--lazy", folder], check=True)
