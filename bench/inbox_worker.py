"""`python -m bench.inbox_worker OPEN EVALUATED`: seed a database, measure in this process, print one line of JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta

import django

django.setup()

from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from approvals.case.loading import load_cases
from approvals.models import CheckRun, Review, TransitionRequest
from approvals.policy_changes.publish import ensure_default_policies
from approvals.requests.verdict_cache import store_verdict
from core.actors import system_actor
from registry.cards import HUMAN_KEYS
from registry.models import CardRevision, ModelVersion, RegisteredModel
from tracking.models import Experiment, LatestMetric, Run, RunTag

_MODELS = 200
_BATCH = 1000
_TIMES = 15


def seed(count: int) -> User:
    """Create ``count`` open requests whose checks have passed, and return a reviewer who may decide on them."""
    ada = User.objects.create_user("ada")
    bea = User.objects.create_user("bea")
    bea.groups.add(Group.objects.get(name="reviewers"))
    revision = next(
        row for row in ensure_default_policies(actor=system_actor("bench")) if row.policy.target == "Production"
    )
    versions = _versions(count)
    now = timezone.now()
    _write(
        TransitionRequest(
            version=version,
            source="None",
            target="Production",
            requester=ada,
            comment="Better on new accounts.",
            policy_revision=revision,
            subject_digest="",
            opened_at=now,
            expires_at=now + timedelta(days=14),
        )
        for version in versions
    )
    rows = list(TransitionRequest.objects.with_relations().order_by("pk"))
    for start in range(0, len(rows), _BATCH):
        finish_checks(rows[start : start + _BATCH], bea)
    return bea


def _versions(count: int) -> list[ModelVersion]:
    """Return ``count`` new versions, spread over 200 models, each with a run and a complete card."""
    models = [
        RegisteredModel(name=f"model-{n:04}", name_key=f"model-{n:04}", created_by="ada", created_ms=1, updated_ms=1)
        for n in range(_MODELS)
    ]
    _write(models)
    versions = [
        ModelVersion(
            model=models[n % _MODELS],
            version=n // _MODELS + 1,
            source=f"runs:/{run.pk}/model",
            run_id=run.pk,
            artifact_digest=f"sha256:{n:064x}",
            created_by="ada",
            created_ms=1,
            updated_ms=1,
        )
        for n, run in enumerate(_runs(count))
    ]
    _write(versions)
    body = {key: {"value": "Written by somebody who knows.", "source": "human"} for key in HUMAN_KEYS}
    _write(
        CardRevision(version=version, number=1, body=body, digest=f"{version.pk:064x}", author="ada")
        for version in versions
    )
    return versions


def _runs(count: int) -> list[Run]:
    """Return ``count`` new runs with the tags and the metric that the policies ask for."""
    experiment, _ = Experiment.objects.get_or_create(
        pk=0, defaults={"name": "Default", "created_ms": 1, "updated_ms": 1}
    )
    runs = [
        Run(
            id=f"{n:032x}",
            experiment=experiment,
            created_by="ada",
            artifact_uri=f"mlflow-artifacts:/0/{n:032x}",
            start_ms=1,
        )
        for n in range(count)
    ]
    _write(runs)
    tags = {"dataset_version": "orders_v2.1", "git_commit": "b7d9e4", "triggered_by": "ci"}
    _write(RunTag(run=run, key=key, value=value) for run in runs for key, value in tags.items())
    _write(LatestMetric(run=run, key="val_auc", value=0.9, timestamp_ms=1, step=0) for run in runs)
    return runs


def finish_checks(rows: Sequence[TransitionRequest], reviewer: User) -> None:
    """Create the finished check runs of each request, a review of an earlier state, and the cached verdict."""
    now = timezone.now()
    _write(
        CheckRun(
            request=case.request,
            rule=rule.id,
            check_code=rule.check,
            inputs_digest=case.inputs[rule.id],
            state="passed",
            evidence={"looked_at": 1},
            evidence_digest="0" * 64,
            queued_at=now,
            started_at=now,
            finished_at=now,
        )
        for case in load_cases(rows)
        for rule in case.check_rules
    )
    _write(
        Review(request=row, reviewer=reviewer, decision="request_changes", comment="Before.", subject_digest="0" * 64)
        for row in rows[::2]
    )
    with transaction.atomic():
        for case in load_cases(rows):
            case.request.subject_digest = case.snapshot.subject_digest
            case.request.save(update_fields=["subject_digest"])
            store_verdict(case)


def _write(rows: Iterable[Model]) -> None:
    found = list(rows)
    type(found[0])._default_manager.bulk_create(found, batch_size=_BATCH)  # noqa: SLF001 - Django's public name for it


def inbox(person: User) -> tuple[float, int]:
    """Return the median milliseconds and the number of queries of the inbox page."""
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    page = client.get("/admin/")
    assert page.status_code == 200
    assert f'data-waiting="{TransitionRequest.objects.count()}"' in page.content.decode()
    with CaptureQueriesContext(connection) as queries:
        client.get("/admin/")
    captured = queries.captured_queries  # the log is emptied by the next request
    times = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        client.get("/admin/")
        times.append((time.perf_counter() - began) * 1000)
    for query in captured:
        print(query["time"], query["sql"], file=sys.stderr)
    return statistics.median(times), len(captured)


def evaluation(count: int) -> float:
    """Return the seconds it takes to read and evaluate ``count`` open requests."""
    began = time.perf_counter()
    cases = load_cases(list(TransitionRequest.objects.with_relations().order_by("pk")[:count]))
    verdicts = [case.verdict for case in cases]
    took = time.perf_counter() - began
    assert len(verdicts) == count
    assert all([item["rule"] for item in verdict.blocked_by()] == ["reviewers"] for verdict in verdicts)
    return took


def main() -> None:
    """Seed, measure, print."""
    call_command("migrate", verbosity=0)
    count, evaluated = map(int, sys.argv[1:])
    reviewer = seed(count)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    milliseconds, queries = inbox(reviewer)
    print(json.dumps({"inbox_ms": milliseconds, "queries": queries, "evaluation_s": evaluation(evaluated)}))


if __name__ == "__main__":
    main()
