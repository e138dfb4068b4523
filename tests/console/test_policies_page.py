from accounts.models import User
from approvals.models import Policy, PolicyRevision
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
