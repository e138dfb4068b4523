"""The script of docs/ci.md, as it is printed there, with the plain MLflow client against an installation."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from demo.client import Client
from tests.e2e.governed_model import train_and_register
from tests.e2e.installation import ROOT, Installation

pytestmark = pytest.mark.e2e

SCRIPT = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(encoding="utf-8"), re.DOTALL)
PYTHON = ROOT / ".venv-mlflow" / "bin" / "python"


@pytest.fixture
def token(server: Installation) -> str:
    return server.token(server.person("ci"))


def promote(server: Installation, folder: Path, *words: str, token: str) -> tuple[int, str]:
    if not PYTHON.exists():
        pytest.skip("no environment with an MLflow client: script/test e2e makes .venv-mlflow")
    assert SCRIPT is not None
    (folder / "promote.py").write_text(SCRIPT[1], encoding="utf-8")
    more = {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_TOKEN": token}
    command = [str(PYTHON), "promote.py", *words]
    environment = {**os.environ, **more, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_it_has_thirty_lines() -> None:
    assert SCRIPT is not None
    assert len(SCRIPT[1].splitlines()) <= 30


def test_exit_codes(server: Installation, token: str, tmp_path: Path) -> None:
    author = Client(server.url, token=token)
    version = str(train_and_register(author, "ci_model", auc=0.9))
    code, said = promote(server, tmp_path, "ci_model", version, "Production", "120", token=token)
    assert (code, "is not approved yet" in said, "reviewers" in said) == (1, True, True), said
    assert promote(server, tmp_path, "ci_model", version, "Archived", token=token)[0] == 0
    assert promote(server, tmp_path, "no_such_model", "1", "Production", token=token)[0] == 2
    assert promote(server, tmp_path, "ci_model", version, "Nowhere", token=token)[0] == 2
    assert promote(server, tmp_path, "ci_model", version, "Production", token="wrong")[0] == 2
