"""Every action and every fact that the code writes is listed, with whether it is a text of a person."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from audit.actions import Action
from audit.texts.fact_kinds import FACTS
from tests.architecture.source import ROOT, modules, tree_of

WRITERS = {"record", "record_about", "record_with", "_record"}


def test_every_action_is_listed() -> None:
    assert set(FACTS) == set(Action)


def test_no_fact_is_of_two_kinds() -> None:
    for action, kinds in FACTS.items():
        assert not (kinds.plain & kinds.texts | kinds.plain & kinds.people | kinds.texts & kinds.people), action


def calls() -> Iterator[tuple[str, Action, set[str]]]:
    """Yield file and line, action and facts of each call of a writer that spells them out."""
    for path in modules():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and _name(node.func) in WRITERS:
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                facts = {key for side in ("before", "after") for key in _keys(given.get(side))}
                for each in (given.get("action"), *node.args):
                    if isinstance(each, ast.Attribute) and hasattr(Action, each.attr):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", Action[each.attr], facts


def _keys(mapping: ast.expr | None) -> set[str]:
    keys = mapping.keys if isinstance(mapping, ast.Dict) else []
    return {str(key.value) for key in keys if isinstance(key, ast.Constant)}


def _name(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def test_the_facts_that_writers_spell_out_are_listed() -> None:
    found = list(calls())
    assert len(found) > 60
    unlisted = {
        (place, action.value, fact)
        for place, action, facts in found
        for fact in facts - FACTS[action].plain - FACTS[action].texts - FACTS[action].people
        if not FACTS[action].has_any_key
    }
    assert unlisted == set()


@pytest.mark.parametrize("key", ["address", "email", "description", "label", "text", "rationale"])
def test_what_people_write_is_a_text_wherever_it_occurs(key: str) -> None:
    assert [action for action, kinds in FACTS.items() if key in kinds.plain] == []
    assert [action for action, kinds in FACTS.items() if key in kinds.texts]
