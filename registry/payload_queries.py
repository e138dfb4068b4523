"""Versions by their files: the recorded origins of a version's files, and the versions with the same files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.refs import version_ref
from registry.models import ModelVersion, PayloadOrigin


@dataclass(frozen=True, slots=True)
class Origins:
    """The people who registered or uploaded a version's files before, and the runs that had the files."""

    authors: set[str] = field(default_factory=set)
    run_ids: set[str] = field(default_factory=set)


NO_ORIGINS = Origins()


def origins_of(version_ids: Iterable[int]) -> dict[int, Origins]:
    """Return the origins of these versions by version id; a version without origins is absent. One query."""
    by_version: dict[int, Origins] = {}
    rows = PayloadOrigin.objects.filter(version__in=set(version_ids))
    for version_id, kind, name in rows.values_list("version_id", "kind", "name"):
        origins = by_version.setdefault(version_id, Origins())
        (origins.authors if kind == PayloadOrigin.AUTHOR else origins.run_ids).add(name)
    return by_version


def same_payload_refs(versions: Iterable[ModelVersion]) -> dict[str, frozenset[str]]:
    """Return, by payload digest, the references of all versions with the files of one of these versions; one query.

    Deleted versions are included.
    """
    payloads = {version.payload_digest for version in versions} - {""}
    by_version: dict[str, set[str]] = {}
    rows = ModelVersion.objects.filter(payload_digest__in=payloads)
    for payload, name, number in rows.values_list("payload_digest", "model__name", "version"):
        by_version.setdefault(payload, set()).add(version_ref(name, number))
    return {payload: frozenset(refs) for payload, refs in by_version.items()}
