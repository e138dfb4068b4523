"""Authors and quarantined ancestors of versions. Both include those of other versions and runs with the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.refs import run_ref, version_ref
from lineage.quarantine import taints
from registry.models import ModelVersion
from registry.payload_queries import NO_ORIGINS, Origins, same_payload_refs
from registry.sources import MAX_COPIES
from tracking.artifacts import senders_of
from validation.base import Ancestry

# How many copies back the authors of a version are followed: to the first original, and to what it was copied from.
_MAX_COPIES_BACK = MAX_COPIES + 2


def authors_of(versions: Iterable[ModelVersion], origins: Mapping[int, Origins]) -> dict[int, tuple[str, ...]]:
    """Return the usernames of the authors of each version, by version id.

    An author registered the version or one it was copied from, sent files of it, or registered or sent the same bytes
    before.
    """
    rows = list(versions)
    senders = senders_of(row.artifact_path for row in rows if row.artifact_path)
    registrants = _registrants(rows)
    return {
        row.pk: tuple(
            sorted(
                {*registrants[row.pk], *senders.get(row.artifact_path, ()), *origins.get(row.pk, NO_ORIGINS).authors}
            )
        )
        for row in rows
    }


def nodes_of_bytes(versions: Sequence[ModelVersion], origins: Mapping[int, Origins]) -> dict[int, set[str]]:
    """Return the URNs of the graph nodes that hold the bytes of each version, by version id. One query.

    They are the version, every version with the same bytes, and the runs that held the bytes.
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
    """Return the quarantined ancestors of each version, by version id.

    They include those of every version with the same bytes, and of the runs that held the bytes.
    """
    rows = list(versions)
    urns_by_id = nodes_of_bytes(rows, origins)
    tainted = taints(sorted({urn for urns in urns_by_id.values() for urn in urns}))
    own = {row.pk: version_ref(row.model.name, row.version) for row in rows}
    return {
        pk: Ancestry(
            tuple(sorted({quarantine.node.urn for urn in urns for quarantine in tainted[urn].quarantines})),
            tainted[own[pk]].complete,
        )
        for pk, urns in urns_by_id.items()
    }


def _registrants(versions: Iterable[ModelVersion]) -> dict[int, tuple[str, ...]]:
    """Return the creators of each version and of the versions it was copied from, by version id.

    One query for each generation of copies.
    """
    creators = {version.pk: (version.created_by, version.copied_from_id) for version in versions}
    version_ids = set(creators)
    missing = {parent for _, parent in creators.values() if parent is not None} - set(creators)
    for _ in range(_MAX_COPIES_BACK):
        if not missing:
            break
        rows = ModelVersion.objects.filter(pk__in=missing).values_list("pk", "created_by", "copied_from_id")
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
