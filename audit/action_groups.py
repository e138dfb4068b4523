"""Groups of audit actions: what readers look for together."""

from __future__ import annotations

from audit.actions import Action

DECISIONS = "decisions"
# What a scheduler or a worker does by itself about a request is not a decision.
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
    """Return the actions of a group, empty for one that is not known."""
    prefixes = _PREFIXES.get(group, ())
    chosen = {action.value for action in Action if prefixes and action.value.startswith(prefixes)}
    return frozenset(chosen - (_NO_DECISIONS if group == DECISIONS else frozenset()))


GROUPS = tuple(_PREFIXES)
