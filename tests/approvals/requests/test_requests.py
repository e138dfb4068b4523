"""Opening, withdrawing, expiring."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case, load_cases
from approvals.models import CheckRun, RequestState, TransitionRequest
from approvals.requests import lifecycle
from approvals.requests.lifecycle import withdraw_request
from approvals.requests.open import open_request
from approvals.requests.review import decide_request
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import Denied, DomainError, InvalidState, NotFound
from registry.models import ModelVersion
from registry.stages import Stage
from tests.approvals.conftest import Ask, NewVersion, RunChecks, reread
from tests.conftest import Acting


def test_opening_twice_is_one_request(new_version: NewVersion, ask: Ask) -> None:
    version = new_version()
    assert ask(version) == ask(version)
    opened = Event.objects.get(action=Action.APPROVALS_REQUEST_OPENED)
    assert opened.stream == f"model:{version.model_id}"


def test_the_database_holds_one_live_request(new_version: NewVersion, ask: Ask) -> None:
    request = ask(new_version())
    request.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        request.save(force_insert=True)


@pytest.mark.parametrize(
    ("name", "version", "target", "error"),
    [
        ("nothing", 1, Stage.PRODUCTION, NotFound),
        ("fraud", 9, Stage.PRODUCTION, NotFound),
        ("fraud", 2**70, Stage.PRODUCTION, NotFound),
        ("fraud", 1, Stage.ARCHIVED, InvalidState),
        ("fraud", 1, Stage.NONE, InvalidState),
    ],
)
def test_bad_input_opens_nothing(
    policies: object, new_version: NewVersion, by_ada: Actor, name: str, version: int, target: Stage, error: type[DomainError]
) -> None:  # fmt: skip
    new_version()
    with pytest.raises(error):
        open_request(actor=by_ada, name=name, version=version, target=target, archive_existing=False)
    assert not TransitionRequest.objects.exists()


def test_what_is_there_needs_no_request(serving: ModelVersion, ask: Ask) -> None:
    with pytest.raises(InvalidState):
        ask(serving)


def test_what_no_policy_governs_needs_no_request(new_version: NewVersion, by_ada: Actor) -> None:
    new_version()
    with pytest.raises(InvalidState, match="No policy"):
        open_request(actor=by_ada, name="fraud", version=1, target=Stage.PRODUCTION, archive_existing=False)


def test_the_requester_withdraws(ready: TransitionRequest, by_ada: Actor) -> None:
    withdraw_request(actor=by_ada, request_id=ready.pk, comment="Found a bug.")
    closed = reread(ready)
    assert (closed.state, closed.state_reason) == (RequestState.WITHDRAWN, "Found a bug.")
    with pytest.raises(InvalidState):
        withdraw_request(actor=by_ada, request_id=ready.pk)


def test_others_do_not_withdraw(ready: TransitionRequest, cy: User, acting: Acting) -> None:
    with pytest.raises(Denied):
        withdraw_request(actor=acting(cy), request_id=ready.pk)
    assert reread(ready).state == RequestState.OPEN


def test_an_unseen_request_does_not_exist(
    ready: TransitionRequest, cy: User, acting: Acting, settings: Settings
) -> None:
    settings.DEFAULT_MODEL_LEVEL = ""
    TransitionRequest.objects.update(expires_at=timezone.now())
    for attempt in (
        lambda: withdraw_request(actor=acting(cy), request_id=ready.pk),
        lambda: decide_request(actor=acting(cy), request_id=ready.pk, decision="reject", comment="No."),
    ):
        with pytest.raises(NotFound, match=f"There is no transition request {ready.pk}"):
            attempt()


def test_an_expired_request_closes_unapplied(ready: TransitionRequest, by_bea: Actor) -> None:
    digest = load_case(ready).snapshot.subject_digest
    TransitionRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(InvalidState, match="expired"):
        decide_request(actor=by_bea, request_id=ready.pk, decision="approve", comment="Late.", seen_digest=digest)
    assert reread(ready).state == RequestState.EXPIRED


def test_an_approval_does_not_outlive_its_request(ready: TransitionRequest, by_bea: Actor) -> None:
    digest = load_case(ready).snapshot.subject_digest
    decide_request(actor=by_bea, request_id=ready.pk, decision="approve", comment="Good.", seen_digest=digest)
    TransitionRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert tasks.apply_request(ready.pk) == "not applied"
    assert ModelVersion.objects.get().stage == Stage.NONE


def test_beat_expires(ready: TransitionRequest) -> None:
    assert tasks.expire_requests() == 0
    TransitionRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert tasks.expire_requests() == 1
    assert reread(ready).state == RequestState.EXPIRED


def test_a_request_that_cannot_be_closed_delays_no_other(
    new_version: NewVersion, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = ask(new_version()), ask(new_version())
    TransitionRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    expire = lifecycle.expire_request

    def expire_all_but_one(*, actor: Actor, request_id: int, at: datetime) -> bool:
        if request_id == stuck.pk:
            raise RuntimeError("it cannot be closed")
        return expire(actor=actor, request_id=request_id, at=at)

    monkeypatch.setattr(lifecycle, "expire_request", expire_all_but_one)
    assert tasks.expire_requests() == 1
    assert (reread(stuck).state, reread(other).state) == (RequestState.OPEN, RequestState.EXPIRED)


def test_after_expiry_asking_opens_another(ready: TransitionRequest, ask: Ask) -> None:
    TransitionRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(ready.version).pk != ready.pk
    assert reread(ready).state == RequestState.EXPIRED


def test_many_cases_cost_as_many_queries_as_one(
    new_version: NewVersion,
    ask: Ask,
    run_checks: RunChecks,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(4):
        run_checks(ask(new_version()))
    rows = TransitionRequest.objects.with_relations()
    # each of another table or for another question; how many cases there are does not matter
    with django_assert_max_num_queries(30) as one:
        load_cases(list(rows[:1]))
    with django_assert_max_num_queries(len(one.captured_queries) + 1):
        assert [case.checks_finished for case in load_cases(list(rows))] == [True] * 4
    assert CheckRun.objects.count() == 24


def test_a_superseded_version_is_archived_when_the_window_closes(
    serving: ModelVersion, new_version: NewVersion, ask: Ask, run_checks: RunChecks, by_bea: Actor
) -> None:
    request = ask(new_version(auc=0.95), archive_existing=False)
    digest = run_checks(request).snapshot.subject_digest
    decide_request(actor=by_bea, request_id=request.pk, decision="approve", comment="Good.", seen_digest=digest)
    tasks.apply_approved_requests()
    serving.refresh_from_db()
    assert (serving.stage, serving.is_current) == (Stage.PRODUCTION, False)
    assert tasks.archive_superseded() == 0
    ModelVersion.objects.filter(pk=serving.pk).update(archive_after=timezone.now())
    assert tasks.archive_superseded() == 1
