"""Between approval and move something of governance changes, for stages and protected aliases alike: refused, every
time.

What changes the work itself (card, tags, metrics, files) is in test_squeezed_changes.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import Override, RequestState, TransitionRequest
from approvals.oversight.findings import open_finding
from approvals.requests.transition import request_transition
from audit.actions import Action
from audit.models import Event
from core.actors import Actor, system_actor
from core.errors import Conflict, GateRefused
from lineage.models import Node, NodeKind
from lineage.quarantine import place_quarantine
from registry.models import Alias, ModelVersion
from registry.services.aliases import delete_alias
from registry.services.models import rename_model, set_model_tag
from registry.services.risk import assess_risk
from registry.services.versions import delete_version
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks, fill_card, reread
from tests.approvals.governed import FOUR_EYES, NO_FINDINGS, REVIEWERS, approve, ask, publish
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture
from tests.registry.test_assess_risk import HARMLESS

Change = Callable[[ModelVersion, Actor], object]
TARGETS = ["Production", "@champion"]
FREEZE: dict[str, object] = {
    "id": "freeze",
    "level": "hard",
    "not_during": [{"name": "year end", "from": "2031-12-20", "to": "2032-01-03"}],
}
RULES: tuple[dict[str, object], ...] = (
    REVIEWERS,
    FOUR_EYES,
    NO_FINDINGS,
    FREEZE,
    {"id": "eu", "level": "hard", "check": "lineage.required_tags", "with": {"tags": ["eu"]}, "applies_if": {"tags": {"region": "eu"}}},
    {"id": "card", "level": "soft", "check": "card.complete", "override": ["risk"]},
    {"id": "clean-data", "level": "hard", "check": "lineage.not_quarantined"},
)  # fmt: skip


@pytest.fixture(params=TARGETS)
@recorded_fixture
def approved(
    request: pytest.FixtureRequest,
    new_version: NewVersion,
    by_ada: Actor,
    by_bea: Actor,
    cy: User,
    run_checks: RunChecks,
    settings: object,
) -> TransitionRequest:
    """Version 2 is approved to replace version 1; its unfinished card was overridden by cy."""
    target: str = request.param
    first, second = new_version(), new_version(card=False)
    gates, settings.TRANSITION_GATES = settings.TRANSITION_GATES, []  # type: ignore[attr-defined]  # pytest-django's
    for place in TARGETS:
        request_transition(actor=by_ada, name="fraud", version=first.version, target=place, archive_existing=False)
    settings.TRANSITION_GATES = gates  # type: ignore[attr-defined]  # pytest-django's takes any name
    for place in TARGETS:
        publish(place, rules=RULES, models="fraud*")
    cy.groups.add(Group.objects.get_or_create(name="risk")[0])
    asked = ask(by_ada, second, target)
    digest = run_checks(asked).snapshot.subject_digest
    Override.objects.create(request=asked, rule="card", given_by=cy, reason="It is small.", subject_digest=digest)
    done = approve(by_bea, asked)
    assert done.state == RequestState.APPROVED
    return done


def lower_the_tier(version: ModelVersion, actor: Actor) -> None:
    assess_risk(actor=actor, name="fraud", answers=HARMLESS, expected_number=0)


def tag_the_model(version: ModelVersion, actor: Actor) -> None:
    set_model_tag(actor=actor, name="fraud", key="region", value="eu")


def move_what_is_there(version: ModelVersion, actor: Actor) -> None:
    """Version 3 takes the place, on an approval or by an operator's hand in the database: it does not matter."""
    other = ModelVersion.objects.create(
        model=version.model, version=3, source="x", created_ms=1, updated_ms=1, run_id=version.run_id
    )
    Alias.objects.update(version=other)
    ModelVersion.objects.filter(version=1).update(is_current=False, superseded_at=timezone.now(), superseded_by=other)
    ModelVersion.objects.filter(pk=other.pk).update(stage="Production", is_current=True)


def rename(version: ModelVersion, actor: Actor) -> None:
    rename_model(actor=actor, name="fraud", new_name="fraud-2")


def withdraw_the_override(version: ModelVersion, actor: Actor) -> None:
    User.objects.get(username="cy").groups.clear()


def find_something(version: ModelVersion, actor: Actor) -> None:
    open_finding(actor=actor, name="fraud", version=version.version, severity="high", title="Leaks labels")


def find_something_in_the_model(version: ModelVersion, actor: Actor) -> None:
    open_finding(actor=actor, name="fraud", severity="critical", title="Unlawful")


def quarantine_the_data(version: ModelVersion, actor: Actor) -> None:
    node = Node.objects.get(urn=f"run:{version.run_id}")
    edge = node.in_edges.filter(src__kind=NodeKind.DATASET_VERSION).select_related("src")[0]
    place_quarantine(actor=system_actor("test"), urn=edge.src.urn, reason="Duplicates.")


