"""Permissions to use break-glass, and to close and assign findings."""

from __future__ import annotations

from django.contrib.auth.models import Group

from accounts.owners import owners_of
from approvals.case.account_doubts import doubt_now
from approvals.case.incumbents import Move
from approvals.case.subjects import load_subjects, people_by_role
from approvals.models import TransitionRequest
from approvals.models.oversight import Finding, FindingOrigin
from approvals.permissions.people import refusal_unless_signed_in
from approvals.permissions.refusal import Refusal
from audit.actions import Action
from core.actors import Actor
from core.ids import row_id
from policies.rules import BreakGlass, Severity, severities_from
from registry.models import ModelVersion
from registry.permissions import Level, has_level
from registry.stages import Stage

# Nobody who helped to make a version may close a finding on it of this severity or a higher one.
FOUR_EYES_FROM = Severity.HIGH


def refusal_to_break_glass(actor: Actor, version: ModelVersion, option: BreakGlass) -> Refusal | None:
    """Return the refusal of an actor who may not open a break-glass request for a version; None if they may.

    Only members of the groups in the policy's ``option`` who are signed in may. A superuser needs the group too.
    """
    action = Action.APPROVALS_GLASS_BROKEN
    if refusal := refusal_unless_signed_in(actor, action, version, purpose="use break-glass"):
        return refusal
    if not Group.objects.filter(user=actor.user_id, name__in=option.groups).exists():
        message = f"{actor.name} is not a member of {' or '.join(option.groups)}, and may not use break-glass here."
        return Refusal(message, action, version)
    return None


def refusal_to_assign_finding(actor: Actor, finding: Finding) -> Refusal | None:
    """Return the refusal of an actor who may not change the owner and due date of a finding; None if they may.

    The owner of the finding and everybody who manages the model may.
    """
    return _unless_responsible(actor, finding, Action.APPROVALS_FINDING_ASSIGNED)


def refusal_to_close_finding(actor: Actor, finding: Finding) -> Refusal | None:
    """Return the refusal of an actor who may not close a finding; None if they may.

    The owner of the finding and everybody who manages the model may. The person who set a condition may close its
    finding. To close the finding of a condition, or one of severity high or critical, they must also be a person who is
    signed in, who did not help to make the version or ask for its move, and whose account no such person made or
    changed lately.
    """
    action, is_condition = Action.APPROVALS_FINDING_CLOSED, finding.origin == FindingOrigin.CONDITION
    is_setter = is_condition and actor.name == finding.opened_by
    if not is_setter and (refusal := _unless_responsible(actor, finding, action)):
        return refusal
    if finding.severity not in severities_from(FOUR_EYES_FROM) and not is_condition:
        return None
    about = "the finding of a condition" if is_condition else f"a finding of severity {finding.severity}"
    if refusal := refusal_unless_signed_in(actor, action, finding, purpose=f"close {about}"):
        return refusal
    return _unless_independent(actor, finding, about)


def _unless_independent(actor: Actor, finding: Finding, about: str) -> Refusal | None:
    action, makers, requesters = Action.APPROVALS_FINDING_CLOSED, makers_of(finding), _requesters_of(finding)
    if actor.name in makers:
        return Refusal(f"{actor.name} helped to make the version: somebody else must close {about}.", action, finding)
    if actor.name in requesters:
        message = f"{actor.name} asked for the move that the condition is on: somebody else must close {about}."
        return Refusal(message, action, finding)
    if doubt := doubt_now(actor.name, makers | requesters):
        return Refusal(f"{actor.name} cannot close {about}: {doubt}.", action, finding)
    return None


def _requesters_of(finding: Finding) -> frozenset[str]:
    """Return whoever asked for the move that a condition is on, with the owners of the account; nobody for others."""
    kind, _, number = finding.cause.partition(":")
    if finding.origin != FindingOrigin.CONDITION or kind != "condition":
        return frozenset()
    rows = TransitionRequest.objects.filter(reviews__conditions=row_id(number)).values_list(
        "requester__username", flat=True
    )
    names = set(rows)
    return frozenset(names.union(*owners_of(names).values()))


def _unless_responsible(actor: Actor, finding: Finding, action: Action) -> Refusal | None:
    owns = actor.user_id is not None and finding.owner_id == actor.user_id
    if owns or has_level(actor, finding.model, Level.MANAGE):
        return None
    return Refusal("Only the owner of a finding, or somebody who manages the model, may change it.", action, finding)


def makers_of(finding: Finding) -> frozenset[str]:
    """Return the usernames of the authors of a finding's version and of the people who wrote its run.

    For a finding on a whole model these are those of all its versions. Owners of service accounts are included.
    """
    rows = ModelVersion.objects.filter(model=finding.model_id, deleted_at__isnull=True).select_related("model")
    if finding.version_id is not None:
        rows = ModelVersion.objects.filter(pk=finding.version_id).select_related("model")
    subjects = load_subjects([Move(row, Stage.PRODUCTION, archive_existing=False) for row in rows])
    people = people_by_role(subjects, [""] * len(subjects))
    return frozenset(name for roles in people for role in ("version_author", "run_user") for name in roles[role])
