"""MLflow `experiments/…`."""

from __future__ import annotations

from core.actors import Actor
from mlflow_api import render_tracking as render
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from tracking import queries
from tracking.search.experiments import search_experiments
from tracking.search.history import dataset_summaries
from tracking.services import experiments

VIEW_TYPES = {"ACTIVE_ONLY": 1, "DELETED_ONLY": 2, "ALL": 3}

Json = dict[str, object]


@rpc("POST", "experiments/create")
def create_experiment(actor: Actor, q: Params) -> Json:
    """MLflow `experiments/create`: return the id of the new experiment.

    Raises AlreadyExists (also for a deleted experiment's name), InvalidInput (name, location, tags).
    """
    experiment = experiments.create_experiment(
        actor=actor,
        name=q.need("name"),
        artifact_location=q.text("artifact_location"),
        tags=q.tags("tags"),
    )
    return {"experiment_id": str(experiment.pk)}


@rpc("GET", "experiments/get")
def get_experiment(actor: Actor, q: Params) -> Json:
    """MLflow `experiments/get`: return an experiment, deleted or not. Raises NotFound, InvalidInput (id)."""
    return {"experiment": render.experiment(queries.get_experiment(actor, q.need("experiment_id")))}


@rpc("GET", "experiments/get-by-name")
def get_experiment_by_name(actor: Actor, q: Params) -> Json:
    """MLflow `experiments/get-by-name`: return the experiment of exactly this name. Raises NotFound."""
    return {"experiment": render.experiment(queries.get_experiment_by_name(actor, q.need("experiment_name")))}


@rpc("GET", "experiments/search")
@rpc("POST", "experiments/search", write=False)
def search(actor: Actor, q: Params) -> Json:
    """MLflow `experiments/search`: return one page of experiments and the token of the next page.

    Raises InvalidInput (filter, order, page size or token).
    """
    rows, token = search_experiments(
        actor=actor,
        filter_string=q.text("filter"),
        view=q.choice("view_type", VIEW_TYPES),
        order_by=q.texts("order_by"),
        max_results=q.integer("max_results"),
        page_token=q.text("page_token"),
    )
    return render.filled(experiments=[render.experiment(row) for row in rows], next_page_token=token or None)


@rpc("POST", "experiments/update")
def update_experiment(actor: Actor, q: Params) -> Json:
    """MLflow `experiments/update`: rename an experiment.

    Raises NotFound, InvalidInput, InvalidState (it is deleted), AlreadyExists (the name is taken).
    """
    experiments.rename_experiment(actor=actor, experiment_id=q.need("experiment_id"), name=q.need("new_name"))
    return {}


@rpc("POST", "experiments/delete")
def delete_experiment(actor: Actor, q: Params) -> Json:
    """MLflow `experiments/delete`: mark an active experiment and its runs as deleted.

    Raises NotFound, InvalidInput (id).
    """
    experiments.delete_experiment(actor=actor, experiment_id=q.need("experiment_id"))
    return {}


@rpc("POST", "experiments/restore")
def restore_experiment(actor: Actor, q: Params) -> Json:
    """MLflow `experiments/restore`: restore a deleted experiment with its runs.

    Raises NotFound, InvalidInput (id).
    """
    experiments.restore_experiment(actor=actor, experiment_id=q.need("experiment_id"))
    return {}


@rpc("POST", "experiments/set-experiment-tag")
def set_experiment_tag(actor: Actor, q: Params) -> Json:
    """MLflow `experiments/set-experiment-tag`: set a tag of an experiment.

    Raises NotFound, InvalidInput (a bad tag, or a deleted experiment).
    """
    experiments.set_experiment_tag(
        actor=actor, experiment_id=q.need("experiment_id"), key=q.need("key"), value=q.text("value")
    )
    return {}


@rpc("POST", "experiments/delete-experiment-tag")
def delete_experiment_tag(actor: Actor, q: Params) -> Json:
    """MLflow `experiments/delete-experiment-tag`: delete a tag of an experiment.

    Raises NotFound (experiment, tag), InvalidInput (a deleted experiment).
    """
    experiments.delete_experiment_tag(actor=actor, experiment_id=q.need("experiment_id"), key=q.need("key"))
    return {}


@rpc("POST", "experiments/search-datasets", write=False)
def search_datasets(actor: Actor, q: Params) -> Json:
    """MLflow `experiments/search-datasets`: return up to 1000 datasets that runs of the experiments read.

    Raises InvalidInput (no or too many experiments).
    """
    rows = dataset_summaries(actor, q.texts("experiment_ids"))
    summaries = [
        render.filled(experiment_id=str(number), name=name, digest=digest, context=context or None)
        for number, name, digest, context in rows
    ]
    return render.filled(dataset_summaries=summaries)
