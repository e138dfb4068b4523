"""Model versions: registering, describing, tagging and deleting them. Only stages.py changes their stage."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from audit.actions import Action
from audit.evidence import Evidence, note_writer, version_subject
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput
from core.refs import model_ref, version_ref
from core.times import now_ms
from lineage.services import OBSERVED, record_origin, record_produced
from registry.environment import read_environment
from registry.gates import governs_model
from registry.locks import lock_named, lock_version, require_not_retired
from registry.models import ModelVersion, ModelVersionTag, RegisteredModel
from registry.names import PROMPT_SOURCE, PROMPT_TAG, check_tag, check_text
from registry.permissions import Level
from registry.services.aliases import drop_aliases
from registry.services.cards import create_card
from registry.services.models import Tags, require_not_serving
from registry.services.origins import pin_origins
from registry.sources import Source, resolve_source
from tracking.artifacts import folder_digest, seal_folder
from tracking.models import Run
from tracking.payloads import payload_digest
from tracking.permissions.runs import Change, require_run
from tracking.queries import get_run
from tracking.services.logged_models import add_version_tag
from tracking.services.registered import mark_registered

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
    """Register the next version of a model from the files of a run or logged model.

    Seals the artifact folder, stores its digest, writes the first revision of the card, tags the logged model named by
    ``model_id``, and puts the version into the lineage graph. The digest is "" for files on another server and for an
    empty folder. Raises NotFound (model, run, logged model), InvalidInput (source, tags, no files where a policy
    governs the model), Denied, Conflict (the folder is sealed with other files), InvalidState (the model is retired).
    """
    pairs = dict(check_tag(*tag) for tag in tags)
    check_text(description, "description")
    check_text(run_link, "run link", _MAX_LINK)
    model = lock_named(
        actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_VERSION_CREATED, obj=model_ref(name)
    )
    require_not_retired(model)
    if source == PROMPT_SOURCE and _is_prompt(model, pairs):
        resolved = Source(path="", run_id=_registrable(actor, get_run(actor, run_id)).pk if run_id else "")
    else:
        resolved = resolve_source(actor=actor, source=source, run_id=run_id, model_id=model_id)
    version = ModelVersion(model=model, source=source, description=description, run_link=run_link)
    _insert(actor, version, resolved)
    set_tags(version, pairs)
    _require_registrable(version)
    _record_created(actor, version, pairs)
    create_card(actor=actor, version=version)
    if model_id and resolved.path:
        # a caller who may only read the experiment can register the version, but not tag the logged model
        with suppress(Denied):
            add_version_tag(actor=actor, model_id=model_id, name=model.name, version=version.version)
    return version


def _require_registrable(version: ModelVersion) -> None:
    """Raise InvalidInput with the first refusal of settings.REGISTRATION_GATES, which are in higher layers."""
    for path in settings.REGISTRATION_GATES:
        if refusal := import_string(path)(version):
            raise InvalidInput(refusal)


def _registrable(actor: Actor, run: Run) -> Run:
    require_run(actor, run, Change.STATUS, Action.REGISTRY_VERSION_CREATED)
    return run


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
    pin_origins(version)


def _record_created(actor: Actor, version: ModelVersion, tags: Mapping[str, str]) -> None:
    """Record the version in the lineage graph and as an event."""
    record_produced(
        actor=actor,
        run_id=version.run_id,
        model=version.model.name,
        version=version.version,
        digest=version.artifact_digest,
    )
    record_version_origin(actor, version, mode=OBSERVED)
    record(
        actor=actor,
        action=Action.REGISTRY_VERSION_CREATED,
        obj=version,
        after=origin_facts(version) | {"tags": tags},
    )


@transaction.atomic
def update_version(*, actor: Actor, name: str, version: int, description: str) -> ModelVersion:
    """Replace the description. Raises InvalidInput, NotFound, TooLarge."""
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
    """Hide a version and remove its aliases; its number is not used again.

    Raises Conflict while it is current Production, is deployed, or has a protected alias. Also raises NotFound, Denied.
    """
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
    row.updated_ms = row.model.updated_ms = now_ms()
    row.save(update_fields=["deleted_at", "updated_ms"])
    row.model.save(update_fields=["updated_ms"])
    record(
        actor=actor,
        action=Action.REGISTRY_VERSION_DELETED,
        obj=row,
        before={"stage": row.stage, "artifact_digest": row.artifact_digest},
    )


@transaction.atomic
def set_version_tag(*, actor: Actor, name: str, version: int, key: str, value: str) -> None:
    """Set a tag of a version. Raises InvalidInput, NotFound, TooLarge."""
    check_tag(key, value)
    row = lock_version(actor=actor, name=name, version=version, action=Action.REGISTRY_VERSION_TAG_SET)
    before = row.tags.filter(key=key).values_list("value", flat=True).first()
    row.tags.update_or_create(key=key, defaults={"value": value})
    note_writer(actor=actor, subject=version_subject(row.pk), kind=Evidence.VERSION_TAG, details=[key])
    record(
        actor=actor,
        action=Action.REGISTRY_VERSION_TAG_SET,
        obj=row,
        before={} if before is None else {key: before},
        after={key: value},
    )


@transaction.atomic
def delete_version_tag(*, actor: Actor, name: str, version: int, key: str) -> None:
    """Remove a tag of a version. A missing tag is not an error, as in MLflow. Raises NotFound."""
    row = lock_version(actor=actor, name=name, version=version, action=Action.REGISTRY_VERSION_TAG_DELETED)
    tag = row.tags.filter(key=key).first()
    if tag is None:
        return
    tag.delete()
    note_writer(actor=actor, subject=version_subject(row.pk), kind=Evidence.VERSION_TAG, details=[key])
    record(
        actor=actor,
        action=Action.REGISTRY_VERSION_TAG_DELETED,
        obj=row,
        before={key: tag.value},
    )


def _take_number(model: RegisteredModel, now: int) -> int:
    """Return the next version number, which is never used twice. The caller has locked the model's row."""
    model.last_version += 1
    model.updated_ms = now
    model.save(update_fields=["last_version", "updated_ms"])
    return model.last_version


