"""Model versions: registering, describing, tagging, deleting. Only stages.py changes their stage."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Conflict
from core.refs import model_ref, version_ref
from core.times import now_ms
from lineage.services import record_produced
from registry.locks import lock_named, lock_version
from registry.models import ModelVersion, ModelVersionTag, RegisteredModel
from registry.names import PROMPT_SOURCE, PROMPT_TAG, check_tag, check_text
from registry.permissions import Level
from registry.services.aliases import drop_aliases
from registry.services.cards import create_card
from registry.services.models import Tags, require_not_serving
from registry.sources import Source, resolve_source
from tracking.artifacts import folder_digest, seal_folder
from tracking.queries import get_run

_MAX_LINK = 1000


@transaction.atomic
def create_version(
    *,
    actor: Actor,
    name: str,
    source: str,
    run_id: str = "",
    tags: Tags = (),
    run_link: str = "",
    description: str = "",
    model_id: str = "",
) -> ModelVersion:
    """Register the next version of a model from what a run logged.

    Seals the artifact folder and pins its digest (empty for bytes kept elsewhere and for an empty folder), writes the
    first card revision, and puts the version into the lineage graph. Raises NotFound (model, run, logged model),
    InvalidInput (source, tags), Denied, Conflict (the folder was sealed with other bytes).
    """
    pairs = dict(check_tag(*tag) for tag in tags)
    check_text(description, "description")
    check_text(run_link, "run link", _MAX_LINK)
    model = lock_named(
        actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_VERSION_CREATED, obj=model_ref(name)
    )
    if source == PROMPT_SOURCE and _is_prompt(model, pairs):
        resolved = Source(path="", run_id=get_run(run_id).pk if run_id else "")
    else:
        resolved = resolve_source(actor=actor, source=source, run_id=run_id, model_id=model_id)
    version = ModelVersion(model=model, source=source, description=description, run_link=run_link)
    _insert(actor, version, resolved)
    set_tags(version, pairs)
    _record_created(actor, version, pairs)
    create_card(actor=actor, version=version)
    return version


def _is_prompt(model: RegisteredModel, tags: Mapping[str, str]) -> bool:
    """Return whether the new version is a prompt: the tags of both the model and the version must say so."""
    model_is_prompt = model.tags.filter(key=PROMPT_TAG, value__iexact="true").exists()
    return model_is_prompt and tags.get(PROMPT_TAG, "").lower() == "true"


def _insert(actor: Actor, version: ModelVersion, resolved: Source) -> None:
    """Insert the version under the model's next number, with its resolved source and its sealed artifacts."""
    now = now_ms()
    version.version = _take_number(version.model, now)
    version.created_by, version.created_ms, version.updated_ms = actor.name, now, now
    use_source(actor, version, resolved)
    version.save(force_insert=True)


def _record_created(actor: Actor, version: ModelVersion, tags: Mapping[str, str]) -> None:
    """Record the version in the lineage graph and as an event."""
    record_produced(
        actor=actor,
        run_id=version.run_id,
        model=version.model.name,
        version=version.version,
        digest=version.artifact_digest,
    )
    record(
        actor=actor,
        action=Action.REGISTRY_VERSION_CREATED,
        obj=version,
        after=origin_facts(version) | {"tags": tags},
    )


@transaction.atomic
def update_version(*, actor: Actor, name: str, version: int, description: str) -> ModelVersion:
    """Replace the description."""
    check_text(description, "description")
    row = lock_version(actor=actor, name=name, version=version, action=Action.REGISTRY_VERSION_UPDATED)
    before = row.description
    row.description = description
    row.updated_ms = now_ms()
    row.save(update_fields=["description", "updated_ms"])
    record(
        actor=actor,
        action=Action.REGISTRY_VERSION_UPDATED,
        obj=row,
        before={"description": before},
        after={"description": description},
    )
    return row


