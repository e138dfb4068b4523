"""MLflow `logged-models/…` (MLflow 3)."""

from __future__ import annotations

from core.actors import Actor
from core.errors import InvalidInput
from mlflow_api import render_tracking as render
from mlflow_api.dispatch import rpc
from mlflow_api.metrics import folder_listing
from mlflow_api.parse import Params
from tracking import queries
from tracking.models import LoggedModelStatus
from tracking.search.logged_models import DatasetFilter, SortField, search_logged_models
from tracking.services import logged_models

STATUSES = {
    "LOGGED_MODEL_STATUS_UNSPECIFIED": 0,
    "LOGGED_MODEL_PENDING": 1,
    "LOGGED_MODEL_READY": 2,
    "LOGGED_MODEL_UPLOAD_FAILED": 3,
}

Json = dict[str, object]


def _fresh(actor: Actor, model_id: str) -> Json:
    model = queries.get_logged_model(actor, model_id)
    metrics = queries.load_models(actor, [model])
    return {"model": render.logged_model(model, metrics[model.pk])}


@rpc("POST", "logged-models")
def create_logged_model(actor: Actor, q: Params) -> Json:
    """MLflow `logged-models` (create): return the new logged model, in status PENDING.

    Raises NotFound (experiment, run), InvalidInput (name, params, tags, a deleted experiment).
    """
    model = logged_models.create_logged_model(
        actor=actor,
        experiment_id=q.need("experiment_id"),
        name=q.text("name"),
        model_type=q.text("model_type"),
        source_run_id=q.text("source_run_id"),
        params=q.tags("params"),
        tags=q.tags("tags"),
    )
    return _fresh(actor, model.pk)


@rpc("GET", "logged-models/{model_id}")
def get_logged_model(actor: Actor, q: Params) -> Json:
    """MLflow `logged-models/{model_id}` (get): return a logged model. Raises NotFound."""
    return _fresh(actor, q.need("model_id"))


@rpc("PATCH", "logged-models/{model_id}")
def finalize_logged_model(actor: Actor, q: Params) -> Json:
    """MLflow `logged-models/{model_id}` (finalize): set the status and return the logged model.

    Raises InvalidInput (no status that a client may set), NotFound.
    """
    status = q.choice("status", STATUSES)
    if status not in {LoggedModelStatus.READY, LoggedModelStatus.UPLOAD_FAILED, LoggedModelStatus.PENDING}:
        raise InvalidInput(
            "Missing value for required parameter 'status': it must be LOGGED_MODEL_READY, LOGGED_MODEL_UPLOAD_FAILED "
            "or LOGGED_MODEL_PENDING."
        )
    model = logged_models.finalize_logged_model(actor=actor, model_id=q.need("model_id"), status=status)
    return _fresh(actor, model.pk)


@rpc("DELETE", "logged-models/{model_id}")
def delete_logged_model(actor: Actor, q: Params) -> Json:
    """MLflow `logged-models/{model_id}` (delete): mark a logged model as deleted. Raises NotFound."""
    logged_models.delete_logged_model(actor=actor, model_id=q.need("model_id"))
    return {}


def _sort_field(q: Params) -> SortField:
    name, digest = q.text("dataset_name"), q.text("dataset_digest")
    if digest and not name:
        raise InvalidInput("`dataset_digest` can only be specified if `dataset_name` is also specified.")
    return SortField(
        field_name=q.need("field_name"),
        ascending=q.boolean("ascending", default=True),
        dataset=DatasetFilter(name, digest) if name else None,
    )


@rpc("POST", "logged-models/search", write=False)
def search(actor: Actor, q: Params) -> Json:
    """MLflow `logged-models/search`: return one page of logged models and the token of the next page.

    Raises InvalidInput (filter, order, page size or token).
    """
    logged_models, token = search_logged_models(
        actor=actor,
        experiment_ids=q.need_texts("experiment_ids"),
        filter_string=q.text("filter"),
        datasets=[DatasetFilter(d.text("dataset_name"), d.text("dataset_digest")) for d in q.items("datasets")],
        order_by=[_sort_field(item) for item in q.items("order_by")],
        max_results=q.integer("max_results"),
        page_token=q.text("page_token"),
    )
    metrics = queries.load_models(actor, logged_models)
    models = [render.logged_model(model, metrics[model.pk]) for model in logged_models]
    return render.filled(models=models, next_page_token=token or None)


@rpc("PATCH", "logged-models/{model_id}/tags")
def set_tags(actor: Actor, q: Params) -> Json:
    """MLflow `logged-models/{model_id}/tags`: set tags and return the logged model. Raises NotFound, InvalidInput."""
    model = logged_models.set_model_tags(actor=actor, model_id=q.need("model_id"), tags=q.tags("tags"))
    return _fresh(actor, model.pk)


@rpc("DELETE", "logged-models/{model_id}/tags/{tag_key:path}")
def delete_tag(actor: Actor, q: Params) -> Json:
    """MLflow `logged-models/{model_id}/tags/{tag_key}`: delete a tag. Raises NotFound (model, tag)."""
    logged_models.delete_model_tag(actor=actor, model_id=q.need("model_id"), key=q.need("tag_key"))
    return {}


@rpc("POST", "logged-models/{model_id}/params")
def log_params(actor: Actor, q: Params) -> Json:
    """MLflow `logged-models/{model_id}/params`: add params.

    Raises NotFound, InvalidInput (too many params, or another value for a param that is set).
    """
    logged_models.log_model_params(actor=actor, model_id=q.need("model_id"), params=q.tags("params"))
    return {}


@rpc("GET", "logged-models/{model_id}/artifacts/directories")
def list_model_artifacts(actor: Actor, q: Params) -> Json:
    """MLflow `logged-models/{model_id}/artifacts/directories`: list one artifact folder, sizes in bytes.

    Raises NotFound (no such logged model), InvalidInput (path).
    """
    model = queries.get_logged_model(actor, q.need("model_id"))
    return folder_listing(model.artifact_uri, q.text("artifact_directory_path"))
