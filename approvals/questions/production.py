"""The versions that were in Production on a date."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

from approvals.questions.answers import Answer, require_few
from approvals.questions.sources import end_of_day, model_id_of, stream_asked
from core.actors import Actor
from core.times import iso_utc
from registry.models import ModelVersion
from registry.production.history import Period, production_on

PRODUCTION = "production"
_COLUMNS = {
    "object": "Version",
    "since": "Since",
    "until": "Until",
    "approved_by": "Approved by",
    "moved_by": "Moved by",
    "files": "Files",
    "reason": "Reason",
    "event": "Event",
}
_NOTES = (
    (
        "A version is listed where it was the current Production version at some time of the day, in UTC. Until is empty "
        "where it still was at the end of the day. Superseded versions that kept the stage Production are left out."
    ),
    "Names are those of that time. Files is the digest of the version's files, which never change.",
)


def in_production(actor: Actor, *, date: datetime.date, model: str = "") -> Answer:
    """Answer which versions were in Production on a date (UTC), by name. A fixed number of queries.

    Without a model, about the whole log. Raises NotFound, Denied, InvalidInput.
    """
    stream = stream_asked(actor, model)
    end = end_of_day(date)
    present = production_on(end - datetime.timedelta(days=1), end, stream=stream)
    require_few(present)
    files = _files_of({key for key, _, _ in present})
    rows = [_row(ref, period, files.get((model_id_of(key), period.version), "")) for key, ref, period in present]
    filters = {"date": str(date)} | ({"model": model} if model else {})
    return Answer(PRODUCTION, filters, _COLUMNS, sorted(rows, key=_order), _NOTES, stream)


def _row(ref: str, period: Period, files: str) -> dict[str, str]:
    return {
        "object": ref,
        "since": iso_utc(period.since, "seconds"),
        "until": iso_utc(period.until, "seconds") if period.until else "",
        "approved_by": period.approved_by,
        "moved_by": period.moved_by,
        "files": files,
        "reason": period.reason,
        "event": period.event_id,
    }


def _order(row: Mapping[str, str]) -> tuple[str, str]:
    return row["object"].rpartition("/")[0], row["since"]


def _files_of(streams: Iterable[str]) -> dict[tuple[int, int], str]:
    """Return the digest of the files of each version of these models, by model id and number; one query."""
    rows = ModelVersion.objects.filter(model_id__in=[model_id_of(stream) for stream in streams])
    return {
        (model_id, number): digest
        for model_id, number, digest in rows.values_list("model_id", "version", "artifact_digest")
    }