@transaction.atomic
def delete_version(*, actor: Actor, name: str, version: int) -> None:
    """Hide a version and drop its aliases; its number is not given again. Conflict while it is in use."""
    row = lock_version(
        actor=actor, name=name, version=version, action=Action.REGISTRY_VERSION_DELETED, level=Level.MANAGE
    )
    if row.is_current:
        raise Conflict(
            f"Version {version} of {name} is the current Production version. Archive it or promote another one first."
        )
    require_not_serving(row.model, version)
    drop_aliases(actor=actor, version=row)
    row.deleted_at = timezone.now()
    row.updated_ms = now_ms()
    row.save(update_fields=["deleted_at", "updated_ms"])
    record(
        actor=actor,
        action=Action.REGISTRY_VERSION_DELETED,
        obj=row,
        before={"stage": row.stage, "artifact_digest": row.artifact_digest},
    )


@transaction.atomic
def set_version_tag(*, actor: Actor, name: str, version: int, key: str, value: str) -> None:
    """Set a tag of a version."""
    check_tag(key, value)
    row = lock_version(actor=actor, name=name, version=version, action=Action.REGISTRY_VERSION_TAG_SET)
    before = row.tags.filter(key=key).values_list("value", flat=True).first()
    row.tags.update_or_create(key=key, defaults={"value": value})
    record(
        actor=actor,
        action=Action.REGISTRY_VERSION_TAG_SET,
        obj=row,
        before={} if before is None else {key: before},
        after={key: value},
    )


@transaction.atomic
def delete_version_tag(*, actor: Actor, name: str, version: int, key: str) -> None:
    """Take a tag off a version. One that is not there is no error, as in MLflow."""
    row = lock_version(actor=actor, name=name, version=version, action=Action.REGISTRY_VERSION_TAG_DELETED)
    tag = row.tags.filter(key=key).first()
    if tag is None:
        return
    tag.delete()
    record(
        actor=actor,
        action=Action.REGISTRY_VERSION_TAG_DELETED,
        obj=row,
        before={key: tag.value},
    )


def _take_number(model: RegisteredModel, now: int) -> int:
    """Return the next version number; the model's row is locked, and a number once given is never given again."""
    model.last_version += 1
    model.updated_ms = now
    model.save(update_fields=["last_version", "updated_ms"])
    return model.last_version


def use_source(actor: Actor, version: ModelVersion, resolved: Source) -> None:
    """Set the fields of an unsaved version that follow from its source, and seal its artifact folder.

    Raises Conflict where the folder is sealed with other bytes.
    """
    version.run_id = resolved.run_id
    version.logged_model_id = resolved.model_id
    version.artifact_path = resolved.path
    version.copied_from = resolved.copied_from
    version.artifact_digest = _pin_artifacts(actor, version)


def _pin_artifacts(actor: Actor, version: ModelVersion) -> str:
    """Seal the folder and return its digest; a copy keeps the digest of its original."""
    if version.copied_from is not None:
        return version.copied_from.artifact_digest
    if not version.artifact_path or not folder_digest(version.artifact_path):
        return ""
    return seal_folder(actor=actor, prefix=version.artifact_path, reason=f"registered as {_ref(version)}").digest


def set_tags(version: ModelVersion, tags: Mapping[str, str]) -> None:
    """Insert the tags of a new version."""
    ModelVersionTag.objects.bulk_create(
        ModelVersionTag(version=version, key=key, value=value) for key, value in tags.items()
    )


def origin_facts(version: ModelVersion) -> dict[str, object]:
    """Return what the event of a registration says about where the version comes from."""
    return {
        "version": version.version,
        "source": version.source,
        "run_id": version.run_id,
        "logged_model": version.logged_model_id,
        "artifact_digest": version.artifact_digest,
        "copied_from": str(version.copied_from) if version.copied_from else "",
        "description": version.description,
    }


def _ref(version: ModelVersion) -> str:
    return version_ref(version.model.name, version.version)
