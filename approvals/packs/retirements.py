"""Retirement of a model: the request, the obstacles that prevent it, and the decision of a second person."""

from __future__ import annotations

import io
from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from approvals.case.account_doubts import doubt_now
from approvals.models import MAX_COMMENT, Retirement, RetirementState
from approvals.packs.retirement_evidence import retirement_evidence
from approvals.permissions.people import refusal_unless_in_person
from approvals.permissions.policy_people import identities_of
from approvals.permissions.refusal import deny_if
from approvals.requests.queries import live_request_ids
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, InvalidState, NotFound
from core.refs import version_ref
from lineage.models import NodeKind
from lineage.queries import descendants_of_kinds, find_node
from registry.gates import is_governed
from registry.inventory import is_retired
from registry.locks import lock_named
from registry.models import Deployment, ModelVersion, RegisteredModel
from registry.names import check_text
from registry.permissions import Level, has_level
from registry.queries import get_model
from registry.services.inventory import mark_retired
from tracking.locks import hold_bytes
from tracking.store import current_store

_ASKED, _DECIDED = Action.REGISTRY_MODEL_RETIREMENT_ASKED, Action.REGISTRY_MODEL_RETIREMENT_DECIDED
_WITHDRAWN = Action.REGISTRY_MODEL_RETIREMENT_WITHDRAWN


def obstacles_to_retire(model: RegisteredModel) -> list[str]:
    """Return a sentence for each obstacle to retiring a model, with what to do about it.

    Obstacles are live deployments, a Production version, protected aliases, open requests, and dependent models.
    """
    return list(_obstacles(model))


@transaction.atomic
def ask_to_retire(*, actor: Actor, name: str, reason: str) -> Retirement:
    """Open a request to retire a model and return it.

    Raises NotFound, Denied (the actor does not manage the model, or has no account), InvalidInput (no reason),
    TooLarge, InvalidState (an obstacle, or the model is retired), Conflict (a request is open already).
    """
    text = _text(reason, "reason")
    model = lock_named(actor=actor, name=name, level=Level.MANAGE, action=_ASKED)
    if actor.user_id is None:
        raise Denied("Only a user with an account may ask for the retirement of a model.", action=_ASKED, obj=model)
    _require_free(model)
    if Retirement.objects.filter(model=model, state=RetirementState.OPEN).exists():
        raise Conflict(f"There already is an open request to retire {name}.")
    retirement = Retirement.objects.create(model=model, requester=User.objects.get(pk=actor.user_id), reason=text)
    record(actor=actor, action=_ASKED, obj=model, after={"retirement": retirement.pk}, reason=text)
    return retirement


@transaction.atomic
def decide_retirement(*, actor: Actor, name: str, approve: bool, comment: str) -> Retirement:
    """Retire a model and store its evidence, or reject the request. Return the closed request.

    The actor must be a person who is signed in, who manages the model or is a superuser, and who is neither the
    requester nor the owner of the requester's service account. The requester must not have made or changed their
    account lately. Raises NotFound (the model, or no open request), Denied, InvalidInput (no comment), TooLarge,
    InvalidState (an obstacle).
    """
    text = _text(comment, "comment")
    model = lock_named(actor=actor, name=name, level=Level.READ, action=_DECIDED)
    row = open_retirement(model)
    if row is None:
        raise NotFound(f"There is no open request to retire {name}.")
    deny_if(refusal_unless_in_person(actor, _DECIDED, model, purpose="decide"))
    requesters = identities_of(row.requester)
    if actor.name in requesters or not has_level(actor, model, Level.MANAGE):
        why = f"A person who manages {name}, other than {row.requester.username}, decides whether it is retired."
        raise Denied(why, action=_DECIDED, obj=model)
    if doubt := doubt_now(actor.name, requesters):
        raise Denied(f"{actor.name} cannot decide whether {name} is retired: {doubt}.", action=_DECIDED, obj=model)
    row.state, row.comment, row.closed_at = RetirementState.REJECTED, text, timezone.now()
    row.decided_by = User.objects.get(pk=actor.user_id or 0)
    if approve:
        _require_free(model)
        row.state = RetirementState.RETIRED
        hold_bytes(exclusive=False)
        data = io.BytesIO(retirement_evidence(model, row.reason))
        blob = current_store().put(data, limit=settings.MAX_ARTIFACT_BYTES)
        row.evidence_digest = blob.sha256
        mark_retired(model=model, at=row.closed_at)
    row.save()
    after = {"retirement": row.pk, "state": row.state, "evidence": row.evidence_digest}
    record(actor=actor, action=_DECIDED, obj=model, after=after, reason=text)
    return row


