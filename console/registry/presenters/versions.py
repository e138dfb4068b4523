"""The page of one model version."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from approvals.models import LIVE_STATES, TransitionRequest
from audit.actions import Action
from audit.queries import trail_for
from console.audit.presenters.entries import Entry, trail
from console.registry.presenters.comparison import Comparison, compare, completeness_text
from console.registry.presenters.files import ModelFiles, files_of
from console.registry.presenters.moves import move_button
from console.registry.queries import deployments_of, requests_of
from console.runs.presenters.curves import curves_of
from console.shell.charts import Chart
from console.shell.first_rows import first_rows
from console.shell.formatting import from_ms
from console.shell.links import diff_url
from console.shell.lookups import find_version
from core.actors import Actor
from core.refs import model_stream, request_ref, version_ref
from lineage.quarantine import Taint, visible_taint
from policies.matching import active_policies, governing_policy, model_facts
from policies.transitions import refusal_under, transitions_policy
from registry.cards import FIELDS, HUMAN_KEYS, Field, missing_fields
from registry.models import Alias, Deployment, ModelVersion, ModelVersionTag, PackOrder
from registry.permissions import Level, level_for_move, level_of
from registry.queries import incumbent_of, last_approved, packs_of
from registry.stages import Stage, transitions_from

_TRAIL = 60
_REQUESTS = 25
_DEPLOYMENTS = 25


@dataclass(frozen=True, slots=True)
class StageMoment:
    """A stage that the version entered: when, and who moved it."""

    stage: str
    at: datetime.datetime | None
    actor: str


@dataclass(frozen=True, slots=True)
class CardSummary:
    """Completeness of the card: how many of the fields that people write are filled, and which are missing."""

    text: str
    filled: int
    total: int
    missing: tuple[Field, ...]
    number: int

    @property
    def missing_titles(self) -> str:
        """Return the titles of the missing fields, for a sentence."""
        return ", ".join(field.title.lower() for field in self.missing)


@dataclass(frozen=True, slots=True)
class MoveButton:
    """The button of a move: its target stage and its text."""

    target: str
    text: str
    is_primary: bool


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Everything the page shows; the template makes no query."""

    version: ModelVersion
    urn: str
    current: ModelVersion | None
    comparison: Comparison
    charts: list[Chart]
    stages: tuple[StageMoment, ...]
    card: CardSummary
    aliases: list[Alias]
    tags: list[ModelVersionTag]
    requests: list[TransitionRequest]
    live_requests: list[TransitionRequest]
    deployments: list[Deployment]
    packs: list[PackOrder]
    entries: list[Entry]
    moves: list[MoveButton]
    taint: Taint
    files: ModelFiles
    diff_url: str


def version_page(actor: Actor, name: str, number: int) -> VersionPage:
    """Return the content of the page of a version. Raises NotFound."""
    version = find_version(actor, name, number)
    urn = version_ref(name, number)
    current = incumbent_of(version.model)
    requests = first_rows(requests_of(version), _REQUESTS)
    refs = [urn, *(request_ref(row.pk) for row in requests)]
    entries = trail(trail_for(*refs, stream=model_stream(version.model_id), limit=_TRAIL))
    comparison = compare(version, current)
    run = comparison.candidate.facts.run if comparison.candidate.facts else None
    return VersionPage(
        version=version,
        urn=urn,
        current=current,
        comparison=comparison,
        charts=curves_of({run.pk: f"v{number}"}) if run else [],
        stages=_stages(version, entries),
        card=card_summary(comparison),
        aliases=list(version.aliases.order_by("name")),
        tags=list(version.tags.order_by("key")),
        requests=requests,
        live_requests=[row for row in requests if row.state in LIVE_STATES],
        deployments=first_rows(deployments_of(version), _DEPLOYMENTS),
        packs=packs_of(version),
        entries=entries,
        moves=_moves(actor, version, {row.target for row in requests if row.state in LIVE_STATES}),
        taint=visible_taint(actor, urn),
        files=files_of(version),
        diff_url=diff_from_approved(version),
    )


def diff_from_approved(version: ModelVersion) -> str:
    """Return the address of the differences from the last approved other version, "" for none; one query."""
    before = last_approved(version.model, excluding=version)
    return (
        diff_url(version_ref(before.model.name, before.version), version_ref(version.model.name, version.version))
        if before
        else ""
    )


def _moves(actor: Actor, version: ModelVersion, requested: Collection[str]) -> list[MoveButton]:
    """Return the moves that this person may make or request, without those that a live request asks for."""
    level = level_of(actor, version.model)
    if level is None or level < Level.EDIT:
        return []
    policies, model = active_policies(), model_facts([version.model])[version.model_id]
    transitions = transitions_policy(policies, model)
    return [
        MoveButton(edge.target, move_button(edge, version), edge.target == Stage.PRODUCTION)
        for edge in transitions_from(version.stage)
        if edge.target not in requested
        and not refusal_under(transitions, edge.source, edge.target)
        and (level >= level_for_move(edge.source, edge.target) or governing_policy(policies, model, edge.target))
    ]


def card_summary(comparison: Comparison) -> CardSummary:
    """Return the completeness of the candidate's card."""
    card = comparison.candidate.card
    missing = set(missing_fields(card)) if card else set(HUMAN_KEYS)
    fields = tuple(field for field in FIELDS if field.key in missing)
    return CardSummary(
        completeness_text(card), len(HUMAN_KEYS) - len(fields), len(HUMAN_KEYS), fields, card.number if card else 0
    )


def _stages(version: ModelVersion, entries: Sequence[Entry]) -> tuple[StageMoment, ...]:
    """Return the stages in the order they were entered, read from the trail."""
    moments = [StageMoment(Stage.NONE, from_ms(version.created_ms), version.created_by)]
    for entry in reversed(entries):
        if entry.action != Action.REGISTRY_STAGE_CHANGED or entry.outcome != "ok":
            continue
        stage = next((change.after for change in entry.changes if change.key == "stage"), "")
        if stage:
            moments.append(StageMoment(stage, entry.at, entry.actor.rstrip(",")))
    return tuple(moments)
