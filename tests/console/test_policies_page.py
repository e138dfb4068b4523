"""The pages of policies: in words, with what is proposed, and no way to change one alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals.policy_changes.propose import propose_policy
from console.policies.presenters.descriptions import sentence_of
from policies.defaults import DEFAULT_POLICIES
from policies.models import Policy, PolicyProposal, PolicyRevision
from policies.rules import CheckRule, RuleLevel
from policies.yaml_text import parse_yaml, write_policy
from tests.approvals.publishing import approve, person, polly, publish_policy
from tests.console.conftest import Asked, SignedIn, text_of

CHANGED: dict[str, Any] = {**copy.deepcopy(DEFAULT_POLICIES[1]), "options": {"expires_after": "7d"}}
HX = {"HX-Request": "true"}


@pytest.fixture
def editor(policies: list[PolicyRevision], signed_in: SignedIn) -> Client:
    return signed_in(person("polly", "policy-editors"))


@pytest.fixture
def reviewer(db: None, signed_in: SignedIn) -> Client:
    return signed_in(person("quinn", "policy-reviewers"))


@pytest.fixture
def proposal(policies: list[PolicyRevision]) -> PolicyProposal:
    return propose_policy(actor=polly(), body=CHANGED, comment="A <b>week</b> is enough. <script>x</script>")


def test_rules_read_as_sentences(policies: list[PolicyRevision], cy: User, signed_in: SignedIn) -> None:
    policy = Policy.objects.get(target="Production")
    assert policy.name in text_of(signed_in(cy).get("/policies/"))
    page = text_of(signed_in(cy).get(f"/policies/{policy.pk}/"))
    assert "One person of the group reviewers must approve it, with a comment." in page
    assert "the tags dataset_version, git_commit and triggered_by" in page
    assert "val_auc must be no more than 0.005 worse than in current Production." in page
    assert "expires after 14 days" in page
    assert "Retire" not in page


def test_no_policy_means_so(cy: User, signed_in: SignedIn) -> None:
    assert "Nothing is governed" in text_of(signed_in(cy).get("/policies/"))
    for path in ("/policies/9/", "/policies/9/edit/", "/policies/proposals/9/", "/policies/new/?proposal=x"):
        assert signed_in(cy).get(path).status_code == 404


def test_revisions_show_what_they_changed(policies: list[PolicyRevision], cy: User, signed_in: SignedIn) -> None:
    made = publish_policy(body=CHANGED)
    page = text_of(signed_in(cy).get(f"/policies/{made.policy_id}/"))
    assert "What revision 2 changed" in page
    assert "14 days" in page
    assert "approved by quinn" in page
    assert "old revision" in text_of(signed_in(cy).get(f"/policies/{made.policy_id}/?revision=1"))


def test_export_reads_back(policies: list[PolicyRevision], cy: User, signed_in: SignedIn) -> None:
    policy = Policy.objects.get(target="Production")
    answer = signed_in(cy).get(f"/policies/{policy.pk}/export/")
    assert 'filename="production-default-r1.yaml"' in answer.headers["Content-Disposition"]
    assert parse_yaml(text_of(answer)) == DEFAULT_POLICIES[1]


def test_a_proposal_and_its_approval(proposal: PolicyProposal, reviewer: Client) -> None:
    page = text_of(reviewer.get(f"/policies/proposals/{proposal.pk}/"))
    assert "You can decide on this." in page
    assert "<script>x" not in page
    url = f"/policies/proposals/{proposal.pk}/approve/"
    assert proposal.digest in text_of(reviewer.get(f"{url}?seen={proposal.digest}", headers=HX))
    assert PolicyRevision.objects.count() == 2
    done = reviewer.post(url, {"comment": "Yes.", "seen_digest": proposal.digest}, headers=HX)
    assert done.headers["HX-Redirect"] == f"/policies/proposals/{proposal.pk}/"
    assert PolicyRevision.objects.count() == 3


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"comment": ""}, "required"),
        ({"comment": "x"}, "must name"),
        ({"comment": "x", "seen_digest": "0"}, "Look at the proposal again"),
    ],
)
def test_a_careless_approval_is_refused(
    proposal: PolicyProposal, reviewer: Client, data: dict[str, str], says: str
) -> None:
    answer = reviewer.post(f"/policies/proposals/{proposal.pk}/approve/", data, headers=HX)
    assert says in text_of(answer)
    assert PolicyRevision.objects.count() == 2


def test_the_proposer_is_told_why_not(proposal: PolicyProposal, editor: Client) -> None:
    page = text_of(editor.get(f"/policies/proposals/{proposal.pk}/"))
    assert "Nobody can approve a change yet" in page
    assert "/approve/" not in page
    answer = editor.post(
        f"/policies/proposals/{proposal.pk}/approve/", {"comment": "x", "seen_digest": proposal.digest}
    )
    assert "a second person has to approve it" in text_of(answer)
    assert PolicyRevision.objects.count() == 2


def test_a_lone_administrator_is_told_what_to_do(
    policies: list[PolicyRevision], ops: User, signed_in: SignedIn
) -> None:
    assert "create_user NAME --group policy-reviewers" in text_of(signed_in(ops).get("/policies/"))
    person("quinn", "policy-reviewers")
    assert "create_user NAME" not in text_of(signed_in(ops).get("/policies/"))


def test_reject_and_withdraw(proposal: PolicyProposal, editor: Client, reviewer: Client) -> None:
    other = propose_policy(actor=polly(), body={**CHANGED, "description": "x"})
    reviewer.post(f"/policies/proposals/{proposal.pk}/reject/", {"comment": "No."})
    editor.post(f"/policies/proposals/{other.pk}/withdraw/", {})
    assert list(PolicyProposal.objects.order_by("pk").values_list("state", flat=True)) == ["rejected", "withdrawn"]


def test_retiring_asks_for_a_second_person(policies: list[PolicyRevision], editor: Client) -> None:
    policy = Policy.objects.get(target="Staging")
    editor.get(f"/policies/{policy.pk}/retire/")
    assert not PolicyProposal.objects.exists()
    editor.post(f"/policies/{policy.pk}/retire/", {"comment": "Not needed."})
    assert (PolicyProposal.objects.get().kind, Policy.objects.get(pk=policy.pk).is_active) == ("retire", True)


def test_the_editor_proposes(policies: list[PolicyRevision], editor: Client) -> None:
    policy = Policy.objects.get(target="Production")
    assert "name: production-default" in text_of(editor.get(f"/policies/{policy.pk}/edit/"))
    answer = editor.post("/policies/new/", {"yaml": write_policy(CHANGED), "comment": "Why"})
    made = PolicyProposal.objects.get()
    assert answer.headers["Location"] == f"/policies/proposals/{made.pk}/"
    assert (made.body, made.comment) == (CHANGED, "Why")


def test_the_editor_keeps_what_cannot_be_proposed(editor: Client, cy: User, signed_in: SignedIn) -> None:
    answer = editor.post("/policies/new/", {"yaml": "name: X Y\nrules: []"})
    assert answer.status_code == 400
    assert "line 1" in text_of(answer)
    assert "name: X Y" in text_of(answer)
    assert "policy-editors" in text_of(signed_in(cy).post("/policies/new/", {"yaml": write_policy(CHANGED)}))
    assert not PolicyProposal.objects.exists()


def test_the_preview_says_words_or_lines(editor: Client) -> None:
    good = text_of(editor.post("/policies/preview/", {"yaml": write_policy(CHANGED)}))
    assert "expires after 7 days" in good
    assert "14 days" in good
    bad = text_of(editor.post("/policies/preview/", {"yaml": "name: x\nrules:\n  - id: a\n    check: no.such\n"}))
    assert 'data-line="4"' in bad
    for text in ("", "a: &b [*b]", "\x00", "[" * 4000, "<script>"):
        assert editor.post("/policies/preview/", {"yaml": text}).status_code == 200


def test_dry_run_and_replay(asked: Asked, editor: Client) -> None:
    request = asked()
    yaml = write_policy(CHANGED)
    tried = text_of(editor.post("/policies/dry-run/", {"yaml": yaml, "model": "fraud", "version": 1}))
    assert "must approve it, with a comment." in tried  # the words of the verdict on a request
    assert "Would wait" in tried
    past = text_of(editor.post("/policies/replay/", {"yaml": yaml}))
    assert "1 of 1 request" in past
    looser = {**CHANGED, "rules": [rule for rule in CHANGED["rules"] if rule["id"] != "reviewers"]}
    assert f"#{request.pk} fraud v1" in text_of(editor.post("/policies/replay/", {"yaml": write_policy(looser)}))


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("dry-run", {}),
        ("dry-run", {"model": "x", "version": "1"}),
        ("replay", {"before": "x"}),
        ("replay", {"yaml": "a"}),
    ],
)
def test_what_cannot_be_tried_is_said(editor: Client, path: str, data: dict[str, str]) -> None:
    answer = editor.post(f"/policies/{path}/", {"yaml": write_policy(CHANGED), **data})
    assert answer.status_code == 200
    assert 'role="alert"' in text_of(answer)


def test_a_replay_goes_on_by_itself(asked: Asked, editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.policies.views.drafts._CHUNK", 1)
    first = asked(checked=False)
    asked(checked=False)
    part = text_of(editor.post("/policies/replay/", {"yaml": write_policy(CHANGED)}))
    assert 'name="before"' in part
    rest = {"before": first.pk + 1, "looked": 1, "same": 1}
    last = text_of(editor.post("/policies/replay/", {"yaml": write_policy(CHANGED), **rest}))
    assert "2 of 2 requests" in last
    assert 'name="before"' not in last


def test_more_proposals_and_revisions_cost_no_more_queries(policies: list[PolicyRevision], editor: Client) -> None:
    policy = Policy.objects.get(target="Production")
    counts = []
    for number in range(2):
        for part in "ab":
            body = {**CHANGED, "description": f"{number}{part}"}
            approve(propose_policy(actor=polly(), body=body))
            propose_policy(actor=polly(), body={**body, "name": f"other-{number}{part}"})
        with CaptureQueriesContext(connection) as found:
            assert editor.get("/policies/").status_code == editor.get(f"/policies/{policy.pk}/").status_code == 200
        counts.append(len(found))
    assert counts[0] == counts[1]


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
    rule = CheckRule(id="card", level=RuleLevel.HARD, check="card.complete", params=params)
    assert sentence_of(rule).endswith(words)


def test_a_rule_that_takes_the_usual_tags_names_them() -> None:
    rule = CheckRule(id="lineage", level=RuleLevel.HARD, check="lineage.required_tags")
    assert sentence_of(rule).endswith("the tags dataset_version, git_commit and triggered_by.")
