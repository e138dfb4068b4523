"""A public function names the errors that it raises, so that a caller need not read what it calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from tests.architecture.raised import bases_of_errors, errors_through_calls, module_of, own_errors
from tests.architecture.source import modules, name_of, tree_of

Function = ast.FunctionDef | ast.AsyncFunctionDef
# A docstring may point to another one: "Raises as `open_request` does."
_POINTER = re.compile(r"\b[Rr]aises? (as|what|whatever|the errors)\b")
# Functions whose calls cannot fail as they are made, each with its reason.
CANNOT_RAISE: dict[str, str] = {
    "approvals/gate.py: PolicyGate.check": "what it asks for exists: its caller has just read it",
    "approvals/oversight/open_problems.py: count_open_problems": "the values are the project's own",
    "approvals/oversight/quarantine_findings.py: close_quarantine_findings": "what it asks for exists: its caller has just read it",
    "approvals/packs/build.py: build_pack": "the values were checked when they were stored",
    "approvals/permissions/independent_reviews.py: refusal_to_complete_post_review": "the values were checked when they were stored",
    "approvals/requests/change_state.py: insert_request": "the table has the edge that opens a request",
    "approvals/requests/lifecycle.py: expire_request": "the row is locked, so its state is the one that was read",
    "approvals/requests/lifecycle.py: mark_stale": "the row is locked, so its state is the one that was read",
    "approvals/requests/lifecycle.py: withdraw_request": "the row is locked, so its state is the one that was read",
    "approvals/requests/settle.py: settle_case": "the row is locked, so its state is the one that was read",
    "config/demonstration.py: ensure_people": "the values are the project's own",
    "config/demonstration.py: working_tokens": "the values are the project's own",
    "config/supervisor/first_start.py: FirstAccount.ensure": "the values are the project's own",
    "console/account/queries.py: unread_count": "the page that calls it requires a sign-in",
    "console/oversight/presenters.py: model_attention": "the values are the project's own",
    "importing/file_importer.py: FileImporter.import_files": "a path that cannot be stored is reported",
    "importing/mapping.py: storable_points": "a point that cannot be stored is reported",
    "lineage/services.py: end_deployment": "what it asks for exists: its caller has just read it",
    "lineage/services.py: retire_model": "what it asks for exists: its caller has just read it",
    "registry/api/card_serializers.py: CardSerializer.get_completeness": "the values were checked when they were stored",
    "registry/services/cards.py: create_card": "the values were checked when they were stored",
    "registry/services/cards.py: refresh_card": "the values were checked when they were stored",
    "tracking/artifacts.py: forget_folders": "the values were checked when they were stored",
    "validation/checks/card.py: Complete.describe": "the values were checked when they were stored",
    "validation/checks/card.py: Complete.inputs": "the values were checked when they were stored",
    "validation/checks/card.py: Complete.run": "the values were checked when they were stored",
}


def public_functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Yield the public functions and methods of a module, without the pages, which show domain errors as pages."""

    def below(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from below(node.body, f"{node.name}.")
            elif isinstance(node, Function) and not node.name.startswith("_") and not _is_page(node):
                yield prefix + node.name, node

    yield from below(tree.body, "")


def _is_page(node: Function) -> bool:
    return any(isinstance(decorator, ast.Name) and decorator.id == "page" for decorator in node.decorator_list)


def unnamed_errors(errors: Iterable[str], docstring: str) -> list[str]:
    """Return the errors that a docstring names neither by themselves nor by one they are derived from."""
    if _POINTER.search(docstring):
        return []
    words = set(re.findall(r"\w+", docstring))
    return sorted(error for error in errors if not words & bases_of_errors()[error])


def test_a_public_function_names_its_errors() -> None:
    missing = []
    for path in modules():
        for name, function in public_functions(tree_of(path)):
            place = f"{name_of(path)}: {name}"
            errors = own_errors(function) | errors_through_calls(module_of(name_of(path)), function)
            unnamed = unnamed_errors(errors, ast.get_docstring(function) or "")
            if unnamed and place not in CANNOT_RAISE:
                missing.append(f"{place}: {', '.join(unnamed)}")
    assert missing == []


_SAMPLE = """
def direct():
    raise NotFound("x")

def caught():
    try:
        raise NotFound("x")
    except NotFound:
        pass

def inherited():
    raise GateRefused("x")

@page
def shown():
    raise NotFound("x")
"""


def test_no_exception_is_left_over() -> None:
    known = {f"{name_of(path)}: {name}" for path in modules() for name, _ in public_functions(tree_of(path))}
    assert set(CANNOT_RAISE) - known == set()


def test_an_error_without_a_name_is_noticed() -> None:
    errors = {name: own_errors(node) for name, node in public_functions(ast.parse(_SAMPLE))}
    assert errors == {"direct": {"NotFound"}, "caught": set(), "inherited": {"GateRefused"}}
    assert unnamed_errors({"GateRefused", "NotFound"}, "Raises Denied.") == ["NotFound"]
    assert unnamed_errors({"NotFound"}, "Raises as `open_request` does.") == []
