"""Policies as YAML: each problem with its line, hostile documents refused, and what is written reads the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import InvalidInput, TooLarge
from policies.documents import MAX_BYTES, check_document
from policies.parsing import problems_of
from policies.yaml_text import parse_yaml, read_policy, write_policy
from tests.policies.bodies import bodies

WRONG = """\
name: X Y
applies_to: {target: Moon}
rules:
  - {id: a, check: no.such}
  - id: b
    check: metric.no_regression
    with:
      tolerance: much
  - id: c
    approvals:
      groups: [reviewers]
      count: 0
  - id: d
    level: harsh
    check: card.complete
options:
  expires_after: soon
more: 1
"""


def problems(text: str) -> list[str]:
    return [str(problem) for problem in read_policy(text).problems]


def test_each_problem_has_its_line_and_path() -> None:
    places = [(problem.line, problem.path) for problem in read_policy(WRONG).problems]
    assert sorted(places) == [
        (1, "name"),
        (2, "applies_to.target"),
        (4, "rules[1].check"),
        (8, "rules[2].with.tolerance"),
        (12, "rules[3].approvals.count"),
        (14, "rules[4].level"),
        (17, "options.expires_after"),
        (18, "more"),
    ]
    with pytest.raises(InvalidInput, match=r"line 12, rules\[3\]\.approvals\.count: must be"):
        parse_yaml(WRONG)


BOMB = "a: &a [x, x]\n" + "\n".join(f"b{n}: &b{n} [*a, *a]" for n in range(9))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "line 1: not valid YAML: anchors and aliases are not allowed: write the value again"),
        ("a: *b", "line 1: not valid YAML: anchors and aliases are not allowed: write the value again"),
        ("name: x\nname: y", "line 2, name: appears twice"),
        ("rules:\n  - {id: a, id: b}", "line 2, rules[1].id: appears twice"),
        ("1: x", "line 1: keys must be strings"),
        ("? [a]\n: x", "line 1: keys must be strings"),
        ("a: !!python/object/apply:os.system [ls]", "not allowed"),
        ("a: !!str x", "not allowed"),
        ("[" * 3000, "nested deeper than 8 levels"),
        ("a: [", "not valid YAML"),
        ("\tx", "not valid YAML"),
        ("a: 1\n---\nb: 1", "line 2: not valid YAML"),
        ("", "A policy is a mapping"),
        ("- a", "A policy is a mapping"),
        ('a: "\\0"', "not valid text"),
        ("a: 1e999\nb: " + "9" * 400, "unknown"),
        ("a: " + "x" * MAX_BYTES, "must be at most 128 KiB"),
    ],
)
def test_a_text_that_is_no_policy_is_refused(text: str, says: str) -> None:
    found = problems(text)
    assert any(says in line for line in found), found


def test_too_large_is_said_before_anything_is_read() -> None:
    with pytest.raises(TooLarge):
        parse_yaml("x" * (MAX_BYTES + 1))


@given(bodies)
@example(
    {
        "name": "0",
        "applies_to": {"target": "Staging"},
        "rules": [{"id": "0", "check": "artifact.scan", "level": "soft", "override": ["08"]}],
    }
)
def test_what_is_written_reads_the_same(body: dict[str, Any]) -> None:
    found = read_policy(write_policy(body))
    assert found.body == body
    assert len(found.problems) == len(problems_of(body))


@given(st.text(max_size=200) | st.text(alphabet="ab:-[]{}&*!#'\"\n ", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = read_policy(text)
    assert found.problems
    assert all(str(problem) for problem in found.problems)


@pytest.mark.parametrize(
    "value", [[], "x", {"a": float("nan")}, {"a": 2**60}, {"a": {1: 2}}, {"a": "\ud800"}, {"a": {1, 2}}]
)
def test_documents_that_are_not_yaml_are_checked_too(value: Any) -> None:
    with pytest.raises(InvalidInput):
        check_document(value)


def test_a_date_stays_as_it_was_written() -> None:
    found = read_policy("a: 2026-12-24\nb: 12-20\nc: 010\nd: yes\ne: 0x10").body
    assert found == {"a": "2026-12-24", "b": "12-20", "c": 10, "d": "yes", "e": "0x10"}
