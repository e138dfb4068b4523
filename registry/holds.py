"""Runs and logged models of registered versions: readable with the model, changed only by its managers
(settings.RUN_HOLDERS).
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from core.actors import Actor
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Level, models_at_level, visible_models, visible_versions

_NAMED = 5


class RegisteredRuns:
    """The holder of runs and logged models that versions were registered from.

    Copies of a version have the same ones.
    """

    def readable(self, actor: Actor, run_ids: Iterable[str], model_ids: Iterable[str]) -> frozenset[str]:
        """Return those of the runs and logged models from which a version was registered that the actor may read.

        Two queries.
        """
        versions = visible_versions(actor)
        runs = versions.filter(run_id__in=list(run_ids)).values_list("run_id", flat=True)
        models = versions.filter(logged_model_id__in=list(model_ids)).values_list("logged_model_id", flat=True)
        return frozenset([*runs, *models])

    def readable_run_ids(self, actor: Actor) -> QuerySet[ModelVersion, str]:
        """Return the ids of all runs from which a version was registered that the actor may read."""
        return visible_versions(actor).exclude(run_id="").values_list("run_id", flat=True)

    def refuse(self, actor: Actor, run_ids: Iterable[str], model_ids: Iterable[str]) -> str:
        """Return the reason why the actor may not change runs or logged models, "" where they manage every model made
        of them.

        Deleted versions and models do not count. One or two queries.
        """
        made_of = Q(run_id__in=list(run_ids)) | Q(logged_model_id__in=list(model_ids))
        live = ModelVersion.objects.filter(made_of, deleted_at__isnull=True, model__deleted_at__isnull=True)
        models = RegisteredModel.objects.filter(pk__in=live.values("model"))
        others = models.exclude(pk__in=models_at_level(actor, Level.MANAGE).values("pk"))
        seen = list(others.filter(pk__in=visible_models(actor).values("pk")).values_list("name", flat=True)[:_NAMED])
        if not seen and not others.exists():
            return ""
        holders = "registered models" if not seen else ", ".join(seen)
        return (
            f"Model versions of {holders} were made of this, and their approval rests on it: "
            f"changing it takes the level `manage` on every such model."
        )

    def has_readable_folder(self, actor: Actor, folders: Iterable[str]) -> bool:
        """Return whether one of these folders holds the files of a version that the actor may read. One query."""
        return visible_versions(actor).filter(artifact_path__in=list(folders)).exists()
