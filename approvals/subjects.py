"""The facts a verdict rests on, read fresh and for many requests at once: the query count does not grow with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from accounts.models import User
from approvals.checks.base import CardFacts, Incumbent, RunFacts, Subject
from audit.canonical import digest_of
from registry.cards import missing_fields, written_keys
from registry.models import CardRevision, ModelVersion, ModelVersionTag
from registry.risk import tiers_of
from registry.stages import Stage
from tracking.models import Run
from tracking.queries import load_runs, metric_value

# How far the authors of copied versions are followed back.
_MAX_COPIES = 50


@dataclass(frozen=True, slots=True)
class Move:
    """What is asked for: this version to that stage."""

    version: ModelVersion
    target: Stage
    archive_existing: bool


def load_subject(move: Move) -> Subject:
    """Return the facts of one move."""
    return load_subjects([move])[0]


def load_subjects(moves: Sequence[Move]) -> list[Subject]:
    """Return the facts of many moves, in their order."""
    versions = {move.version.pk: move.version for move in moves}
    incumbents = _incumbents({version.model_id for version in versions.values()})
    runs = _runs({version.run_id for version in [*versions.values(), *incumbents.values()]} - {""})
    cards = _cards(versions)
    tags = _tags(versions)
    authors = _authors(versions.values())
    return [
        Subject(
            model_id=move.version.model_id,
            model_name=move.version.model.name,
            version_id=move.version.pk,
            number=move.version.version,
            target=Stage(move.target).value,
            archive_existing=move.archive_existing,
            artifact_path=move.version.artifact_path,
            artifact_digest=move.version.artifact_digest,
            authors=authors[move.version.pk],
            tags=tags.get(move.version.pk, {}),
            run=runs.get(move.version.run_id, RunFacts()),
            card=cards.get(move.version.pk, CardFacts()),
            incumbent=_incumbent(incumbents.get(move.version.model_id), runs),
        )
        for move in moves
    ]


def subject_digest(subject: Subject, policy_digest: str, checks: Iterable[Sequence[str]]) -> str:
    """Return what a review covers, as SHA-256 (hex).

    ``checks`` are the jobs that count: rule, check code, inputs digest, state and evidence digest of each.
    """
    return digest_of(
        {
            "schema": 1,
            "model": subject.model_id,
            "version": subject.number,
            "artifact": subject.artifact_digest,
            "card": subject.card.digest,
            "checks": sorted(list(check) for check in checks),
            "target": subject.target,
            "archive_existing": subject.archive_existing,
            "policy": policy_digest,
            "incumbent": subject.incumbent.version_id if subject.incumbent else None,
        }
    )


def people_of(subjects: Sequence[Subject], requesters: Sequence[str]) -> list[dict[str, frozenset[str]]]:
    """Return who stands in which role towards each subject, by username.

    The owner of a service account is whoever the account is; so an owner stands beside each of their accounts.
    """
    roles = [
        {
            "requester": {requester},
            "version_author": set(subject.authors),
            "run_user": {subject.run.created_by} - {""},
            "card_editor": set(subject.card.editors),
        }
        for subject, requester in zip(subjects, requesters, strict=True)
    ]
    everybody = {name for found in roles for names in found.values() for name in names}
    owners = dict(
        User.objects.filter(username__in=everybody, owner__isnull=False).values_list("username", "owner__username")
    )
    return [
        {role: frozenset(names | {owners[name] for name in names if name in owners}) for role, names in found.items()}
        for found in roles
    ]


def _incumbents(model_ids: set[int]) -> dict[int, ModelVersion]:
    rows = ModelVersion.objects.filter(model_id__in=model_ids, is_current=True, deleted_at__isnull=True)
    return {row.model_id: row for row in rows}


def _incumbent(version: ModelVersion | None, runs: Mapping[str, RunFacts]) -> Incumbent | None:
    if version is None:
        return None
    return Incumbent(version_id=version.pk, number=version.version, run=runs.get(version.run_id, RunFacts()))


def _runs(run_ids: set[str]) -> dict[str, RunFacts]:
    rows = list(Run.objects.filter(pk__in=run_ids))
    load_runs(rows)
    return {row.pk: _run_facts(row) for row in rows}


def _run_facts(run: Run) -> RunFacts:
    metrics = {metric.key: metric_value(metric) for metric in run.latest_metrics.all()}
    datasets = {(used.dataset.name, used.dataset.digest, used.context) for used in run.dataset_inputs.all()}
    return RunFacts(
        run_id=run.pk,
        created_by=run.created_by,
        tags={tag.key: tag.value for tag in run.tags.all()},
        params={param.key: param.value for param in run.params.all()},
        metrics={key: value for key, value in metrics.items() if not math.isnan(value)},
        datasets=tuple(sorted(datasets)),
    )


def _cards(versions: Mapping[int, ModelVersion]) -> dict[int, CardFacts]:
    tiers = tiers_of({version.model_id for version in versions.values()})
    found: dict[int, list[CardRevision]] = {}
    for row in CardRevision.objects.filter(version_id__in=list(versions)).order_by("version_id", "number"):
        found.setdefault(row.version_id, []).append(row)
    return {
        version_id: CardFacts(
            digest=rows[-1].digest,
            missing=tuple(missing_fields(rows[-1])),
            written=written_keys(rows[-1].body),
            tier=tiers.get(versions[version_id].model_id, ""),
            editors=tuple(sorted({row.author for row in rows})),
            since=rows[-1].created_at,
        )
        for version_id, rows in found.items()
    }


def _tags(version_ids: Iterable[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for row in ModelVersionTag.objects.filter(version_id__in=list(version_ids)):
        found.setdefault(row.version_id, {})[row.key] = row.value
    return found


def _authors(versions: Iterable[ModelVersion]) -> dict[int, tuple[str, ...]]:
    """Return who registered each version, and whoever registered what it was copied from."""
    known = {version.pk: (version.created_by, version.copied_from_id) for version in versions}
    wanted = set(known)
    missing = {parent for _, parent in known.values() if parent is not None} - set(known)
    for _ in range(_MAX_COPIES):
        if not missing:
            break
        rows = ModelVersion.objects.filter(Q(pk__in=missing)).values_list("pk", "created_by", "copied_from_id")
        known |= {pk: (author, parent) for pk, author, parent in rows}
        missing = {parent for _, parent in known.values() if parent is not None} - set(known)
    return {pk: _back(pk, known) for pk in wanted}


def _back(pk: int, known: Mapping[int, tuple[str, int | None]]) -> tuple[str, ...]:
    names: set[str] = set()
    place: int | None = pk
    for _ in range(_MAX_COPIES):
        if place is None or place not in known:
            break
        author, place = known[place]
        names.add(author)
    return tuple(sorted(names - {""}))
