"""The origin of versions: their authors, and their quarantined ancestors. Both follow the bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Q

from core.refs import run_ref, version_ref
from lineage.quarantine import taints
from registry.models import ModelVersion
from registry.payload_queries import NO_ORIGINS, Origins, same_payload_refs
from registry.sources import MAX_COPIES
from tracking.artifacts import senders_of
from validation.base import Ancestry

# How many copies back the authors of a version are followed: to the first original, and what that was copied from.
_MAX_COPIES_BACK = MAX_COPIES + 2


def authors_of(versions: Iterable[ModelVersion], origins: Mapping[int, Origins]) -> dict[int, tuple[str, ...]]:
    """Return the authors of each version, by version id.

    They registered it, sent files of it, registered a version it was copied from, or registered or sent the same bytes
    before.
    """
    rows = list(versions)
    senders = senders_of(row.artifact_path for row in rows if row.artifact_path)
    made_by = _registrants(rows)
    return {
        row.pk: tuple(
            sorted({*made_by[row.pk], *senders.get(row.artifact_path, ()), *origins.get(row.pk, NO_ORIGINS).authors})
        )
        for row in rows
    }


def nodes_of_bytes(versions: Sequence[ModelVersion], origins: Mapping[int, Origins]) -> dict[int, set[str]]:
    """Return the references to the bytes of each version in the graph, by version id: of the version, of all with the
    same bytes, and of the runs that held them. One query.
    """
    siblings = same_payload_refs(versions)
    return {
        row.pk: {
            version_ref(row.model.name, row.version),
            *siblings.get(row.payload_digest, ()),
            *(run_ref(run_id) for run_id in origins.get(row.pk, NO_ORIGINS).run_ids),
        }
        for row in versions
    }


def ancestries_of(versions: Iterable[ModelVersion], origins: Mapping[int, Origins]) -> dict[int, Ancestry]:
    """Return the quarantined ancestors of each version, of the versions with the same bytes and of the runs that held
    them.
    """
    rows = list(versions)
    urns = nodes_of_bytes(rows, origins)
    tainted = taints(sorted({urn for named in urns.values() for urn in named}))
    own = {row.pk: version_ref(row.model.name, row.version) for row in rows}
    return {
        pk: Ancestry(
            tuple(sorted({quarantine.node.urn for urn in named for quarantine in tainted[urn].quarantines})),
            tainted[own[pk]].complete,
        )
        for pk, named in urns.items()
    }


def _registrants(versions: Iterable[ModelVersion]) -> dict[int, tuple[str, ...]]:
    """Return the creators of each version and of the originals of a copy, by version id; one query for each copy
    back.
    """
    creators = {version.pk: (version.created_by, version.copied_from_id) for version in versions}
    version_ids = set(creators)
    missing = {parent for _, parent in creators.values() if parent is not None} - set(creators)
    for _ in range(_MAX_COPIES_BACK):
        if not missing:
            break
        rows = ModelVersion.objects.filter(Q(pk__in=missing)).values_list("pk", "created_by", "copied_from_id")
        creators |= {pk: (author, parent) for pk, author, parent in rows}
        missing = {parent for _, parent in creators.values() if parent is not None} - set(creators)
    return {pk: _authors_of_copies(pk, creators) for pk in version_ids}


def _authors_of_copies(pk: int, creators: Mapping[int, tuple[str, int | None]]) -> tuple[str, ...]:
    names: set[str] = set()
    current: int | None = pk
    for _ in range(_MAX_COPIES_BACK):
        if current is None or current not in creators:
            break
        author, current = creators[current]
        names.add(author)
    return tuple(sorted(names - {""}))
