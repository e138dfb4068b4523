"""`manage.py policy`: reads files, prints text, and cannot do without the second person."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from approvals.models import TransitionRequest
from audit.models import Event
from audit.queries import by_actor
from policies.defaults import DEFAULT_POLICIES
from policies.models import PolicyProposal, PolicyRevision
from policies.schema import policy_schema
from policies.yaml_text import parse_yaml, write_policy
from tests.approvals.publishing import person


def run(*words: str) -> str:
    out = StringIO()
    call_command("policy", *words, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "policy.yaml"
    path.write_text(write_policy({**DEFAULT_POLICIES[1], "options": {"expires_after": "7d"}}), encoding="utf-8")
    return str(path)


def test_validate_prints_the_line(file: str, tmp_path: Path) -> None:
    assert run("validate", file) == f"{file}: valid\n"
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: X Y\napplies_to: {target: Moon}\nrules: []\n", encoding="utf-8")
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 2"):
        call_command("policy", "validate", file, str(bad), stdout=out, stderr=out)
    assert f"{bad}: line 2, applies_to.target: must be" in out.getvalue()


def test_propose_opens_a_proposal_and_prints_who_can_approve(policies: object, file: str) -> None:
    person("polly", "policy-editors")
    assert "--group policy-reviewers" in run("propose", file, "--as", "polly", "--comment", "Why")
    assert (PolicyProposal.objects.get().state, PolicyRevision.objects.count()) == ("open", len(DEFAULT_POLICIES))
    person("quinn", "policy-reviewers")
    PolicyProposal.objects.get()
    text = run("propose", file, "--as", "polly")
    assert "when one of these approves it: quinn" in text


def test_others_are_refused_and_the_refusal_is_recorded(policies: object, file: str, cy: User) -> None:
    with pytest.raises(CommandError, match="policy-editors"):
        run("propose", file, "--as", "cy")
    assert not PolicyProposal.objects.exists()
    assert Event.objects.filter(by_actor("cy"), outcome="denied").count() == 1


def test_export_reads_back(policies: object) -> None:
    assert parse_yaml(run("export", "production-default")) == DEFAULT_POLICIES[1]
    with pytest.raises(CommandError, match="No policy is called nope"):
        run("export", "nope")


def test_the_defaults_of_this_release_are_printed(db: None) -> None:
    assert parse_yaml(run("default", "production-default")) == DEFAULT_POLICIES[1]
    with pytest.raises(CommandError, match="invalid choice"):
        run("default", "nope")


def test_dry_run_and_replay(ready: TransitionRequest, file: str) -> None:
    said = run("dry-run", file, "--model", "fraud", "--version", "1")
    assert "fraud v1 to Production: pending" in said
    assert "[result of check run" in said
    assert "as it was: 1, would block: 0" in run("replay", file)


@pytest.mark.parametrize("words", [("validate", "/no/such"), ("propose", "/no/such", "--as", "cy")])
def test_a_missing_file(cy: User, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run(*words)


def test_the_schema_of_the_language_is_printed(db: None) -> None:
    assert json.loads(run("schema")) == policy_schema()


def test_nobody_proposes_under_an_unknown_name(policies: object, file: str) -> None:
    with pytest.raises(CommandError, match="There is no active user called zoe"):
        run("propose", file, "--as", "zoe")
    assert not PolicyProposal.objects.exists()


def test_dry_run_says_which_policy_would_govern_instead(ready: TransitionRequest, file: str, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    body = {**DEFAULT_POLICIES[1], "name": "others", "applies_to": {"target": "Production", "models": "loan_*"}}
    other.write_text(write_policy(body), encoding="utf-8")
    said = run("dry-run", str(other), "--model", "fraud", "--version", "1")
    assert "This policy would not govern the move: production-default r1 governs it." in said
