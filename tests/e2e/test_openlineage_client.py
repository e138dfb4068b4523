"""The client of OpenLineage, unchanged, against an installation: found by its two environment variables."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

import pytest

from demo.client import REST, Client
from tests.e2e.installation import Installation

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-lineage" / "bin" / "python"


def test_a_run_sent_by_the_client_is_in_the_graph(server: Installation, tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("no environment with the client of OpenLineage: script/test e2e makes .venv-lineage")
    server.person("olga")
    run_id = str(uuid.uuid4())
    environment = {**os.environ, "OPENLINEAGE_URL": server.url, "OPENLINEAGE_API_KEY": server.token("olga")}
    for _ in range(2):  # the same script again, as after a time-out
        command = (str(PYTHON), str(ROOT / "tests" / "lineage" / "clients" / "send_events.py"), run_id)
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
    client = Client(server.url, token=server.token("olga"))
    found = client.get(f"{REST}lineage/dataset-version:s3:%252F%252Flake%252Ffeatures.parquet/2026-11-01/ancestors")
    assert [node["urn"] for node in found["nodes"]][1:] == [
        f"run:{run_id}",
        "dataset-version:postgres:%2F%2Fdb:5432%2Fshop.orders/v7",
    ]
    (job,) = [
        node
        for node in client.get(f"{REST}lineage", {"nodeId": "job:etl:load_orders"})["graph"]
        if node["type"] == "JOB"
    ]
    assert job["data"]["latestRun"] == {"id": run_id, "state": "COMPLETED"}
