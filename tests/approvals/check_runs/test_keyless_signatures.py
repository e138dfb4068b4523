"""`model.signed` with identities under a policy: a pass, a refusal, and an error where nothing can be verified."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.models import CheckRun, CheckState
from approvals.requests.open import open_request
from core.actors import Actor
from registry.services.models import create_model
from registry.services.versions import create_version
from registry.stages import Stage
from tests.approvals.publishing import publish_policy
from tests.validation.keyless.test_keyless import ADA, ISSUER, MODEL, OURS, bundle_of, trust
from tracking.artifacts import store_artifact
from tracking.models import Experiment, Run

POLICY = {
    "name": "signed",
    "applies_to": {"target": "Staging"},
    "rules": [{"id": "signed", "check": "model.signed", "with": {"identities": [ADA]}}],
}
ROOT = f"0/{1:032x}/artifacts"


@pytest.fixture
def job(by_ada: Actor) -> CheckRun:
    """A job of the check, on a version that ada signed with our Sigstore."""
    publish_policy(body=POLICY)
    create_model(actor=by_ada, name="fraud")
    experiment, _ = Experiment.objects.get_or_create(
        pk=0, defaults={"name": "Default", "created_ms": 1, "updated_ms": 1}
    )
    Run.objects.create(
        id=f"{1:032x}",
        experiment=experiment,
        created_by="ada",
        artifact_uri=f"mlflow-artifacts:/{ROOT}",
        status="RUNNING",
        start_ms=1,
    )
    files = {**MODEL, "model.sig": json.dumps(bundle_of()).encode()}
    for name, content in files.items():
        store_artifact(actor=by_ada, path=f"{ROOT}/model/{name}", stream=io.BytesIO(content))
    source = f"runs:/{1:032x}/model"
    version = create_version(actor=by_ada, name="fraud", source=source, run_id=f"{1:032x}")
    request = open_request(
        actor=by_ada, name="fraud", version=version.version, target=Stage.STAGING, archive_existing=False
    )
    return CheckRun.objects.get(request=request)


def outcome(job: CheckRun) -> tuple[str, str]:
    """Run the job, and return its state and its summary."""
    tasks.run_check(job.pk)
    job.refresh_from_db()
    return job.state, job.summary


def test_the_identity_of_the_policy_passes(job: CheckRun, settings: Settings, tmp_path: Path) -> None:
    trust(settings, tmp_path, OURS)
    assert outcome(job) == (CheckState.PASSED, f"2 files, all signed by ada@example.com (issuer {ISSUER}).")


def test_the_page_of_the_run_names_the_identities(job: CheckRun, ada: User, client: Client) -> None:
    client.force_login(ada)
    page = client.get(f"/checks/runs/{job.pk}/").content.decode()
    facts = ["identity: ada@example.com", f"issuer: {ISSUER}"]
    assert any(" · ".join(order) in page for order in (facts, facts[::-1]))  # PostgreSQL stores keys in its own order


def test_another_sigstore_fails(job: CheckRun, settings: Settings, tmp_path: Path) -> None:
    trust(settings, tmp_path, type(OURS)())
    state, summary = outcome(job)
    assert state == CheckState.FAILED
    assert "Sigstore's rules refuse the signature" in summary


def test_without_a_trusted_root_an_operator_has_to_mend_it(job: CheckRun, settings: Settings) -> None:
    settings.SIGSTORE_TRUSTED_ROOT = ""
    state, summary = outcome(job)
    assert state == CheckState.ERROR, "it is neither refused nor tried again"
    assert "CUSTODY_SIGSTORE_TRUSTED_ROOT is not set" in summary
