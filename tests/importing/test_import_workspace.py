"""Permissions, transition requests and comments of a workspace, read over its wire from this server itself."""

from __future__ import annotations

import io
import sys
from datetime import timedelta

import pytest
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.principals import PrincipalKind
from accounts.services import issue_token
from approvals.models import ApprovalComment, TransitionRequest
from approvals.requests.comments import add_comment
from approvals.requests.open import open_request
from importing.ledger import Ledger
from importing.load import ImportContext
from importing.load_governance import GovernanceImport
from importing.progress import Progress
from importing.report import Report
from importing.sources.governance import OldGrant
from importing.sources.http import Server
from importing.sources.rest import RestSource
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Grant, Level, grants_of
from registry.services.models import create_model
from registry.services.permissions import set_permissions
from registry.services.versions import create_version
from tests.approvals.governed import publish
from tests.signed_in import actor_of
from tracking.artifacts import store_artifact
from tracking.services.runs import create_run


@pytest.fixture
def source(live_server: LiveServer, ada: User, bea: User, cy: User) -> RestSource:
    """A workspace with a model of ada's: bea may edit it, has commented on version 1 and asks for Production."""
    by_ada, by_bea = actor_of(ada), actor_of(bea)
    run = create_run(actor=by_ada, experiment_id=0)
    path = f"{run.artifact_uri.removeprefix('mlflow-artifacts:/')}/model/note.txt"
    store_artifact(actor=by_ada, path=path, stream=io.BytesIO(b"weights"))
    for name in ("fraud", "here"):
        create_model(actor=by_ada, name=name)
        create_version(actor=by_ada, name=name, source=f"runs:/{run.pk}/model", run_id=run.pk)
    grants = [Grant(PrincipalKind.USER, "bea", Level.EDIT), Grant(PrincipalKind.GROUP, "reviewers", Level.READ)]
    set_permissions(actor=by_ada, name="fraud", grants=grants, replace=False)
    add_comment(actor=by_bea, name="fraud", version=1, text="Looks good.")
    publish()
    open_request(actor=by_bea, name="fraud", version=1, target="Production", archive_existing=True, comment="Please.")
    secret = issue_token(actor=by_ada, user=ada, expires_in=timedelta(hours=1))[1]
    return RestSource(Server(live_server.url, {"MLFLOW_TRACKING_TOKEN": secret}))


def imported(source: RestSource, actor_name: str, report: Report) -> None:
    actor = actor_of(User.objects.get(username=actor_name))
    context = ImportContext(actor, source, Ledger(source.origin), report, Progress(sys.stderr, 1))
    GovernanceImport(context, source.workspace).run({"fraud": RegisteredModel.objects.get(name="here")}, {"fraud": [1]})


@pytest.mark.django_db(transaction=True)
def test_permissions_requests_and_comments_come_along_once(source: RestSource) -> None:
    User.objects.filter(username="cy").update(is_active=True)
    report = Report()
    imported(source, "ada", report)
    here = RegisteredModel.objects.get(name="here")
    assert {(grant.name, grant.level) for grant in grants_of(here)} >= {("bea", Level.EDIT), ("reviewers", Level.READ)}
    comments = ApprovalComment.objects.filter(version__model=here).order_by("pk")
    assert [row.author.username for row in comments] == ["ada", "ada"]
    assert [row.text.partition(" on ")[0] for row in comments] == ["bea wrote", "bea asked"]
    assert "to move this version to Production" in comments[1].text
    assert not TransitionRequest.objects.filter(version__model=here).exists()
    assert any("open a new request here" in line for line in report.lines())
    imported(source, "ada", Report())
    assert comments.count() == 2


@pytest.mark.django_db(transaction=True)
def test_unknown_people_are_reported(source: RestSource, monkeypatch: pytest.MonkeyPatch) -> None:
    grants = [OldGrant("user", "dora", "CAN_EDIT"), OldGrant("user", "bea", "CAN_FLY")]
    monkeypatch.setattr("importing.sources.workspace.Workspace.grants", lambda *_: grants)
    report = Report()
    imported(source, "ada", report)
    assert report.imported["permissions"] == 0
    assert any("no account or group of that name" in line for line in report.lines())
    assert ModelVersion.objects.filter(model__name="here").count() == 1
