"""Every row of the tables in docs/migrating.md that say what answers otherwise has a test.

REFUSED has the requests of rows that a status shows; PROVED names the tests of the others. A row without either fails.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.models import Event
from tests.mlflow_api.conftest import Call, Send

ROOT = Path(__file__).parents[3]
DOC = ROOT / "docs" / "migrating.md"
ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<there>.+) \| (?P<here>.+) \|$", re.MULTILINE)
SPANS = "/v1/traces"
V3 = "/api/3.0/mlflow/traces"
Wanted = tuple[str, str, Any, int, str]

# Row → method, path, body (bytes: as they are) or query of a GET, status, error_code. {run}, {gone} and {model} stand
# for a run, a deleted experiment and a registered model.
REFUSED: dict[str, list[Wanted]] = {
    "a request it cannot read in full": [
        ("POST", "runs/set-tag", b'{"run_id": "{run}", "key": "k", "value": ', 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "runs/set-tag", {"run_id": "{run}", "key": ["k"], "value": "v"}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "runs/log-batch", {"run_id": "{run}", "metrics": [{"key": "m"}]}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "logged-models/search", {"experiment_ids": ["0"], "max_results": 0}, 400, "INVALID_PARAMETER_VALUE"),
        ("GET", "experiments/search", {"max_results": "1e1"}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "runs/search", {"experiment_ids": [None]}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "runs/search", {"experiment_ids": ["0"], "page_token": 5}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "runs/create", {"experiment_id": "0", "start_time": 2**63}, 400, "INVALID_PARAMETER_VALUE"),
    ],
    "a refusal that is no error of the server (archiving while moving to None, renaming a deleted experiment)": [
        ("POST", "experiments/update", {"experiment_id": "{gone}", "new_name": "x"}, 400, "INVALID_STATE"),
    ],
    "a link to a run or logged model that is not there": [
        ("POST", "runs/outputs", {"run_id": "{run}", "models": [{"model_id": "m-0", "step": 0}]}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("POST", "logged-models", {"experiment_id": "0", "source_run_id": "0" * 32}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("GET", "metrics/get-history", {"run_id": "0" * 32, "metric_key": "m"}, 404, "RESOURCE_DOES_NOT_EXIST"),
    ],
    "two slashes inside the path of an RPC, as in `/api/2.0/mlflow//runs/get`": [
        ("POST", "/api/2.0/mlflow//experiments/create", {"name": "x"}, 404, "ENDPOINT_NOT_FOUND"),
    ],
    "a name, tag or alias that is too long": [
        ("POST", "registered-models/create", {"name": "n" * 257}, 413, "INVALID_PARAMETER_VALUE"),
        ("POST", "registered-models/set-tag", {"name": "{model}", "key": "k", "value": "v" * 100_001}, 413, "INVALID_PARAMETER_VALUE"),
    ],
    "a version's `source`": [
        ("POST", "model-versions/create", {"name": "{model}", "source": "s3://bucket/model"}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "model-versions/create", {"name": "{model}", "source": "file:///etc"}, 400, "INVALID_PARAMETER_VALUE"),
    ],
    "a registered name that reads like another one (case, look-alike letters)": [
        ("POST", "registered-models/create", {"name": "TAKEN"}, 400, "RESOURCE_ALREADY_EXISTS"),
        ("POST", "registered-models/create", {"name": "t\u0430ken"}, 400, "RESOURCE_ALREADY_EXISTS"),
    ],
    "`OPTIONS` and `HEAD` of an RPC": [
        ("OPTIONS", "runs/get", {}, 405, "ENDPOINT_NOT_FOUND"),
        ("OPTIONS", "runs/set-tag", {}, 405, "ENDPOINT_NOT_FOUND"),
    ],
    "an id or version number with spaces, or in the digits of another script": [
        ("GET", "experiments/get", {"experiment_id": " 0"}, 400, "INVALID_PARAMETER_VALUE"),
        ("GET", "experiments/get", {"experiment_id": "\u0660"}, 400, "INVALID_PARAMETER_VALUE"),
        ("GET", "model-versions/get", {"name": "{model}", "version": " 1"}, 400, "INVALID_PARAMETER_VALUE"),
    ],
    "prompt engineering runs": [
        ("POST", "/ajax-api/2.0/mlflow/runs/create-promptlab-run", {}, 404, "ENDPOINT_NOT_FOUND"),
    ],
    "a trace or span without an id, with a state or time that cannot be": [
        ("POST", V3, {"trace": {"trace_info": {"trace_location": {}}}}, 400, "INVALID_PARAMETER_VALUE"),
    ],
    "linking traces to a run that is not there": [
        ("POST", "traces/link-to-run", {"run_id": "0" * 32, "trace_ids": ["tr-1"]}, 404, "RESOURCE_DOES_NOT_EXIST"),
    ],
    "a tag for a trace that is not there": [
        ("PATCH", "traces/tr-none/tags", {"key": "k", "value": "v"}, 404, "RESOURCE_DOES_NOT_EXIST"),
    ],
    "a missing header `x-mlflow-experiment-id`": [("POST", SPANS, b"{}", 400, "INVALID_PARAMETER_VALUE")],
    "faults of `/v1/traces`": [("POST", SPANS, b"{", 400, "INVALID_PARAMETER_VALUE")],
}  # fmt: skip

# Row → tests that fail where it is not true.
PROVED: dict[str, list[str]] = {
    "with the auth app, by default": ["mlflow_api/levels/test_auth_wire.py::test_only_managers_grant"],
    "rename an experiment": ["mlflow_api/levels/test_level_matrix.py::test_an_rpc_asks_who_calls"],
    "a hidden thing, by id": ["mlflow_api/levels/test_out_of_sight.py::test_an_rpc_tells_nothing"],
    "a file outside the folders of experiments": [
        "tracking/test_experiment_levels.py::test_nobodys_folder_takes_no_files"
    ],
    "filters": [
        "mlflow_api/wire/test_every_comparator.py",
        "registry/test_search_versions.py::test_filter",
        "mlflow_api/wire/test_odd_inputs.py::test_no_version_has_a_fraction",
        "traces/test_search_traces.py::test_a_filter_finds_what_it_says",
    ],
    "a version without files": [
        "registry/test_create_version.py::test_an_empty_folder_stays_empty",
        "registry/test_create_version.py::test_an_empty_folder_of_a_governed_model_is_refused",
    ],
    "restoring an experiment": ["tracking/test_experiments.py::test_restoring_brings_back_only_what_went_along"],
    "a file named `a%20b`": ["mlflow_api/test_artifact_names.py::test_clients_ask_for_what_a_listed_name_reads_as"],
    "`get-history-bulk-interval`": ["tracking/test_search_runs.py::test_sampled_history_keeps_both_ends"],
    "several byte ranges at once, or a range that cannot be read": ["mlflow_api/test_byte_ranges.py::test_what_is_no_single_range_gets_the_whole"],
    "evaluation datasets, registered scorers, issues, label schemas, review queues, prompt optimization, statistics over "
    "traces, the AI gateway, workspaces, skills, MCP servers, GraphQL": [
        "mlflow_api/wire/test_unsupported.py::test_what_is_not_here_says_what_to_do_instead"
    ],
    "a file name with a tab, a line break or another control character": [
        "mlflow_api/wire/test_odd_inputs.py::test_a_control_character_of_a_file_name_is_escaped"
    ],
    "the files of `.`": ["mlflow_api/wire/test_odd_inputs.py::test_files_of_the_root"],
    "`get-download-uri` of a version from `runs:/…`": [
        "mlflow_api/wire/test_odd_inputs.py::test_the_download_uri_is_where_the_files_are"
    ],
    "field names in camelCase (`runId`)": ["mlflow_api/wire/test_parse.py::test_camel_case_is_the_same_field"],
    "a run without an experiment": ["mlflow_api/wire/test_odd_inputs.py::test_a_run_without_an_experiment"],
    "a metric with the name of a dataset and no digest, or the reverse": [
        "mlflow_api/wire/test_odd_inputs.py::test_a_metric_keeps_half_a_dataset"
    ],
    "one tag twice, or an empty `mlflow.runName`, as something is created": [
        "mlflow_api/wire/test_odd_inputs.py::test_the_last_of_equal_tags_counts"
    ],
    "a run's name, or a tag it begins with, of more than 8000 characters": [
        "mlflow_api/wire/test_odd_inputs.py::test_first_tags_are_cut"
    ],
    "one field twice in `order_by`": ["mlflow_api/wire/test_odd_inputs.py::test_a_repeated_order_counts_once"],
    "webhooks": ["webhooks/test_addresses.py::test_a_name_that_means_this_machine_is_refused_at_the_connection"],
    "the answer of a receiver to a test message": ["webhooks/test_addresses.py::test_the_answer_of_a_private_receiver_is_not_kept"],
    "a message": ["mlflow_api/wire/test_error_messages.py::test_a_refusal_begins_with_the_words"],
    "spans for a deleted experiment": ["traces/test_record_spans.py::test_an_experiment_must_be_there_and_active"],
    "a trace that ended and is sent again as in progress": [
        "traces/test_record_info.py::test_a_trace_that_has_ended_does_not_begin_again"
    ],
    "a trace that was sent for one experiment and is sent again for another": [
        "traces/test_record_info.py::test_a_trace_that_was_sent_stays_in_its_experiment"
    ],
    "assessments without ids in a request that is repeated": [
        "traces/test_record_info.py::test_assessments_that_come_with_a_trace_are_added_once"
    ],
    "`assessment_name` in an update": ["traces/test_assessments.py::test_an_update_changes_what_it_names_and_adds_metadata"],
    "`span.attributes.K`": ["traces/test_search_traces.py::test_a_filter_finds_what_it_says"],
    "`traces/get` of a trace without spans": ["mlflow_api/traces/test_start_trace.py::test_a_trace_comes_back_as_it_was_sent"],
    "issues as assessments, filters on `issue.id`, sessions that share an assessment": [
        "mlflow_api/traces/test_assessments.py::test_an_assessment_that_cannot_be_kept_leaves_nothing"
    ],
    "reading a trace of client 3 with client 2.22": ["mlflow_api/traces/test_old_traces.py::test_mlflow_3_writes_the_file_in_its_own_schema"],
    "more than 1,000 tags or params in one call": ["tracking/test_logged_model_keys.py"],
    "an experiment with the artifact folder of another experiment, or one that is named like an id": [
        "tracking/test_experiments.py::test_the_folder_of_another_experiment_is_refused"
    ],
    "`mlflow.trace.infoFinalized` in a trace's metadata": [
        "traces/test_record_info.py::test_tags_that_the_server_sets_are_not_taken_from_a_client"
    ],
    "size and age of traces": [
        "traces/test_record_spans.py::test_a_trace_grows_to_its_limit_and_no_further",
        "traces/test_delete_traces.py::test_what_is_older_than_it_is_kept_goes_by_the_time_of_this_server",
    ],
}  # fmt: skip


def rows() -> list[str]:
    """Return the first cells of both tables."""
    text = DOC.read_text(encoding="utf-8")
    first = text.partition("## Answers that differ from MLflow's")[2].partition("### Stricter rules")[0]
    traces = text.partition("## Traces")[2].partition("\n## ")[0]
    return [found["what"] for found in ROW.finditer(first + traces) if not found["what"].startswith("---")]


def test_every_row_has_a_test() -> None:
    assert sorted(rows()) == sorted([*REFUSED, *PROVED])
    assert REFUSED.keys() & PROVED.keys() == set()


@pytest.mark.parametrize("row", PROVED)
def test_the_named_tests_are_there(row: str) -> None:
    for name in PROVED[row]:
        file, _, function = name.partition("::")
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert function in names if function else any(one.startswith("test_") for one in names), name


@pytest.mark.parametrize("row", REFUSED)
def test_a_row_is_true(row: str, call: Call, send: Send) -> None:
    ids = {"run": call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"], "model": "taken"}
    ids["gone"] = call("POST", "experiments/create", name="gone")[1]["experiment_id"]
    call("POST", "experiments/delete", experiment_id=ids["gone"])
    call("POST", "registered-models/create", name="taken")
    before = Event.objects.filter(outcome="ok").count()
    for method, path, content, status, code in REFUSED[row]:
        data = content if isinstance(content, bytes) else orjson.dumps(content)
        for name, given in ids.items():
            data = data.replace(b"{%s}" % name.encode(), given.encode())
        if method == "GET":
            answered, body = call("GET", path, **content)
        else:
            where = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
            answer = send(method, where, data, content_type="application/json")
            answered, body = answer.status_code, orjson.loads(answer.content)
        assert (answered, body.get("error_code")) == (status, code), (path, body)
        assert body["message"]
    assert Event.objects.filter(outcome="ok").count() == before
