"""Text of a refusal: one line for each thing that is missing, who can resolve it, and the request's URL."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from approvals.verdict.rule_outcomes import RESOLVES_AUTOMATICALLY
from audit.actions import Action
from core.errors import Blocker, GateRefused
from policies.parsing import is_alias
from registry.models import ModelVersion


class ApprovalLapsed(GateRefused):
    """A request was approved, but what was approved is no longer what would be promoted."""


def request_path(request_id: int) -> str:
    """Return where people find a request on this server."""
    return f"/admin/approvals/transitionrequest/{request_id}/change/"


def request_url(request_id: int, base_url: str = "") -> str:
    """Return the address of a request; a bare path where nobody said how the server is reached."""
    return f"{(base_url or settings.BASE_URL).rstrip('/')}{request_path(request_id)}"


def refusal_message(
    version: ModelVersion, target: str, blockers: Sequence[Blocker], *, request_id: int | None, base_url: str = ""
) -> str:
    """Return the text every door prints."""
    lines = [f"Promotion of {version.model.name} v{version.version} to {target} is not approved yet."]
    lines += [f"- {item['rule']}: {_sentence(item)}" for item in blockers]
    if request_id is not None:
        lines.append(f"Request: {request_url(request_id, base_url)}")
    return "\n".join(lines)


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
    """Return the error that refuses a move."""
    return kind(
        refusal_message(version, target, blockers, request_id=request_id, base_url=base_url),
        action=Action.REGISTRY_ALIAS_SET if is_alias(target) else Action.REGISTRY_STAGE_CHANGED,
        obj=version,
        blocked_by=list(blockers),
        request_id=request_id,
        recorded=recorded,
    )


def one_blocker(rule: str, why: str, who: str, since: str = "") -> list[Blocker]:
    """Return a list with a single line."""
    return [Blocker(rule=rule, why=why, who_can_resolve=who, since=since)]


def _sentence(item: Blocker) -> str:
    who = item["who_can_resolve"]
    if not who:
        return item["why"]
    return f"{item['why']} ({who})" if who == RESOLVES_AUTOMATICALLY else f"{item['why']} (who: {who})"
