"""The models that a run logged, as clients before MLflow 3 send them: one tag with a growing list."""

from __future__ import annotations

import orjson
from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput
from core.refs import run_ref
from tracking.limits import MAX_TAG_VALUE
from tracking.models import RunTag
from tracking.services.runs import lock_run

HISTORY_TAG = "mlflow.log-model.history"
_NEEDED = ("artifact_path", "flavors", "run_id", "utc_time_created")
_KEPT = (*_NEEDED, "model_uuid")


@transaction.atomic
def log_model_history(*, actor: Actor, run_id: str, model_json: str) -> None:
    """Add a model (the JSON of its MLmodel file) to the run's history.

    Raises NotFound, InvalidInput (not the JSON of an MLmodel file, or the tag would be too long).
    """
    entry = _entry(model_json)
    run = lock_run(run_id, actor=actor, action=Action.TRACKING_TAG_SET)
    tag = RunTag.objects.filter(run=run, key=HISTORY_TAG).first()
    try:
        entries = [*orjson.loads(tag.value), entry] if tag else [entry]
    except (orjson.JSONDecodeError, TypeError) as error:
        raise InvalidInput(f"The tag {HISTORY_TAG} of run {run.pk} does not hold a JSON list.") from error
    value = orjson.dumps(entries).decode()
    if len(value) > MAX_TAG_VALUE or "\\u0000" in value:
        raise InvalidInput(f"The tag {HISTORY_TAG} of run {run.pk} cannot hold one more model of this size.")
    RunTag.objects.update_or_create(run=run, key=HISTORY_TAG, defaults={"value": value})
    record(
        actor=actor,
        action=Action.TRACKING_TAG_SET,
        obj=run_ref(run.pk),
        before={HISTORY_TAG: tag.value} if tag else None,
        after={HISTORY_TAG: value},
    )


def _entry(model_json: str) -> dict[str, object]:
    try:
        model = orjson.loads(model_json)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"Malformed model info: it is not a valid JSON: {error}") from error
    if not isinstance(model, dict):
        raise InvalidInput("Model json must be a JSON object.")
    if missing := [key for key in _NEEDED if key not in model]:
        raise InvalidInput(f"Model json is missing mandatory fields: {missing}")
    return {key: model[key] for key in _KEPT if key in model}
