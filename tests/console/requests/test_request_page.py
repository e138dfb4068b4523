import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from approvals.models import CheckRun, RequestState, TransitionRequest
from approvals.requests.comments import add_comment
from approvals.requests.review import decide_request
from approvals.requests.settle import apply_request
from core.actors import Actor, system_actor
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion
from tests.console.conftest import Asked, SignedIn, text_of
from tracking.limits import Point
from tracking.services.logging import log_metric, set_tag


def url_of(request: TransitionRequest) -> str:
    return f"/admin/approvals/transitionrequest/{request.pk}/change/"


def approve(reviewer: Actor, request: TransitionRequest) -> None:
    seen = request.subject_digest
    decide_request(actor=reviewer, request_id=request.pk, decision="approve", comment="Good.", seen_digest=seen)
    apply_request(actor=system_actor("test"), request_id=request.pk)


def test_every_rule_is_shown_with_reason_and_resolver(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(bea).get(url_of(asked())))
    for rule in ("lineage", "digest", "safe-artifact", "card", "no-regression", "reviewers", "four-eyes"):
        assert f'data-rule="{rule}"' in page
    assert "can be resolved by a member of reviewers, but not ada" in page
    assert "Your decision is needed." in page


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ada", "You asked for this move, so somebody else must decide (four eyes)."),
        ("cy", "Only a member of reviewers can decide on this."),
        ("ops", "Only a"),
    ],
)
def test_a_person_who_cannot_decide_reads_why(
    name: str, why: str, asked: Asked, cy: User, ops: User, signed_in: SignedIn
) -> None:
    page = text_of(signed_in(User.objects.get(username=name)).get(url_of(asked())))
    assert why in page
    assert "Approve" not in page.partition("History")[0].partition("c-actions")[2].partition("c-banner")[0]


def test_the_comments_are_shown_with_the_reviews(asked: Asked, by_ada: Actor, bea: User, signed_in: SignedIn) -> None:
    request = asked()
    client = signed_in(bea)
    assert "No comments yet" in text_of(client.get(url_of(request)))
    for text in ("See **the curve**.", "<script>alert(1)</script>"):
        add_comment(actor=by_ada, name="fraud", version=1, text=text)
    page = text_of(client.get(url_of(request))).partition("Discussion of this version")[2].partition("</section>")[0]
    assert "<strong>the curve</strong>" in page
    assert "<script>" not in page