@transaction.atomic
def withdraw_retirement(*, actor: Actor, name: str, comment: str = "") -> Retirement:
    """Withdraw the open request to retire a model and return it.

    Raises NotFound (the model, or no open request), Denied (the actor is neither the requester, nor their owner, nor
    manages the model), InvalidInput and TooLarge (the comment).
    """
    text = check_text(comment.strip(), "comment", MAX_COMMENT)
    model = lock_named(actor=actor, name=name, level=Level.READ, action=_WITHDRAWN)
    row = open_retirement(model)
    if row is None:
        raise NotFound(f"There is no open request to retire {name}.")
    if not may_withdraw_retirement(actor, row):
        why = f"{row.requester.username}, or a person who manages {name}, withdraws the request to retire it."
        raise Denied(why, action=_WITHDRAWN, obj=model)
    row.state, row.comment, row.closed_at = RetirementState.WITHDRAWN, text, timezone.now()
    row.save(update_fields=["state", "comment", "closed_at"])
    record(actor=actor, action=_WITHDRAWN, obj=model, after={"retirement": row.pk}, reason=text)
    return row


def may_withdraw_retirement(actor: Actor, row: Retirement) -> bool:
    """Return whether the actor may withdraw a request to retire a model."""
    return actor.name in identities_of(row.requester) or has_level(actor, row.model, Level.MANAGE)


def open_retirement(model: RegisteredModel) -> Retirement | None:
    """Return the open request to retire a model, None without one."""
    rows = Retirement.objects.filter(model=model, state=RetirementState.OPEN)
    return rows.select_related("requester", "model").first()


def last_retirement(actor: Actor, name: str) -> Retirement:
    """Return the newest request to retire a model. Raises NotFound (the model, or no request)."""
    rows = Retirement.objects.filter(model=get_model(actor, name)).select_related("requester", "decided_by", "model")
    row = rows.order_by("-pk").first()
    if row is None:
        raise NotFound(f"Nobody has asked for the retirement of {name}.")
    return row


def _require_free(model: RegisteredModel) -> None:
    if is_retired(model):
        raise InvalidState(f"{model.name} is retired already.")
    if obstacles := obstacles_to_retire(model):
        raise InvalidState(f"{model.name} cannot be retired yet.\n" + "\n".join(f"- {line}" for line in obstacles))


def _obstacles(model: RegisteredModel) -> Iterator[str]:
    live = Deployment.objects.filter(version__model=model, ended_at__isnull=True).select_related("endpoint", "version")
    for row in live.order_by("endpoint__name")[:10]:
        yield f"{row.endpoint.name} serves version {row.version.version}: end deployment {row.number}."
    current = model.versions.filter(is_current=True).values_list("version", flat=True).first()
    if current is not None:
        yield f"Version {current} is in Production: archive it."
    for alias in model.aliases.order_by("name").values_list("name", flat=True):
        if is_governed(model, f"@{alias}"):
            yield f"The protected alias @{alias} points at a version: remove the alias."
    for pk in live_request_ids(model)[:10]:
        yield f"Request #{pk} is open: withdraw it."
    for name in sorted(_dependents(model))[:10]:
        yield f"The model {name} depends on it: retire that one first, or train it again."


def _dependents(model: RegisteredModel) -> set[str]:
    """Return the names of other models in use with a version that descends from, or is a copy of, one of this model."""
    names: set[str] = set()
    for number in model.versions.filter(deleted_at__isnull=True).values_list("version", flat=True):
        try:
            node = find_node(version_ref(model.name, number))
        except NotFound:
            continue
        names |= {row.name for row in descendants_of_kinds(node, {NodeKind.MODEL_VERSION})}
    copies = ModelVersion.objects.filter(copied_from__model=model, deleted_at__isnull=True)
    names |= set(copies.values_list("model__name", flat=True))
    others = RegisteredModel.objects.filter(name__in=names - {model.name}, deleted_at__isnull=True)
    return set(others.exclude(inventory__retired_at__isnull=False).values_list("name", flat=True))


def _text(value: str, field: str) -> str:
    text = check_text(value.strip(), field, MAX_COMMENT)
    if not text:
        raise InvalidInput(f"A retirement needs a {field}.")
    return text
