"""`python -m bench.writers_worker`: publish the policies of bench.writers into the database of a measurement."""

from __future__ import annotations

import django

django.setup()

from bench.policies import publish_all

NO_FINDINGS: dict[str, object] = {"id": "no-findings", "level": "hard", "no_findings": {"severity": "high"}}
REVIEWERS: dict[str, object] = {"id": "reviewers", "level": "hard", "approvals": {"count": 1, "groups": ["reviewers"]}}

if __name__ == "__main__":
    publish_all(
        {"name": name, "applies_to": {"target": target, "models": models}, "rules": [rule]}
        for name, target, models, rule in (
            ("by-rule", "Staging", "governed*", NO_FINDINGS),
            ("by-people", "Production", "reviewed*", REVIEWERS),
        )
    )
