"""A training that the real MLflow client logged is done again in an empty folder, and the same bytes come out."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
import requests

from tests.e2e.installation import Installation
from tests.registry.test_reproduce import BASH, DATA, git

pytestmark = pytest.mark.e2e
_SCRIPT = Path(__file__).parent / "clients" / "train_again.py"
NAME = "trained_again"


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A clone of a repository with the training and its DVC file, and the data's md5, path and DVC remote."""
    origin, remote, clone = tmp_path / "origin", tmp_path / "remote", tmp_path / "clone"
    origin.mkdir()
    md5 = hashlib.md5(DATA.encode(), usedforsecurity=False).hexdigest()
    held = remote / "files" / "md5" / md5[:2] / md5[2:]
    held.parent.mkdir(parents=True)
    held.write_text(DATA, encoding="utf-8")
    git(origin, "init", "--quiet")
    shutil.copy(_SCRIPT, origin / "train_again.py")
    (origin / "rows.csv.dvc").write_text(f"outs:\n- md5: {md5}\n  path: data/rows.csv\n", encoding="utf-8")
    (origin / ".gitignore").write_text("data/\nmodel.json\n", encoding="utf-8")
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "-m", "Train")
    git(tmp_path, "clone", "--quiet", f"file://{origin}", str(clone))
    (clone / "data").mkdir()
    (clone / "data" / "rows.csv").write_text(DATA, encoding="utf-8")
    return clone, {"path": "data/rows.csv", "md5": md5, "remote": str(remote)}


def test_what_the_client_logged_is_done_again(
    server: Installation, mlflow_python: Path, repository: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    clone, held = repository
    token = server.token(server.person("ann"))
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": server.url,
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DVC_FILE": json.dumps(held),
        "REPOSITORY": f"file://{tmp_path / 'origin'}",
        "PYTHONHASHSEED": "7",
    }
    logged = subprocess.run(
        (str(mlflow_python), "train_again.py"), cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert logged.returncode == 0, logged.stderr
    base, headers = f"{server.url}/api/v1/models/{NAME}/versions/1/reproduce", {"Authorization": f"Bearer {token}"}
    said = requests.get(base, headers=headers, timeout=60).json()
    assert (said["level"], said["commit"], said["dirty"]) == (5, git(clone, "rev-parse", "HEAD"), False), said
    folder = tmp_path / "again"
    folder.mkdir()
    with zipfile.ZipFile(io.BytesIO(requests.get(f"{base}.zip", headers=headers, timeout=60).content)) as bundle:
        bundle.extractall(folder)
    # Nothing is downloaded in tests: the environment has pip, and the requirement is met by it.
    (folder / "requirements.txt").write_text("pip\n", encoding="utf-8")
    bare = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    done = subprocess.run((BASH, "reproduce.sh"), cwd=folder, env=bare, capture_output=True, text=True, check=False)
    assert (done.returncode, "identical: model.json" in done.stdout) == (0, True), done.stdout + done.stderr
