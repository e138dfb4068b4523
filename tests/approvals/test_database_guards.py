"""What the database refuses by itself, whoever asks."""

from __future__ import annotations

import pytest
from django.db import Error, connection, transaction

from accounts.models import User
from approvals.models import Review, TransitionRequest
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


def test_python_refuses_too(ready: TransitionRequest, bea: User) -> None:
    given = review(ready, bea)
    for attempt in (given.save, given.delete, PolicyRevision.objects.all().delete):
        with pytest.raises(AppendOnlyError):
            attempt()


def test_a_review_needs_a_comment(ready: TransitionRequest, bea: User) -> None:
    with pytest.raises(Error), transaction.atomic():
        Review.objects.create(request=ready, reviewer=bea, decision="approve", comment="", subject_digest="0" * 64)
