"""Errors that refuse a move. The message has a line for each blocker, who can resolve it, and the request's URL."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from approvals.models.requests import request_path
from approvals.verdict.rule_outcomes import RESOLVES_AUTOMATICALLY
from audit.actions import Action
from core.errors import Blocker, GateRefused
from core.metrics import REFUSALS
from policies.targets import is_alias
from registry.models import ModelVersion
from registry.stages import removed_alias, target_left


class ApprovalLapsed(GateRefused):
    """The verdict on an approved request is no longer approved, because the version or its policy has changed."""


def request_url(request_id: int, base_url: str = "") -> str:
    """Return the URL of a request's page; only its path if neither ``base_url`` nor settings.BASE_URL is set."""
    return f"{(base_url or settings.BASE_URL).rstrip('/')}{request_path(request_id)}"


def refusal_message(
    version: ModelVersion, target: str, blockers: Sequence[Blocker], *, request_id: int | None, base_url: str = ""
) -> str:
    """Return the message of a refusal, which every interface prints."""
    lines = [f"{_move(version, target)} is not approved yet."]
    lines += [f"- {item['rule']}: {_sentence(item)}" for item in blockers]
    if request_id is not None:
        lines.append(f"Request: {request_url(request_id, base_url)}")
    return "\n".join(lines)


def _move(version: ModelVersion, target: str) -> str:
    """Return the move that is refused, as the subject of a sentence."""
    left_target = target_left(target, is_current=version.is_current)
    name = f"{version.model.name} v{version.version}"
    if alias := removed_alias(target):
        return f"Removing @{alias} from {name}"
    return f"Moving {name} from {left_target} to {target}" if left_target else f"Promotion of {name} to {target}"


def _action(target: str) -> Action:
    if removed_alias(target):
        return Action.REGISTRY_ALIAS_DELETED
    return Action.REGISTRY_ALIAS_SET if is_alias(target) else Action.REGISTRY_STAGE_CHANGED


def refusal(
    version: ModelVersion,
    target: str,
    blockers: Sequence[Blocker],
    *,
    request_id: int | None,
    base_url: str = "",
    kind: type[GateRefused] = GateRefused,
    recorded: bool = False,
) -> GateRefused:
    """Return the error that refuses a move, and count a refusal in the metrics for each blocker.

    ``recorded`` is whether the refusal is in the audit log already.
    """
    for blocker in blockers:
        REFUSALS.labels(blocker["rule"]).inc()
    return kind(
        refusal_message(version, target, blockers, request_id=request_id, base_url=base_url),
        action=_action(target),
        obj=version,
        blocked_by=list(blockers),
        request_id=request_id,
        recorded=recorded,
    )


def single_blocker(rule: str, why: str, who: str, since: str = "") -> list[Blocker]:
    """Return a list with one blocker."""
    return [Blocker(rule=rule, why=why, who_can_resolve=who, since=since)]


def _sentence(item: Blocker) -> str:
    who = item["who_can_resolve"]
    if not who:
        return item["why"]
    return f"{item['why']} ({who})" if who == RESOLVES_AUTOMATICALLY else f"{item['why']} (who: {who})"
