"""Access to runs and logged models that versions were registered from (settings.RUN_HOLDERS).

Everybody who may read the registered model may read them. Only its managers may change them.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from core.actors import Actor
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Level, models_at_level, visible_models, visible_versions

_NAMED = 5


class RegisteredRuns:
    """The run holder of the registry: it protects the runs and logged models that versions were registered from.

    A copy of a version has the run and the logged model of its original.
    """

    def readable(self, actor: Actor, run_ids: Iterable[str], model_ids: Iterable[str]) -> frozenset[str]:
        """Return the ids of those runs and logged models from which a version was registered that the actor may read.

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
        """Return why the actor may not change runs or logged models, "" where they manage every model made from them.

        Deleted versions and models do not count. One or two queries.
        """
        made_from = Q(run_id__in=list(run_ids)) | Q(logged_model_id__in=list(model_ids))
        live = ModelVersion.objects.filter(made_from, deleted_at__isnull=True, model__deleted_at__isnull=True)
        models = RegisteredModel.objects.filter(pk__in=live.values("model"))
        others = models.exclude(pk__in=models_at_level(actor, Level.MANAGE).values("pk"))
        names = list(others.filter(pk__in=visible_models(actor).values("pk")).values_list("name", flat=True)[:_NAMED])
        if not names and not others.exists():
            return ""
        models_text = ", ".join(names) if names else "registered models"
        return (
            f"Model versions of {models_text} were registered from it, and their approvals depend on it. "
            "Changing it needs the level `manage` on every such model."
        )

    def has_readable_folder(self, actor: Actor, folders: Iterable[str]) -> bool:
        """Return whether one of these folders is that of a version that the actor may read. One query."""
        return visible_versions(actor).filter(artifact_path__in=list(folders)).exists()
