"""Search: everything of every kind that the viewer may see, nothing else, in a bounded number of queries and time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from approvals.models import TransitionRequest
from console.search import queries
from console.search.queries import search_everything
from core.actors import Actor
from core.deadlines import TookTooLong, time_limit
from lineage.models import Node
from registry.models import ModelVersion, RegisteredModel
from registry.services.models import create_model
from tests.approvals.conftest import NewVersion
from tests.conftest import Acting
from tests.console.conftest import Asked, SignedIn, text_of
from tracking.models import Run

# Counts for as long as it is told.
_COUNT = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) SELECT count(*) FROM n WHERE i > 1"
)


def titles(user: User, acting: Acting, text: str) -> dict[str, list[str]]:
    found = search_everything(acting(user), text, limit=5)
    return {results.title: [hit.title for hit in results.hits] for results in found}


def test_each_kind_is_searched_by_its_usual_names(asked: Asked, cy: User, acting: Acting) -> None:
    request = asked()
    run = Run.objects.get(pk=request.version.run_id)
    line = f"#{request.pk} fraud v1 → Production"
    assert titles(cy, acting, "fra")["Models"] == ["fraud"]
    assert titles(cy, acting, "fra")["Requests"] == [line]
    for text in ("fraud 1", "fraud v1", "FRAUD/1", "models:/fraud/1", "fraudv1"):
        assert titles(cy, acting, text)["Versions"] == ["fraud v1"], text
    for text in (f"#{request.pk}", str(request.pk), f"request {request.pk}", "ada"):
        assert line in titles(cy, acting, text)["Requests"], text
    assert titles(cy, acting, run.pk[:12])["Runs"] == [run.name or run.pk[:8]]
    assert titles(cy, acting, run.pk)["Versions"] == ["fraud v1"]
    assert titles(cy, acting, "cy")["People"] == ["cy"]
    data = Node.objects.filter(urn__startswith="dataset-version:").first()
    assert data is not None
    assert f"{data.name} {data.version}" in titles(cy, acting, data.name)["Datasets"]
    assert titles(cy, acting, "no such thing") == titles(cy, acting, "  ") == {}


def test_the_exact_name_comes_first(cy: User, acting: Acting, by_ada: Actor) -> None:
    for name in ("a-fraud", "fraud", "fraud-2", "zz"):
        create_model(actor=by_ada, name=name, description="About fraud.")
    assert titles(cy, acting, "fraud")["Models"] == ["fraud", "fraud-2", "a-fraud", "zz"]


def test_hidden_objects_are_not_found(
    asked: Asked, cy: User, ada: User, acting: Acting, settings: Settings, signed_in: SignedIn
) -> None:
    request = asked()
    run = request.version.run_id
    settings.DEFAULT_MODEL_LEVEL = settings.DEFAULT_EXPERIMENT_LEVEL = "none"
    data = Node.objects.filter(urn__startswith="dataset-version:").first()
    assert data is not None
    for text in ("fraud", "fraud v1", str(request.pk), run, data.name):
        assert titles(cy, acting, text).keys() <= {"People"}, text
        page = text_of(signed_in(cy).get("/search/", {"q": text}))
        assert "No" in page
        assert "/models/fraud/" not in page


def test_the_page_and_the_quick_list(asked: Asked, cy: User, signed_in: SignedIn) -> None:
    asked()
    client = signed_in(cy)
    assert "/models/fraud/versions/1/" in client.get("/search/", {"q": "fraud 1"}).content.decode()
    quick = client.get("/search/quick/", {"q": "fraud"}).content.decode()
    assert "/models/fraud/" in quick
    assert "<html" not in quick
    assert client.post("/search/").status_code == 405
    hostile = client.get("/search/", {"q": "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert" not in hostile
    assert client.get("/search/quick/", {"q": "%_\\'\"" * 300}).status_code == 200


def test_more_rows_cost_no_more_queries(
    asked: Asked, new_version: NewVersion, cy: User, acting: Acting, settings: Settings
) -> None:
    settings.DEFAULT_MODEL_LEVEL = settings.DEFAULT_EXPERIMENT_LEVEL = "read"
    asked()

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            search_everything(acting(User.objects.get(username="ada")), "a", limit=5)
        return len(captured)

    before = cost()
    for number in range(4):
        new_version()
        User.objects.create_user(f"ada-{number}", owner=None).groups.add(Group.objects.get(name="reviewers"))
    assert TransitionRequest.objects.exists()
    assert ModelVersion.objects.count() > 4
    assert cost() == before


def test_a_search_beyond_the_time_limit_is_marked(
    cy: User, acting: Acting, new_version: NewVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_version()

    def slow(*_arguments: object) -> Any:
        columns = "m.id, m.name, m.description"
        return RegisteredModel.objects.raw(
            _COUNT.replace("count(*) FROM n", f"{columns} FROM registry_registeredmodel m, n"), [2 * 10**9]
        )

    first, *rest = queries._KINDS
    monkeypatch.setattr(queries, "SECONDS", 0.5)
    late = queries._Kind(first.title, first.icon, slow, first.hit, first.route)
    monkeypatch.setattr(queries, "_KINDS", (late, *rest))
    start = time.monotonic()
    found = search_everything(acting(cy), "cy", limit=5)
    assert time.monotonic() - start < 5
    assert [(results.title, results.is_late) for results in found] == [("Models", True), ("People", False)]


def test_the_time_limit_ends_with_its_block(db: None) -> None:
    with pytest.raises(TookTooLong), time_limit(0.05), connection.cursor() as cursor:
        cursor.execute(_COUNT, [2 * 10**9])
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [300_000])
        assert cursor.fetchone() == (299_999,)