def ask_for_more(version: ModelVersion, actor: Actor) -> None:
    more: dict[str, object] = {"id": "second", "level": "hard", "approvals": {"count": 2, "groups": ["reviewers"]}}
    for target in TARGETS:
        publish(target, rules=(*RULES, more), models="fraud*")


def write_the_card(version: ModelVersion, actor: Actor) -> None:
    fill_card(actor, version)


ROUTES: list[Change] = [
    lower_the_tier,
    tag_the_model,
    move_what_is_there,
    rename,
    withdraw_the_override,
    find_something,
    find_something_in_the_model,
    quarantine_the_data,
    ask_for_more,
    write_the_card,
]


def place_of(target: str) -> tuple[list[tuple[int, str, bool]], list[tuple[str, int]]]:
    """Return where everything is."""
    versions = ModelVersion.objects.order_by("version").values_list("version", "stage", "is_current")
    return list(versions), list(Alias.objects.order_by("name").values_list("name", "version__version"))


def moves() -> int:
    actions = [Action.REGISTRY_STAGE_CHANGED, Action.REGISTRY_ALIAS_SET, Action.APPROVALS_REQUEST_APPLIED]
    return Event.objects.filter(action__in=actions, outcome="ok").count()


@pytest.mark.parametrize("change", ROUTES, ids=lambda route: route.__name__)
def test_the_worker_is_refused(approved: TransitionRequest, change: Change, by_ada: Actor) -> None:
    change(approved.version, by_ada)
    before = (place_of(approved.target), moves())
    assert tasks.apply_request(approved.pk) == "not applied"
    assert (place_of(approved.target), moves()) == before
    assert reread(approved).state == RequestState.STALE


@pytest.mark.parametrize("change", ROUTES, ids=lambda route: route.__name__)
def test_the_caller_is_refused(approved: TransitionRequest, change: Change, by_ada: Actor) -> None:
    change(approved.version, by_ada)
    before = (place_of(approved.target), moves())
    name = ModelVersion.objects.get(pk=approved.version_id).model.name
    archive = approved.target == Stage.PRODUCTION
    with pytest.raises(GateRefused):
        request_transition(actor=by_ada, name=name, version=2, target=approved.target, archive_existing=archive)
    assert (place_of(approved.target), moves()) == before
    assert reread(approved).state == RequestState.STALE


def test_a_deleted_alias_voids_the_approval(approved: TransitionRequest, ops: User, acting: Acting) -> None:
    delete_alias(actor=acting(ops), name="fraud", alias="champion")
    expected = "applied" if approved.target == Stage.PRODUCTION else "not applied"
    assert tasks.apply_request(approved.pk) == expected


def test_a_deleted_version_goes_nowhere(approved: TransitionRequest, by_ada: Actor) -> None:
    delete_version(actor=by_ada, name="fraud", version=2)
    before = (place_of(approved.target), moves())
    assert tasks.apply_request(approved.pk) == "not applied"
    assert (place_of(approved.target), moves()) == before
    assert reread(approved).state == RequestState.STALE


def test_who_was_switched_off_has_nothing_moved_for_them(approved: TransitionRequest, ada: User) -> None:
    ada.is_active = False
    ada.save()
    assert tasks.apply_request(approved.pk) == "not applied"
    closed = reread(approved)
    assert (closed.state, "switched off" in closed.state_reason) == (RequestState.STALE, True)
    assert ModelVersion.objects.get(version=1).is_current


def test_a_freeze_keeps_the_approval_and_the_version_where_it_is(approved: TransitionRequest, by_ada: Actor) -> None:
    TransitionRequest.objects.filter(pk=approved.pk).update(expires_at=datetime(2033, 1, 1, tzinfo=UTC))
    before = (place_of(approved.target), moves())
    with time_machine.travel(datetime(2031, 12, 24, 12, tzinfo=UTC), tick=False):
        assert tasks.apply_request(approved.pk) == "not applied"
        assert tasks.apply_approved_requests() == 0
        archive = approved.target == Stage.PRODUCTION
        with pytest.raises(GateRefused, match="year end, until 2032-01-04"):
            request_transition(actor=by_ada, name="fraud", version=2, target=approved.target, archive_existing=archive)
    assert (place_of(approved.target), moves()) == before
    assert reread(approved).state == RequestState.APPROVED
    with time_machine.travel(datetime(2032, 1, 4, 0, 1, tzinfo=UTC), tick=False):
        assert tasks.apply_approved_requests() == 1
    assert reread(approved).state == RequestState.APPLIED


def test_nothing_changed_moves(approved: TransitionRequest) -> None:
    assert load_case(reread(approved), at=timezone.now() + timedelta(hours=1)).verdict.is_approved
    assert tasks.apply_request(approved.pk) == "applied"


def test_a_rename_into_other_policies_is_refused(approved: TransitionRequest, by_ada: Actor) -> None:
    with pytest.raises(Conflict, match="another policy would then govern"):
        rename_model(actor=by_ada, name="fraud", new_name="free")
    assert tasks.apply_request(approved.pk) == "applied"
