"""A training is done again from what its run says: really, in an empty folder, with git, a virtual environment and
DVC's files.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from core.actors import Actor
from lineage.services import record_origin
from registry.models import ModelVersion
from registry.reproduction import reproduction_of
from registry.reproduction_bundle import bundle_of, script_of
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.conftest import Acting
from tracking.services.experiments import create_experiment
from tracking.services.logging import log_batch, set_tag
from tracking.services.runs import create_run

BASH, GIT = shutil.which("bash") or "bash", shutil.which("git") or "git"
TRAIN = """
import json, os, random
params = json.load(open(os.environ["CUSTODY_PARAMS"]))
random.seed(os.environ["CUSTODY_SEED"])
rows = [float(line) for line in open("data/rows.csv")]
json.dump({"mean": sum(rows) / len(rows) * float(params["scale"]), "draw": random.random()}, open("model.json", "w"))
"""
DATA = "1.5\n2.5\n4\n"


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main")
    return subprocess.run((GIT, *who, *words), cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def trained(tmp_path: Path, ada: User, acting: Acting) -> tuple[ModelVersion, Actor]:
    """A version that a script trained on a file that DVC tracks, with a change that was not committed."""
    code, remote = tmp_path / "code", tmp_path / "remote"
    code.mkdir()
    md5 = hashlib.md5(DATA.encode(), usedforsecurity=False).hexdigest()
    held = remote / "files" / "md5" / md5[:2] / md5[2:]
    held.parent.mkdir(parents=True)
    held.write_text(DATA, encoding="utf-8")
    git(code, "init", "--quiet")
    (code / "train.py").write_text(TRAIN, encoding="utf-8")
    (code / "rows.csv.dvc").write_text(f"outs:\n- md5: {md5}\n  path: data/rows.csv\n", encoding="utf-8")
    git(code, "add", ".")
    git(code, "commit", "--quiet", "-m", "Train")
    commit = git(code, "rev-parse", "HEAD")
    (code / "train.py").write_text(TRAIN.replace("* float", "+ float"), encoding="utf-8")
    patch = git(code, "diff")
    (code / "data").mkdir()
    (code / "data" / "rows.csv").write_text(DATA, encoding="utf-8")
    (tmp_path / "params.json").write_text('{"scale": "3"}', encoding="utf-8")
    subprocess.run(
        (sys.executable, "train.py"), cwd=code, check=True,
        env={"CUSTODY_PARAMS": str(tmp_path / "params.json"), "CUSTODY_SEED": "7", "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    digest = hashlib.sha256((code / "model.json").read_bytes()).hexdigest()
    tags = {
        "mlflow.source.git.repoURL": f"file://{code}",
        "mlflow.source.git.commit": commit,
        "custody.git.dirty": "true",
        "custody.git.patch": patch,
        "custody.command": '["python", "train.py"]',
        "custody.dvc": json.dumps([{"path": "data/rows.csv", "md5": md5, "remote": str(remote)}]),
        "custody.seed": "7",
        "custody.outputs": json.dumps([{"path": "model.json", "sha256": digest}]),
        "dataset_version": "rows_v1",
    }
    actor = acting(ada)
    return registered(actor, tags), actor


def registered(actor: Actor, tags: dict[str, str]) -> ModelVersion:
    run = create_run(actor=actor, experiment_id=create_experiment(actor=actor, name="again").pk, start_ms=1)
    for key, value in tags.items():
        set_tag(actor=actor, run_id=run.pk, key=key, value=value)
    log_batch(actor=actor, run_id=run.pk, params=[("scale", "3")])
    create_model(actor=actor, name="fraud")
    version = create_version(actor=actor, name="fraud", source=f"runs:/{run.pk}/model", run_id=run.pk)
    record_origin(
        actor=actor, model="fraud", version=1, python=".".join(map(str, sys.version_info[:3])), packages=["pip==23.0.1"]
    )
    return version


def unpacked(version: ModelVersion, folder: Path) -> Path:
    folder.mkdir()
    with zipfile.ZipFile(io.BytesIO(bundle_of(reproduction_of(version)))) as bundle:
        bundle.extractall(folder)
    # Nothing is downloaded in tests: the environment has pip, and the requirement is met by it.
    (folder / "requirements.txt").write_text("pip\n", encoding="utf-8")
    return folder


def test_the_same_bytes_come_out(trained: tuple[ModelVersion, Actor], tmp_path: Path) -> None:
    version, _ = trained
    assert reproduction_of(version).level == 5
    folder = unpacked(version, tmp_path / "again")
    done = subprocess.run((BASH, "reproduce.sh"), cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, "identical: model.json" in done.stdout) == (0, True), done.stderr


def test_another_result_is_said(trained: tuple[ModelVersion, Actor], tmp_path: Path) -> None:
    version, actor = trained
    wrong = json.dumps([{"path": "model.json", "sha256": "0" * 64}])
    set_tag(actor=actor, run_id=version.run_id, key="custody.outputs", value=wrong)
    done = subprocess.run(
        (BASH, "reproduce.sh"), cwd=unpacked(version, tmp_path / "again"), capture_output=True, text=True, check=False
    )
    assert (done.returncode, "differs: model.json" in done.stdout) == (1, True), done.stderr


def test_what_is_missing_is_listed_and_nothing_runs(ada: User, acting: Acting, tmp_path: Path) -> None:
    version = registered(acting(ada), {"git_commit": "b7d9e4f", "custody.git.dirty": "true"})
    found = reproduction_of(version)
    assert (found.level, set(found.missing)) == (0, {"code", "command", "data", "outputs"})
    script = tmp_path / "reproduce.sh"
    script.write_text(script_of(found), encoding="utf-8")
    done = subprocess.run((BASH, str(script)), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "command: Set custody.command" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["reproduce.sh"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("custody.dvc", '[{"path": "../../etc/passwd", "md5": "0"}]'), ("custody.workdir", "../x"), ("custody.outputs", "[1]"),
     ("custody.command", "'unclosed"), ("mlflow.source.git.commit", "--upload-pack=x")],
)  # fmt: skip
def test_tags_that_would_leave_the_folder_count_as_missing(key: str, value: str, ada: User, acting: Acting) -> None:
    found = reproduction_of(registered(acting(ada), {key: value}))
    assert {*found.files, found.folder, *found.outputs, *found.command, found.commit} == {""}


def test_the_page_and_the_api(trained: tuple[ModelVersion, Actor], ada: User, cy: User) -> None:
    client = Client()
    client.force_login(ada)
    page = client.get("/models/fraud/versions/1/reproduce/").content.decode()
    assert "Level 5 of 5" in page
    base = "/api/v1/models/fraud/versions/1/reproduce"
    assert client.get(base).json()["level"] == 5
    assert client.get(f"{base}.sh").content.startswith(b"#!/usr/bin/env bash")
    assert client.get(f"{base}.zip").content[:2] == b"PK"
    assert client.get("/api/v1/models/fraud/versions/2/reproduce").status_code == 404
