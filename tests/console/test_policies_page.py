import pytest

from accounts.models import User
from approvals.models import Policy, PolicyRevision
from approvals.rules import CheckRule, Level
from console.sentences import sentence_of
from tests.console.conftest import SignedIn, text_of


def test_rules_read_as_sentences(policies: list[PolicyRevision], cy: User, signed_in: SignedIn) -> None:
    policy = Policy.objects.get(target="Production")
    assert policy.name in text_of(signed_in(cy).get("/policies/"))
    page = text_of(signed_in(cy).get(f"/policies/{policy.pk}/"))
    assert "One person of the group reviewers must approve it, with a comment." in page
    assert "the tags dataset_version, git_commit and triggered_by" in page
    assert "val_auc must not be worse than current Production by more than 0.005." in page
    assert "expires after 14 days" in page


def test_no_policy_means_so(cy: User, signed_in: SignedIn) -> None:
    assert "Nothing is governed" in text_of(signed_in(cy).get("/policies/"))
    assert signed_in(cy).get("/policies/9/").status_code == 404


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "Its model card must be complete."),
        ({"min_score": 80}, "Its model card must be filled to at least 80 %."),
        ({"template": "by_tier"}, "by the template of the model's risk tier."),
        ({"template": "eu_annex_iv@1"}, "by the template EU AI Act, Annex IV."),
    ],
)
def test_a_card_rule_names_its_template(params: dict[str, object], words: str) -> None:
    rule = CheckRule(id="card", level=Level.HARD, check="card.complete", params=params)
    assert sentence_of(rule).endswith(words)
