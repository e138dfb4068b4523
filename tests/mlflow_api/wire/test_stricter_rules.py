"""Every rule that is stricter than MLflow's is written down in docs/migrating.md, and nothing is kept on a refusal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.models import Event
from tests.mlflow_api.conftest import Call, Send

DOC = Path(__file__).parents[3] / "docs" / "migrating.md"
PUT = "/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/"
PAIR = {"key": "k", "value": "v"}
LONG = {"artifact_path": "m", "run_id": "r", "utc_time_created": "now", "flavors": "x" * 8000}


def dataset(**fields: str) -> dict[str, Any]:
    return {"datasets": [{"dataset": {"name": "n", "digest": "d", "source_type": "s", "source": "s", **fields}}]}


# What the rule refuses, as the document says it → requests, with {run} and {gone} for a run and a deleted logged model.
CASES: dict[str, list[tuple[str, str, dict[str, Any] | bytes]]] = {
    "a NUL character or half of a surrogate pair in a text": [
        ("POST", "runs/set-tag", {"run_id": "{run}", "key": "k", "value": "a\x00b"}),
        ("POST", "runs/set-tag", b'{"run_id": "{run}", "key": "k", "value": "a\\ud800"}'),
        ("POST", "logged-models", {"experiment_id": "0", "params": [{"key": "a\x00", "value": ""}]}),
    ],
    "a param or tag of a logged model without a key": [
        ("POST", "logged-models", {"experiment_id": "0", "params": [{"key": "", "value": "v"}]}),
        ("POST", "logged-models", {"experiment_id": "0", "tags": [{"value": "v"}]}),
    ],
    "one param of a logged model twice": [("POST", "logged-models", {"experiment_id": "0", "params": [PAIR, PAIR]})],
    "params or tags for a deleted logged model": [
        ("PATCH", "logged-models/{gone}/tags", {"tags": [PAIR]}),
        ("POST", "logged-models/{gone}/params", {"params": [PAIR]}),
    ],
    "a logged model with a name or type of more than 500 characters": [
        ("POST", "logged-models", {"experiment_id": "0", "name": "n" * 501}),
        ("POST", "logged-models", {"experiment_id": "0", "model_type": "n" * 501}),
    ],
    "a run's `user_id` of more than 256 characters": [
        ("POST", "runs/create", {"experiment_id": "0", "user_id": "u" * 257})
    ],
    "a tag that a run begins with, with a key of more than 250 characters or none": [
        ("POST", "runs/create", {"experiment_id": "0", "tags": [{"key": key, "value": "v"}]}) for key in ("k" * 251, "")
    ],
    "a metric with a dataset name of more than 500 or a digest of more than 64 characters": [
        ("POST", "runs/log-metric", {"run_id": "{run}", "key": "m", "value": 1, "timestamp": 1, name: "d" * 501})
        for name in ("dataset_name", "dataset_digest")
    ],
    "a dataset with a source type of more than 500 characters": [
        ("POST", "runs/log-inputs", {"run_id": "{run}", **dataset(source_type="s" * 501)})
    ],
    "`runs/log-model` once the tag `mlflow.log-model.history` would exceed 8000 characters, where MLflow cuts its JSON": [
        ("POST", "runs/log-model", {"run_id": "{run}", "model_json": orjson.dumps(LONG).decode()})
    ],
    "an experiment or logged model whose name is only spaces": [
        ("POST", "experiments/create", {"name": "  "}),
        ("POST", "logged-models", {"experiment_id": "0", "name": "  "}),
    ],
    "a dataset whose name or digest is empty": [
        ("POST", "runs/log-inputs", {"run_id": "{run}", **dataset(**{name: ""})}) for name in ("name", "digest")
    ],
    "a registered name of more than 256 characters": [("POST", "registered-models/create", {"name": "n" * 257})],
    "a registered name with characters that cannot be seen": [
        ("POST", "registered-models/create", {"name": "fraud\u200b"})
    ],
    "an alias that ends in a line break": [
        ("POST", "registered-models/alias", {"name": "m", "alias": "champion\n", "version": "1"})
    ],
    "a description of more than 100,000 characters": [
        ("POST", "registered-models/create", {"name": "m", "description": "d" * 100_001})
    ],
    "an artifact path of more than 1000 characters": [("PUT", PUT + "x" * 1000, b"x")],
    "an artifact path that reads as `..`, as absolute or as a drive with `\\` for a slash, as on Windows": [
        ("PUT", PUT + path, b"x") for path in ("a%5c..%5cb", "%5cetc", "a%5cC:%5cb")
    ],
    "an artifact path with a name like `C:x`": [("PUT", PUT + path, b"x") for path in ("C:x", "sub/c:", "C%3Ax")],
    "an artifact larger than `CUSTODY_MAX_ARTIFACT_BYTES`": [("PUT", PUT + "big", b"x" * 1001)],
    "a request of more than 2 MB; 20 MB for `log-batch`, `log-inputs` and logged models": [
        ("POST", "runs/set-tag", {"run_id": "{run}", "key": "k", "value": "v" * 2_000_001}),
        ("POST", "logged-models", {"experiment_id": "0", "tags": [{"key": "k", "value": "v" * 20_000_001}]}),
    ],
}  # fmt: skip
STATUS = re.compile(r"^\| (?P<rule>.+) \| (?P<status>\d{3}) \|$", re.MULTILINE)


def rules() -> dict[str, int]:
    text = DOC.read_text(encoding="utf-8").partition("### Stricter rules")[2].partition("\n## ")[0]
    return {found["rule"]: int(found["status"]) for found in STATUS.finditer(text)}


def test_every_line_has_a_test() -> None:
    assert rules().keys() == CASES.keys()


@pytest.mark.parametrize("rule", CASES)
def test_what_is_stricter_is_refused_and_nothing_is_kept(rule: str, call: Call, send: Send, settings: Any) -> None:
    settings.MAX_ARTIFACT_BYTES = 1000
    ids = {"run": call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]}
    ids["gone"] = call("POST", "logged-models", experiment_id="0")[1]["model"]["info"]["model_id"]
    call("DELETE", f"logged-models/{ids['gone']}")
    before = Event.objects.count()
    for method, path, content in CASES[rule]:
        data = content if isinstance(content, bytes) else orjson.dumps(content)
        where = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
        for name, given in ids.items():
            data, where = data.replace(b"{%s}" % name.encode(), given.encode()), where.replace(f"{{{name}}}", given)
        answer = send(method, where, data, content_type="application/json")
        assert answer.status_code == rules()[rule], answer.json()
    assert Event.objects.count() == before
