"""System check: the writers of every fact that a verdict reads are declared, so that four eyes misses no new fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from django.core.checks import CheckMessage, Error, register

from approvals.case.evidence import FACT_WRITERS, KINDS, NOT_WRITTEN, ROLES
from approvals.verdict.facts import CheckFacts, Snapshot
from validation.base import Ancestry, CardFacts, RunFacts, Subject

FACTS = (Subject, RunFacts, CardFacts, Ancestry, Snapshot, CheckFacts)


def facts_without_writer() -> set[str]:
    """Return the facts that are in neither or both of FACT_WRITERS and NOT_WRITTEN, and names there of no fact."""
    field_names = {f"{facts.__name__}.{field.name}" for facts in FACTS for field in fields(facts)}
    declared = {*FACT_WRITERS, *NOT_WRITTEN}
    return (field_names ^ declared) | (FACT_WRITERS.keys() & NOT_WRITTEN.keys())


@register
def check_evidence(app_configs: Sequence[Any] | None, **_kwargs: object) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """Return an error for each fact, role or kind of evidence that approvals/case/evidence.py does not declare."""
    writers = {writer for row in FACT_WRITERS.values() for writer in row}
    wrong = sorted(facts_without_writer() | (writers ^ {*KINDS, *ROLES}))
    hint = "Add it to FACT_WRITERS or NOT_WRITTEN in approvals/case/evidence.py."
    return [Error(f"{name} has no declared writer.", hint=hint, id="approvals.E001") for name in wrong]
