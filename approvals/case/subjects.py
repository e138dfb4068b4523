"""Subjects: the facts of moves, read for many at once in a fixed number of queries, and the digests of their parts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta

from django.db.models import Q, prefetch_related_objects

from accounts.owners import owners_of
from approvals.case.incumbents import (
    Move,
    incumbent_facts,
    incumbent_key,
    incumbents_of,
    predecessor_facts,
    predecessors_of,
)
from core.canonical import digest_of
from core.refs import version_ref
from lineage.quarantine import taints
from policies.matching import ModelFacts, model_facts
from policies.rules import Rule
from registry.cards import missing_fields, written_keys
from registry.models import CardRevision, ModelVersion, ModelVersionTag
from registry.sources import MAX_COPIES
from tracking.artifacts import senders_of
from tracking.models import Run
from tracking.queries import load_runs, metric_value
from validation.base import Ancestry, CardFacts, RunFacts, Subject

# How many copies back the authors of a version are followed: to the first original, and what that was copied from.
_MAX_COPIES_BACK = MAX_COPIES + 2


def load_subject(move: Move) -> Subject:
    """Return the facts of one move."""
    return load_subjects([move])[0]


def load_subjects(moves: Sequence[Move]) -> list[Subject]:
    """Return the facts of many moves, in their order; a fixed number of queries."""
    versions = {move.version.pk: move.version for move in moves}
    incumbents = incumbents_of(moves)
    predecessors = predecessors_of(moves, incumbents)
    known = [*versions.values(), *incumbents.values(), *predecessors.values()]
    runs = _runs({version.run_id for version in known} - {""})
    cards = _cards(versions)
    tags = _tags(versions)
    authors = _authors(versions.values())
    ancestries = _ancestries(versions.values())
    models = model_facts({version.model_id: version.model for version in versions.values()}.values())
    return [
        Subject(
            model_id=move.version.model_id,
            model_name=move.version.model.name,
            version_id=move.version.pk,
            number=move.version.version,
            target=str(move.target),
            archive_existing=move.archive_existing,
            artifact_path=move.version.artifact_path,
            artifact_digest=move.version.artifact_digest,
            authors=authors[move.version.pk],
            tags=tags.get(move.version.pk, {}),
            run=runs.get(move.version.run_id, RunFacts()),
            card=cards.get(move.version.pk, CardFacts()),
            incumbent=incumbent_facts(incumbents.get((move.version.model_id, incumbent_key(move.target))), runs),
            ancestry=ancestries[move.version.pk],
            source=move.version.stage,
            staged_at=move.version.staged_at,
            model_tags=models[move.version.model_id].tags,
            tier=models[move.version.model_id].tier,
            predecessor=predecessor_facts(predecessors, move, runs),
        )
        for move in moves
    ]


def facts_of_model(subject: Subject) -> ModelFacts:
    """Return the facts of a subject's model that decide which policy governs it."""
    return ModelFacts(name=subject.model_name, tags=subject.model_tags, tier=subject.tier)


def subject_parts(
    subject: Subject,
    *,
    kind: str,
    rules: Sequence[Rule],
    checks: Iterable[Sequence[str]],
    policy: str,
) -> dict[str, str]:
    """Return the SHA-256 (hex) of each part of what a review covers, by the name of the part.

    ``checks`` are the jobs that count: rule, check code, inputs digest, state and evidence digest of each. ``policy``
    is the `policy_digest` of the ``rules``.
    """
    named_tags = sorted({key for rule in rules if rule.applies_if for key in rule.applies_if.tags})
    parts: dict[str, object] = {
        "version": [subject.model_id, subject.model_name, subject.number],
        "target": [kind, subject.target, subject.archive_existing],
        "artifact": subject.artifact_digest,
        "card": subject.card.digest,
        "incumbent": subject.incumbent.version_id if subject.incumbent else None,
        "risk": [subject.tier, {key: subject.model_tags.get(key) for key in named_tags}],
    }
    jobs = {f"check:{code}:{rule}": [*facts] for rule, code, *facts in checks}
    digests = {name: digest_of(value) for name, value in {**parts, **jobs}.items()}
    return digests | {"policy": policy}


def policy_digest(policies: Sequence[str], rules: Sequence[Rule]) -> str:
    """Return the SHA-256 (hex) of policies, given by their digests, and the rules they come to."""
    return digest_of([*policies, [_plain(asdict(rule)) for rule in rules]])


def subject_digest(parts: Mapping[str, str]) -> str:
    """Return what a review covers, as SHA-256 (hex) of the hashes of its parts."""
    return digest_of({"schema": 2, **parts})


