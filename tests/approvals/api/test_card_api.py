"""/api/v1: cards, their formats, differences, imports, and conformity packs."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import orjson
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import TransitionRequest
from approvals.requests.settle import apply_request
from core.actors import Actor
from registry.models import CardRevision
from registry.services.cards import edit_card
from tests.approvals.conftest import NewVersion
from tests.approvals.packs.test_packs import approve
from tests.conftest import Acting

JSON = "application/json"
CARD = "/api/v1/models/fraud/versions/1/card"
PACKS = "/api/v1/models/fraud/versions/1/packs"


def client_of(actor: Actor, user: User) -> Client:
    secret = issue_token(actor=actor, user=user, expires_in=timedelta(hours=1))[1]
    return Client(headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def api(ada: User, by_ada: Actor) -> Client:
    return client_of(by_ada, ada)


def test_a_card_with_its_completeness(api: Client, new_version: NewVersion) -> None:
    new_version()
    card = api.get(CARD).json()
    assert (card["number"], card["missing"]) == (2, [])
    assert card["completeness"]["plain"]["score"] == 100
    assert card["completeness"]["by_tier"]["template"] == "eu_annex_iv@1"
    assert 0 < card["completeness"]["by_tier"]["score"] < 100
    assert api.get(f"{CARD}?revision=1").json()["number"] == 1


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("json", "application/json"),
        ("hf", "text/markdown; charset=utf-8"),
        ("cyclonedx", "application/vnd.cyclonedx+json; version=1.6"),
        ("sagemaker", "application/json"),
        ("mct", "application/json"),
        ("html", "text/html; charset=utf-8"),
    ],
)
def test_every_format(kind: str, content_type: str, api: Client, new_version: NewVersion) -> None:
    new_version()
    answer = api.get(f"{CARD}?format={kind}&revision=2")
    assert (answer.status_code, answer["Content-Type"]) == (200, content_type)
    assert answer["Content-Disposition"].startswith('attachment; filename="fraud-v1-r2.')
    assert b"Written by somebody who knows." in answer.content


def test_cyclonedx_declares_the_approvals(api: Client, ready: TransitionRequest, by_bea: Actor) -> None:
    approve(by_bea, load_case(ready))
    text = api.get(CARD, {"format": "cyclonedx"}).content.decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    declared = orjson.loads(text)["declarations"]
    assert declared["affirmation"]["signatories"][0]["name"] == "bea"
    assert {evidence["propertyName"] for evidence in declared["evidence"]} >= {
        "custody:review",
        "custody:check:card.complete",
    }


def test_nothing_anybody_wrote_is_markup_in_the_page(api: Client, new_version: NewVersion, by_ada: Actor) -> None:
    version = new_version()
    hostile = "<script>alert(1)</script> ![x](http://evil.example/x.png) [y](javascript:alert(1))"
    edit_card(
        actor=by_ada,
        version=version,
        fields={"limitations": hostile, "task": "<b>x", "users": ["<i>"]},
        expected_number=2,
    )
    page = api.get(CARD, {"format": "html"}).content
    assert b"<script" not in page
    assert b'evil.example/x.png"' not in page
    assert b"javascript:alert" not in page.replace(b"[y](javascript:alert(1))", b"")
    assert b"&lt;b&gt;x" in page
    assert b"<li>&lt;i&gt;</li>" in page


def test_fields_of_every_kind_are_patched(api: Client, new_version: NewVersion) -> None:
    new_version()
    fields = {
        "users": ["Analysts", " "],
        "slices": [{"metric": "recall", "slice": "new", "value": 0.8}],
        "risk_rating": "medium",
        "task": "classification",
    }
    body = api.patch(CARD, {"fields": fields, "expected_number": 2}, JSON).json()["body"]
    assert body["users"] == {"value": ["Analysts"], "source": "human", "pointer": "user:ada"}
    assert body["slices"]["value"] == [{"metric": "recall", "slice": "new", "value": "0.8"}]
    assert body["risk_rating"]["value"] == "medium"


@pytest.mark.parametrize(
    "fields",
    [
        {"users": "text"},
        {"users": [1]},
        {"slices": [{"nonsense": "x"}]},
        {"slices": [{"metric": ["x"]}]},
        {"slices": {"metric": "x"}},
        {"risk_rating": "extreme"},
        {"task": "two\nlines"},
        {"evaluation": []},
        {"approvals": []},
        {"risk_tier": "minimal"},
        {"limitations": None},
        {"users": ["a\x00"]},
    ],
)
def test_a_value_of_another_kind_is_refused(fields: Any, api: Client, new_version: NewVersion) -> None:
    new_version()
    answer = api.patch(CARD, {"fields": fields, "expected_number": 2}, JSON)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert CardRevision.objects.count() == 2


def test_an_import(api: Client, new_version: NewVersion) -> None:
    new_version()
    text = "---\nlicense: mit\ninference: false\n---\n## Limitations\n\nFrom elsewhere.\n"
    answer = api.post(f"{CARD}/import", {"format": "hf", "content": text, "expected_number": 2}, JSON).json()
    assert (answer["imported"], answer["unknown"]) == (["licence", "limitations"], ["front matter: inference"])
    entry = answer["card"]["body"]["limitations"]
    assert (entry["value"], entry["source"], entry["pointer"]) == ("From elsewhere.", "imported", answer["origin"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"format": "hf", "content": "## Limitations\n\n<script>", "expected_number": 2}, 400),
        ({"format": "pdf", "content": "x", "expected_number": 2}, 400),
        ({"format": "mct", "content": "{", "expected_number": 2}, 400),
        ({"format": "hf", "content": "x" * 1_000_001, "expected_number": 2}, 413),
        ({"format": "hf", "content": "## Limitations\n\nx.", "expected_number": 1}, 409),
    ],
)
def test_a_bad_import_writes_nothing(body: Any, status: int, api: Client, new_version: NewVersion) -> None:
    new_version()
    answer = api.post(f"{CARD}/import", body, JSON)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert CardRevision.objects.count() == 2


def test_the_difference_between_revisions(api: Client, new_version: NewVersion, by_ada: Actor) -> None:
    version = new_version()
    edit_card(actor=by_ada, version=version, fields={"users": ["Analysts"]}, expected_number=2)
    found = api.get(f"{CARD}/diff").json()
    assert (found["before"], found["after"]) == ("v1 revision 2", "v1 revision 3")
    assert [(change["field"], change["before"], change["after"]["value"]) for change in found["changes"]] == [
        ("users", {}, ["Analysts"])
    ]
    all_changes = api.get(f"{CARD}/diff?from_revision=1").json()["changes"]
    assert {change["field"] for change in all_changes} > {"users", "limitations"}


def test_the_difference_between_versions(api: Client, new_version: NewVersion) -> None:
    new_version(auc=0.91)
    new_version(auc=0.95)
    found = api.get("/api/v1/models/fraud/versions/2/card/diff?from_version=1").json()
    assert found["before"] == "v1 revision 2"
    assert {change["field"] for change in found["changes"]} == {"artifact", "evaluation", "metrics", "training"}


@pytest.mark.parametrize("query", ["revision=9", "format=pdf", "revision=x", f"revision={2**70}"])
def test_a_card_that_is_not_there(query: str, api: Client, new_version: NewVersion) -> None:
    new_version()
    answer = api.get(f"{CARD}?{query}")
    assert answer.status_code in {400, 404}
    assert answer["Content-Type"] == "application/problem+json"


def test_packs_are_listed_and_fetched(api: Client, ready: TransitionRequest, by_bea: Actor) -> None:
    approve(by_bea, load_case(ready))
    apply_request(request_id=ready.pk)
    (waiting,) = api.get(PACKS).json()["packs"]
    assert (waiting["ready"], waiting["digest"], api.get(f"{PACKS}/1").status_code) == (False, "", 404)
    tasks.freeze_packs()
    (pack,) = api.get(PACKS).json()["packs"]
    fetched = api.get(f"{PACKS}/1")
    data = b"".join(fetched.streaming_content)  # type: ignore[attr-defined]  # a FileResponse
    assert (fetched["Content-Type"], len(data)) == ("application/zip", pack["bytes"])
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == pack["digest"]


def test_more_packs_cost_no_more_queries(api: Client, ready: TransitionRequest, by_bea: Actor) -> None:
    approve(by_bea, load_case(ready))
    apply_request(request_id=ready.pk)
    tasks.freeze_packs()
    with CaptureQueriesContext(connection) as queries:
        api.get(PACKS)
    reads = [query["sql"] for query in queries if "registry_packorder" in query["sql"]]
    assert len(reads) == 1
    assert "registry_frozenpack" in reads[0]


def test_what_one_may_not_see_is_not_there(
    settings: Settings, cy: User, acting: Acting, new_version: NewVersion
) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = ""
    other = client_of(acting(cy), cy)
    for path in (CARD, f"{CARD}?format=hf", f"{CARD}/diff", PACKS, f"{PACKS}/1"):
        assert other.get(path).status_code == 404
    assert other.patch(CARD, {"fields": {}, "expected_number": 1}, JSON).status_code == 404
