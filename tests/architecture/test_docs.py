"""What an operator or a client may rely on is written down, and what is written down exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from django.conf import settings
from django.core.management import get_commands
from django.utils.module_loading import import_string

from approvals.requests.states import REQUEST_TRANSITIONS
from audit.actions import Action
from core.actors import Scope
from policies.schema import policy_schema
from registry.stages import TRANSITIONS
from tests.architecture.source import PACKAGES, ROOT, tree_of, walk
from validation.catalogue import known_checks
from validation.params import Param

_READERS = {"choice", "text", "flag", "number", "names"}
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def variables() -> set[str]:
    """Return the environment variables that the settings read."""
    found = set()
    for name in ("settings.py", "env.py"):
        for node in walk(tree_of(ROOT / "config" / name)):
            if isinstance(node, ast.Call) and node.args and _called(node) in _READERS:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def in_code(text: str) -> set[str]:
    """Return every word that stands in backticks."""
    return {word for quoted in re.findall(r"`([^`\n]+)`", text) for word in (quoted, *quoted.split())}


def test_every_variable_is_in_the_operations_guide() -> None:
    assert variables() - in_code(OPERATIONS) == set()


def test_the_operations_guide_names_no_variable_that_nothing_reads() -> None:
    rows = set(re.findall(r"^\| `([A-Z_]+)`", OPERATIONS, flags=re.MULTILINE))
    assert rows - variables() == set()


def test_every_audit_action_is_in_the_reference_once_and_in_its_own_words() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", _section("Audit actions"), flags=re.MULTILINE)
    assert rows == [(action.value, action.record.summary) for action in Action]


def test_every_transition_is_in_the_reference_and_no_other() -> None:
    rows = set(re.findall(r"^\| (\w+) \| (\w+) \|", _section("Stages"), flags=re.MULTILINE)) - {("from", "to")}
    assert rows == {(edge.source.value, edge.target.value) for edge in TRANSITIONS}


def test_every_transition_of_a_request_is_in_the_reference_and_no_other() -> None:
    rows = set(
        re.findall(r"^\| (.+) \| (\w+) \| `([a-z_.]+)` \| (.+) \|$", _section("Request states"), flags=re.MULTILINE)
    )
    table = {(edge.source or "(none)", edge.target.value, edge.action.value, edge.who) for edge in REQUEST_TRANSITIONS}
    assert rows == table


def test_every_check_is_in_the_reference_and_no_other() -> None:
    rows = set(re.findall(r"^\| `([a-z_]+(?:\.[a-z_]+)?)` \|", _section("Checks"), flags=re.MULTILINE))
    assert rows == {import_string(path).code for path in settings.CHECKS}


def test_what_a_check_says_of_itself_is_in_the_reference_word_for_word() -> None:
    lines = set(_section("Checks").splitlines())
    for code, check in known_checks().items():
        if hasattr(check, "description") and hasattr(check, "params"):
            names = ", ".join(f"`{param.name}`" for param in check.params) or "none"
            assert f"| `{code}` | {check.description} | {names} |" in lines
        for param in getattr(check, "params", ()):
            row = f"| `{code}` | `{param.name}` | {param.description} | {param.must_be} | {_default(param)} |"
            assert row in lines, row


def _default(param: Param) -> str:
    plain = param.required or param.shown_default == "none"
    return param.shown_default if plain else ", ".join(f"`{part}`" for part in param.shown_default.split(", "))


def test_every_command_is_in_the_reference_and_no_other() -> None:
    ours = {name for name, app in get_commands().items() if str(app).split(".")[0] in PACKAGES}
    rows = set(re.findall(r"^\| `([a-z_]+)", _section("Commands"), flags=re.MULTILINE))
    assert rows == ours


def test_every_scope_is_in_the_reference() -> None:
    assert {scope.value for scope in Scope} - in_code(REFERENCE) == set()


def test_every_word_of_the_policy_language_is_in_the_reference() -> None:
    assert set(_words(policy_schema())) - set(known_checks()) - in_code(_section("Policies")) == set()


def _words(schema: object) -> Iterator[str]:
    """Yield every property and every word that a schema names;
    the parameters of checks are held to their own section.
    """
    if isinstance(schema, dict):
        properties = schema.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        yield from (word for word in schema.get("enum", ()) if isinstance(word, str))
        for key, part in schema.items():
            yield from _words(part) if key != "with" else ()
    elif isinstance(schema, list):
        for part in schema:
            yield from _words(part)


def _section(title: str) -> str:
    """Return the text under a heading of the reference, up to the next of its level."""
    return REFERENCE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
