"""Default policies of a new installation, as mappings."""

from __future__ import annotations

_LINEAGE_RULES: list[dict[str, object]] = [
    {
        "id": "lineage",
        "level": "hard",
        "check": "lineage.required_tags",
        "with": {"tags": ["dataset_version", "git_commit", "triggered_by"]},
    },
    {"id": "digest", "level": "hard", "check": "artifact.digest_matches"},
    {"id": "safe-artifact", "level": "hard", "check": "artifact.scan"},
    {"id": "data-ok", "level": "hard", "check": "lineage.not_quarantined"},
]

DEFAULT_POLICIES: tuple[dict[str, object], ...] = (
    {
        "name": "staging-default",
        "applies_to": {"target": "Staging", "models": "*"},
        "rules": _LINEAGE_RULES,
        "options": {"expires_after": "14d", "rollback_window": "24h"},
    },
    {
        "name": "production-default",
        "applies_to": {"target": "Production", "models": "*"},
        "rules": [
            *_LINEAGE_RULES,
            {"id": "card", "level": "hard", "check": "card.complete"},
            {
                "id": "no-regression",
                "level": "hard",
                "check": "metric.no_regression",
                "with": {"metric": "val_auc", "against": "current_production", "tolerance": 0.005},
            },
            {"id": "findings", "level": "hard", "no_findings": {"severity": "high"}},
            {"id": "reviewers", "level": "hard", "approvals": {"count": 1, "groups": ["reviewers"]}},
            {
                "id": "four-eyes",
                "level": "hard",
                "four_eyes": ["requester", "version_author", "run_user", "card_editor"],
            },
        ],
        "options": {"expires_after": "14d", "rollback_window": "24h"},
    },
    {
        "name": "leaving-production-default",
        "applies_to": {"leaves": "Production", "models": "*"},
        "rules": [
            {"id": "reason", "level": "hard", "reason": "required"},
            {
                "id": "second-person",
                "level": "hard",
                "approvals": {"count": 1, "groups": ["reviewers"], "roles": ["manage_production"]},
                "applies_if": {"deployed": True},
            },
            {"id": "four-eyes", "level": "hard", "four_eyes": ["requester"]},
        ],
        "options": {
            "expires_after": "14d",
            "break_glass": {"groups": ["reviewers"], "second_person": False, "post_review_within": "48h"},
        },
    },
)
