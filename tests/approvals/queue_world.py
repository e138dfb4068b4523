"""A small installation's inside, driven line by line: JSON commands come in, JSON answers go out.

Run as `python -m tests.approvals.queue_world` with the environment (database, broker, data) that the workers have.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from config.start import prepare_start

prepare_start()

from celery import current_app

from accounts.models import User
from approvals.models import CheckRun, TransitionRequest
from approvals.policy_changes.publish import ensure_default_policies
from approvals.requests.open import open_request
from audit.models import Event, OutboxMessage
from core.actors import Actor, system_actor
from registry.models import ModelVersion
from registry.services.models import create_model
from registry.services.versions import create_version
from registry.stages import Stage
from tests.approvals.governed import REVIEWERS, approve, publish
from tests.approvals.governed import ask as ask_for
from tests.approvals.publishing import person
from tests.signed_in import actor_of
from tracking.artifacts import store_artifact
from tracking.models import Artifact, Experiment, Run
from tracking.services.logging import set_tag

RUN = "a" * 32
ROOT = f"0/{RUN}/artifacts"


def ada() -> Actor:
    user, _ = User.objects.get_or_create(username="ada")
    return actor_of(user)


def tensor(size: int) -> bytes:
    """Return a file with one tensor of so many random bytes."""
    header = json.dumps({"weights": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + secrets.token_bytes(size)


def prepare(megabytes: int = 1) -> dict[str, Any]:
    """Publish the policies, and log a run with a model of that size."""
    ensure_default_policies(actor=system_actor("test"))
    experiment, _ = Experiment.objects.get_or_create(
        pk=0, defaults={"name": "Default", "created_ms": 1, "updated_ms": 1}
    )
    Run.objects.create(
        id=RUN, experiment=experiment, created_by="ada", artifact_uri=f"mlflow-artifacts:/{ROOT}", start_ms=1
    )
    for key in ("dataset_version", "git_commit", "triggered_by"):
        set_tag(actor=ada(), run_id=RUN, key=key, value="x")
    store_artifact(actor=ada(), path=f"{ROOT}/model/model.safetensors", stream=io.BytesIO(tensor(megabytes << 20)))
    create_model(actor=ada(), name="fraud")
    return {}


def ask() -> dict[str, Any]:
    """Register a version and open a request to move it to Staging."""
    version = create_version(actor=ada(), name="fraud", source=f"runs:/{RUN}/model", run_id=RUN)
    request = open_request(
        actor=ada(), name="fraud", version=version.version, target=Stage.STAGING, archive_existing=False
    )
    return {"request": request.pk}


def soak(seconds: float) -> dict[str, Any]:
    """Let Production need so long in Staging and a reviewer, ask for it and approve.

    Return the request, its state, and when the version was staged.
    """
    rule: dict[str, object] = {"id": "soak", "soak": {"in": "Staging", "hours": seconds / 3600}}
    publish("Production", rules=(REVIEWERS, rule))
    version = ModelVersion.objects.select_related("model").get(model__name="fraud")
    request = approve(actor_of(person("bea", "reviewers")), ask_for(ada(), version))
    request.refresh_from_db()
    return {
        "request": request.pk,
        "state": request.state,
        "staged": version.staged_at.timestamp() if version.staged_at else None,
    }


def facts(request: int) -> dict[str, Any]:
    """Return where a request and its jobs are, and how many results were recorded for each job."""
    row = TransitionRequest.objects.select_related("version").get(pk=request)
    jobs: dict[str, dict[str, Any]] = {
        job.rule: {"id": job.pk, "state": job.state, "attempts": job.attempts, "worker": job.worker, "results": 0}
        for job in CheckRun.objects.filter(request=row)
    }
    finished = Event.objects.filter(action="approvals.check.finished", object_ref=f"transition-request:{request}")
    for event in finished:
        jobs[json.loads(bytes(event.body))["after"]["rule"]]["results"] += 1
    staged = row.version.staged_at.timestamp() if row.version.staged_at else None
    return {"state": row.state, "stage": row.version.stage, "staged": staged, "reason": row.state_reason, "jobs": jobs}


def send(job: int, times: int) -> dict[str, Any]:
    """Deliver a job several times over."""
    for _ in range(times):
        current_app.send_task("approvals.tasks.run_check", kwargs={"check_run_id": job}, queue="fast")
    return {}


def undelivered() -> dict[str, Any]:
    return {"count": OutboxMessage.objects.filter(delivered_at__isnull=True).count()}


def in_broker() -> dict[str, Any]:
    """Return how many messages wait in the broker or are with a worker that has not confirmed them."""
    broker = current_app.broker_connection().default_channel.client  # type: ignore[attr-defined]  # Redis has one
    return {"count": sum(map(broker.llen, ("fast", "slow"))) + broker.hlen("unacked")}


def block() -> dict[str, Any]:
    """Put a pipe in the place of the model's bytes: whoever reads them waits."""
    blob = _blob()
    blob.rename(_kept(blob))
    os.mkfifo(blob)
    return {}


def unblock() -> dict[str, Any]:
    """Put the bytes back."""
    blob = _blob()
    _kept(blob).rename(blob)
    return {}


def _kept(blob: Path) -> Path:
    return blob.with_suffix(".kept")


def _blob() -> Path:
    digest = Artifact.objects.get(path=f"{ROOT}/model/model.safetensors").sha256
    (blob,) = Path(os.environ["CUSTODY_DATA"]).rglob(f"*{digest[-20:]}")
    return blob


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "prepare": prepare,
    "ask": ask,
    "soak": soak,
    "facts": facts,
    "send": send,
    "undelivered": undelivered,
    "in_broker": in_broker,
    "block": block,
    "unblock": unblock,
}

if __name__ == "__main__":
    for line in sys.stdin:
        command = json.loads(line)
        answer = COMMANDS[command.pop("do")](**command)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
