"""MLflow `metrics/…` and `artifacts/list`."""

from __future__ import annotations

from core.actors import Actor
from mlflow_api import render_tracking as render
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.runs import run_id_of
from tracking import queries
from tracking.artifacts import list_artifacts
from tracking.paths import clean_folder
from tracking.search.history import metric_history, sample_history

Json = dict[str, object]


@rpc("GET", "metrics/get-history")
def get_history(actor: Actor, q: Params) -> Json:
    """MLflow `metrics/get-history`: return one page of all values of a metric in a run, by time.

    Raises NotFound (no such run), InvalidInput (no key, page size or token).
    """
    key = q.need("metric_key")
    points, token = metric_history(
        actor=actor, run_id=run_id_of(q), key=key, max_results=q.integer("max_results"), page_token=q.text("page_token")
    )
    return render.filled(metrics=[render.metric(point) for point in points], next_page_token=token or None)


@rpc("GET", "metrics/get-history-bulk-interval")
def get_history_bulk_interval(actor: Actor, q: Params) -> Json:
    """MLflow `metrics/get-history-bulk-interval`: return evenly spaced values of a metric in several runs.

    Raises NotFound (no such run), InvalidInput (no or too many runs, steps, page size).
    """
    points = sample_history(
        actor=actor,
        run_ids=q.texts("run_ids"),
        key=q.need("metric_key"),
        max_results=q.integer("max_results"),
        start_step=q.integer("start_step"),
        end_step=q.integer("end_step"),
    )
    return render.filled(metrics=[render.metric(point, run_id=point.run_id) for point in points])


@rpc("GET", "artifacts/list")
def list_run_artifacts(actor: Actor, q: Params) -> Json:
    """MLflow `artifacts/list`: list one artifact folder of a run, sizes in bytes.

    Raises NotFound (no such run), InvalidInput (path).
    """
    run = queries.get_run(actor, run_id_of(q))
    return folder_listing(run.artifact_uri, q.text("path"))


def folder_listing(artifact_uri: str, path: str) -> Json:
    """Return the files and folders in ``path`` below an artifact URI, with paths relative to it and sizes in bytes.

    Raises InvalidInput.
    """
    root = render.root_of(artifact_uri)
    below = clean_folder(path)
    listing = list_artifacts(f"{root}/{below}" if below else root)
    return render.filled(root_uri=artifact_uri, files=render.files(listing, root=root))
