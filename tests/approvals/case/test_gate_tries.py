"""Further tries at what the gate believes: none lets an author approve, lowers the bar, or keeps an approval that is
out of date.

Every decision is posted as a browser would. A refused one moves nothing and leaves one event of the refusal.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import DatabaseError, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.utils import timezone

from accounts.models import User
from approvals import tasks
from approvals.case.incumbents import Move
from approvals.case.loading import load_case
from approvals.case.subjects import load_subject
from approvals.models import Review, TransitionRequest
from approvals.verdict.evaluation import VerdictState
from audit.models import Event
from audit.queries import actor_name
from core.actors import Actor
from core.errors import DomainError
from lineage.quarantine import place_quarantine
from registry.models import ModelVersion
from registry.services.aliases import set_alias
from registry.services.versions import create_version, set_version_tag
from tests.approvals.api.test_doors import facts
from tests.approvals.conftest import NewVersion, RunChecks, fill_card, reread
from tests.approvals.governed import Json, ask, is_applied, promote, publish
from tests.signed_in import actor_of
from tracking.artifacts import store_artifact
from tracking.limits import Point
from tracking.services.logging import log_metric, log_param, set_tag
from tracking.services.runs import delete_run

DATA = "dataset-version:orders/v2.1"


def point(value: float, step: int = 1) -> Point:
    return Point(key="val_auc", value=value, timestamp_ms=step, step=step)


def decide(who: User, request: TransitionRequest) -> int:
    """Approve as a browser does, with the digest that is current; return the status."""
    client = Client()
    client.force_login(who)
    digest = load_case(reread(request)).snapshot.subject_digest
    body = {"decision": "approve", "comment": "Good.", "seen_digest": digest}
    address = f"/api/v1/transition-requests/{request.pk}/reviews"
    return client.post(address, body, content_type="application/json").status_code


def refused(who: User, asker: Actor, version: ModelVersion, target: str = "Production") -> None:
    """Ask for a move and have somebody approve it who may not: nothing moves, and the refusal is an event."""
    request = ask(asker, version, target)
    before, events = facts(), Event.objects.filter(outcome="denied")
    assert not events.exists()
    assert decide(who, request) == 403
    assert not Review.objects.exists()
    assert not is_applied(request)
    assert facts() == before
    assert [(actor_name(event), event.action) for event in events] == [(who.username, "approvals.review.given")]


def not_applied(request: TransitionRequest) -> None:
    """Have a worker try to apply a request once its delay is over: its approval is out of date, and nothing moves."""
    before = facts()
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        assert tasks.apply_request(request.pk) != "applied"
        assert load_case(reread(request)).verdict.state != VerdictState.APPROVED
    assert not is_applied(request)
    assert facts() == before


# Names and accounts.


def test_an_author_does_not_become_another_by_a_new_name(by_ada: Actor, bea: User, new_version: NewVersion) -> None:
    publish("Production")
    version = new_version()
    log_param(actor=actor_of(bea), run_id=version.run_id, key="k", value="v")
    with pytest.raises(DatabaseError), transaction.atomic():
        User.objects.filter(pk=bea.pk).update(username="bea2")
    bea.refresh_from_db()
    refused(bea, by_ada, version)


def test_an_author_does_not_come_back_under_the_same_name(by_ada: Actor, bea: User, new_version: NewVersion) -> None:
    publish("Production")
    version = new_version()
    log_param(actor=actor_of(bea), run_id=version.run_id, key="k", value="v")
    try:
        with transaction.atomic():
            bea.delete()
    except (DatabaseError, ProtectedError):
        again = bea
    else:
        again = User.objects.create_user("bea")
        again.groups.add(Group.objects.get(name="reviewers"))
    again.refresh_from_db()
    refused(again, by_ada, version)


def test_who_owned_the_account_before_it_acted_is_an_author(
    by_ada: Actor, ada: User, bea: User, bot: User, new_version: NewVersion
) -> None:
    publish("Production")
    version = new_version()
    for owner in (bea, ada):
        bot.owner = owner
        bot.save()
    set_version_tag(actor=actor_of(bot), name="fraud", version=1, key="git_commit", value="x")
    refused(bea, by_ada, version)


def test_who_takes_over_the_account_after_approving(
    by_ada: Actor, bea: User, bot: User, new_version: NewVersion
) -> None:
    publish("Production", apply_delay="1h")
    version = new_version()
    set_version_tag(actor=actor_of(bot), name="fraud", version=1, key="git_commit", value="x")
    request = ask(by_ada, version)
    assert decide(bea, request) == 201
    bot.owner = bea
    bot.save()
    not_applied(request)


def test_the_requester_does_not_approve_through_a_service_account(
    ada: User, bot: User, new_version: NewVersion
) -> None:
    publish("Production")
    ada.groups.add(Group.objects.get(name="reviewers"))
    refused(ada, actor_of(bot), new_version())


@pytest.mark.parametrize("change", ["left the group", "was switched off", "became a service account"])
def test_a_reviewer_who_is_none_any_more(
    change: str, by_ada: Actor, ada: User, bea: User, new_version: NewVersion
) -> None:
    publish("Production", apply_delay="1h")
    request = ask(by_ada, new_version())
    assert decide(bea, request) == 201
    if change == "left the group":
        bea.groups.clear()
    elif change == "was switched off":
        User.objects.filter(pk=bea.pk).update(is_active=False)
    else:
        User.objects.filter(pk=bea.pk).update(is_service=True, owner=ada)
    not_applied(request)


# What somebody wrote.


@pytest.mark.parametrize("deed", ["metric", "param", "tag"])
def test_every_way_to_write_to_the_run(deed: str, by_ada: Actor, bea: User, new_version: NewVersion) -> None:
    publish("@champion")
    version = new_version()
    if deed == "metric":
        log_metric(actor=actor_of(bea), run_id=version.run_id, point=point(0.99, 5))
    elif deed == "param":
        log_param(actor=actor_of(bea), run_id=version.run_id, key="k", value="v")
    else:
        set_tag(actor=actor_of(bea), run_id=version.run_id, key="note", value="v")
    refused(bea, by_ada, version, "@champion")


def test_a_file_among_those_of_the_version_is_refused(by_ada: Actor, bea: User, new_version: NewVersion) -> None:
    publish("Production")
    version = new_version()
    with pytest.raises(DomainError):
        store_artifact(actor=actor_of(bea), path=f"{version.artifact_path}/more.txt", stream=io.BytesIO(b"more"))
    assert decide(bea, ask(by_ada, version)) == 201  # nothing of hers is in it


@pytest.mark.parametrize("how", ["from another run", "by its folder", "by its address"])
def test_a_copy_of_what_she_registered(how: str, by_ada: Actor, bea: User, new_version: NewVersion) -> None:
    publish("Production")
    run = new_version(same=True, card=False).run_id
    first = create_version(actor=actor_of(bea), name="fraud", source=f"runs:/{run}/model", run_id=run)
    if how == "from another run":
        copy = new_version(same=True)
    elif how == "by its folder":
        source = f"mlflow-artifacts:/{first.artifact_path}"
        copy = create_version(actor=by_ada, name="fraud", source=source, run_id=run)
    else:
        copy = create_version(actor=by_ada, name="fraud", source=f"models:/fraud/{first.version}", run_id="")
    refused(bea, by_ada, copy)


# What changes after an approval.


def test_an_approval_that_still_counts_is_applied(by_ada: Actor, bea: User, new_version: NewVersion) -> None:
    publish("Production", apply_delay="1h")
    request = ask(by_ada, new_version())
    assert decide(bea, request) == 201
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        assert tasks.apply_request(request.pk) == "applied"


CHANGES: dict[str, Callable[[Actor, ModelVersion], object]] = {
    "a metric": lambda actor, version: log_metric(actor=actor, run_id=version.run_id, point=point(0.2, 9)),
    "a metric that is tried first": lambda actor, version: log_metric(
        actor=actor, run_id=version.run_id, point=Point(key="val_loss", value=0.2, timestamp_ms=1)
    ),
    "a tag of the run": lambda actor, version: set_tag(
        actor=actor, run_id=version.run_id, key="dataset_version", value="other_v1"
    ),
    "a lineage tag": lambda actor, version: set_version_tag(
        actor=actor, name="fraud", version=version.version, key="git_commit", value="other"
    ),
    "the card": lambda actor, version: fill_card(actor, version, "Something else."),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_after_the_approval(
    what: str, by_ada: Actor, bea: User, new_version: NewVersion, run_checks: RunChecks
) -> None:
    rules: list[Json] = [
        {
            "id": "metric",
            "level": "advisory",
            "check": "metric.no_regression",
            "with": {"metric": "val_loss", "fallback": ["val_auc"]},
        },
        {"id": "card", "level": "advisory", "check": "card.complete"},
        {
            "id": "tags",
            "level": "advisory",
            "check": "lineage.required_tags",
            "with": {"tags": ["git_commit", "dataset_version"]},
        },
    ]
    publish("Production", *rules, apply_delay="1h")
    version = new_version(tags={} if what == "a lineage tag" else None)
    request = ask(by_ada, version)
    run_checks(request)
    assert decide(bea, request) == 201
    CHANGES[what](by_ada, version)
    run_checks(request)
    not_applied(request)


def test_a_quarantine_after_the_approval(
    by_ada: Actor, bea: User, new_version: NewVersion, run_checks: RunChecks
) -> None:
    rule: Json = {"id": "clean", "level": "hard", "check": "lineage.not_quarantined"}
    publish("Production", rule, apply_delay="1h")
    request = ask(by_ada, new_version())
    run_checks(request)
    assert decide(bea, request) == 201
    place_quarantine(actor=actor_of(bea), urn=DATA, reason="Bad.")
    assert "clean" in {row["rule"] for row in load_case(reread(request)).verdict.blocked_by()}
    run_checks(request)
    not_applied(request)


# The bar.


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.797e308, -1.797e308])
def test_a_better_value_before_one_that_is_no_number(value: float, by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version(auc=0.99)
    log_metric(actor=by_ada, run_id=version.run_id, point=point(value, 9))
    run = load_subject(Move(version, "Production", archive_existing=True)).run
    assert "val_auc" not in run.metrics
    assert run.unusable == ("val_auc",)


@pytest.mark.parametrize("deed", ["overwritten", "deleted"])
def test_the_run_of_the_incumbent_moves_no_bar(
    deed: str, by_ada: Actor, by_bea: Actor, new_version: NewVersion
) -> None:
    publish("Production")
    first = new_version(auc=0.93)
    promote(by_ada, by_bea, first)
    second = new_version()
    if deed == "overwritten":
        log_metric(actor=by_ada, run_id=first.run_id, point=point(0.1, 9))
    else:
        delete_run(actor=by_ada, run_id=first.run_id)
    subject = load_subject(Move(second, "Production", archive_existing=True))
    assert subject.incumbent is not None
    assert subject.incumbent.run.metrics["val_auc"] == 0.93


def test_an_alias_moved_to_and_fro_is_compared_as_when_it_was_set(by_ada: Actor, new_version: NewVersion) -> None:
    first, second = new_version(auc=0.93), new_version(auc=0.5)
    set_alias(actor=by_ada, name="fraud", alias="champion", version=1)
    log_metric(actor=by_ada, run_id=first.run_id, point=point(0.1, 9))
    subject = load_subject(Move(second, "@champion", archive_existing=True))
    assert subject.incumbent is not None
    assert subject.incumbent.run.metrics["val_auc"] == 0.93
