"""A real `mlflow server`, filled by its own client: the other end of an import."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.installation import ROOT, free_port

BIN = ROOT / ".venv-bench" / "bin"  # script/test and script/bench make it, with the whole of MLflow
_PATIENCE = 240


@dataclass(frozen=True)
class OldServer:
    """A running server: its address, database, artifact folder, and the ids its filling gave."""

    url: str
    database: str
    artifacts: Path
    ids: dict[str, Any]


@contextmanager
def mlflow_server(database: str, folder: Path, *options: str) -> Iterator[str]:
    """Run a server over a database and yield its address; skip where there is no MLflow to run."""
    if not (BIN / "mlflow").exists():
        pytest.skip("no environment with the whole of MLflow: script/test e2e and script/test long make .venv-bench")
    port = free_port()
    command = [
        *(str(BIN / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", database.replace("postgresql://", "postgresql+psycopg2://"), *options),
    ]
    log = folder / "server.log"
    # Its job runner starts a dozen processes that poll, and nothing here has jobs.
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=folder)
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise AssertionError(f"mlflow server does not run:\n{log.read_text(encoding='utf-8')[-3000:]}")


def fill(url: str) -> dict[str, Any]:
    """Fill a server through MLflow's client and return the ids it gave."""
    command = [str(BIN / "python"), str(Path(__file__).with_name("fill_server.py")), url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
