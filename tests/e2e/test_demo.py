"""The demonstration, loaded into a running installation: at once, and killed twice in the middle and continued."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from demo.client import MLFLOW, REST, Client, Session
from demo.replay import RECORDINGS
from tests.e2e.installation import ROOT, Installation

pytestmark = pytest.mark.e2e

# The first kill falls among the runs (one line each), the second among reviews and promotions.
_KILL_AFTER_LINES = (7, 19)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((), id="whole"),
        pytest.param(_KILL_AFTER_LINES, id="killed twice", marks=pytest.mark.long),
    ],
)
def demonstrated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated: Path | None
) -> Iterator[Installation]:
    """An installation whose last load went to the end; the loads before were killed after so many lines."""
    with Installation(tmp_path_factory.mktemp("demonstration") / "data", migrated=migrated) as installation:
        for lines in request.param:
            _kill_a_load(installation, after=lines)
        installation.manage("load_demo", "--url", installation.url)
        yield installation


def _kill_a_load(installation: Installation, *, after: int) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "load_demo", "--url", installation.url]
    environment = os.environ | {"CUSTODY_DATA": str(installation.data), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as load:
        assert load.stdout is not None
        for _ in range(after):
            assert load.stdout.readline()
        load.send_signal(signal.SIGKILL)
    assert load.returncode == -signal.SIGKILL


@pytest.fixture
def visitor(demonstrated: Installation) -> Client:
    return Client(demonstrated.url, token=demonstrated.token("carl"))


def pages(client: Client, path: str, body: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    """Yield every item of an MLflow search, following its page tokens."""
    token = ""
    while True:
        answer = client.post(path, {**body, "page_token": token} if token else body)
        yield from answer.get(key, [])
        token = answer.get("next_page_token", "")
        if not token:
            return


def test_the_walkthroughs_example_is_there(visitor: Client) -> None:
    query = {"filter": "name = 'clf_orders'"}
    versions = visitor.get(MLFLOW + "model-versions/search", query)["model_versions"]
    stages = {row["tags"][0]["value"]: row["current_stage"] for row in versions}
    assert stages == {"clf-v2.0": "Archived", "clf-v2.1": "Production"}


def test_one_click_from_the_endpoint_to_data_run_and_commit(visitor: Client) -> None:
    closure = visitor.get(REST + "lineage/endpoint:/predict/ancestors")
    urns = {node["urn"] for node in closure["nodes"]}
    assert {"model-version:clf_orders/2", "dataset-version:orders/v2.1", "dataset-version:users/v3.0"} <= urns
    assert any(urn.startswith("code:") for urn in urns)
    assert "exp-47b" in {node["name"] for node in closure["nodes"]}
    assert "dataset-version:orders/v2.0" not in urns


def test_every_point_of_every_curve_is_there_once(visitor: Client) -> None:
    """Neither the kills nor the loads after them logged anything twice."""
    experiment = visitor.get(MLFLOW + "experiments/get-by-name", {"experiment_name": "orders_classification"})
    body = {"experiment_ids": [experiment["experiment"]["experiment_id"]]}
    runs = list(pages(visitor, MLFLOW + "runs/search", body, "runs"))
    assert sorted(run["info"]["run_name"] for run in runs) == ["exp-46a", "exp-47a", "exp-47b"]
    assert {run["info"]["status"] for run in runs} == {"FINISHED"}
    for run in runs:
        query = {"run_id": run["info"]["run_id"], "metric_key": "val_auc"}
        points = visitor.get(MLFLOW + "metrics/get-history", query)["metrics"]
        assert [point["step"] for point in points] == list(range(1, 16))


def test_one_request_waits_for_the_reviewer(demonstrated: Installation) -> None:
    reviewer = Session(demonstrated.url, username="bea", password=_passwords(demonstrated)["bea"])
    (request,) = reviewer.get(REST + "transition-requests", {"state": "open"})["transition_requests"]
    assert (request["model"], request["version"], request["target"]) == ("tumour_classifier", 2, "Production")


def test_the_passwords_are_the_owners_alone(demonstrated: Installation) -> None:
    path = demonstrated.data / "keys" / "demo_passwords"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(_passwords(demonstrated)) == {"ada", "bea", "carl"}


def test_loading_again_changes_nothing(demonstrated: Installation) -> None:
    before = _events(demonstrated)
    assert "loaded already" in demonstrated.manage("load_demo", "--url", demonstrated.url)
    assert _events(demonstrated) == before


def test_the_recordings_are_small() -> None:
    assert sum(path.stat().st_size for path in RECORDINGS.rglob("*") if path.is_file()) < 1_500_000


def _events(installation: Installation) -> str:
    return installation.manage("shell", "-v", "0", "-c", "from audit.models import Event; print(Event.objects.count())")


def _passwords(installation: Installation) -> dict[str, str]:
    lines = (installation.data / "keys" / "demo_passwords").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ") for line in lines)