def _plain(value: object) -> object:
    """Return a rule's values as JSON, with durations in seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def people_by_role(
    subjects: Sequence[Subject], requesters: Sequence[str], check_authors: Sequence[frozenset[str]] = ()
) -> list[dict[str, frozenset[str]]]:
    """Return the usernames in each role towards each subject. ``check_authors`` are who posted results of its checks.

    The present and former owners of a service account have every role of the account. One query for the owners.
    """
    roles = [
        {
            "requester": {requester},
            "version_author": set(subject.authors),
            "run_user": {subject.run.created_by, *subject.run.writers} - {""},
            "card_editor": set(subject.card.editors),
            "check_author": set(authors),
        }
        for subject, requester, authors in zip(
            subjects, requesters, check_authors or [frozenset()] * len(subjects), strict=True
        )
    ]
    owners = owners_of({name for by_role in roles for names in by_role.values() for name in names})
    return [
        {role: frozenset(names).union(*(owners.get(name, ()) for name in names)) for role, names in by_role.items()}
        for by_role in roles
    ]


def _ancestries(versions: Iterable[ModelVersion]) -> dict[int, Ancestry]:
    urns = {version.pk: version_ref(version.model.name, version.version) for version in versions}
    tainted = taints(sorted(set(urns.values())))
    return {
        pk: Ancestry(tuple(sorted(row.node.urn for row in tainted[urn].quarantines)), tainted[urn].complete)
        for pk, urn in urns.items()
    }


def _runs(run_ids: set[str]) -> dict[str, RunFacts]:
    rows = list(Run.objects.filter(pk__in=run_ids))
    load_runs(rows)
    prefetch_related_objects(rows, "writers")
    return {row.pk: _run_facts(row) for row in rows}


def _run_facts(run: Run) -> RunFacts:
    metrics = {metric.key: metric_value(metric) for metric in run.latest_metrics.all()}
    datasets = {(used.dataset.name, used.dataset.digest, used.context) for used in run.dataset_inputs.all()}
    return RunFacts(
        run_id=run.pk,
        created_by=run.created_by,
        writers=tuple(sorted(writer.name for writer in run.writers.all())),
        tags={tag.key: tag.value for tag in run.tags.all()},
        params={param.key: param.value for param in run.params.all()},
        metrics={key: value for key, value in metrics.items() if not math.isnan(value)},
        datasets=tuple(sorted(datasets)),
        measured_on={
            metric.key: (metric.dataset_name, metric.dataset_digest)
            for metric in run.latest_metrics.all()
            if metric.dataset_name or metric.dataset_digest
        },
    )


def _cards(version_ids: Iterable[int]) -> dict[int, CardFacts]:
    revisions: dict[int, list[CardRevision]] = {}
    for row in CardRevision.objects.filter(version_id__in=list(version_ids)).order_by("version_id", "number"):
        revisions.setdefault(row.version_id, []).append(row)
    return {
        version_id: CardFacts(
            digest=rows[-1].digest,
            missing=tuple(missing_fields(rows[-1])),
            written=written_keys(rows[-1].body),
            editors=tuple(sorted({row.author for row in rows})),
            since=rows[-1].created_at,
        )
        for version_id, rows in revisions.items()
    }


def _tags(version_ids: Iterable[int]) -> dict[int, dict[str, str]]:
    tags: dict[int, dict[str, str]] = {}
    for row in ModelVersionTag.objects.filter(version_id__in=list(version_ids)):
        tags.setdefault(row.version_id, {})[row.key] = row.value
    return tags


def _authors(versions: Iterable[ModelVersion]) -> dict[int, tuple[str, ...]]:
    """Return who registered each version, sent files of it, or registered a version it was copied from, by version id."""
    rows = list(versions)
    senders = senders_of(row.artifact_path for row in rows if row.artifact_path)
    made_by = _registrants(rows)
    return {row.pk: tuple(sorted({*made_by[row.pk], *senders.get(row.artifact_path, ())})) for row in rows}


def _registrants(versions: Iterable[ModelVersion]) -> dict[int, tuple[str, ...]]:
    """Return who registered each version and those it was copied from, by version id; one query for each copy back."""
    known = {version.pk: (version.created_by, version.copied_from_id) for version in versions}
    wanted = set(known)
    missing = {parent for _, parent in known.values() if parent is not None} - set(known)
    for _ in range(_MAX_COPIES_BACK):
        if not missing:
            break
        rows = ModelVersion.objects.filter(Q(pk__in=missing)).values_list("pk", "created_by", "copied_from_id")
        known |= {pk: (author, parent) for pk, author, parent in rows}
        missing = {parent for _, parent in known.values() if parent is not None} - set(known)
    return {pk: _authors_of_copies(pk, known) for pk in wanted}


def _authors_of_copies(pk: int, known: Mapping[int, tuple[str, int | None]]) -> tuple[str, ...]:
    names: set[str] = set()
    current: int | None = pk
    for _ in range(_MAX_COPIES_BACK):
        if current is None or current not in known:
            break
        author, current = known[current]
        names.add(author)
    return tuple(sorted(names - {""}))
