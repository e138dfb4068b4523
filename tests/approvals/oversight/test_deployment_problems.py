"""Live deployments that should not be: found by one statement, said by page, sidebar and API; and what endpoints
attest.
"""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from approvals.models.oversight import Finding, FindingState
from approvals.oversight.deployment_problems import problematic_deployments, problems_of
from approvals.oversight.findings import close_finding, open_finding
from approvals.oversight.serving_attestations import attest_serving
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import Denied, InvalidInput, InvalidState
from notices.models import Notice
from registry.models import Deployment, ModelVersion, ServingAttestation
from registry.permissions import Level, grant_level
from registry.services.deployments import end_deployment, register_deployment
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.recorded_fixtures import recorded_fixture

OTHER = f"sha256:{'0' * 64}"


@pytest.fixture
@recorded_fixture
def served(new_version: NewVersion, by_ada: Actor) -> Deployment:
    """Version 1 of `fraud` is in Production, and /predict serves it. No policy governs."""
    version = new_version()
    change_stage(actor=by_ada, version=version, target=Stage.PRODUCTION, archive_existing=False, reason="")
    return register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)


def found(actor: Actor) -> list[list[str]]:
    return [[str(problem) for problem in problems_of(row)] for row in problematic_deployments(actor)]


def test_a_version_that_left_is_a_problem(served: Deployment, by_ada: Actor, ada: User, client: Client) -> None:
    client.force_login(ada)
    assert found(by_ada) == []
    version = ModelVersion.objects.get(pk=served.version_id)
    change_stage(actor=by_ada, version=version, target=Stage.ARCHIVED, archive_existing=False, reason="x")
    assert found(by_ada) == [["archived"]]
    rows = client.get("/api/v1/deployments?problem=archived").json()["deployments"]
    assert [(row["endpoint"], row["problems"]) for row in rows] == [("/predict", ["archived"])]
    assert client.get("/api/v1/deployments?problem=superseded").json()["deployments"] == []
    assert client.get("/api/v1/deployments?problem=none").status_code == 400
    for page in ("/endpoints/", "/models/fraud/"):
        assert "The version is archived." in client.get(page).content.decode()
    end_deployment(actor=by_ada, endpoint="/predict", number=1)
    assert found(by_ada) == []


def test_a_superseded_version_is_a_problem(served: Deployment, new_version: NewVersion, by_ada: Actor) -> None:
    change_stage(actor=by_ada, version=new_version(), target=Stage.PRODUCTION, archive_existing=False, reason="")
    assert found(by_ada) == [["superseded"]]


def test_a_critical_finding_is_a_problem_while_it_is_open(
    served: Deployment, by_ada: Actor, by_bea: Actor, bea: User
) -> None:
    grant_level(user=bea, model=served.version.model, level=Level.MANAGE)
    made = open_finding(actor=by_ada, name="fraud", version=1, severity="critical", title="Leaks", description="x")
    assert found(by_ada) == [["critical_finding"]]
    close_finding(actor=by_bea, finding_id=made.pk, state="false_positive", comment="No.")
    assert found(by_ada) == []


def test_other_files_are_a_critical_finding_once(served: Deployment, by_ada: Actor, by_bea: Actor, bea: User) -> None:
    grant_level(user=bea, model=served.version.model, level=Level.MANAGE)
    digest = served.version.artifact_digest
    assert attest_serving(actor=by_ada, deployment_id=served.pk, digest=digest).matches
    assert found(by_ada) == []
    for _ in range(2):
        assert not attest_serving(actor=by_ada, deployment_id=served.pk, digest=OTHER).matches
    assert found(by_ada) == [["critical_finding", "digest_mismatch"]]
    assert [row.severity for row in Finding.objects.filter(state=FindingState.OPEN)] == ["critical"]
    assert Event.objects.filter(action=Action.LINEAGE_DEPLOYMENT_ATTESTED).count() == 3
    assert Notice.objects.filter(person=bea, title__contains="loaded other files").exists()


def test_bad_attestations_are_refused(served: Deployment, by_ada: Actor, by_bea: Actor, settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = "read"
    with pytest.raises(InvalidInput):
        attest_serving(actor=by_ada, deployment_id=served.pk, digest="md5:1")
    with pytest.raises(Denied):
        attest_serving(actor=by_bea, deployment_id=served.pk, digest=OTHER)
    end_deployment(actor=by_ada, endpoint="/predict", number=1)
    with pytest.raises(InvalidState):
        attest_serving(actor=by_ada, deployment_id=served.pk, digest=OTHER)
    assert not ServingAttestation.objects.exists()


def test_the_list_costs_the_same_however_many_there_are(
    served: Deployment, by_ada: Actor, ada: User, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(ada)
    client.get("/api/v1/deployments")
    with django_assert_num_queries(1):
        assert found(by_ada) == []
    for number in range(3):
        register_deployment(actor=by_ada, endpoint=f"/other/{number}", model="fraud", version=1)
    open_finding(actor=by_ada, name="fraud", version=None, severity="critical", title="Leaks", description="x")
    with django_assert_num_queries(1):
        assert len(found(by_ada)) == 4
