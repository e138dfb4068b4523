"""A job of CI stores no secret: it exchanges the identity token of its provider for a token for MLflow's client."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from accounts.workload.api import GRANT_TYPE
from tests.e2e.installation import Installation
from tests.e2e.sign_in.identity_provider import Provider
from tests.importing.mlflow_server import BIN

pytestmark = pytest.mark.e2e

AUDIENCE = "https://models.example.com"
JOB = {"sub": "repo:acme/fraud:ref:refs/heads/main", "repository_id": "42", "ref": "refs/heads/main"}
SCRIPT = Path(__file__).parents[1] / "clients" / "train_in_ci.py"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider(JOB)
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def server(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory, migrated: Path | None
) -> Iterator[Installation]:
    data = tmp_path_factory.mktemp("workload") / "data"
    with Installation(data, environment={"CUSTODY_TRUSTED_ISSUERS": provider.url}, migrated=migrated) as installation:
        yield installation


def api(server: Installation, token: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.request(method, f"{server.url}/api/v1/{path}", json=body, headers=headers, timeout=60)


def exchange(server: Installation, identity_token: str) -> Any:
    form = {
        "grant_type": GRANT_TYPE,
        "subject_token": identity_token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    }
    return requests.post(f"{server.url}/api/v1/tokens/exchange", form, timeout=60)


def trust(server: Installation, provider: Provider) -> int:
    """Let ada, who owns the service account `ci`, trust the job; return the rule's id."""
    server.person("ada")
    server.manage("create_user", "ci", "--service", "--owner", "ada", "--skip-checks")
    rule = {
        "name": "release",
        "issuer": provider.url,
        "audience": AUDIENCE,
        "claims": {"repository_id": "42", "ref": "refs/heads/main"},
        "scopes": ["registry:read", "registry:write"],
    }
    added = api(server, server.token("ada"), "POST", "accounts/ci/trusted-publishers", rule)
    assert added.status_code == 201, added.text
    return int(added.json()["id"])


def test_a_job_logs_a_run_and_registers_a_model(server: Installation, provider: Provider, tmp_path: Path) -> None:
    if not (BIN / "python").exists():
        pytest.skip("no environment with the whole of MLflow: script/test e2e makes .venv-bench")
    rule = trust(server, provider)
    identity_token = provider.identity_token(AUDIENCE)
    exchanged = exchange(server, identity_token)
    assert exchanged.status_code == 200, exchanged.text
    token = str(exchanged.json()["access_token"])
    run_id, version, of_run = run_job(server, token, tmp_path)
    assert (version, of_run) == ("1", run_id)
    as_ada = server.token("ada")
    registered = api(server, as_ada, "GET", "models/trained-in-ci/versions/1").json()
    assert registered["created_by"] == "ci"
    assert exchange(server, identity_token).status_code == 400, "an identity token is exchanged once"
    of_another = exchange(server, provider.identity_token("https://elsewhere.example.com"))
    assert "No rule trusts this token" in of_another.json()["error_description"]
    assert api(server, as_ada, "DELETE", f"trusted-publishers/{rule}").status_code == 204
    assert api(server, token, "GET", "models").status_code == 401, "the tokens of the job ended with the rule"


def run_job(server: Installation, token: str, folder: Path) -> list[str]:
    """Run the job with the token as its only credential, and return the words that it printed last."""
    left_out = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    environment = {name: value for name, value in os.environ.items() if name not in left_out} | {
        "MLFLOW_TRACKING_URI": server.url,
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = [str(BIN / "python"), str(SCRIPT)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.strip().splitlines()[-1].split()
