"""The pages of checks: the list, one run, its dialogs and files, and the keys for results from outside."""

from __future__ import annotations

import base64

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from approvals.models import CheckKey, CheckRun, CheckState
from core.actors import Actor
from tests.approvals.conftest import NewVersion
from tests.approvals.publishing import publish_policy
from tests.console.conftest import Asked, SignedIn, text_of
from tests.validation.plugin_checks import CHECKS

KEY = base64.b64encode(b"k" * 32).decode()


@pytest.fixture
def scan(asked: Asked) -> CheckRun:
    return CheckRun.objects.get(request=asked(), rule="safe-artifact")


@pytest.fixture
def queued(asked: Asked) -> CheckRun:
    return CheckRun.objects.get(request=asked(checked=False), rule="card")


def test_every_check_is_listed_with_its_parameters(policies: object, cy: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(cy).get("/checks/"))
    for words in ("model.smoke", "memory_mb", "a whole number from 256 to 65536", "production-default r1", "required"):
        assert words in page
    assert "Add a key" not in page


def test_a_run_shows_inputs_evidence_and_files(scan: CheckRun, ada: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(ada).get(f"/checks/runs/{scan.pk}/"))
    for words in ("artifact.scan", "scan.json", "not recognised", "attempt 1 on", "allow_code", "Waited"):
        assert words in page
    assert "hx-trigger" not in page.partition('id="live"')[2].partition("</section>")[0]


