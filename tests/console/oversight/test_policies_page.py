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
from console.policies.presenters.descriptions import rule_text
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
    assert "not decided within 14 days" in page
    assert "Retire" not in page


def test_a_page_without_policies_explains_it(cy: User, signed_in: SignedIn) -> None:
    assert "Without a policy, every move" in text_of(signed_in(cy).get("/policies/"))
    for path in (
        "/policies/9/",
        "/policies/9/edit/",
        "/policies/proposals/9/",
        "/policies/new/?proposal=x",
        f"/policies/new/?proposal={2**63}",
    ):
        assert signed_in(cy).get(path).status_code == 404


def test_revisions_show_their_changes(policies: list[PolicyRevision], cy: User, signed_in: SignedIn) -> None:
    made = publish_policy(body=CHANGED)
    page = text_of(signed_in(cy).get(f"/policies/{made.policy_id}/"))
    assert "Changes in revision 2" in page
    assert "14 days" in page
    assert "approved by quinn" in page
    assert "earlier revision" in text_of(signed_in(cy).get(f"/policies/{made.policy_id}/?revision=1"))


def test_an_export_can_be_parsed_again(policies: list[PolicyRevision], cy: User, signed_in: SignedIn) -> None:
    policy = Policy.objects.get(target="Production")
    answer = signed_in(cy).get(f"/policies/{policy.pk}/export/")
    assert 'filename="production-default-r1.yaml"' in answer.headers["Content-Disposition"]
    assert parse_yaml(answer.content.decode()) == DEFAULT_POLICIES[1]


def test_a_proposal_and_its_approval(proposal: PolicyProposal, reviewer: Client) -> None:
    page = text_of(reviewer.get(f"/policies/proposals/{proposal.pk}/"))
    assert "You can decide on this proposal." in page
    assert "<script>x" not in page
    url = f"/policies/proposals/{proposal.pk}/approve/"
    assert proposal.digest in text_of(reviewer.get(f"{url}?seen={proposal.digest}", headers=HX))
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)
    done = reviewer.post(url, {"comment": "Yes.", "seen_digest": proposal.digest}, headers=HX)
    assert done.headers["HX-Redirect"] == f"/policies/proposals/{proposal.pk}/"
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES) + 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"comment": ""}, "Say why."),
        ({"comment": "x"}, "An approval needs seen_digest"),
        ({"comment": "x", "seen_digest": "0"}, "Read the proposal again"),
    ],
)
def test_an_approval_without_a_comment_or_digest_is_refused(
    proposal: PolicyProposal, reviewer: Client, data: dict[str, str], says: str
) -> None:
    answer = reviewer.post(f"/policies/proposals/{proposal.pk}/approve/", data, headers=HX)
    assert says in text_of(answer)
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)


def test_the_proposer_reads_why_they_cannot_approve(proposal: PolicyProposal, editor: Client) -> None:
    page = text_of(editor.get(f"/policies/proposals/{proposal.pk}/"))
    assert "Nobody can approve a change yet" in page
    assert "/approve/" not in page
    answer = editor.post(
        f"/policies/proposals/{proposal.pk}/approve/", {"comment": "x", "seen_digest": proposal.digest}
    )
    assert "a second person must approve it" in text_of(answer)
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)


def test_a_single_administrator_reads_what_to_do(
    policies: list[PolicyRevision], ops: User, signed_in: SignedIn
) -> None:
    assert "create_user NAME --group policy-reviewers" in text_of(signed_in(ops).get("/policies/"))
    person("quinn", "policy-reviewers")
    assert "create_user NAME" not in text_of(signed_in(ops).get("/policies/"))


def test_a_proposal_is_rejected_and_withdrawn(proposal: PolicyProposal, editor: Client, reviewer: Client) -> None:
    other = propose_policy(actor=polly(), body={**CHANGED, "description": "x"})
    reviewer.post(f"/policies/proposals/{proposal.pk}/reject/", {"comment": "No."})
    editor.post(f"/policies/proposals/{other.pk}/withdraw/", {})
    assert list(PolicyProposal.objects.order_by("pk").values_list("state", flat=True)) == ["rejected", "withdrawn"]


