"""What a caller may not see is the same 404 as what does not exist, in every API, and is in no list and no count.

`secret` is a model of ada's with everything a model can have; cy has no grant. Each route that names a model, or
anything of one, is asked for the hidden thing and for one that never was: status and body must agree but for the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from accounts.models import User
from approvals.models import ApprovalComment, CheckRun, TransitionRequest
from approvals.models.oversight import Finding
from approvals.oversight.findings import open_finding
from approvals.requests.comments import add_comment
from approvals.requests.open import open_request
from audit.models import Event
from audit.queries import by_actor
from core.actors import Actor
from lineage.models import Edge
from mlflow_api import urls  # noqa: F401 - registers every RPC
from mlflow_api.dispatch import REGISTERED, Rpc
from registry.models import Deployment, RegisteredModel
from registry.permissions import Level, grant_level
from registry.services.aliases import set_alias
from registry.services.deployments import register_deployment
from registry.services.models import create_model, rename_model
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, _own_store, by_ada, new_version, policies, run_checks
from tests.conftest import Acting
from tests.mlflow_api.databricks_fixtures import WorkspaceOf, in_person
from tests.mlflow_api.hidden_routes import FILTERS, OTHERS, ROUTES, UNREADABLE
from tests.mlflow_api.registry_fixtures import ApiOf, api_of
from tests.recorded_rows import RecordedRows

__all__ = ["_own_store", "api_of", "by_ada", "in_person", "new_version", "policies", "run_checks"]

# RPCs by the first part of their path. A new one has to be put on one side or the other.
NAMING = {"registered-models", "model-versions", "transition-requests", "comments", "activities", "databricks"}
NOT_NAMING = {
    "experiments", "runs", "metrics", "artifacts", "logged-models", "webhooks", "registry-webhooks", "upload-presigned",
    "traces", "users",
}  # fmt: skip
# A name that is taken has to be refused, so asking for a new one can tell; lists name no model and are looked at below.
EXCEPT = {"registered-models/create", "registered-models/search", "registered-models/list", "model-versions/search"}
ABSENT = 987_654_321


@dataclass(frozen=True)
class Hidden:
    """The ids of what belongs to `secret`."""

    model: int
    comment: int
    request: int
    deployment: int
    edge: int
    check: int
    finding: int


@pytest.fixture(autouse=True)
def _unmistakable_ids(db: None) -> None:
    """Number the rows of what is hidden from far above, so that an id can be told from other numbers in an answer."""
    start = 700_000
    with connection.cursor() as cursor:
        for model in (RegisteredModel, ApprovalComment, TransitionRequest, Deployment, Edge, CheckRun, Finding):
            table = model._meta.db_table
            if connection.vendor == "sqlite":
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, start])
            else:
                cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, start])


@pytest.fixture
def hidden(
    request: pytest.FixtureRequest, db: None, recorded: RecordedRows, settings: Settings, tmp_path: Path
) -> Hidden:
    known: Hidden = recorded.build("hidden", lambda: request.getfixturevalue("built"), folders=[tmp_path / "artifacts"])
    settings.DEFAULT_MODEL_LEVEL = "none"
    return known


@pytest.fixture
def built(
    policies: object, new_version: NewVersion, by_ada: Actor, cy: User, acting: Acting, settings: Settings
) -> Hidden:
    """What `hidden` is, built step by step."""
    version = new_version()
    rename_model(actor=by_ada, name="fraud", new_name="secret")
    set_alias(actor=by_ada, name="secret", alias="champion", version=1)
    comment = add_comment(actor=by_ada, name="secret", version=1, text="Between us.")
    request = open_request(
        actor=by_ada, name="secret", version=1, target=Stage.PRODUCTION, archive_existing=False, comment="Now."
    )
    deployment = register_deployment(actor=by_ada, endpoint="/score", model="secret", version=1)
    finding = open_finding(actor=by_ada, name="secret", version=1, severity="high", title="Drift.")
    check = CheckRun.objects.filter(request=request)[0]
    settings.DEFAULT_MODEL_LEVEL = "none"
    create_model(actor=acting(cy), name="own")
    edge = Edge.objects.filter(dst__urn="model-version:secret/1")[0]
    return Hidden(version.model_id, comment.pk, request.pk, deployment.pk, edge.pk, check.pk, finding.pk)


def fields_for(name: str) -> dict[str, Any]:
    return {
        "name": name, "version": "1", "stage": "Production", "alias": "champion", "key": "k", "value": "v",
        "description": "d", "new_name": "elsewhere", "source": f"models:/{name}/1", "creator": "ada", "comment": "c",
        "archive_existing_versions": True,
    }  # fmt: skip


def naming() -> list[Rpc]:
    return [rpc for rpc in REGISTERED if rpc.path.split("/")[0] in NAMING and rpc.path not in EXCEPT]


def test_every_rpc_is_on_one_side() -> None:
    assert {rpc.path.split("/")[0] for rpc in REGISTERED} <= NAMING | NOT_NAMING
    assert len(naming()) >= 35


@pytest.mark.parametrize("rpc", naming(), ids=lambda rpc: f"{rpc.area} {rpc.method} {rpc.path}")
@pytest.mark.parametrize("way", ["token", "in person"])
def test_an_rpc_tells_nothing(
    rpc: Rpc, way: str, hidden: Hidden, cy: User, api_of: ApiOf, in_person: WorkspaceOf
) -> None:
    api = api_of(cy) if way == "token" else in_person(cy)
    prefix = f"/api/{rpc.version}/{rpc.area}/"
    before = Event.objects.count()
    real = {"id": str(hidden.comment), "model_id": str(hidden.model), **fields_for("secret")}
    never = {"id": str(ABSENT), "model_id": str(ABSENT), **fields_for("absent")}
    answers = []
    for names in (real, never):
        path = rpc.path.format(model_id=names["model_id"])
        status, body = api(rpc.method, path, prefix=prefix, **names)
        answers.append((status, plain(str(body), names)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert Event.objects.count() == before


def plain(text: str, names: dict[str, Any]) -> str:
    """Return an answer without the names it was asked for."""
    for key in ("name", "id", "model_id"):
        text = re.sub(rf"\b{re.escape(str(names[key]))}\b", "X", text)
    return text


def test_a_copy_of_what_is_hidden_is_refused_as_of_what_is_not_there(hidden: Hidden, cy: User, api_of: ApiOf) -> None:
    answers = []
    for name in ("secret", "absent"):
        status, body = api_of(cy)("POST", "model-versions/create", name="own", source=f"models:/{name}/1")
        answers.append((status, str(body).replace(name, "X")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 400


def route_names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from route_names(pattern.url_patterns)
        elif pattern.name:
            yield pattern.name


def test_every_route_is_on_one_side() -> None:
    doors = ("api/v1/", "")
    found = set()
    for resolver in get_resolver().url_patterns:
        if isinstance(resolver, URLResolver) and str(resolver.pattern) in doors:
            found |= set(route_names(resolver.url_patterns))
    assert found - {name for name, *_ in ROUTES} - OTHERS == set()


@pytest.mark.parametrize(
    ("name", "method", "path", "body"), ROUTES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_route_tells_nothing(
    name: str, method: str, path: str, body: dict[str, Any] | None, hidden: Hidden, cy: User
) -> None:
    ids = ("request", "deployment", "edge", "comment", "check", "finding")
    real = {"name": "secret", **{key: getattr(hidden, key) for key in ids}}
    never = dict.fromkeys(real, ABSENT) | {"name": "absent"}
    answers = [shown(asked(cy, method, path, body, names), names) for names in (real, never)]
    assert answers[0] == answers[1]
    is_filter = method == "GET" and name in FILTERS and "node=model" not in path and "?" in path
    assert answers[0][0] == (200 if is_filter else 400 if (name, method) in UNREADABLE else 404)
    assert set(done_by(cy)) <= {"account.signed_in", "registry.model.created"}


def done_by(user: User) -> Iterator[str]:
    return Event.objects.filter(by_actor(user.username), outcome="ok").values_list("action", flat=True).iterator()


def asked(cy: User, method: str, path: str, body: dict[str, Any] | None, names: dict[str, Any]) -> Any:
    client = Client(headers={"X-Request-Id": "same"})
    client.force_login(cy)
    url = path.format(**names)
    if body is None:
        return client.get(url)
    filled = {key: value.format(**names) if isinstance(value, str) else value for key, value in body.items()}
    content_type = {"content_type": "application/json"} if url.startswith("/api/") else {}
    return (
        client.generic(method, url, _form(filled), "application/x-www-form-urlencoded")
        if not content_type
        else (getattr(client, method.lower())(url, filled, **content_type))
    )


def _form(values: dict[str, Any]) -> str:
    return "&".join(f"{key}={value}" for key, value in values.items())


def shown(answer: HttpResponse, names: dict[str, Any]) -> tuple[int, str, str]:
    """Return status, place and text of an answer without the names it was asked for
    and without what differs each time.
    """
    text = answer.content.decode()
    text = re.sub(r'(csrfmiddlewaretoken" value=|nonce=|X-CSRFToken[^:]*: ?)"?[^"\s]*"?', "", text)
    for value in map(str, names.values()):
        text = re.sub(rf"(?<!\d){re.escape(value)}(?!\d)", "X", text)
    place = answer.headers.get("Location", "").replace(str(names["request"]), "X")
    return answer.status_code, place, text


LISTS = (
    "/admin/", "/models/", "/webhooks/", "/endpoints/", "/lineage/", f"/lineage/?node=run:{1:032x}", "/audit/", "/runs/",
    "/datasets/", "/inventory/", "/policies/", "/findings/", "/emergencies/", "/notifications/", "/checks/", "/account/delegations/",
    "/api/v1/findings", "/api/v1/post-reviews", "/api/v1/check-runs", "/api/v1/policies/proposals", "/experiments/", "/admin/approvals/transitionrequest/", "/api/v1/models",
    "/api/v1/deployments", "/api/v1/transition-requests", "/api/v1/lineage/nodes",
    f"/api/v1/lineage/run:{1:032x}/descendants", "/api/v1/inventory", "/api/v1/inventory/export", "/api/2.0/mlflow/registered-models/search",
    "/api/2.0/mlflow/registered-models/list", "/api/2.0/mlflow/model-versions/search",
)  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_it_is_in_no_list(path: str, hidden: Hidden, cy: User, ada: User) -> None:
    client = Client()
    client.force_login(cy)
    answer = client.get(path)
    assert answer.status_code == 200
    assert "secret" not in answer.content.decode()
    assert "Between us" not in answer.content.decode()


def test_it_is_in_no_count(hidden: Hidden, cy: User) -> None:
    client = Client()
    client.force_login(cy)
    endpoints = client.get("/endpoints/").content.decode()
    assert "No endpoints yet" in endpoints
    assert "rollout" not in endpoints
    assert client.get("/api/v1/models").json()["models"][0]["name"] == "own"
    assert len(client.get("/api/v1/models").json()["models"]) == 1
    assert client.get("/api/v1/deployments").json()["deployments"] == []
    assert client.get("/api/2.0/mlflow/model-versions/search").json() == {}


@pytest.mark.parametrize(
    "path",
    [
        "/lineage/?node=endpoint:{0}",
        "/api/v1/lineage/endpoint:{0}/ancestors",
        "/api/v1/lineage/endpoint:{0}/graph",
        "/api/v1/lineage/endpoint:{0}/impact",
    ],
)
def test_an_endpoint_that_only_ever_served_it_is_not_there(path: str, hidden: Hidden, cy: User) -> None:
    answers = []
    for endpoint in ("/score", "/absent"):
        status, place, text = shown(asked(cy, "GET", path.format(endpoint), None, {}), {"request": endpoint})
        answers.append((status, place, text.replace(endpoint.replace("/", "%2F"), "X")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_a_run_that_anybody_may_see_does_not_name_it(hidden: Hidden, cy: User) -> None:
    client = Client()
    client.force_login(cy)
    run_id = RegisteredModel.objects.get(name="secret").versions.get().run_id
    for path in (f"/runs/{run_id}/", f"/api/v1/lineage/run:{run_id}/descendants", f"/lineage/?node=run:{run_id}"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "secret" not in answer.content.decode()


def test_a_name_given_again_does_not_show_what_it_was_before(
    hidden: Hidden, by_ada: Actor, cy: User, acting: Acting
) -> None:
    rename_model(actor=by_ada, name="secret", new_name="elsewhere")
    client = Client()
    client.force_login(cy)
    made = create_model(actor=acting(cy), name="secret")
    assert "Between us" not in client.get(f"/models/{made.name}/").content.decode()
    assert client.get("/api/v1/models/secret/versions").json()["versions"] == []


def test_the_rows_are_there_for_who_has_a_grant(hidden: Hidden, cy: User) -> None:
    grant_level(user=cy, model=RegisteredModel.objects.get(name="secret"), level=Level.READ)
    client = Client()
    client.force_login(cy)
    for path in ("/models/", "/endpoints/", "/api/v1/models", "/lineage/", "/api/v1/transition-requests"):
        assert "secret" in client.get(path).content.decode(), path
    assert client.get(f"/api/v1/transition-requests/{hidden.request}").status_code == 200
    assert TransitionRequest.objects.count() == ApprovalComment.objects.count() == Deployment.objects.count() == 1
