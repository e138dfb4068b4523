"""Exports of answers: the file and its event."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction

from approvals.questions.answers import Answer, csv_bytes, json_bytes
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.refs import AUDIT_LOG, model_ref


class Form(StrEnum):
    """The formats of an exported answer."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class ExportedAnswer:
    """The file of an answer."""

    name: str
    media_type: str
    data: bytes


def export_answer(*, actor: Actor, answer: Answer, form: Form) -> ExportedAnswer:
    """Return an answer as a file, and record that it was exported, with the file's digest.

    The caller got the answer by one of the questions, which checks what the actor may read.
    """
    data = csv_bytes(answer) if form is Form.CSV else json_bytes(answer)
    obj = model_ref(answer.filters["model"]) if answer.stream else AUDIT_LOG
    after = {
        "question": answer.question,
        "filters": dict(answer.filters),
        "form": form.value,
        "rows": len(answer.rows),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    with transaction.atomic():
        record(actor=actor, action=Action.AUDIT_EXPORTED, obj=obj, stream=answer.stream, after=after)
    media_type = "text/csv; charset=utf-8" if form is Form.CSV else "application/json"
    return ExportedAnswer(f"custody-{answer.question}.{form.value}", media_type, data)
