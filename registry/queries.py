"""Queries of the registry for an actor. A hidden object raises the same NotFound as a missing one."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import BigIntegerField, F, IntegerField, Q, QuerySet, TextField, Window
from django.db.models.functions import RowNumber

from core.actors import Actor
from core.errors import NotFound
from core.ids import row_id
from core.orm.compiled_models import CompiledModels
from core.orm.compiled_queries import Slot
from core.refs import run_ref, version_ref
from core.times import from_ms
from lineage.graph.reads import nodes_by_id, read_of_kinds
from lineage.models import NodeKind
from lineage.quarantine import taints
from lineage.queries import anchors_of, find_node
from lineage.withdrawn import above_since, ever_below
from registry.models import Alias, CardRevision, Deployment, FrozenPack, ModelVersion, PackOrder, RegisteredModel
from registry.names import LATEST
from registry.payload_queries import NO_ORIGINS, Origins, origins_of, same_payload_refs
from registry.permissions import model_not_found, sees_every_model, visible_models, visible_versions
from registry.stages import Stage

# A version number fits the column on both databases; a larger one cannot exist.
_MAX_VERSION = 2**31 - 1
_MAX_DESCENDANTS = 2_000_000


def get_model(actor: Actor, name: str) -> RegisteredModel:
    """Return a model by name. Raises NotFound."""
    model = visible_models(actor).filter(name=name).first()
    if model is None:
        raise NotFound(model_not_found(name))
    return model


def get_model_by_id(actor: Actor, model_id: str) -> RegisteredModel:
    """Return a model by its id, which a rename does not change. Raises NotFound."""
    model = visible_models(actor).filter(pk=row_id(model_id)).first()
    if model is None:
        raise NotFound(f"Registered Model with id={model_id[:100]} not found")
    return model


def get_version(actor: Actor, name: str, version: int) -> ModelVersion:
    """Return a version with its model. Raises NotFound."""
    row = None
    if 0 < version <= _MAX_VERSION:
        if sees_every_model(actor):
            row = _LIVE_VERSION.first(name=name, version=version)
        else:
            row = _with_model(visible_versions(actor)).filter(model__name=name, version=version).first()
    if row is None:
        raise NotFound(f"Model Version (name={name}, version={version}) not found")
    return row


def version_by_alias(actor: Actor, name: str, alias: str) -> ModelVersion:
    """Return the version that an alias points to. Raises NotFound (the model, the alias).

    `latest`, in upper or lower case, is not an alias: it means the version with the highest number.
    """
    model = get_model(actor, name)
    if alias.lower() == LATEST:
        latest = _with_model(visible_versions(actor)).filter(model=model).order_by("-version").first()
        if latest is None:
            raise NotFound(f"Latest version not found for model {name}.")
        return latest
    version = _with_model(visible_versions(actor)).filter(aliases__model=model, aliases__name=alias).first()
    if version is None:
        raise NotFound(f"Registered model alias {alias} not found.")
    return version


def current_production(actor: Actor, name: str) -> ModelVersion | None:
    """Return the current Production version of a model, None where there is none. Raises NotFound (the model)."""
    return incumbent_of(get_model(actor, name))


def last_approved(model: RegisteredModel, excluding: ModelVersion | None = None) -> ModelVersion | None:
    """Return the last approved version of a model other than ``excluding``, None where there is none."""
    rows = ModelVersion.objects.filter(model=model, approved_at__isnull=False).select_related("model")
    if excluding is not None:
        rows = rows.exclude(pk=excluding.pk)
    return rows.order_by("-approved_at", "-version").first()


def incumbent_of(model: RegisteredModel) -> ModelVersion | None:
    """Return the current Production version of a model, None where there is none."""
    return _with_model(ModelVersion.objects.filter(model=model, is_current=True, deleted_at__isnull=True)).first()


def in_production(model: RegisteredModel) -> list[ModelVersion]:
    """Return every version in the Production stage: the current one first, then the last superseded first."""
    rows = ModelVersion.objects.filter(model=model, stage=Stage.PRODUCTION, deleted_at__isnull=True)
    return list(listed_versions(rows).order_by("-is_current", "-superseded_at", "-version"))


def latest_versions(model: RegisteredModel, stages: Collection[Stage] = ()) -> list[ModelVersion]:
    """Return the latest version in each of these stages, ordered by version number. Without ``stages``: in every stage.

    In Production the latest is the current version, in the other stages the version with the highest number.
    """
    return latest_of_models([model.pk], stages).get(model.pk, [])


def latest_of_models(model_ids: Iterable[int], stages: Collection[Stage] = ()) -> dict[int, list[ModelVersion]]:
    """Return `latest_versions` of many models by model id, with one query and those for tags and aliases."""
    stage_list = list(stages) or list(Stage)
    rows = (
        listed_versions(ModelVersion.objects.filter(model_id__in=list(model_ids), deleted_at__isnull=True))
        .filter(Q(is_current=True) | ~Q(stage=Stage.PRODUCTION), stage__in=stage_list)
        .annotate(
            position=Window(RowNumber(), partition_by=[F("model_id"), F("stage")], order_by=F("version").desc()),
        )
        .filter(position=1)
        .order_by("version")
    )
    by_model: dict[int, list[ModelVersion]] = {}
    for row in rows:
        by_model.setdefault(row.model_id, []).append(row)
    return by_model


def listed_versions(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Return the versions with model, tags and aliases, in a fixed number of queries."""
    return _with_model(versions).prefetch_related("tags", "aliases")


