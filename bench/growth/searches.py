"""The searches of the protocol that the growth figures measure."""

from __future__ import annotations

from dataclasses import dataclass

_RUNS = "/api/2.0/mlflow/runs/search"
_IN = '"experiment_ids": ["$experiment"]'
PAGE_MS = 300.0
SEARCH_MS = 100.0


@dataclass(frozen=True, slots=True)
class Search:
    """A call and its limits: milliseconds (0: none), and by how many megabytes the process may grow (0: any)."""

    name: str
    path: str
    body: str = ""
    most_ms: float = PAGE_MS
    most_mb: float = 0.0


# The largest answers come first, because only the growth of the largest memory so far is seen.
SEARCHES = (
    Search("registered-models/search, 100", "/api/2.0/mlflow/registered-models/search"),
    Search("model-versions/search, 100", "/api/2.0/mlflow/model-versions/search?max_results=100"),
    Search("runs/search, 100", _RUNS, f'{{{_IN}, "max_results": 100}}'),
    Search("model-versions/search, all", "/api/2.0/mlflow/model-versions/search", most_ms=0, most_mb=32),
    Search("runs/search, 50,000", _RUNS, f'{{{_IN}, "max_results": 50000}}', most_ms=0, most_mb=32),
    Search("runs by metric", _RUNS, f'{{{_IN}, "max_results": 50, "filter": "metrics.val_auc > 0.99"}}', SEARCH_MS),
    Search("runs by rare metric", _RUNS, f'{{{_IN}, "max_results": 50, "filter": "metrics.val_auc > 2"}}', SEARCH_MS),
    Search(
        "runs by param", _RUNS, f'{{{_IN}, "max_results": 50, "filter": "params.learning_rate = \'77\'"}}', SEARCH_MS
    ),
    Search("runs by tag", _RUNS, f'{{{_IN}, "max_results": 50, "filter": "tags.shard = \'76\'"}}', SEARCH_MS),
    Search(
        "runs in order of metric",
        _RUNS,
        f'{{{_IN}, "max_results": 50, "order_by": ["metrics.val_auc DESC"]}}',
        SEARCH_MS,
    ),
    Search(
        "runs by name", _RUNS, f'{{{_IN}, "max_results": 50, "filter": "attributes.run_name = \'run 100\'"}}', SEARCH_MS
    ),
    Search("experiments/search", "/api/2.0/mlflow/experiments/search?max_results=1000"),
    Search("models by tag", "/api/2.0/mlflow/registered-models/search?filter=tags.team%3D'team 7'"),
    Search("versions of a run", "/api/2.0/mlflow/model-versions/search?filter=run_id%3D'{run}'", most_ms=SEARCH_MS),
    Search("metric history", "/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=loss", most_ms=SEARCH_MS),
    Search("models page with a text", "/models/?q=region 77"),
    Search("audit events of an actor", "/api/v1/audit/events?actor=person7"),
    Search("audit events of an object", "/api/v1/audit/events?object=model:model-7"),
    Search("search of everything", "/search/?q=model-77"),
)
