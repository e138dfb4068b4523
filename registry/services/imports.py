"""Import of registered models and versions from another server, with their numbers, times and texts.

Only the app `importing` uses these services. `registry.services.stages.import_stages` sets the stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput
from core.refs import model_ref, version_ref
from lineage.services import IMPORTED, record_produced
from registry.locks import lock_named, require_not_retired
from registry.models import ModelVersion, RegisteredModel
from registry.names import check_tag, check_text
from registry.permissions import Level
from registry.services.cards import create_card
from registry.services.models import create_model
from registry.services.origins import pin_origins
from registry.services.versions import origin_facts, record_version_origin, set_tags, use_source
from registry.sources import Source, resolve_source
from tracking.limits import MAX_USERNAME, check_times

_MAX_LINK = 1000
_MAX_NUMBER = 2**31


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """A registered model on the other server.

    Times are milliseconds since 1970. ``last_version`` is the highest version number that the other server gave.
    """

    name: str
    description: str
    created_ms: int
    updated_ms: int
    last_version: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportedVersion:
    """A version on the other server. ``source`` is a folder of this server, or a URI that `registry.sources` allows."""

    name: str
    version: int
    source: str
    run_id: str
    description: str
    run_link: str
    user_id: str
    created_ms: int
    updated_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def import_model(*, actor: Actor, old: ImportedModel, origin: str) -> RegisteredModel:
    """Register a model with its name, times and highest version number; the actor manages it.

    New versions get numbers above ``last_version``, whether older versions are imported or not. The second event of
    the model's stream names the origin, which `import_stages` requires. Raises AlreadyExists where a model has the
    name, or a name that looks the same. Also raises InvalidInput, NotAuthenticated.
    """
    check_times(old.created_ms, old.updated_ms)
    if not 0 <= old.last_version < _MAX_NUMBER:
        raise InvalidInput(f"{old.last_version} is not a version number.")
    model = create_model(actor=actor, name=old.name, description=old.description, tags=[*old.tags.items()])
    model.created_ms, model.updated_ms, model.last_version = old.created_ms, old.updated_ms, old.last_version
    model.save(update_fields=["created_ms", "updated_ms", "last_version"])
    record(
        actor=actor,
        action=Action.REGISTRY_MODEL_IMPORTED,
        obj=model,
        after={"origin": origin, "created_ms": old.created_ms, "last_version": old.last_version},
    )
    return model


@transaction.atomic
def import_version(*, actor: Actor, old: ImportedVersion, origin: str) -> ModelVersion:
    """Register a version under its number on the other server. Unused smaller numbers stay unused.

    As in a normal registration, the folder is sealed, its digest is stored, the first card is written, and the version
    gets into the lineage graph. Raises NotFound (model, run), AlreadyExists (the number), InvalidInput (source, tags),
    Conflict (the folder is sealed with other files), InvalidState (the model is retired), Denied.
    """
    if not 0 < old.version < _MAX_NUMBER:
        raise InvalidInput(f"{old.version} is not a version number.")
    check_times(old.created_ms, old.updated_ms)
    pairs = dict(check_tag(*tag) for tag in old.tags.items())
    check_text(old.description, "description")
    check_text(old.run_link, "run link", _MAX_LINK)
    model = lock_named(
        actor=actor, name=old.name, level=Level.EDIT, action=Action.REGISTRY_VERSION_IMPORTED, obj=model_ref(old.name)
    )
    require_not_retired(model)
    if model.versions.filter(version=old.version).exists():
        raise AlreadyExists(f"Model Version (name={old.name}, version={old.version}) already exists.")
    resolved = resolve_source(actor=actor, source=old.source, run_id=old.run_id, model_id="")
    version = _insert(actor, model, old, resolved)
    set_tags(version, pairs)
    origin_ref = f"{version_ref(old.name, old.version)} of {origin}"
    record_produced(
        actor=actor,
        run_id=version.run_id,
        model=model.name,
        version=version.version,
        digest=version.artifact_digest,
        mode=IMPORTED,
        source=origin_ref,
    )
    record_version_origin(actor, version, mode=IMPORTED, source=origin_ref)
    facts = _facts(version, old, pairs) | {"origin": origin}
    record(actor=actor, action=Action.REGISTRY_VERSION_IMPORTED, obj=version, after=facts)
    create_card(actor=actor, version=version)
    return version


def _insert(actor: Actor, model: RegisteredModel, old: ImportedVersion, resolved: Source) -> ModelVersion:
    if model.last_version < old.version:
        RegisteredModel.objects.filter(pk=model.pk).update(last_version=old.version)
    version = ModelVersion(
        model=model,
        version=old.version,
        description=old.description,
        source=old.source,
        run_link=old.run_link,
        created_by=(old.user_id or actor.name)[:MAX_USERNAME],
        created_ms=old.created_ms,
        updated_ms=old.updated_ms,
    )
    # An import skips versions without files, unless its operator allows them.
    use_source(actor, version, resolved, files_may_come=True)
    version.save(force_insert=True)
    pin_origins(version)
    return version


def _facts(version: ModelVersion, old: ImportedVersion, tags: dict[str, str]) -> dict[str, object]:
    return origin_facts(version) | {"user_id": old.user_id, "created_ms": version.created_ms, "tags": tags}
