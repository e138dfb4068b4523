"""The way of a request at a glance: which step it has reached, and what stopped it."""

from __future__ import annotations

import re

import pytest

from accounts.models import User
from approvals.models import TransitionRequest
from approvals.requests.review import decide_request
from console.registry.presenters.comparison import MetricRow
from core.actors import Actor
from tests.approvals.conftest import NewVersion
from tests.console.conftest import Asked, SignedIn, text_of
from tests.console.requests.test_request_page import approve, url_of


def steps_of(page: str) -> list[tuple[str, str]]:
    steps = page.partition("c-steps")[2].partition("</ol>")[0]
    return re.findall(r'<li class="is-(\w+)".*?<strong>(.*?)</strong>', steps)


def page_of(request: TransitionRequest, client_of: SignedIn, user: User) -> str:
    return text_of(client_of(user).get(url_of(request)))


def test_a_checked_request_waits_for_its_review(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    page = page_of(asked(), signed_in, bea)
    assert steps_of(page) == [("done", "Requested"), ("done", "Checked"), ("now", "Reviewed"), ("next", "Production")]
    assert "6 of 6 passed" in page
    assert 'aria-current="step"' in page


def test_while_checks_run_the_review_step_is_not_current(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    steps = steps_of(page_of(asked(checked=False), signed_in, bea))
    assert steps[1:3] == [("now", "Checked"), ("next", "Reviewed")]


def test_a_failed_check_fails_its_step(asked: Asked, bea: User, signed_in: SignedIn, new_version: NewVersion) -> None:
    page = page_of(asked(new_version(card=False)), signed_in, bea)
    assert steps_of(page)[1:3] == [("failed", "Checked"), ("next", "Reviewed")]
    assert '<details id="checks" class="c-panel c-fold" open>' in page


def test_an_applied_request_has_every_step_done(asked: Asked, by_bea: Actor, bea: User, signed_in: SignedIn) -> None:
    request = asked()
    approve(by_bea, request)
    page = page_of(request, signed_in, bea)
    assert {state for state, _ in steps_of(page)} == {"done"}
    assert "approved by bea" in page
    assert '<details id="checks" class="c-panel c-fold">' in page


@pytest.mark.parametrize(
    ("decision", "last"),
    [("reject", [("failed", "Reviewed"), ("failed", "Production")]), ("request_changes", [("failed", "Reviewed"), ("next", "Production")])],
)  # fmt: skip
def test_a_rejection_fails_the_review_step(
    decision: str, last: list[tuple[str, str]], asked: Asked, by_bea: Actor, bea: User, signed_in: SignedIn
) -> None:
    request = asked()
    decide_request(actor=by_bea, request_id=request.pk, decision=decision, comment="No.")
    assert steps_of(page_of(request, signed_in, bea))[2:] == last


def test_the_metric_that_a_rule_reads_is_marked(
    asked: Asked, by_bea: Actor, bea: User, signed_in: SignedIn, new_version: NewVersion
) -> None:
    approve(by_bea, asked(new_version(auc=0.90)))
    page = page_of(asked(new_version(auc=0.95)), signed_in, bea)
    assert "The rule no-regression judges this metric" in page
    assert '<svg class="c-tilt is-ok"' in page


@pytest.mark.parametrize(
    ("delta", "tone", "length", "right"),
    [(0.25, "ok", 25, True), (-0.25, "ok", 25, True), (-0.25, "bad", 25, False), (9.0, "bad", 50, False), (0.25, "none", 25, True)],
)  # fmt: skip
def test_the_bar_of_an_improvement_points_right(delta: float, tone: str, length: int, right: bool) -> None:
    row = MetricRow("m", 1 + delta, 1.0, delta, tone, "")
    assert (row.bar_length, row.points_right) == (length, right)


def test_a_change_from_nothing_has_no_bar() -> None:
    assert MetricRow("m", 1.0, 0.0, 1.0, "ok", "").bar_length == 0
