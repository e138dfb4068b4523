"""Every key of every search with every comparator it allows: the database understands what the grammar lets through."""

import pytest

from registry.search import MODELS, VERSIONS
from tests.mlflow_api.conftest import Call
from tracking.search import experiments, logged_models, runs
from tracking.search.grammar import ATTRIBUTE, Column, Kind, Spec

SEARCHES: list[tuple[str, str, Spec, dict[str, object]]] = [
    ("POST", "runs/search", runs.SPEC, {"experiment_ids": ["0"]}),
    ("POST", "experiments/search", experiments.SPEC, {"max_results": 5}),
    ("POST", "logged-models/search", logged_models.SPEC, {"experiment_ids": ["0"]}),
    ("GET", "registered-models/search", MODELS, {}),
    ("GET", "model-versions/search", VERSIONS, {}),
]


def keys(spec: Spec) -> dict[str, Column]:
    """Return every attribute, and one key of every group, as a filter spells them."""
    spelled = {group: prefix for prefix, group in spec.prefixes.items() if group != ATTRIBUTE}
    grouped = {
        f"{spelled[group]}.{min(spec.group_keys.get(group, {'k'}))}": column for group, column in spec.groups.items()
    }
    return {**spec.attributes, **grouped}


def values(operator: str, column: Column) -> list[str]:
    if "NULL" in operator:
        return [""]
    if "IN" in operator.split():
        return ["('0', '1')"]
    return {Kind.TEXT: ["'0'"], Kind.INTEGER: ["1", "1.5"], Kind.FLOAT: ["1", "1.5e3"]}[column.kind]


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search[1])
def test_the_database_understands_every_comparator(
    call: Call, search: tuple[str, str, Spec, dict[str, object]]
) -> None:
    method, path, spec, fields = search
    for key, column in keys(spec).items():
        for operator in sorted(column.operators):
            for value in values(operator, column):
                answer = call(method, path, **fields, filter=f"{key} {operator} {value}")
                assert answer[0] == 200, (key, operator, value, answer)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search[1])
def test_the_database_sorts_by_every_key(call: Call, search: tuple[str, str, Spec, dict[str, object]]) -> None:
    method, path, spec, fields = search
    prefixes = {group: prefix for prefix, group in spec.prefixes.items()}
    for key in [*spec.order_keys, *(f"{prefixes[group]}.k" for group in spec.order_groups)]:
        wanted: list[object] = [{"field_name": key}] if path == "logged-models/search" else [key]
        answer = call(method, path, **fields, order_by=wanted)
        assert answer[0] == 200, (key, answer)


@pytest.mark.parametrize(("comparator", "found"), [("LIKE '{}%'", True), ("ILIKE '{}%'", True), ("!= '{}'", False)])
def test_a_logged_model_is_found_by_what_its_run_is_called(call: Call, comparator: str, found: bool) -> None:
    run_id = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    call("POST", "logged-models", experiment_id="0", source_run_id=run_id)
    call("POST", "logged-models", experiment_id="0")
    asked = f"source_run_id {comparator.format(run_id)}"
    answer = call("POST", "logged-models/search", experiment_ids=["0"], filter=asked)
    assert [model["info"]["source_run_id"] for model in answer[1].get("models", [])] == [run_id] * found
