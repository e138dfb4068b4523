"""What every route that touches experiments takes. A new RPC has to be put here, or the matrix test fails."""

from __future__ import annotations

from enum import Enum
from typing import Any


class Takes(Enum):
    """What a call takes on somebody else's run (or on the experiment itself), and how it answers without."""

    NOTHING = "anybody who is signed in"
    READ = "to read the experiment: else 404"
    LIST = "to read the experiment: else it is left out"
    CHANGE = "edit, or to have made it (or own the account that did)"
    DELETE = "manage, or to have made it (or own the account that did)"
    EDIT = "edit on the experiment"
    MANAGE = "manage on the experiment"
    QUIET_DELETE = "as DELETE; what is hidden counts nothing"


T = Takes
# (version, method, path) → what it takes, and fields besides those that all calls send.
DECISIONS: dict[tuple[str, str, str], tuple[Takes, dict[str, Any]]] = {
    ("2.0", "POST", "experiments/create"): (T.NOTHING, {"name": "new"}),
    ("2.0", "GET", "experiments/get"): (T.READ, {}),
    ("2.0", "GET", "experiments/get-by-name"): (T.READ, {}),
    ("2.0", "GET", "experiments/search"): (T.LIST, {"filter": "name = 'secret'"}),
    ("2.0", "POST", "experiments/search"): (T.LIST, {"filter": "name = 'secret'"}),
    ("2.0", "POST", "experiments/search-datasets"): (T.LIST, {}),
    ("2.0", "POST", "experiments/update"): (T.MANAGE, {"new_name": "other"}),
    ("2.0", "POST", "experiments/delete"): (T.MANAGE, {}),
    ("2.0", "POST", "experiments/restore"): (T.MANAGE, {"deleted": True}),
    ("2.0", "POST", "experiments/set-experiment-tag"): (T.EDIT, {}),
    ("2.0", "POST", "experiments/delete-experiment-tag"): (T.EDIT, {}),
    ("2.0", "POST", "experiments/permissions/create"): (T.MANAGE, {"username": "zoe", "permission": "READ"}),
    ("2.0", "GET", "experiments/permissions/get"): (T.MANAGE, {"username": "reader"}),
    ("2.0", "PATCH", "experiments/permissions/update"): (T.MANAGE, {"username": "reader", "permission": "EDIT"}),
    ("2.0", "DELETE", "experiments/permissions/delete"): (T.MANAGE, {"username": "reader"}),
    ("2.0", "POST", "runs/create"): (T.READ, {}),
    ("2.0", "GET", "runs/get"): (T.READ, {}),
    ("2.0", "POST", "runs/search"): (T.LIST, {}),
    ("2.0", "POST", "runs/update"): (T.CHANGE, {"status": "FAILED"}),
    ("2.0", "POST", "runs/delete"): (T.DELETE, {}),
    ("2.0", "POST", "runs/restore"): (T.DELETE, {}),
    ("2.0", "POST", "runs/log-metric"): (T.CHANGE, {"key": "m", "value": 1.0, "timestamp": 1}),
    ("2.0", "POST", "runs/log-parameter"): (T.CHANGE, {"key": "p"}),
    ("2.0", "POST", "runs/set-tag"): (T.CHANGE, {}),
    ("2.0", "POST", "runs/delete-tag"): (T.CHANGE, {}),
    ("2.0", "POST", "runs/log-batch"): (T.CHANGE, {"tags": [{"key": "b", "value": "1"}]}),
    ("2.0", "POST", "runs/log-model"): (
        T.CHANGE,
        {"model_json": '{"artifact_path": "m", "flavors": {}, "run_id": "r", "utc_time_created": "now"}'},
    ),
    ("2.0", "POST", "runs/log-inputs"): (
        T.CHANGE,
        {"datasets": [{"dataset": {"name": "more", "digest": "d", "source_type": "s", "source": "x"}}]},
    ),
    ("2.0", "POST", "runs/outputs"): (T.CHANGE, {"models": [{"model_id": "{model_id}", "step": 1}]}),
    ("2.0", "GET", "metrics/get-history"): (T.READ, {}),
    ("2.0", "GET", "metrics/get-history-bulk"): (T.LIST, {"run_id": "{run_id}"}),
    ("2.0", "GET", "metrics/get-history-bulk-interval"): (T.READ, {}),
    ("2.0", "GET", "artifacts/list"): (T.READ, {}),
    ("2.0", "POST", "logged-models"): (T.READ, {"name": "own"}),
    ("2.0", "POST", "logged-models/search"): (T.LIST, {}),
    ("2.0", "GET", "logged-models/{model_id}"): (T.READ, {}),
    ("2.0", "PATCH", "logged-models/{model_id}"): (T.CHANGE, {"status": "LOGGED_MODEL_READY"}),
    ("2.0", "DELETE", "logged-models/{model_id}"): (T.DELETE, {}),
    ("2.0", "PATCH", "logged-models/{model_id}/tags"): (T.CHANGE, {"tags": [{"key": "t", "value": "1"}]}),
    ("2.0", "DELETE", "logged-models/{model_id}/tags/{tag_key:path}"): (T.CHANGE, {}),
    ("2.0", "POST", "logged-models/{model_id}/params"): (T.CHANGE, {"params": [{"key": "a", "value": "1"}]}),
    ("2.0", "GET", "logged-models/{model_id}/artifacts/directories"): (T.READ, {}),
    ("2.0", "POST", "traces"): (T.READ, {"timestamp_ms": 1}),
    ("3.0", "POST", "traces"): (
        T.CHANGE,
        {
            "trace": {
                "trace_info": {
                    "trace_id": "{trace_id}",
                    "trace_location": {"mlflow_experiment": {"experiment_id": "{experiment_id}"}},
                    "request_time": "2026-01-01T00:00:00Z",
                }
            }
        },
    ),
    ("2.0", "PATCH", "traces/{trace_id}"): (T.CHANGE, {"timestamp_ms": 2, "status": "OK"}),
    ("2.0", "GET", "traces"): (T.LIST, {}),
    ("2.0", "GET", "traces/{trace_id}"): (T.READ, {}),
    ("2.0", "GET", "traces/{trace_id}/info"): (T.READ, {}),
    ("3.0", "GET", "traces/{trace_id}"): (T.READ, {}),
    ("3.0", "GET", "traces/get"): (T.READ, {"allow_partial": "true"}),
    ("3.0", "GET", "traces/batchGet"): (T.LIST, {}),
    ("3.0", "POST", "traces/batchGetInfos"): (T.LIST, {}),
    ("3.0", "POST", "traces/search"): (
        T.LIST,
        {"locations": [{"mlflow_experiment": {"experiment_id": "{experiment_id}"}}]},
    ),
    ("2.0", "POST", "traces/link-to-run"): (T.CHANGE, {}),
    ("2.0", "POST", "traces/link-prompts"): (T.CHANGE, {"prompt_versions": [{"name": "p", "version": 1}]}),
    **{
        (version, method, f"traces/{rest}"): (takes, {})
        for version in ("2.0", "3.0")
        for method, rest, takes in (
            ("PATCH", "{trace_id}/tags", T.CHANGE),
            ("DELETE", "{trace_id}/tags", T.CHANGE),
            ("POST", "delete-traces", T.QUIET_DELETE),
            ("GET", "{trace_id}/assessments/{assessment_id}", T.READ),
            ("DELETE", "{trace_id}/assessments/{assessment_id}", T.DELETE),
        )
    },
    **{
        (version, "POST", "traces/{trace_id}/assessments"): (
            T.READ,
            {"assessment": {"assessment_name": "a", "feedback": {"value": True}}},
        )
        for version in ("2.0", "3.0")
    },
    **{
        (version, "PATCH", "traces/{trace_id}/assessments/{assessment_id}"): (
            T.CHANGE,
            {"assessment": {"rationale": "why"}, "update_mask": "rationale"},
        )
        for version in ("2.0", "3.0")
    },
}
# Views that are no RPCs: (method, address, what it takes).
VIEWS: list[tuple[str, str, Takes]] = [
    ("GET", "/get-artifact?run_id={run_id}&path=model/MLmodel", T.READ),
    ("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=more", T.CHANGE),
    ("GET", "/api/2.0/mlflow/logged-models/{model_id}/artifacts/files?artifact_file_path=MLmodel", T.READ),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts?path={run_folder}", T.LIST),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts/{run_folder}/MLmodel", T.READ),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/{run_folder}/more", T.CHANGE),
    ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/{run_folder}/MLmodel", T.DELETE),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/{model_folder}/more", T.CHANGE),
    ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/{model_folder}/MLmodel", T.DELETE),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/loose", T.EDIT),
    ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/{experiment_id}", T.MANAGE),
    ("GET", "/runs/{run_id}/", T.READ),
    ("GET", "/runs/{run_id}/files/model/MLmodel", T.READ),
    ("GET", "/runs/compare/?run={run_id}", T.READ),
    ("GET", "/traces/{trace_id}/", T.READ),
    ("GET", "/experiments/{experiment_id}/access/", T.READ),
    ("GET", "/experiments/{experiment_id}/access/grant/", T.MANAGE),
    ("GET", "/experiments/{experiment_id}/access/revoke/?kind=user&name=reader", T.MANAGE),
    ("GET", "/api/v1/lineage/run:{run_id}/ancestors", T.READ),
    ("GET", "/lineage/?node=run:{run_id}", T.READ),
]