def aliases_of(model: RegisteredModel) -> list[Alias]:
    """Return the aliases of a model with their versions."""
    return list(model.aliases.select_related("version").order_by("name"))


def current_card(version: ModelVersion) -> CardRevision:
    """Return the card of a version: its highest revision. Every version has one from its registration on."""
    return _CARDS.all(version=version.pk)[0]


def card_history(version: ModelVersion) -> list[CardRevision]:
    """Return every revision of a version's card, newest first."""
    return list(CardRevision.objects.filter(version=version).order_by("-number"))


def get_card(version: ModelVersion, number: int | None = None) -> CardRevision:
    """Return one revision of a version's card, the newest where no number is given. Raises NotFound."""
    if number is None:
        return current_card(version)
    card: CardRevision | None = None
    if 0 < number <= _MAX_VERSION:
        card = CardRevision.objects.filter(version=version, number=number).first()
    if card is None:
        raise NotFound(f"The card of {version} has no revision {number}.")
    return card


def packs_of(version: ModelVersion) -> list[PackOrder]:
    """Return the conformity packs of a version, newest first. Only a finished pack has a ``frozen`` row."""
    return list(PackOrder.objects.filter(version=version).select_related("frozen").order_by("-number"))


def get_pack(version: ModelVersion, number: int) -> FrozenPack:
    """Return a finished pack of a version. Raises NotFound."""
    pack: FrozenPack | None = None
    if 0 < number <= _MAX_VERSION:
        pack = (
            FrozenPack.objects.filter(order__version=version, order__number=number)
            .select_related("order__version")
            .first()
        )
    if pack is None:
        raise NotFound(f"{version} has no finished conformity pack {number}.")
    return pack


def packs_named(digests: Collection[str]) -> set[str]:
    """Return those of the digests that belong to a conformity pack (settings.ARTIFACT_HOLDERS)."""
    return set(FrozenPack.objects.filter(digest__in=digests).values_list("digest", flat=True))


def visible_deployments(actor: Actor) -> QuerySet[Deployment]:
    """Return the deployments of models that the actor may see, newest first. Deleted versions are included."""
    rows = Deployment.objects.select_related("endpoint", "version__model").order_by("-started_at", "-id")
    return rows.filter(version__model__in=visible_models(actor))


def get_deployment(actor: Actor, deployment_id: int) -> Deployment:
    """Return one deployment. Raises NotFound."""
    deployment = visible_deployments(actor).filter(pk=row_id(deployment_id)).first()
    if deployment is None:
        raise NotFound(f"Deployment {deployment_id} not found")
    return deployment


@dataclass(frozen=True, slots=True)
class LiveDescendants:
    """Versions in use that descend from a node. ``truncated`` tells that not all descendants were read."""

    versions: list[ModelVersion]
    truncated: bool


