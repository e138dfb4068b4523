"""Subjects: the facts of moves, read for many in a fixed number of queries, and the digests of what is reviewed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from accounts.owners import owners_of
from approvals.case.evidence import counted_keys, roles_of_writers, written_about
from approvals.case.incumbents import (
    Move,
    baseline_facts,
    incumbent_facts,
    incumbent_key,
    incumbents_of,
    predecessor_facts,
    predecessors_of,
)
from approvals.case.origins import ancestries_of, authors_of
from approvals.case.pins import pinned_runs
from approvals.case.run_facts import load_run_facts
from approvals.case.serving import NOT_SERVED, Serving, load_serving
from core.canonical import digest_of
from policies.matching import ModelFacts, model_facts
from policies.rules import Rule
from registry.cards import missing_fields, written_keys
from registry.inventory import inventory_of
from registry.models import CardRevision, ModelVersionTag, RegisteredModel
from registry.payload_queries import origins_of
from registry.stages import target_left
from validation.base import CardFacts, RunFacts, Subject


def load_subject(move: Move) -> Subject:
    """Return the facts of one move."""
    return load_subjects([move])[0]


def load_subjects(moves: Sequence[Move]) -> list[Subject]:
    """Return the facts of many moves, in their order; a fixed number of queries."""
    versions = {move.version.pk: move.version for move in moves}
    incumbents = incumbents_of(moves)
    predecessors = predecessors_of(moves, incumbents)
    pins = pinned_runs([*incumbents.values(), *predecessors.values()])
    runs = load_run_facts({row.run_id for rows in (versions, incumbents, predecessors) for row in rows.values()} - {""})
    cards, tags, serving = _cards(versions), _tags(versions), load_serving(moves)
    origins = origins_of(versions)
    authors, ancestries = authors_of(versions.values(), origins), ancestries_of(versions.values(), origins)
    written = written_about(versions.values(), origins)
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
            incumbent=incumbent_facts(
                incumbents.get((move.version.model_id, incumbent_key(move.target))), move.target, runs, pins
            ),
            ancestry=ancestries[move.version.pk],
            model_tags=models[move.version.model_id].tags,
            tier=models[move.version.model_id].tier,
            predecessor=predecessor_facts(predecessors, move, runs, pins),
            written=written[move.version.pk],
            baseline=baseline_facts(incumbents, move, runs, pins),
            **_position_facts(move, serving.get(move.version.pk, NOT_SERVED)),  # type: ignore[arg-type]  # fields of Subject, each of its type
        )
        for move in moves
    ]


def _position_facts(move: Move, serving: Serving) -> dict[str, object]:
    """Return the fields of a Subject about where the version is now and what the move would leave.

    ``serving`` are the deployments of the version.
    """
    return {
        "source": move.version.stage,
        "staged_at": move.version.staged_at,
        "leaves": target_left(move.target, is_current=move.version.is_current),
        "deployed": serving.deployed,
        "deployed_until": serving.until,
        "ended_by": serving.ended_by,
        "attested_at": _attested_at(move.version.model),
    }


def _attested_at(model: RegisteredModel) -> datetime | None:
    """Return the time when a model was last attested; no query for one that was read with its inventory."""
    entry = inventory_of(model)
    return entry.attested_at if entry else None


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
    reason: str = "",
) -> dict[str, str]:
    """Return the SHA-256 (hex) of each part of what a review covers, by the name of the part.

    ``checks`` are rule, check code, inputs digest, state and evidence digest of each job with the present inputs.
    ``policy`` is the `policy_digest` of the ``rules``. The ``reason`` of the request is a part only where the version
    leaves a target.
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
    if subject.leaves:
        parts["reason"] = reason
    jobs = {f"check:{code}:{rule}": [*facts] for rule, code, *facts in checks}
    digests = {name: digest_of(value) for name, value in {**parts, **jobs}.items()}
    return digests | {"policy": policy}


def policy_digest(policies: Sequence[str], rules: Sequence[Rule]) -> str:
    """Return the SHA-256 (hex) of policies, given by their digests, and their rules."""
    return digest_of([*policies, [_plain(asdict(rule)) for rule in rules]])


def subject_digest(parts: Mapping[str, str]) -> str:
    """Return the subject digest of a review: SHA-256 (hex) of the hashes of its parts."""
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
    subjects: Sequence[Subject],
    requesters: Sequence[str],
    check_authors: Sequence[frozenset[str]] = (),
    rules: Sequence[Sequence[Rule]] = (),
) -> list[dict[str, frozenset[str]]]:
    """Return the usernames in each role of each subject, in the order of the subjects. One query for the owners.

    ``check_authors`` are the usernames that posted results of the checks of each subject. ``rules`` are the rules of
    each subject: they decide the writers of which tags have a role. Each piece of evidence that people wrote is a role.
    The present and former owners of a service account have every role of the account.
    """
    roles = [
        {
            "requester": {requester},
            "version_author": set(subject.authors),
            "run_user": {subject.run.created_by, *subject.run.writers} - {""},
            "card_editor": set(subject.card.editors),
            "check_author": set(authors),
            **roles_of_writers(subject, counted_keys(subject_rules)),
        }
        for subject, requester, authors, subject_rules in zip(
            subjects,
            requesters,
            check_authors or [frozenset()] * len(subjects),
            rules or [()] * len(subjects),
            strict=True,
        )
    ]
    owners = owners_of({name for by_role in roles for names in by_role.values() for name in names})
    return [
        {role: frozenset(names).union(*(owners.get(name, ()) for name in names)) for role, names in by_role.items()}
        for by_role in roles
    ]


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
