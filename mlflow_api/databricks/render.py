"""JSON of the Databricks workspace registry. Its clients ignore unknown fields, so Custody adds fields of its own.

Ids are texts and times are milliseconds. `activity_type` is always one of Databricks' seven values.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from accounts.principals import PrincipalKind
from approvals.case.loading import Case
from approvals.models import ApprovalComment, TransitionRequest
from approvals.permissions.reviews import load_reviewer
from approvals.requests.abilities import Ability, comment_abilities, live_cases, manages, request_abilities
from approvals.requests.history import Activity, opening_activities
from approvals.requests.refusals import request_url
from core.actors import Actor
from core.times import to_ms
from mlflow_api import render_registry
from mlflow_api.render_tracking import Json, filled
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Grant, Level, default_level, level_of

LEVELS = {
    Level.READ: "CAN_READ",
    Level.EDIT: "CAN_EDIT",
    Level.MANAGE_STAGING: "CAN_MANAGE_STAGING_VERSIONS",
    Level.MANAGE_PRODUCTION: "CAN_MANAGE_PRODUCTION_VERSIONS",
    Level.MANAGE: "CAN_MANAGE",
}
PRINCIPALS = {
    PrincipalKind.USER: "user_name",
    PrincipalKind.GROUP: "group_name",
    PrincipalKind.SERVICE: "service_principal_name",
}
_ROOT = "/registered-models/root"


def milliseconds(at: datetime | None) -> int | None:
    """Return a time as milliseconds since 1970, None where there is none."""
    return to_ms(at) if at else None


def activity(row: Activity) -> Json:
    """Return one entry of a version's activity list."""
    return filled(
        id=row.id,
        activity_type=row.kind.value,
        user_id=row.user,
        comment=row.comment,
        system_comment=row.system_comment,
        from_stage=row.source or None,
        to_stage=row.target or None,
        creation_timestamp=milliseconds(row.at),
        last_updated_timestamp=milliseconds(row.at),
        request_id=str(row.request_id) if row.request_id else None,
    )


def request_facts(case: Case, abilities: Sequence[Ability], base_url: str) -> Json:
    """Return Custody's own fields of a live request, such as its blockers and the digest an approval would cover."""
    row = case.request
    return filled(
        available_actions=[ability.value for ability in abilities],
        request_id=str(row.pk),
        state=row.state,
        verdict=case.verdict.state.value,
        blocked_by=[dict(item) for item in case.verdict.blocked_by()],
        subject_digest=case.snapshot.subject_digest,
        archive_existing_versions=None if row.archive_left_open else row.archive_existing,
        expires_timestamp=milliseconds(row.expires_at),
        url=request_url(row.pk, base_url),
    )


def transition_request(actor: Actor, case: Case, base_url: str) -> Json:
    """Return a request with what the actor may do with it now."""
    row = case.request
    return filled(
        to_stage=row.target,
        user_id=row.requester.username,
        comment=row.comment,
        creation_timestamp=milliseconds(row.opened_at),
        **request_facts(case, request_abilities(actor, load_reviewer(actor, [row.version.model_id]), case), base_url),
    )


def open_requests(actor: Actor, cases: Sequence[Case], base_url: str) -> list[Json]:
    """Return live requests as the activities by which they were opened."""
    reviewer = load_reviewer(actor, {case.request.version.model_id for case in cases})
    opened = opening_activities([case.request for case in cases])
    return [
        activity(opening) | request_facts(case, request_abilities(actor, reviewer, case), base_url)
        for opening, case in zip(opened, cases, strict=True)
    ]


def decided(row: Activity, request: TransitionRequest) -> Json:
    """Return the activity of a decision or withdrawal, with the present state of the request and of its version."""
    return activity(row) | filled(request_id=str(request.pk), state=request.state, current_stage=request.version.stage)


def comment(actor: Actor, row: ApprovalComment, *, may_manage: bool) -> Json:
    """Return a comment with what the actor may do with it; ``may_manage``: they manage the model."""
    return filled(
        id=str(row.pk),
        comment=row.text,
        user_id=row.author.username,
        creation_timestamp=milliseconds(row.created_at),
        last_updated_timestamp=milliseconds(row.edited_at or row.created_at),
        available_actions=[ability.value for ability in comment_abilities(actor, row, manages=may_manage)],
    )


def one_comment(actor: Actor, row: ApprovalComment) -> Json:
    """Return the response that holds one comment."""
    return {"comment": comment(actor, row, may_manage=manages(actor, row.version))}


def permission_level(actor: Actor, model: RegisteredModel) -> str | None:
    """Return the name of the actor's level on a model, None where they have none."""
    level = level_of(actor, model)
    return LEVELS[level] if level else None


def model_version(actor: Actor, version: ModelVersion, base_url: str) -> Json:
    """Return a version with the actor's level and its open requests."""
    return render_registry.model_version(version) | filled(
        permission_level=permission_level(actor, version.model),
        open_requests=open_requests(actor, live_cases(actor, version), base_url),
        email_subscription_status="UNSUBSCRIBED",
    )


def registered_model(actor: Actor, model: RegisteredModel) -> Json:
    """Return a registered model with its id and the actor's level."""
    return render_registry.registered_model(model) | filled(
        id=str(model.pk), permission_level=permission_level(actor, model)
    )


def permissions(model: RegisteredModel, grants: Sequence[Grant]) -> Json:
    """Return a model's permissions: its grants, and the levels that all users and superusers (`admins`) inherit."""
    entries = [_entry(PRINCIPALS[grant.kind], grant.name, grant.level, inherited=False) for grant in grants]
    default = default_level()
    if default is not None:
        entries.append(_entry("group_name", "users", default, inherited=True))
    entries.append(_entry("group_name", "admins", Level.MANAGE, inherited=True))
    return {
        "object_id": f"/registered-models/{model.pk}",
        "object_type": "registered-model",
        "access_control_list": entries,
    }


def _entry(field: str, name: str, level: Level, *, inherited: bool) -> Json:
    permission: Json = {"permission_level": LEVELS[level], "inherited": inherited}
    if inherited:
        permission["inherited_from_object"] = [_ROOT]
    return {field: name, "display_name": name, "all_permissions": [permission]}