def live_descendants(urn: str) -> LiveDescendants:
    """Return the versions in use that descend from a node. Raises NotFound where the graph does not have the node.

    A version is in use when it is in Production, current or superseded, or has a live deployment. These count as
    descendants too: a version that descended from the node at some time since it was registered, one whose run has
    withdrawn the edge (lineage/withdrawn.py), one with the same files as a descendant, and one whose files a descendant
    run had. Makes some queries for each step over withdrawn edges. Permissions are not checked: the caller removes the
    versions that somebody may not see.
    """
    start = find_node(urn)
    starts = list(dict.fromkeys([*anchors_of(start, "down"), start.pk]))
    below, walked = read_of_kinds(starts, "down", {NodeKind.MODEL_VERSION, NodeKind.RUN}, limit=_MAX_DESCENDANTS)
    refs = {node.urn for node in below}
    rows = ModelVersion.objects.filter(
        Q(stage=Stage.PRODUCTION) | Q(pk__in=Deployment.objects.filter(ended_at__isnull=True).values("version")),
        deleted_at__isnull=True,
        model__deleted_at__isnull=True,
    )
    live = list(_with_model(rows).order_by("model__name", "version"))
    siblings, origins = same_payload_refs(live), origins_of(row.pk for row in live)
    refs_of = {row.pk: frozenset(_refs(row, siblings, origins)) for row in live}
    former = _former_descendants([row for row in live if refs.isdisjoint(refs_of[row.pk])], refs_of, starts)
    descendants = [row for row in live if row.pk in former or not refs.isdisjoint(refs_of[row.pk])]
    return LiveDescendants(descendants, walked > _MAX_DESCENDANTS)


def _former_descendants(
    versions: Sequence[ModelVersion], refs_of: Mapping[int, frozenset[str]], starts: Sequence[int]
) -> set[int]:
    """Return the ids of the versions that descended from ``starts`` since they were registered, or by an edge that a
    run has withdrawn.
    """
    if not versions:
        return set()
    ever = {row.urn: row.id for row in nodes_by_id(ever_below(starts, limit=_MAX_DESCENDANTS)).values()}
    former: set[int] = set()
    for version in versions:
        nodes = [ever[ref] for ref in refs_of[version.pk] if ref in ever]
        if nodes and not above_since(nodes, from_ms(version.created_ms), limit=_MAX_DESCENDANTS).isdisjoint(starts):
            former.add(version.pk)
    return former


def tainted_versions(versions: Iterable[ModelVersion]) -> set[int]:
    """Return the ids of those versions that descend from quarantined data. The versions must have their models.

    Makes one query where nothing is quarantined, and three more where something is.
    """
    urns = {row.pk: version_ref(row.model.name, row.version) for row in versions}
    taint_by_urn = taints(sorted(urns.values()))
    return {pk for pk, urn in urns.items() if taint_by_urn[urn].quarantines}


def _refs(
    version: ModelVersion, siblings: Mapping[str, frozenset[str]], origins: Mapping[int, Origins]
) -> Iterator[str]:
    """Yield the references of a version, of the versions with the same files, and of the runs that had the files."""
    yield version_ref(version.model.name, version.version)
    yield from siblings.get(version.payload_digest, ())
    yield from (run_ref(run_id) for run_id in origins.get(version.pk, NO_ORIGINS).run_ids)


def due_for_archiving(now: datetime.datetime) -> list[int]:
    """Return the ids of superseded versions whose rollback window has ended."""
    due = ModelVersion.objects.filter(archive_after__lte=now, deleted_at__isnull=True, model__deleted_at__isnull=True)
    return list(due.order_by("archive_after").values_list("pk", flat=True))


def _with_model(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    return versions.select_related("model", "superseded_by")


_CARDS: CompiledModels[CardRevision] = CompiledModels(
    lambda: CardRevision.objects.filter(version_id=Slot("version", BigIntegerField())).order_by("-number")[:1]
)
_LIVE_VERSION = CompiledModels(
    lambda: _with_model(ModelVersion.objects.all()).filter(
        deleted_at__isnull=True,
        model__deleted_at__isnull=True,
        model__name=Slot("name", TextField()),
        version=Slot("version", IntegerField()),
    )
)
