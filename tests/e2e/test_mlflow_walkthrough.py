"""The published walkthrough, snippet by snippet, with an unmodified MLflow client against a running installation.

The scripts in walkthrough/ hold the snippets as published. What they add (data the text takes for granted, notes for
the next script) and the two corrections the client itself forces (ids instead of Experiment objects; no `--filter` and
no `runs get` on the command line) are marked there and here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from demo.client import MLFLOW, REST, Client, Refused, Session
from tests.e2e.installation import PASSWORD, Installation

_SCRIPTS = Path(__file__).parent / "walkthrough"
_PUBLISHED_URL = "http://mlflow.internal:5000"
_CARD = {
    "intended_use": "Ranks orders for the payments team.",
    "out_of_scope": "Refusing an order without a person.",
    "training_data": "Orders v2.1 joined with users v3.0; new accounts have little history.",
    "evaluation_groups": "Accuracy differs by less than a percent between account ages.",
    "limitations": "Scores are not calibrated.",
    "failure_modes": "Without card tries the scores drop.",
}

pytestmark = pytest.mark.e2e


class Walk:
    """One team's way through the text: a working directory under git, an author's token, a reviewer's session."""

    def __init__(self, server: Installation, python: Path, folder: Path) -> None:
        self.server, self.python, self.folder = server, python, folder
        for name, groups in (("walk-author", ()), ("walk-reviewer", ("reviewers",))):
            server.person(name, groups=groups)
        self.token = server.token("walk-author")
        self.author = Client(server.url, token=self.token)
        self.author_on_the_web = Session(server.url, username="walk-author", password=PASSWORD)
        self.reviewer = Session(server.url, username="walk-reviewer", password=PASSWORD)
        shutil.copy(_SCRIPTS / "notes.py", folder)
        for command in ("init -q", "add notes.py", "commit -q -m training"):
            who = ("-c", "user.name=walk", "-c", "user.email=walk@example.org")
            subprocess.run(["git", *who, *command.split()], cwd=folder, check=True)  # noqa: S607 - git as on the PATH

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script as published, but for the address of the server."""
        text = (_SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
        (self.folder / f"{script}.py").write_text(text.replace(_PUBLISHED_URL, self.server.url), encoding="utf-8")
        return self.execute(str(self.python), f"{script}.py")

    def succeed(self, script: str) -> str:
        done = self.run(script)
        assert done.returncode == 0, f"{script}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def denied(self, script: str) -> tuple[str, str]:
        """Run a script that must end with the gate's refusal; return what it printed and the refusal."""
        done = self.run(script)
        assert done.returncode != 0
        assert "RestException: PERMISSION_DENIED" in done.stderr, f"{script}: {done.stdout}\n{done.stderr}"
        return done.stdout, done.stderr.partition("RestException: ")[2]

    def mlflow(self, *words: str) -> str:
        """Run the `mlflow` command line."""
        done = self.execute(str(self.python.with_name("mlflow")), *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "MLFLOW_TRACKING_URI": self.server.url,
            "MLFLOW_TRACKING_TOKEN": self.token,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        }
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=280, check=False
        )

    @property
    def notes(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "notes.json").read_text(encoding="utf-8"))
        return found

    def commit(self, *options: str) -> str:
        words = ["git", "rev-parse", *options, "HEAD"]
        return subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=True).stdout.strip()

    def version(self, model: str, number: str) -> dict[str, Any]:
        query = {"name": model, "version": number}
        found: dict[str, Any] = self.author.get(MLFLOW + "model-versions/get", query)["model_version"]
        return found

    def fill_card(self, model: str, number: str) -> None:
        path = f"{REST}models/{model}/versions/{number}/card"
        self.author.put(path, {"fields": _CARD, "expected_number": self.author.get(path)["number"]})

    def waiting(self, model: str) -> dict[str, Any]:
        """Return the one open request of a model."""
        (request,) = self.reviewer.get(REST + "transition-requests", {"model": model, "state": "open"})[
            "transition_requests"
        ]
        found: dict[str, Any] = request
        return found