def test_retiring_needs_a_second_person(policies: list[PolicyRevision], editor: Client) -> None:
    policy = Policy.objects.get(target="Staging")
    editor.get(f"/policies/{policy.pk}/retire/")
    assert not PolicyProposal.objects.exists()
    editor.post(f"/policies/{policy.pk}/retire/", {"comment": "Not needed."})
    assert (PolicyProposal.objects.get().kind, Policy.objects.get(pk=policy.pk).is_active) == ("retire", True)


def test_the_editor_opens_a_proposal(policies: list[PolicyRevision], editor: Client) -> None:
    policy = Policy.objects.get(target="Production")
    assert "name: production-default" in text_of(editor.get(f"/policies/{policy.pk}/edit/"))
    answer = editor.post("/policies/new/", {"yaml": write_policy(CHANGED), "comment": "Why"})
    made = PolicyProposal.objects.get()
    assert answer.headers["Location"] == f"/policies/proposals/{made.pk}/"
    assert (made.body, made.comment) == (CHANGED, "Why")


def test_the_editor_of_a_policy_opens_a_proposal(policies: list[PolicyRevision], editor: Client) -> None:
    policy = Policy.objects.get(target="Production")
    answer = editor.post(f"/policies/{policy.pk}/edit/", {"yaml": write_policy(CHANGED), "comment": "A week."})
    made = PolicyProposal.objects.get()
    assert answer.headers["Location"] == f"/policies/proposals/{made.pk}/"
    assert (made.name, made.comment) == (policy.name, "A week.")


def test_the_editor_keeps_what_cannot_be_proposed(editor: Client, cy: User, signed_in: SignedIn) -> None:
    answer = editor.post("/policies/new/", {"yaml": "name: X Y\nrules: []"})
    assert answer.status_code == 400
    assert "line 1" in text_of(answer)
    assert "name: X Y" in text_of(answer)
    assert "policy-editors" in text_of(signed_in(cy).post("/policies/new/", {"yaml": write_policy(CHANGED)}))
    assert not PolicyProposal.objects.exists()


def test_the_preview_shows_rules_or_errors_by_line(editor: Client) -> None:
    good = text_of(editor.post("/policies/preview/", {"yaml": write_policy(CHANGED)}))
    assert "not decided within 7 days" in good
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
def test_an_impossible_dry_run_shows_the_reason(editor: Client, path: str, data: dict[str, str]) -> None:
    answer = editor.post(f"/policies/{path}/", {"yaml": write_policy(CHANGED), **data})
    assert answer.status_code == 200
    assert 'role="alert"' in text_of(answer)


def test_a_replay_loads_its_next_part(asked: Asked, editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.policies.views.drafts._CHUNK", 1)
    first = asked(checked=False)
    asked(checked=False)
    part = text_of(editor.post("/policies/replay/", {"yaml": write_policy(CHANGED)}))
    assert 'name="before"' in part
    rest = {"before": first.pk + 1, "examined": 1, "same": 1}
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
    assert rule_text(rule).endswith(words)


def test_a_rule_with_default_tags_names_them() -> None:
    rule = CheckRule(id="lineage", level=RuleLevel.HARD, check="lineage.required_tags")
    assert rule_text(rule).endswith("the tags dataset_version, git_commit and triggered_by.")


@pytest.mark.parametrize(
    ("target", "consequence"),
    [
        ("Production", "no longer governs new moves of all models to Production"),
        ("leaves Production", "no longer governs new moves of all models out of Production"),
        ("transitions", "no longer limits the stages between which versions of all models may move"),
        ("registration", "no longer limits which versions of all models may be registered"),
    ],
)
def test_the_dialog_to_retire_a_policy_says_what_stops(
    policies: list[PolicyRevision], signed_in: SignedIn, target: str, consequence: str
) -> None:
    policy = Policy.objects.create(name=f"only {target}", target=target)
    dialog = text_of(signed_in(person("polly", "policy-editors")).get(f"/policies/{policy.pk}/retire/", headers=HX))
    assert consequence in dialog
