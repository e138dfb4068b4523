"""Findings: opened by who may edit, block where the policy says so, closed by somebody else when they are grave."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.case.finding_facts import findings_by_request
from approvals.case.loading import load_cases
from approvals.models import RequestState, TransitionRequest
from approvals.models.oversight import Finding, FindingState
from approvals.oversight.finding_queries import visible_findings
from approvals.oversight.findings import assign_finding, close_finding, open_finding
from audit.models import Event
from core.actors import Actor
from core.errors import Denied, DomainError, InvalidInput, InvalidState, NotFound
from registry.permissions import Level, grant_level
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import NO_FINDINGS, approve, ask, publish, stage_of
from tests.conftest import Acting


def found(actor: Actor, severity: str = "high", version: int | None = 1, **more: object) -> Finding:
    return open_finding(actor=actor, name="fraud", version=version, severity=severity, title="Leaks labels", **more)  # type: ignore[arg-type]  # each test passes what it means


def test_an_open_finding_blocks_and_a_closed_one_does_not(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, bea: User
) -> None:
    publish("Production", NO_FINDINGS)
    version = new_version()
    grant_level(user=bea, model=version.model, level=Level.MANAGE)
    finding = found(by_ada)
    request = approve(by_bea, ask(by_ada, version))
    assert request.state == RequestState.OPEN
    close_finding(actor=by_bea, finding_id=finding.pk, state="resolved", comment="Trained again.")
    tasks.settle_request(request.pk)
    assert tasks.apply_request(request.pk) == "applied"
    assert stage_of(1) == ("Production", True)


@pytest.mark.parametrize(
    ("severity", "blocks"), [("low", False), ("medium", False), ("high", True), ("critical", True)]
)
def test_severity_decides(severity: str, blocks: bool, new_version: NewVersion, by_ada: Actor) -> None:
    publish("Production", NO_FINDINGS)
    request = ask(by_ada, new_version())
    found(by_ada, severity)
    rows = load_cases([reread(request)])[0].verdict.rules
    assert next(row.blocks for row in rows if row.rule == "no-findings") is blocks


@pytest.mark.parametrize(("severity", "blocks"), [("medium", False), ("high", True)])
def test_the_default_policy_asks_for_none_that_is_grave(
    severity: str, blocks: bool, ready: TransitionRequest, by_ada: Actor
) -> None:
    found(by_ada, severity)
    assert [row["rule"] for row in load_cases([reread(ready)])[0].verdict.blocked_by()] == (
        ["findings", "reviewers"] if blocks else ["reviewers"]
    )


def test_a_finding_on_the_model_is_on_every_version(new_version: NewVersion, by_ada: Actor) -> None:
    publish("Production", NO_FINDINGS)
    request = ask(by_ada, new_version())
    found(by_ada, version=None)
    assert len(findings_by_request([reread(request)])[request.pk]) == 1


def test_the_maker_does_not_close_a_grave_one(new_version: NewVersion, by_ada: Actor) -> None:
    new_version()
    finding = found(by_ada)
    with pytest.raises(Denied, match="helped to make the version"):
        close_finding(actor=by_ada, finding_id=finding.pk, state="false_positive", comment="No.")
    assert Finding.objects.get().state == FindingState.OPEN
    assert close_finding(actor=by_ada, finding_id=found(by_ada, "low").pk, state="resolved", comment="Done.")


def test_its_owner_may_close_it_and_others_may_not(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, cy: User, acting: Acting
) -> None:
    new_version()
    finding = found(by_ada, owner="cy")
    with pytest.raises(Denied):
        close_finding(actor=by_bea, finding_id=finding.pk, state="accepted", comment="Fine.")
    assert close_finding(actor=acting(cy), finding_id=finding.pk, state="accepted", comment="Fine.").closed_by == "cy"
    with pytest.raises(InvalidState):
        close_finding(actor=acting(cy), finding_id=finding.pk, state="resolved", comment="Again.")


def test_an_owner_may_read_the_model(new_version: NewVersion, by_ada: Actor, cy: User, settings: Settings) -> None:
    version = new_version()
    finding = found(by_ada)
    settings.DEFAULT_MODEL_LEVEL = "none"
    with pytest.raises(InvalidInput, match="a person who may read it"):
        found(by_ada, owner="cy")
    with pytest.raises(InvalidInput):
        assign_finding(actor=by_ada, finding_id=finding.pk, owner="cy", due_at=None)
    assert Finding.objects.get().owner is None
    grant_level(user=cy, model=version.model, level=Level.READ)
    assert assign_finding(actor=by_ada, finding_id=finding.pk, owner="cy", due_at=None).owner == cy


def test_no_script_closes_a_grave_one(new_version: NewVersion, by_ada: Actor, bot: User, acting: Acting) -> None:
    version = new_version()
    grant_level(user=bot, model=version.model, level=Level.MANAGE)
    finding = found(by_ada, "critical")
    with pytest.raises(Denied, match="signed in"):
        close_finding(actor=acting(bot), finding_id=finding.pk, state="resolved", comment="Done.")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"severity": "awful"}, InvalidInput),
        ({"title": " "}, InvalidInput),
        ({"title": "x" * 201}, InvalidInput),
        ({"version": 9}, NotFound),
        ({"name": "none"}, NotFound),
        ({"owner": "nobody"}, InvalidInput),
        ({"owner": "bot"}, InvalidInput),
        ({"description": "a\x00b"}, InvalidInput),
    ],
)
def test_bad_findings_leave_nothing(
    fields: dict[str, object], error: type[DomainError], new_version: NewVersion, by_ada: Actor, bot: User
) -> None:
    new_version()
    before = Event.objects.count()
    said = {"name": "fraud", "severity": "low", "title": "Bad", "version": 1, **fields}
    with pytest.raises(error):
        open_finding(actor=by_ada, **said)  # type: ignore[arg-type]  # bad on purpose
    assert (Finding.objects.count(), Event.objects.count()) == (0, before)


def test_overdue_is_said_once_and_a_later_date_ends_it(new_version: NewVersion, by_ada: Actor) -> None:
    new_version()
    finding = found(by_ada, due_at=timezone.now() - timedelta(minutes=1))
    assert [tasks.flag_overdue(), tasks.flag_overdue()] == [1, 0]
    assert Event.objects.filter(action="approvals.finding.fell_due").count() == 1
    assert visible_findings(by_ada, state="overdue").count() == 1
    assign_finding(actor=by_ada, finding_id=finding.pk, owner="ada", due_at=timezone.now() + timedelta(days=1))
    assert visible_findings(by_ada, state="overdue").count() == 0


def test_who_may_not_see_the_model_sees_no_finding(
    new_version: NewVersion, by_ada: Actor, cy: User, acting: Acting, settings: Settings
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"
    new_version()
    finding = found(by_ada)
    assert not visible_findings(acting(cy)).exists()
    with pytest.raises(NotFound):
        close_finding(actor=acting(cy), finding_id=finding.pk, state="resolved", comment="x")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE approvals_finding SET severity = 'low'",
        "UPDATE approvals_finding SET title = 'other'",
        "UPDATE approvals_finding SET state = 'resolved'",
        "DELETE FROM approvals_finding",
    ],
)
def test_the_database_holds_it(sql: str, new_version: NewVersion, by_ada: Actor) -> None:
    new_version()
    found(by_ada)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Finding.objects.get().severity == "high"


def test_more_findings_take_no_more_queries(new_version: NewVersion, by_ada: Actor) -> None:
    publish("Production", NO_FINDINGS)
    requests = [reread(ask(by_ada, new_version())) for _ in range(2)]
    counts = []
    for _ in range(2):
        found(by_ada)
        found(by_ada, version=None)
        with CaptureQueriesContext(connection) as seen:
            load_cases(requests)
        counts.append(len(seen))
    assert counts[0] == counts[1]