@pytest.fixture
def walk(server: Installation, mlflow_python: Path, tmp_path: Path) -> Walk:
    return Walk(server, mlflow_python, tmp_path)


def test_every_snippet_in_its_order(walk: Walk) -> None:
    _log_a_run(walk)
    _register_and_promote(walk)
    _reproduce_a_past_experiment(walk)
    _promote_the_first_fraud_detector(walk)
    _promote_its_successor(walk)
    _find_all_runs_of_a_dataset(walk)
    _verify_lineage_in_ci(walk)
    _trace_the_endpoint(walk)
    _check_the_audit_export_offline(walk)


def _log_a_run(walk: Walk) -> None:
    said = walk.succeed("s01_log_a_run")
    run_id = walk.notes["exp_47b"]
    assert f"Run ID: {run_id}" in said
    data = walk.author.get(MLFLOW + "runs/get", {"run_id": run_id})["run"]["data"]
    assert _by_key(data["params"])["dataset_version"] == "orders_v2.1+users_v3.0"
    assert _by_key(data["metrics"])["val_accuracy"] == 0.87
    assert _by_key(data["tags"])["git_commit"] == walk.commit("--short")


def _register_and_promote(walk: Walk) -> None:
    """The promotion is refused, line by line; what is missing is supplied; the same call then succeeds."""
    _, refusal = walk.denied("s02_register_and_promote")
    number = walk.notes["clf_orders"]
    request = walk.waiting("clf_orders")
    assert f"{walk.server.url}/admin/approvals/transitionrequest/{request['id']}/change/" in refusal
    for missing in ("dataset_version", "triggered_by", "intended use", "1 approval from reviewers"):
        assert any(missing in line for line in refusal.splitlines()), refusal
    assert walk.version("clf_orders", number)["current_stage"] == "None"
    for key, value in {"dataset_version": "orders_v2.1+users_v3.0", "triggered_by": "manual"}.items():
        walk.author.post(MLFLOW + "runs/set-tag", {"run_id": walk.notes["exp_47b"], "key": key, "value": value})
    walk.fill_card("clf_orders", number)
    _, refusal = walk.denied("s03_promote_again")
    assert "reviewers" in refusal
    assert "triggered_by" not in refusal
    _approve(walk, "clf_orders")
    walk.succeed("s03_promote_again")
    assert walk.version("clf_orders", number)["current_stage"] == "Production"


def _approve(walk: Walk, model: str) -> None:
    """The author cannot approve, by token or on the web; the reviewer can."""
    request = walk.waiting(model)
    path = f"{REST}transition-requests/{request['id']}/reviews"
    body = {"decision": "approve", "comment": "Read it all.", "seen_digest": request["subject_digest"]}
    for client in (walk.author, walk.author_on_the_web):
        with pytest.raises(Refused) as refused:
            client.post(path, body)
        assert refused.value.status == 403
    walk.reviewer.post(path, body)


def _reproduce_a_past_experiment(walk: Walk) -> None:
    """`mlflow runs list` and `runs get`, as far as the client still has them."""
    experiment = walk.notes["experiment_47b"]
    # Corrected: the client has no `--filter` on `runs list` any more; the same filter through the search it stood for.
    assert walk.notes["exp_47b"] in walk.mlflow("runs", "list", "--experiment-id", experiment)
    body = {"experiment_ids": [experiment], "filter": "metrics.val_accuracy > 0.86"}
    found = walk.author.post(MLFLOW + "runs/search", body)["runs"]
    assert [run["info"]["run_id"] for run in found] == [walk.notes["exp_47b"]]
    # Corrected: `mlflow runs get` is called `describe` now.
    described = json.loads(walk.mlflow("runs", "describe", "--run-id", walk.notes["exp_47b"]))
    assert described["data"]["params"]["learning_rate"] == "0.0003"
    assert described["data"]["params"]["epochs"] == "15"
    assert described["data"]["tags"]["git_commit"] == walk.commit("--short")


