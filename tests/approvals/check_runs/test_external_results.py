"""Results posted from outside: signed by the right key, for these files, once, and in time."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.check_runs.control import cancel_check, rerun_check
from approvals.check_runs.envelopes import PAYLOAD_TYPE, signed_bytes
from approvals.check_runs.external_results import post_result
from approvals.check_runs.keys import add_check_key, revoke_check_key
from approvals.check_runs.sweep import requeue_expired
from approvals.models import CheckKey, CheckRun, CheckState, ExternalResult
from approvals.requests.open import open_request
from audit.actions import Action
from audit.models import Event
from core.actors import Actor, system_actor
from core.errors import AlreadyExists, Conflict, Denied, DomainError, InvalidInput, InvalidState, NotFound
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.publishing import publish_policy
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture

SECRET = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
POLICY = {
    "name": "audited",
    "applies_to": {"target": "Staging"},
    "rules": [{"id": "bias", "check": "external", "with": {"name": "Bias audit", "keys": ["ci"]}}],
}
Envelope = dict[str, Any]


def public(secret: Ed25519PrivateKey) -> str:
    return base64.b64encode(secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


@pytest.fixture
@recorded_fixture
def key(ops: User, acting: Acting) -> CheckKey:
    return add_check_key(actor=acting(ops), name="ci", public_key=public(SECRET))


@pytest.fixture
@recorded_fixture
def job(key: CheckKey, new_version: NewVersion, by_ada: Actor) -> CheckRun:
    publish_policy(body=POLICY)
    version = new_version()
    request = open_request(
        actor=by_ada, name="fraud", version=version.version, target=Stage.STAGING, archive_existing=False
    )
    return CheckRun.objects.get(request=request)


@pytest.fixture
def by_bot(bot: User, acting: Acting) -> Actor:
    return acting(bot)


def payload(job: CheckRun, **changes: Any) -> dict[str, Any]:
    return {
        "check_run": job.pk,
        "inputs_digest": job.inputs_digest,
        "artifact_digest": job.request.version.artifact_digest,
        "passed": True,
        "summary": "No group is worse off.",
        "evidence": {"gap": 0.01},
        "timestamp": timezone.now().isoformat(),
        "nonce": "nonce-0001",
    } | changes


def sealed(said: object, secret: Ed25519PrivateKey = SECRET, key: str = "ci") -> Envelope:
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    signature = base64.b64encode(secret.sign(signed_bytes(raw))).decode()
    body = base64.b64encode(raw).decode()
    return {"payloadType": PAYLOAD_TYPE, "payload": body, "signatures": [{"keyid": key, "sig": signature}]}


def state(job: CheckRun) -> str:
    job.refresh_from_db()
    return job.state


def test_no_worker_runs_it_and_nobody_reminds_one(job: CheckRun) -> None:
    assert state(job) == CheckState.WAITING
    assert tasks.run_check(job.pk) == "nothing to do"
    assert requeue_expired(actor=system_actor("test"), now=timezone.now() + timedelta(days=30)) == 0
    verdict = load_case(reread(job.request)).verdict
    assert verdict.state.value == "pending"
    assert "posting the signed result" in verdict.blocked_by()[0]["who_can_resolve"]


def test_a_signed_result_passes_and_its_poster_is_the_author(job: CheckRun, by_bot: Actor) -> None:
    done = post_result(actor=by_bot, check_run_id=job.pk, envelope=sealed(payload(job)))
    assert (done.state, done.author, done.summary) == ("passed", "bot", "No group is worse off.")
    assert done.evidence == {"signed_by": "ci", "posted_by": "bot", "said": {"gap": "0.01"}}
    assert load_case(reread(job.request)).snapshot.checks["bias"].author == "bot"
    assert [row.name for row in done.files.all()] == ["result.json"]
    assert Event.objects.filter(action=Action.APPROVALS_CHECK_RESULT_POSTED, outcome="ok").count() == 1


@pytest.mark.parametrize("poster", ["bot", "bea"])
def test_who_posted_it_and_who_owns_them_may_be_kept_out(
    job: CheckRun, ada: User, bea: User, bot: User, acting: Acting, poster: str
) -> None:
    actor = acting({"bot": bot, "bea": bea}[poster])
    post_result(actor=actor, check_run_id=job.pk, envelope=sealed(payload(job)))
    people = load_case(reread(job.request)).snapshot.people
    assert people["check_author"] == ({"bot", "ada"} if poster == "bot" else {"bea"})


def test_a_failed_result_fails(job: CheckRun, by_bot: Actor) -> None:
    post_result(actor=by_bot, check_run_id=job.pk, envelope=sealed(payload(job, passed=False)))
    assert state(job) == CheckState.FAILED


OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
Bad = Callable[[CheckRun], Envelope]
REFUSED: list[tuple[Bad, type[DomainError]]] = [
    (lambda job: sealed(payload(job), OTHER), Denied),
    (lambda job: sealed(payload(job), SECRET, "nobody"), Denied),
    (lambda job: sealed(payload(job), OTHER, "other"), Denied),
    (lambda job: sealed(payload(job)) | {"payload": sealed(payload(job, passed=False))["payload"]}, Denied),
    (lambda job: sealed(payload(job, inputs_digest="0" * 64)), Conflict),
    (lambda job: sealed(payload(job, artifact_digest="sha256:0")), Conflict),
    (lambda job: sealed(payload(job, check_run=job.pk + 1)), InvalidInput),
    (lambda job: sealed(payload(job, timestamp=(timezone.now() - timedelta(minutes=16)).isoformat())), InvalidInput),
    (lambda job: sealed(payload(job, timestamp=(timezone.now() + timedelta(minutes=16)).isoformat())), InvalidInput),
    (lambda job: sealed(payload(job, timestamp="2026-11-25T23:00:00")), InvalidInput),
    (lambda job: sealed(payload(job, nonce="short")), InvalidInput),
    (lambda job: sealed(payload(job, passed=1)), InvalidInput),
    (lambda job: sealed(payload(job, summary=" ")), InvalidInput),
    (lambda job: sealed(payload(job, evidence={"a": "\x00"})), InvalidInput),
    (lambda job: sealed(payload(job, evidence={"a": "\ud800"})), InvalidInput),
    (lambda job: sealed(payload(job, extra=1)), InvalidInput),
    (lambda _: sealed(b"not json"), InvalidInput),
    (lambda _: sealed(b"[" * 100_000), InvalidInput),
    (lambda job: sealed(json.dumps(payload(job)).encode("utf-16")), InvalidInput),
    (lambda _: sealed(b" " * 300_000), InvalidInput),
    (lambda job: sealed(payload(job)) | {"payloadType": "text/plain"}, InvalidInput),
    (lambda job: sealed(payload(job)) | {"signatures": []}, InvalidInput),
    (lambda job: sealed(payload(job)) | {"signatures": [{"keyid": "ci", "sig": "x" * 101}]}, InvalidInput),
    (lambda job: sealed(payload(job)) | {"payload": "***"}, InvalidInput),
]


@pytest.mark.parametrize(("bad", "error"), REFUSED)
def test_what_is_refused_changes_nothing(
    job: CheckRun, by_bot: Actor, ops: User, acting: Acting, bad: Bad, error: type[DomainError]
) -> None:
    add_check_key(actor=acting(ops), name="other", public_key=public(OTHER))
    with pytest.raises(error):
        post_result(actor=by_bot, check_run_id=job.pk, envelope=bad(job))
    assert state(job) == CheckState.WAITING
    assert not ExternalResult.objects.exists()


def test_a_revoked_key_signs_nothing_more(job: CheckRun, by_bot: Actor, ops: User, acting: Acting) -> None:
    revoke_check_key(actor=acting(ops), name="ci", reason="leaked")
    with pytest.raises(Denied):
        post_result(actor=by_bot, check_run_id=job.pk, envelope=sealed(payload(job)))
    assert state(job) == CheckState.WAITING


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no row locks: one writer at a time")
def test_a_key_is_not_revoked_while_a_result_is_stored(job: CheckRun, by_bot: Actor) -> None:
    with CaptureQueriesContext(connection) as queries:
        post_result(actor=by_bot, check_run_id=job.pk, envelope=sealed(payload(job)))
    read = [row["sql"] for row in queries if 'FROM "approvals_checkkey"' in row["sql"]]
    assert read
    assert all("FOR NO KEY UPDATE" in sql for sql in read[:1])


def test_a_result_is_not_taken_twice(job: CheckRun, by_bot: Actor, by_ada: Actor) -> None:
    envelope = sealed(payload(job, passed=False))
    post_result(actor=by_bot, check_run_id=job.pk, envelope=envelope)
    rerun_check(actor=by_ada, check_run_id=job.pk)
    assert state(job) == CheckState.WAITING
    with pytest.raises(Conflict, match="was posted before"):
        post_result(actor=by_bot, check_run_id=job.pk, envelope=envelope)
    post_result(actor=by_bot, check_run_id=job.pk, envelope=sealed(payload(job, nonce="nonce-0002")))
    assert state(job) == CheckState.PASSED


def test_a_cancelled_check_takes_no_result(job: CheckRun, by_bot: Actor, by_ada: Actor) -> None:
    cancel_check(actor=by_ada, check_run_id=job.pk)
    with pytest.raises(InvalidState):
        post_result(actor=by_bot, check_run_id=job.pk, envelope=sealed(payload(job)))
    assert state(job) == CheckState.CANCELLED


def test_a_late_result_after_a_change_does_not_count(job: CheckRun, by_bot: Actor) -> None:
    envelope = sealed(payload(job))
    version = job.request.version
    type(version).objects.filter(pk=version.pk).update(artifact_digest="sha256:changed")
    with pytest.raises(Conflict):
        post_result(actor=by_bot, check_run_id=job.pk, envelope=envelope)
    assert state(job) == CheckState.WAITING


def test_a_result_of_a_check_that_runs_here_is_refused(job: CheckRun, by_bot: Actor) -> None:
    CheckRun.objects.filter(pk=job.pk).update(check_code="card.complete")
    with pytest.raises(InvalidState, match="runs on this server"):
        post_result(actor=by_bot, check_run_id=job.pk, envelope=sealed(payload(job)))


def test_a_job_of_a_hidden_model_does_not_exist(job: CheckRun, cy: User, acting: Acting, settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"
    with pytest.raises(NotFound):
        post_result(actor=acting(cy), check_run_id=job.pk, envelope=sealed(payload(job)))


@pytest.mark.parametrize("who", ["ada", "bea", "bot"])
def test_only_a_superuser_adds_and_revokes_keys(who: str, ada: User, bea: User, bot: User, acting: Acting) -> None:
    actor = acting({"ada": ada, "bea": bea, "bot": bot}[who])
    with pytest.raises(Denied):
        add_check_key(actor=actor, name="ci", public_key=public(SECRET))
    with pytest.raises(Denied):
        revoke_check_key(actor=actor, name="ci")
    assert not CheckKey.objects.exists()


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("ci", public(SECRET), AlreadyExists),
        ("CI", public(SECRET), InvalidInput),
        ("b", "eA==", InvalidInput),
        ("c", "*", InvalidInput),
    ],
)
def test_bad_keys(key: CheckKey, ops: User, acting: Acting, name: str, text: str, error: type[DomainError]) -> None:
    with pytest.raises(error):
        add_check_key(actor=acting(ops), name=name, public_key=text)
    assert CheckKey.objects.count() == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE approvals_externalresult SET posted_by = 'x'",
        "DELETE FROM approvals_externalresult",
        "UPDATE approvals_checkevidence SET sha256 = 'x'",
        "DELETE FROM approvals_checkevidence",
        "UPDATE approvals_checkkey SET public_key = 'x'",
        "DELETE FROM approvals_checkkey",
    ],
)
def test_the_database_keeps_them(job: CheckRun, by_bot: Actor, sql: str) -> None:
    post_result(actor=by_bot, check_run_id=job.pk, envelope=sealed(payload(job)))
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_over_the_api(job: CheckRun, ada: User, ops: User) -> None:
    client = APIClient()
    client.force_login(ada)
    found = client.get("/api/v1/check-runs", {"request": str(job.request_id), "rule": "bias"}).json()["check_runs"]
    assert [(row["id"], row["state"], row["inputs_digest"]) for row in found] == [
        (job.pk, "waiting", job.inputs_digest)
    ]
    path = f"/api/v1/check-runs/{job.pk}"
    assert client.post(f"{path}/result", sealed(payload(job), OTHER), format="json").status_code == 403
    assert client.post(f"{path}/result", {"payload": 1}, format="json").status_code == 400
    done = client.post(f"{path}/result", sealed(payload(job)), format="json")
    assert (done.status_code, done.json()["author"]) == (200, "ada")
    file = client.get(f"{path}/files/result.json")
    assert file["Content-Disposition"].startswith("attachment")
    assert file["X-Content-Type-Options"] == "nosniff"
    assert file.getvalue().startswith(b'{"check_run"')
    assert client.post(f"{path}/cancel", {}, format="json").status_code == 409
    assert client.get("/api/v1/check-runs/99999999999999999999").status_code == 404
    assert {row["code"] for row in client.get("/api/v1/checks").json()["checks"]} >= {"external", "model.smoke"}
    assert (
        client.post("/api/v1/check-keys", {"name": "x", "public_key": public(OTHER)}, format="json").status_code == 403
    )
    client.force_login(ops)
    assert (
        client.post("/api/v1/check-keys", {"name": "x", "public_key": public(OTHER)}, format="json").status_code == 201
    )
    assert client.post("/api/v1/check-keys/x/revoke", {}, format="json").json()["revoked_by"] == "ops"


@pytest.mark.parametrize(
    ("name", "public_key", "note", "error", "why"),
    [
        ("CI", public(SECRET), "", InvalidInput, "The name of a key has at most 100"),
        ("other", public(SECRET), "x" * 501, InvalidInput, "A note has at most 500 characters"),
        ("other", "***", "", InvalidInput, "A public key must be 32 bytes in base64"),
        ("other", "c2hvcnQ=", "", InvalidInput, "A public key must be 32 bytes in base64, not 5"),
        ("ci", public(SECRET), "", AlreadyExists, "There already is a check key called ci"),
    ],
)
def test_a_key_that_cannot_be_used_is_not_added(
    key: CheckKey, ops: User, acting: Acting, name: str, public_key: str, note: str, error: type[DomainError], why: str
) -> None:
    with pytest.raises(error, match=why):
        add_check_key(actor=acting(ops), name=name, public_key=public_key, note=note)
    assert list(CheckKey.objects.all()) == [key]


def test_a_key_is_revoked_once_and_by_its_name(key: CheckKey, ops: User, acting: Acting) -> None:
    with pytest.raises(NotFound, match="No check key is called other"):
        revoke_check_key(actor=acting(ops), name="other")
    with pytest.raises(InvalidInput, match="A reason has at most 500 characters"):
        revoke_check_key(actor=acting(ops), name="ci", reason="x" * 501)
    revoke_check_key(actor=acting(ops), name="ci")
    with pytest.raises(InvalidState, match="The check key ci is revoked already"):
        revoke_check_key(actor=acting(ops), name="ci")
    assert Event.objects.filter(action=Action.APPROVALS_CHECK_KEY_REVOKED, outcome="ok").count() == 1
