"""Writers of evidence that verdicts read.

They are stored beside the events, so that a verdict reads them in one query.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from audit.models import EvidenceWriter
from core.actors import Actor
from core.bulk import BulkInsert

_ADD = BulkInsert(EvidenceWriter, conflict="ON CONFLICT DO NOTHING")


class Evidence(StrEnum):
    """The kinds of evidence whose writers are stored here, for the rule four_eyes (approvals/case/evidence.py)."""

    EDGE_DECLARED = "edge_declared"
    EDGE_RETRACTED = "edge_retracted"
    LOGGED_MODEL = "logged_model"
    VERSION_TAG = "version_tag"


def note_writer(*, actor: Actor, subject: str, kind: Evidence, details: Iterable[str] = ("",)) -> None:
    """Store the actor as the writer of pieces of evidence, in the transaction that changes them. Idempotent."""
    _ADD.run([_row(actor, subject, kind, detail) for detail in details])


def note_writers(*, actor: Actor, subjects: Iterable[str], kind: Evidence, detail: str) -> None:
    """Store the actor as the writer of one piece of evidence on each subject, as `note_writer` does. Idempotent."""
    _ADD.run([_row(actor, subject, kind, detail) for subject in subjects])


def _row(actor: Actor, subject: str, kind: Evidence, detail: str) -> dict[str, str]:
    return {"subject": subject, "kind": kind.value, "detail": detail[:250], "name": actor.name}


def version_subject(version_id: int) -> str:
    """Return the subject of a model version."""
    return f"version:{version_id}"


def logged_model_subject(model_id: str) -> str:
    """Return the subject of a logged model."""
    return f"logged-model:{model_id}"


def node_subject(node_id: int) -> str:
    """Return the subject of a node of the lineage graph. The evidence is the edges into it."""
    return f"node:{node_id}"