def use_source(actor: Actor, version: ModelVersion, resolved: Source, *, files_may_come: bool = False) -> None:
    """Set the fields of an unsaved version that follow from its source, and seal its folder.

    An empty folder is sealed too: files sent later must not be served unchecked. With ``files_may_come`` it stays open.
    Raises Conflict (the folder is sealed with other files), InvalidInput (it is empty and a policy governs the model).
    """
    version.run_id = resolved.run_id
    version.logged_model_id = resolved.model_id
    version.artifact_path = resolved.path
    version.copied_from = resolved.copied_from
    if resolved.path:
        _pin_artifacts(actor, version, files_may_come=files_may_come)
    mark_registered(run_id=version.run_id, model_id=version.logged_model_id)


def _pin_artifacts(actor: Actor, version: ModelVersion, *, files_may_come: bool) -> None:
    """Seal the folder and set the digests of the version; a copy gets those of its original. See `use_source`."""
    copied = version.copied_from
    is_empty = not (copied.artifact_digest if copied else folder_digest(version.artifact_path))
    if is_empty and files_may_come:
        return
    if is_empty and governs_model(version.model):
        raise InvalidInput(
            f"Invalid model version source: {version.source!r}. It has no files, and a policy governs {version.model.name}. "
            "Log the model's files first, then register it."
        )
    if copied is not None:
        version.artifact_digest, version.payload_digest = copied.artifact_digest, copied.payload_digest
        return
    reason = f"registered as {_ref(version)}"
    seal = seal_folder(actor=actor, prefix=version.artifact_path, reason=reason, may_be_empty=True)
    version.artifact_digest = seal.digest
    if not is_empty:
        version.payload_digest = payload_digest(seal.manifest)


def set_tags(version: ModelVersion, tags: Mapping[str, str]) -> None:
    """Insert the tags of a new version."""
    ModelVersionTag.objects.bulk_create(
        ModelVersionTag(version=version, key=key, value=value) for key, value in tags.items()
    )


def record_version_origin(actor: Actor, version: ModelVersion, *, mode: str, source: str = "") -> None:
    """Record the origin of a version in the lineage graph: a logged model, another version, and its environment.

    ``source`` names the origin of this fact, by default the version itself.
    """
    environment = read_environment(version.artifact_path) if version.artifact_path else {}
    packages, copied = environment.get("packages", []), version.copied_from
    record_origin(
        actor=actor,
        model=version.model.name,
        version=version.version,
        logged_model=version.logged_model_id,
        copied_from=(copied.model.name, copied.version) if copied else None,
        packages=[str(line) for line in packages] if isinstance(packages, list) else [],
        python=str(environment.get("python", "")),
        mode=mode,
        source=source,
    )


def origin_facts(version: ModelVersion) -> dict[str, object]:
    """Return the facts about the origin of a version for the event of its registration."""
    return {
        "version": version.version,
        "source": version.source,
        "run_id": version.run_id,
        "logged_model": version.logged_model_id,
        "artifact_digest": version.artifact_digest,
        "payload_digest": version.payload_digest,
        "copied_from": str(version.copied_from) if version.copied_from else "",
        "description": version.description,
    }


def _ref(version: ModelVersion) -> str:
    return version_ref(version.model.name, version.version)
