"""Scripts and commands as people have them for MLflow, unchanged,
with the whole of its client against an installation.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installation import Installation
from tests.importing.mlflow_server import BIN

pytestmark = pytest.mark.e2e

_SCRIPTS = Path(__file__).parent / "clients"
_ROUTES = Path(__file__).parents[1] / "mlflow_api" / "client_routes.txt"


@pytest.fixture(scope="module")
def ungoverned(tmp_path_factory: pytest.TempPathFactory, migrated: Path | None) -> Iterator[Installation]:
    """An installation whose stages move at once; what a policy asks for is the walkthrough's story."""
    folder = tmp_path_factory.mktemp("clients")
    without = {"CUSTODY_DEFAULT_POLICIES": "off"}
    with Installation(folder / "data", environment=without, migrated=migrated) as server:
        server.person("clients")
        yield server


@pytest.fixture
def environment(ungoverned: Installation) -> dict[str, str]:
    if not (BIN / "python").exists():
        pytest.skip("no environment with the whole of MLflow: script/test e2e makes .venv-bench")
    return {
        **os.environ,
        "MLFLOW_TRACKING_URI": ungoverned.url,
        "MLFLOW_TRACKING_USERNAME": "clients",
        "MLFLOW_TRACKING_PASSWORD": ungoverned.token("clients"),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MPLBACKEND": "agg",
    }


def run(environment: dict[str, str], folder: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("script", ["log_things", "use_registry", "evaluate", "trace", "genai_evaluate"])
def test_a_script_runs_as_it_is(environment: dict[str, str], tmp_path: Path, script: str) -> None:
    run(environment, tmp_path, str(BIN / "python"), str(_SCRIPTS / f"{script}.py"))


def test_the_client_of_mlflows_auth_app(environment: dict[str, str], ungoverned: Installation, tmp_path: Path) -> None:
    as_admin = {
        **environment,
        "MLFLOW_TRACKING_USERNAME": "admin",
        "MLFLOW_TRACKING_PASSWORD": ungoverned.token("admin"),
    }
    run(as_admin, tmp_path, str(BIN / "python"), str(_SCRIPTS / "manage_access.py"))


def test_the_routes_of_the_client_are_those_that_are_held_to_answer(
    environment: dict[str, str], tmp_path: Path
) -> None:
    printed = run(environment, tmp_path, str(BIN / "python"), str(_SCRIPTS / "print_routes.py"))
    assert set(printed.splitlines()) <= set(_ROUTES.read_text(encoding="utf-8").splitlines())


def test_the_command_line(environment: dict[str, str], tmp_path: Path) -> None:
    def mlflow(*words: str) -> str:
        return run(environment, tmp_path, str(BIN / "python"), "-m", "mlflow", *words)

    assert "Default" in mlflow("experiments", "search")
    made = mlflow("experiments", "create", "-n", "by command")
    experiment = made.split("id")[-1].strip()
    (tmp_path / "note.txt").write_text("noted", encoding="utf-8")
    code = (
        f"import mlflow; run = mlflow.start_run(experiment_id='{experiment}', run_name='one'); "
        "mlflow.log_metric('m', 1); print(run.info.run_id)"
    )
    run_id = run(environment, tmp_path, str(BIN / "python"), "-c", code).strip().splitlines()[0]
    mlflow("artifacts", "log-artifact", "--local-file", "note.txt", "--run-id", run_id, "--artifact-path", "sub")
    assert json.loads(mlflow("artifacts", "list", "--run-id", run_id))[0]["path"] == "sub"
    mlflow("artifacts", "download", "--run-id", run_id, "--artifact-path", "sub/note.txt", "--dst-path", "down")
    (downloaded,) = (tmp_path / "down").rglob("note.txt")
    assert downloaded.read_text(encoding="utf-8") == "noted"
    assert run_id in mlflow("runs", "list", "--experiment-id", experiment)
    assert json.loads(mlflow("runs", "describe", "--run-id", run_id))["data"]["metrics"] == {"m": 1.0}
    mlflow("runs", "delete", "--run-id", run_id)
    assert run_id in mlflow("runs", "list", "--experiment-id", experiment, "--view", "deleted_only")
    mlflow("runs", "restore", "--run-id", run_id)
    mlflow("experiments", "csv", "-x", experiment, "-o", "runs.csv")
    with (tmp_path / "runs.csv").open(encoding="utf-8") as rows:
        assert [row["run_id"] for row in csv.DictReader(rows)] == [run_id]