def test_while_checks_run_the_page_reloads_and_offers_no_approval(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    request = asked(checked=False)
    client = signed_in(bea)
    page = text_of(client.get(url_of(request)))
    assert 'hx-trigger="every 2s"' in page
    assert 'aria-disabled="true"' in page
    live = client.get(f"/requests/{request.pk}/live/")
    assert "HX-Refresh" not in live.headers
    assert "waiting for a worker" in text_of(live)


def test_the_whole_page_is_reloaded_when_the_checks_have_finished(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    live = signed_in(bea).get(f"/requests/{asked().pk}/live/")
    assert live.headers["HX-Refresh"] == "true"
    assert "every 2s" not in text_of(live)


def test_the_candidate_is_compared_with_current_production(
    asked: Asked, by_bea: Actor, bea: User, signed_in: SignedIn, new_version: NewVersion
) -> None:
    approve(by_bea, asked(new_version(auc=0.90)))
    page = text_of(signed_in(bea).get(url_of(asked(new_version(auc=0.95)))))
    assert "Candidate against current Production" in page
    assert "+0.05" in page
    assert "better" in page


def test_a_decided_request_is_shown_as_it_was_decided(
    asked: Asked, by_bea: Actor, bea: User, signed_in: SignedIn, new_version: NewVersion
) -> None:
    request = asked()
    approve(by_bea, request)
    page = text_of(signed_in(bea).get(url_of(request)))
    assert "Every rule is met." in page
    assert "Approved by bea." in page


def test_texts_of_people_are_escaped(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(bea).get(url_of(asked(comment="<script>alert(1)</script> [x](javascript:alert(1))"))))
    assert "<script>alert(1)" not in page
    assert 'href="javascript' not in page


@pytest.mark.parametrize("number", ["0", "999", "99999999999999999999", "x", "1%00"])
def test_a_missing_object_is_not_found(number: str, bea: User, signed_in: SignedIn) -> None:
    assert signed_in(bea).get(f"/admin/approvals/transitionrequest/{number}/change/").status_code in {400, 404}


def test_the_request_of_a_hidden_model_is_not_found(
    asked: Asked, cy: User, signed_in: SignedIn, settings: object
) -> None:
    request = asked()
    settings.DEFAULT_MODEL_LEVEL = ""  # type: ignore[attr-defined]  # pytest-django's takes any name
    client = signed_in(cy)
    assert client.get(url_of(request)).status_code == 404
    assert str(request.version) not in text_of(client.get("/admin/approvals/transitionrequest/"))


def test_more_checks_cost_no_more_queries(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    request, client = asked(), signed_in(bea)
    client.get(url_of(request))
    with CaptureQueriesContext(connection) as first:
        client.get(url_of(request))
    for job in list(CheckRun.objects.filter(request=request)):
        job.pk, job.inputs_digest = None, f"old{job.rule}"
        job.save(force_insert=True)
    with CaptureQueriesContext(connection) as more:
        client.get(url_of(request))
    assert len(more) == len(first)


def test_more_requests_in_the_list_cost_no_more_queries(
    asked: Asked, bea: User, signed_in: SignedIn, new_version: NewVersion
) -> None:
    client = signed_in(bea)
    asked()
    client.get("/admin/approvals/transitionrequest/")
    with CaptureQueriesContext(connection) as first:
        client.get("/admin/approvals/transitionrequest/")
    for _ in range(3):
        asked(new_version(), checked=False)
    with CaptureQueriesContext(connection) as more:
        client.get("/admin/approvals/transitionrequest/")
    assert len(more) == len(first)


def test_the_list_says_why_it_is_empty(cy: User, signed_in: SignedIn, asked: Asked) -> None:
    client, listed = signed_in(cy), "/admin/approvals/transitionrequest/"
    page = text_of(client.get(listed))
    assert "No requests yet" in page
    assert "Create a new item" not in page
    asked()
    assert "Nothing matches" in text_of(client.get(f"{listed}?q=nowhere"))


def test_the_list_marks_emergencies(asked: Asked, cy: User, signed_in: SignedIn) -> None:
    client, listed = signed_in(cy), "/admin/approvals/transitionrequest/"
    asked()
    assert "Emergency" not in text_of(client.get(listed))
    TransitionRequest.objects.update(kind="break_glass")
    assert "Emergency" in text_of(client.get(listed))


def test_a_closed_request_is_compared_with_the_version_of_that_time(
    asked: Asked, by_bea: Actor, bea: User, signed_in: SignedIn, new_version: NewVersion
) -> None:
    first = asked(new_version(auc=0.90))
    approve(by_bea, first)
    second = asked(new_version(auc=0.93))
    approve(by_bea, second)
    client = signed_in(bea)

    assert "Candidate against v1, in Production when the request closed" in text_of(client.get(url_of(second)))
    assert "nothing was in Production" in text_of(client.get(url_of(first)))


def test_a_closed_request_shows_the_incumbent_as_it_was_promoted(
    asked: Asked, by_ada: Actor, by_bea: Actor, bea: User, signed_in: SignedIn, new_version: NewVersion
) -> None:
    approve(by_bea, asked(new_version(auc=0.90)))
    rejected = asked(new_version(auc=0.91))
    seen = rejected.subject_digest
    decide_request(actor=by_bea, request_id=rejected.pk, decision="reject", comment="Not yet.", seen_digest=seen)
    approve(by_bea, asked(new_version(auc=0.93)))
    run = ModelVersion.objects.get(version=1).run_id
    log_metric(actor=by_ada, run_id=run, point=Point(key="val_auc", value=0.123, timestamp_ms=9, step=9))
    page = text_of(signed_in(bea).get(url_of(rejected)))
    assert "Candidate against v1, in Production when the request closed" in page
    assert "was promoted. Values logged since then do not count." in page
    assert "0.9<" in page.replace(" ", "")
    assert "0.123" not in page


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_closed_request_shows_the_candidate_as_it_was(
    decision: str, asked: Asked, by_ada: Actor, by_bea: Actor, bea: User, signed_in: SignedIn
) -> None:
    request = asked()
    seen = request.subject_digest
    decide_request(actor=by_bea, request_id=request.pk, decision=decision, comment="Read.", seen_digest=seen)
    if decision == "approve":
        apply_request(actor=system_actor("test"), request_id=request.pk)
    run = request.version.run_id
    log_metric(actor=by_ada, run_id=run, point=Point(key="val_auc", value=0.123, timestamp_ms=9, step=9))
    set_tag(actor=by_ada, run_id=run, key="git_commit", value="other-commit")
    page, _, side = text_of(signed_in(bea).get(url_of(request))).partition('id="history"')
    assert "closed. Values logged since then are not shown." in page
    assert "0.93<" in page.replace(" ", "").replace("\n", "")
    assert "b7d9e4" in page
    assert "0.123" not in page
    assert "other-commit" not in page
    assert seen in side.partition('aria-labelledby="h-subject"')[2]


def test_a_request_that_was_closed_without_a_pin_shows_the_run_of_today(
    asked: Asked, by_ada: Actor, bea: User, signed_in: SignedIn
) -> None:
    request = asked()
    # As requests were closed before there were pins.
    TransitionRequest.objects.update(state=RequestState.WITHDRAWN, closed_at=timezone.now())
    run = request.version.run_id
    log_metric(actor=by_ada, run_id=run, point=Point(key="val_auc", value=0.123, timestamp_ms=9, step=9))
    page = text_of(signed_in(bea).get(url_of(request)))
    assert "0.123" in page
    assert "Values logged since then are not shown" not in page


def test_blocking_rules_come_first_and_the_others_are_folded(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(bea).get(url_of(asked())))

    assert page.index('data-rule="reviewers"') < page.index('id="met-rules"') < page.index('data-rule="digest"')


def test_the_files_are_listed_with_their_scan(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(bea).get(url_of(asked()))).partition('id="files"')[2].partition("</details>")[0]

    assert "MLmodel" in page
    assert "Passed" in page
    assert "Rejected" not in page