def test_a_file_is_always_a_download(scan: CheckRun, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    answer = client.get(f"/checks/runs/{scan.pk}/files/scan.json")
    assert answer["Content-Disposition"] == 'attachment; filename="scan.json"'
    assert (answer["X-Content-Type-Options"], answer["Content-Type"]) == ("nosniff", "application/octet-stream")
    assert b'"verdict": "clean"' in answer.getvalue()
    assert client.get(f"/checks/runs/{scan.pk}/files/other.json").status_code == 404


def test_a_running_check_reloads_its_progress(queued: CheckRun, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    assert f'hx-get="/checks/runs/{queued.pk}/live/"' in text_of(client.get(f"/checks/runs/{queued.pk}/"))
    CheckRun.objects.filter(pk=queued.pk).update(state="running", log="12:00:00 half way", progress=50)
    part = client.get(f"/checks/runs/{queued.pk}/live/")
    assert "half way" in text_of(part)
    assert "HX-Refresh" not in part.headers
    CheckRun.objects.filter(pk=queued.pk).update(state="passed")
    assert client.get(f"/checks/runs/{queued.pk}/live/").headers["HX-Refresh"] == "true"


def test_cancelling_needs_a_confirmed_post(queued: CheckRun, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    assert client.get(f"/checks/runs/{queued.pk}/cancel/").status_code == 200
    queued.refresh_from_db()
    assert queued.state == CheckState.QUEUED
    assert client.post(f"/checks/runs/{queued.pk}/cancel/", {"reason": "not now"}).status_code == 302
    queued.refresh_from_db()
    assert queued.summary == "Cancelled by ada: not now."
    assert client.post(f"/checks/runs/{queued.pk}/again/").status_code == 302
    queued.refresh_from_db()
    assert queued.state == CheckState.QUEUED


def test_a_refusal_is_shown_in_the_dialog(scan: CheckRun, ada: User, signed_in: SignedIn) -> None:
    answer = signed_in(ada).post(f"/checks/runs/{scan.pk}/cancel/", {}, headers={"HX-Request": "true"})
    assert "only a check that waits or runs is cancelled" in text_of(answer)


def test_the_run_of_a_hidden_model_is_not_found(
    scan: CheckRun, cy: User, signed_in: SignedIn, settings: Settings
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"
    client = signed_in(cy)
    for path in ("", "live/", "cancel/", "again/", "files/scan.json"):
        assert client.get(f"/checks/runs/{scan.pk}/{path}").status_code == 404


def test_a_reader_gets_no_buttons(queued: CheckRun, cy: User, signed_in: SignedIn, settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = "read"
    client = signed_in(cy)
    assert "/cancel/" not in text_of(client.get(f"/checks/runs/{queued.pk}/"))
    assert "may not edit" in text_of(client.post(f"/checks/runs/{queued.pk}/cancel/", {}))
    queued.refresh_from_db()
    assert queued.state == CheckState.QUEUED


def test_the_history_costs_no_more_queries(
    scan: CheckRun, new_version: NewVersion, asked: Asked, ada: User, signed_in: SignedIn
) -> None:
    client = signed_in(ada)
    client.get(f"/checks/runs/{scan.pk}/")
    with CaptureQueriesContext(connection) as few:
        client.get(f"/checks/runs/{scan.pk}/")
    for _ in range(3):
        asked(new_version())
    with CaptureQueriesContext(connection) as many:
        page = text_of(client.get(f"/checks/runs/{scan.pk}/"))
    assert "v4, request" in page
    assert len(many) == len(few)


def test_the_list_costs_no_more_queries(asked: Asked, new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    asked()
    with CaptureQueriesContext(connection) as few:
        assert len(client.get("/api/v1/check-runs").json()["check_runs"]) == 6
    for _ in range(3):
        asked(new_version())
    with CaptureQueriesContext(connection) as many:
        assert len(client.get("/api/v1/check-runs").json()["check_runs"]) == 24
    assert len(many) == len(few)


def test_a_superuser_adds_and_revokes_keys(ops: User, signed_in: SignedIn) -> None:
    client = signed_in(ops)
    assert client.post("/checks/keys/add/", {"name": "CI", "public_key": KEY}).status_code == 400
    assert client.post("/checks/keys/add/", {"name": "ci", "public_key": KEY, "note": "ours"}).status_code == 302
    assert "Revoke" in text_of(client.get("/checks/"))
    assert client.post("/checks/keys/ci/revoke/", {"reason": "leaked"}).status_code == 302
    assert CheckKey.objects.get().revoked_by == "ops"


def test_only_superusers_change_keys(ada: User, signed_in: SignedIn) -> None:
    answer = signed_in(ada).post("/checks/keys/add/", {"name": "ci", "public_key": KEY})
    assert "Only a superuser" in text_of(answer)
    assert not CheckKey.objects.exists()


def test_the_output_of_a_check_is_escaped(scan: CheckRun, ada: User, signed_in: SignedIn, by_ada: Actor) -> None:
    CheckRun.objects.filter(pk=scan.pk).update(log="<script>alert(1)</script>", summary="<b>x</b>")
    page = text_of(signed_in(ada).get(f"/checks/runs/{scan.pk}/"))
    assert "<script>alert" not in page
    assert "&lt;b&gt;x" in page


def test_a_plug_in_check_is_described_like_a_built_in_one(settings: Settings, cy: User, signed_in: SignedIn) -> None:
    settings.CHECKS = [*settings.CHECKS, *CHECKS]
    rules = [
        {"id": "name", "check": "naming.short", "with": {"most": 5}},
        {"id": "code", "check": "acme.reviewed", "with": {"by": "risk"}},
    ]
    revision = publish_policy(body={"name": "acme", "applies_to": {"target": "Staging"}, "rules": rules})
    client = signed_in(cy)
    policy = text_of(client.get(f"/policies/{revision.policy_id}/"))
    assert "The name of the model is short (most: 5)." in policy
    assert "The team risk must have reviewed its code." in policy
    checks = text_of(client.get("/checks/"))
    assert "The longest name, in characters." in checks
    assert "acme.reviewed" in checks
    listed = {row["code"]: row for row in client.get("/api/v1/checks").json()["checks"]}
    assert listed["naming.short"]["description"] == "The name of the model is short."
    assert [param["description"] for param in listed["naming.short"]["params"]] == [
        "The longest name, in characters.",
        "Whether only ASCII counts as short.",
    ]
    assert listed["acme.reviewed"]["params"] == []
