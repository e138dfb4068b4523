"""Payloads: which bytes a model consists of, wherever they are stored, and who sent them before.

The payload of a folder is the set of its files' SHA-256 without the files that change when the same model is logged
again. Names of files do not matter, so the same bytes under other names are the same payload.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from core.canonical import digest_of
from tracking.models import LoggedModel, Run, SentFile

FileFact = tuple[str, str, int]
"""A file of a folder: path relative to the folder, SHA-256 in hex, size in bytes."""

# Files at the root of a model folder that MLflow writes anew, with other contents, whenever a model is logged.
_WRITTEN_ANEW = frozenset(
    {
        "MLmodel",
        "conda.yaml",
        "input_example.json",
        "python_env.yaml",
        "registered_model_meta",
        "requirements.txt",
        "serving_input_example.json",
    }
)
_CHUNK = 500
_LONGEST_ORIGIN = 100


@dataclass(frozen=True, slots=True)
class EarlierSenders:
    """The usernames of the earlier senders of all files of a payload, and the runs that hold all these files.

    A run holds a file among its artifacts or those of its logged models.
    """

    names: frozenset[str] = frozenset()
    run_ids: frozenset[str] = frozenset()


def payload_files(files: Iterable[FileFact]) -> tuple[str, ...]:
    """Return the SHA-256 of each file of a folder's payload once, the largest file first.

    A folder that has only files that are written anew has these as its payload.
    """
    files_read = list(files)
    counting = [file for file in files_read if file[0] not in _WRITTEN_ANEW] or files_read
    return tuple(dict.fromkeys(sha256 for _, sha256, _ in sorted(counting, key=lambda file: (-file[2], file[1]))))


def payload_digest(files: Iterable[FileFact]) -> str:
    """Return ``sha256:…`` over the canonical JSON of the sorted digests of a folder's payload, "" without files."""
    digests = sorted(payload_files(files))
    return f"sha256:{digest_of(digests)}" if digests else ""


def origin_of(path: str) -> str:
    """Return the id of the run or logged model that an artifact path belongs to; of another path, its first folders."""
    root, inside, _ = path.partition("/artifacts/")
    return (root.rpartition("/")[2] if inside else "/".join(path.split("/")[:2]))[:_LONGEST_ORIGIN]


def note_sender(*, path: str, sha256: str, name: str) -> None:
    """Record the sender of a file and its run or logged model. It stays when the file is replaced or deleted."""
    if name:
        SentFile.objects.bulk_create(
            [SentFile(sha256=sha256, origin=origin_of(path), name=name)], ignore_conflicts=True
        )


def earlier_senders(digests: Sequence[str]) -> EarlierSenders:
    """Return the senders of every file of a payload, and their runs; a few queries for every 500 files."""
    if not digests:
        return EarlierSenders()
    origins = _holders("origin", digests)
    names = _holders("name", digests)
    for chunk in _chunks(digests) if origins else ():
        sent = SentFile.objects.filter(sha256__in=chunk, origin__in=origins)
        names |= set(sent.values_list("name", flat=True).distinct())
    return EarlierSenders(frozenset(names), frozenset(runs_of(origins)))


def runs_of(origins: Iterable[str]) -> set[str]:
    """Return the ids of the runs among these ids of runs and logged models, and of the runs that logged the models."""
    ids = set(origins)
    runs = set(Run.objects.filter(pk__in=ids).values_list("pk", flat=True))
    logged = LoggedModel.objects.filter(pk__in=ids, source_run__isnull=False)
    return runs | {str(run_id) for run_id in logged.values_list("source_run_id", flat=True)}


def _holders(column: str, digests: Sequence[str]) -> set[str]:
    """Return the values of a column for which every one of these files was sent."""
    holders: set[str] | None = None
    for chunk in _chunks(digests):
        among = Q() if holders is None else Q(**{f"{column}__in": holders})
        rows = SentFile.objects.filter(among, sha256__in=chunk).values(column)
        complete = rows.annotate(files=Count("sha256", distinct=True)).filter(files=len(chunk))
        holders = set(complete.values_list(column, flat=True))
        if not holders:
            break
    return holders or set()


def _chunks(digests: Sequence[str]) -> Iterator[Sequence[str]]:
    return (digests[start : start + _CHUNK] for start in range(0, len(digests), _CHUNK))
