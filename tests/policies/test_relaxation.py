"""A change of a model that brings it under weaker options relaxes its policy."""

from __future__ import annotations

from typing import Any

import pytest

from policies.matching import LoadedPolicy, ModelFacts
from policies.models import Policy, PolicyRevision
from policies.parsing import parse_policy
from policies.relaxation import relaxed_targets

ONE: dict[str, Any] = {"approvals": {"count": 1, "groups": ["reviewers"]}}
TWO: dict[str, Any] = {"approvals": {"count": 2, "groups": ["reviewers"]}}
RULE = {"id": "reviewers", **ONE}


def policy(name: str, options: dict[str, Any], **scope: Any) -> LoadedPolicy:
    """Return a policy for Production with one rule and these options."""
    body = {
        "name": name,
        "applies_to": {"target": "Production", "models": "fraud", **scope},
        "rules": [RULE],
        "options": options,
    }
    return LoadedPolicy(PolicyRevision(policy=Policy(name=name), number=1, body=body), parse_policy(body))


@pytest.mark.parametrize(
    ("strict", "weak"),
    [
        ({"new_account_window": "14d"}, {"new_account_window": "0h"}),
        ({"apply_delay": "2h"}, {"apply_delay": "1h"}),
        ({"signed_by": "passkey"}, {}),
        ({"signed_by": "device_passkey"}, {"signed_by": "passkey"}),
        ({"re_review_every": "30d"}, {}),
        ({"re_review_every": "30d"}, {"re_review_every": "60d"}),
        ({"re_review_every": {"every": "30d", "when_due": "block"}}, {"re_review_every": "30d"}),
        ({"rollback": TWO}, {}),
        ({"rollback": TWO}, {"rollback": ONE}),
        ({"rollback": {"within": "1d"}}, {"rollback": {"within": "2d"}}),
        ({"rollback": {"within": "1d"}}, {"rollback": {"within": "any"}}),
    ],
)
def test_weaker_options_relax_the_policy(strict: dict[str, Any], weak: dict[str, Any]) -> None:
    tagged, untagged = ModelFacts("fraud", {"pii": "yes"}), ModelFacts("fraud")
    policies = [policy("strict", strict, tags={"pii": "yes"}), policy("weak", weak)]
    assert relaxed_targets(policies, tagged, untagged) == ["Production"]
    assert relaxed_targets(policies, untagged, tagged) == []
