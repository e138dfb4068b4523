"""What the database refuses by itself, whoever asks."""

from __future__ import annotations

import pytest
from django.db import Error, connection, transaction

from accounts.models import User
from approvals.models import ClosingPin, Review, TransitionRequest
from approvals.requests.lifecycle import withdraw_request
from core.actors import Actor
from core.append_only import AppendOnlyError
from policies.models import PolicyRevision


def review(request: TransitionRequest, by: User) -> Review:
    return Review.objects.create(
        request=request, reviewer=by, decision="approve", comment="Fine.", subject_digest="0" * 64
    )


def test_a_requester_cannot_be_the_reviewer(ready: TransitionRequest, ada: User) -> None:
    with pytest.raises(Error, match="cannot review their own"), transaction.atomic():
        review(ready, ada)
    assert not Review.objects.exists()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE approvals_review SET decision = 'reject'",
        "DELETE FROM approvals_review",
        "UPDATE policies_policyrevision SET digest = 'x'",
        "DELETE FROM policies_policyrevision",
    ],
)
def test_reviews_and_revisions_stay(ready: TransitionRequest, bea: User, sql: str) -> None:
    review(ready, bea)
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Review.objects.get().decision == "approve"


@pytest.mark.parametrize("sql", ["UPDATE approvals_closingpin SET facts = '{}'", "DELETE FROM approvals_closingpin"])
def test_pins_of_closed_requests_stay(ready: TransitionRequest, by_ada: Actor, sql: str) -> None:
    withdraw_request(actor=by_ada, request_id=ready.pk)
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert ClosingPin.objects.get().facts["metrics"] == {"val_auc": 0.93}


def test_python_refuses_too(ready: TransitionRequest, bea: User) -> None:
    given = review(ready, bea)
    for attempt in (given.save, given.delete, PolicyRevision.objects.all().delete):
        with pytest.raises(AppendOnlyError):
            attempt()


def test_a_review_needs_a_comment(ready: TransitionRequest, bea: User) -> None:
    with pytest.raises(Error), transaction.atomic():
        Review.objects.create(request=ready, reviewer=bea, decision="approve", comment="", subject_digest="0" * 64)
