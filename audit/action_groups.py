"""Groups of audit actions, by which the audit page filters events."""

from __future__ import annotations

from audit.actions import Action

DECISIONS = "decisions"
# Actions on a request by which nothing is decided.
_NO_DECISIONS = frozenset(
    {
        Action.APPROVALS_CHECK_QUEUED,
        Action.APPROVALS_CHECK_REQUEUED,
        Action.APPROVALS_CHECK_FINISHED,
        Action.APPROVALS_CHECK_RESULT_POSTED,
        Action.APPROVALS_REQUEST_REMINDED,
    }
)
_PREFIXES: dict[str, tuple[str, ...]] = {
    DECISIONS: ("approvals.", "registry.stage.", "registry.alias.", "registry.risk."),
    "exceptions": ("approvals.rule.overridden", "approvals.override.", "approvals.glass.", "approvals.post_review."),
    "access": ("account.", "registry.permissions.", "api."),
    "models": ("registry.",),
    "training": ("tracking.", "traces.", "lineage."),
    "audit": ("audit.",),
}


def actions_of(group: str) -> frozenset[str]:
    """Return the actions of a group, empty for an unknown group."""
    prefixes = _PREFIXES.get(group, ())
    actions = {action.value for action in Action if prefixes and action.value.startswith(prefixes)}
    return frozenset(actions - (_NO_DECISIONS if group == DECISIONS else frozenset()))


GROUPS = tuple(_PREFIXES)