def _promote_the_first_fraud_detector(walk: Walk) -> None:
    assert "Run ID" in walk.succeed("s04_autolog")
    _stage_review_and_promote(walk, "1")
    assert walk.notes["served"] == walk.notes["predictions"]


def _promote_its_successor(walk: Walk) -> None:
    """The second version takes over in one step, and the first is archived."""
    walk.succeed("s04_autolog")
    _stage_review_and_promote(walk, "2")
    assert walk.notes["served"] == walk.notes["predictions"]
    assert walk.version("fraud_detector", "1")["current_stage"] == "Archived"
    production = walk.author.get(REST + "models/fraud_detector/production")
    assert production["version"] in {2, "2"}


def _stage_review_and_promote(walk: Walk, number: str) -> None:
    """Staging needs only the checks; Production a card and a reviewer besides."""
    said, refusal = walk.denied("s05_stages")
    assert f"Staged version {number}" in said
    assert "intended use" in refusal
    version = walk.version("fraud_detector", number)
    assert version["current_stage"] == "Staging"
    assert "Validation AUC 0.934" in version["description"]
    walk.fill_card("fraud_detector", number)
    walk.denied("s06_promote_and_load")
    _approve(walk, "fraud_detector")
    walk.succeed("s06_promote_and_load")
    assert walk.version("fraud_detector", number)["current_stage"] == "Production"


def _find_all_runs_of_a_dataset(walk: Walk) -> None:
    said = walk.succeed("s07_runs_of_a_dataset")
    assert "Found 3 runs trained on orders_v2.1+users_v3.0" in said
    assert "→ registered as clf_orders v1 (Production)" in said
    assert "→ registered as fraud_detector v2 (Production)" in said
    assert "→ registered as fraud_detector v1 (Archived)" in said
    assert "AUC=0.930" in said


def _verify_lineage_in_ci(walk: Walk) -> None:
    walk.succeed("s08_lineage_in_ci")
    assert "missing required lineage tags: ['dataset_version', 'git_commit', 'triggered_by']" in walk.notes["refusal"]
    assert walk.version("fraud_detector", "3")["current_stage"] == "None"


def _trace_the_endpoint(walk: Walk) -> None:
    """/predict v2.1 was produced by the model, trained in exp-47b, which consumed orders_v2.1 and users_v3.0."""
    body = {"endpoint": "/predict", "model": "clf_orders", "version": 1, "revision": "v2.1"}
    walk.author.post(REST + "deployments", body)
    closure = walk.author.get(REST + "lineage/endpoint:/predict/ancestors")
    urns = {node["urn"] for node in closure["nodes"]}
    run = f"run:{walk.notes['exp_47b']}"
    assert {"model-version:clf_orders/1", run} <= urns
    # the short hash of the tag and the whole one that the client notes are one commit
    assert {urn.rpartition("/")[2] for urn in urns if urn.startswith("code:")} == {walk.commit()}
    assert {"dataset-version:orders/v2.1", "dataset-version:users/v3.0"} <= urns
    assert not any("fraud_detector" in urn for urn in urns)


def _check_the_audit_export_offline(walk: Walk) -> None:
    """The export verifies with nothing but Python, and stops verifying when a byte of it changes."""
    archive = walk.folder / "export.zip"
    archive.write_bytes(walk.author.send("GET", REST + "audit/export?model=fraud_detector", None, content_type=""))
    with zipfile.ZipFile(archive) as files:
        files.extractall(walk.folder / "export")
    (verifier,) = (walk.folder / "export").rglob("audit_verify.py")
    events = next((walk.folder / "export").rglob("*.jsonl"))
    key = walk.folder / "log.vkey"
    key.write_bytes(walk.author.send("GET", "/audit/vkey", None, content_type=""))
    check = ["/usr/bin/env", "python3", "-I", str(verifier), str(events.parent), "--vkey", str(key)]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    events.write_bytes(re.sub(rb"walk-author", b"walk-auth0r", events.read_bytes(), count=1))
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0


def _by_key(items: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {item["key"]: item["value"] for item in items}
