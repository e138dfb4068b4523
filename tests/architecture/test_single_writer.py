"""One writer for each fact, read off the code itself.

Stages are written by registry/services/stages.py, events by audit/services.py, the state of a transition request by
approvals/requests/change_state.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT, modules, name_of, tree_of, walk

STAGE_FIELDS = {
    "stage",
    "is_current",
    "superseded_at",
    "superseded_by",
    "superseded_by_id",
    "archive_after",
    "staged_by",
    "staged_at",
    "approved_by",
    "approved_at",
}
STAGE_WRITER = "registry/services/stages.py"
EVENT_WRITER = "audit/services.py"
REQUEST_WRITER = "approvals/requests/change_state.py"
# Modules that write a `state` of other rows, with the model of those rows.
OTHER_STATES = {
    "approvals/oversight/findings.py": "Finding",
    "approvals/packs/retirements.py": "Retirement",
    "approvals/policy_changes/propose.py": "PolicyProposal",
    "audit/exports/jobs.py": "ExportJob",
    "notices/services/sending.py": "Message",
    "traces/services/infos.py": "Trace",
    "traces/services/spans.py": "Trace",
    "webhooks/services/deliveries.py": "Delivery",
}
_WRITING_CALLS = {"update", "create", "get_or_create", "update_or_create", "ModelVersion"}
_BULK_CALLS = {"bulk_update", "bulk_create"}


def stage_writes(tree: ast.AST) -> Iterator[int]:
    """Yield the line of everything that could write a stage field of a version."""
    for node in walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in STAGE_FIELDS:
            yield node.lineno
        elif isinstance(node, ast.Call):
            yield from (node.lineno for _ in range(_call_writes(node)))


def _call_writes(call: ast.Call) -> bool:
    name = _called(call)
    if name not in {*_WRITING_CALLS, *_BULK_CALLS, "setattr", "save"}:
        return False
    if name in _WRITING_CALLS and any(keyword.arg in STAGE_FIELDS for keyword in call.keywords):
        return True
    texts = {node.value for node in walk(call) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    if name in _BULK_CALLS or name == "setattr" or (name == "save" and call.keywords):
        return bool(texts & STAGE_FIELDS)
    # update(**{...}), and update(**changes) on versions: what is in the mapping cannot be read here
    opened = name in _WRITING_CALLS and any(keyword.arg is None for keyword in call.keywords)
    return opened and bool(texts & STAGE_FIELDS or "ModelVersion" in ast.unparse(call.func))


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def request_state_writes(tree: ast.AST) -> Iterator[int]:
    """Yield the line of everything that could write the state of a transition request.

    A query that begins with the name of another model (`CheckRun.objects…`) writes that one's.
    """
    for node in walk(tree):
        assigned = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == "state"
        if assigned or (isinstance(node, ast.Call) and _call_writes_state(node)):
            yield getattr(node, "lineno", 0)


def _call_writes_state(call: ast.Call) -> bool:
    name = _called(call)
    if name not in {*_WRITING_CALLS, *_BULK_CALLS, "TransitionRequest", "setattr", "save", "update"}:
        return False
    query = ast.unparse(call.func)
    model = query.partition(".")[0]
    if model[:1].isupper() and model != "TransitionRequest":
        return False
    keywords = {keyword.arg for keyword in call.keywords}
    texts = {part.value for part in ast.walk(call) if isinstance(part, ast.Constant)}
    writes = name in {*_WRITING_CALLS, "TransitionRequest"} and ("state" in keywords or "state" in texts)
    listed = (name in _BULK_CALLS or name == "setattr" or (name == "save" and bool(call.keywords))) and "state" in texts
    return writes or listed or (name == "update" and None in keywords and "TransitionRequest" in query)


def event_writes(tree: ast.AST) -> Iterator[int]:
    """Yield the line of everything that makes or inserts an Event."""
    for node in walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if (isinstance(node.func, ast.Name) and node.func.id == "Event") or (
            _called(node) in _WRITING_CALLS | _BULK_CALLS and ast.unparse(node.func).startswith("Event.")
        ):
            yield node.lineno


def sql_writes(tree: ast.AST, table: str) -> Iterator[int]:
    """Yield the line of every text that could be SQL which writes a table."""
    write = re.compile(rf"\b(into|update|delete from) {table}\b")
    for node in walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and write.search(node.value.lower()):
            yield node.lineno


def bulk_writes(tree: ast.AST, model: str) -> Iterator[int]:
    """Yield the line of every statement that inserts many rows of a model."""
    for node in walk(tree):
        if not isinstance(node, ast.Call) or _called(node) != "BulkInsert" or not node.args:
            continue
        if ast.unparse(node.args[0]).rpartition(".")[2] == model:
            yield node.lineno


@pytest.mark.parametrize(
    ("model", "writer"),
    [("Event", EVENT_WRITER), ("ModelVersion", STAGE_WRITER), ("TransitionRequest", REQUEST_WRITER)],
)
def test_no_bulk_insert_writes_past_the_writer(model: str, writer: str) -> None:
    assert list(bulk_writes(ast.parse(f"BulkInsert(models.{model})"), model))
    writers = {name_of(path) for path in modules() if any(bulk_writes(tree_of(path), model))}
    assert writers <= {writer}


@pytest.mark.parametrize(
    ("table", "writer"),
    [
        ("audit_event", EVENT_WRITER),
        ("audit_eventtext", "audit/texts/rows.py"),
        ("registry_modelversion", STAGE_WRITER),
        ("approvals_transitionrequest", REQUEST_WRITER),
    ],
)
def test_no_sql_writes_past_the_writer(table: str, writer: str) -> None:
    found = {f"{name_of(path)}:{line}" for path in modules() for line in sql_writes(tree_of(path), table)}
    assert {place for place in found if not place.startswith(writer)} == set()


def test_one_writer_of_stages() -> None:
    found = {f"{name_of(path)}:{line}" for path in modules() for line in stage_writes(tree_of(path))}
    assert {place for place in found if not place.startswith(STAGE_WRITER)} == set()


def test_one_writer_of_request_states() -> None:
    found = {
        f"{name_of(path)}:{line}"
        for path in modules()
        if name_of(path) not in OTHER_STATES
        for line in request_state_writes(tree_of(path))
    }
    assert {place for place in found if not place.startswith(REQUEST_WRITER)} == set()


@pytest.mark.parametrize("name", OTHER_STATES)
def test_who_writes_other_states_does_not_know_requests(name: str) -> None:
    names = {node.id for node in walk(tree_of(ROOT / name)) if isinstance(node, ast.Name)}
    assert "TransitionRequest" not in names
    assert OTHER_STATES[name] in names


def test_one_writer_of_events() -> None:
    found = {f"{name_of(path)}:{line}" for path in modules() for line in event_writes(tree_of(path))}
    assert {place for place in found if not place.startswith(EVENT_WRITER)} == set()


@pytest.mark.parametrize(
    "code",
    [
        "version.stage = 'Production'",
        "version.is_current, other = True, 1",
        "versions.update(stage='Archived')",
        "versions.update(**{'is_current': True})",
        "ModelVersion.objects.filter(pk=1).update(**changes)",
        "setattr(version, 'stage', x)",
        "versions.bulk_update(rows, ['stage'])",
        "version.save(update_fields=['stage'])",
        "ModelVersion(stage='Production')",
        "ModelVersion.objects.create(model=m, approved_by='me')",
    ],
)
def test_the_test_would_notice(code: str) -> None:
    assert list(stage_writes(ast.parse(code)))


def model_locks(tree: ast.AST) -> Iterator[int]:
    """Yield the line of every query of registered models that locks rows."""
    for node in walk(tree):
        if isinstance(node, ast.Call) and _called(node) == "select_for_update":
            query = ast.unparse(node.func)
            if query.startswith(("RegisteredModel.", "visible_models(", "models_at_level(")):
                yield node.lineno


def test_models_are_locked_in_one_place() -> None:
    found = {name_of(path) for path in modules() if any(model_locks(tree_of(path)))}
    assert found == {"registry/locks.py"}


@pytest.mark.parametrize(
    "code",
    [
        "request.state = RequestState.APPLIED",
        "requests.update(state='applied')",
        "TransitionRequest.objects.filter(pk=1).update(**changes)",
        "TransitionRequest.objects.create(state='approved')",
        "TransitionRequest(version=version, state='approved')",
        "setattr(request, 'state', x)",
        "request.save(update_fields=['state'])",
        "TransitionRequest.objects.bulk_update(rows, ['state'])",
    ],
)
def test_the_request_test_would_notice(code: str) -> None:
    assert list(request_state_writes(ast.parse(code)))


def test_the_request_test_lets_others_be() -> None:
    assert not list(request_state_writes(ast.parse("CheckRun.objects.filter(pk=1).update(state='failed')")))


@pytest.mark.parametrize("code", ["'INSERT INTO audit_event (body)'", "f'UPDATE audit_event SET body = {x}'"])
def test_the_sql_test_would_notice(code: str) -> None:
    assert list(sql_writes(ast.parse(code), "audit_event"))


@pytest.mark.parametrize("code", ["Event(body=b'')", "Event.objects.create(body=b'')", "Event.objects.bulk_create([])"])
def test_the_event_test_would_notice(code: str) -> None:
    assert list(event_writes(ast.parse(code)))
