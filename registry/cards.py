"""What a model card holds: the fields, how the automatic ones are read from the run, and what still is missing.

A card's body maps each field to ``{"value", "source", "pointer"}``: ``source`` is `auto` (read from what was logged) or
`human` (somebody wrote it), ``pointer`` names where the value came from. Values are canonical JSON (numbers as text), so
that the stored body is exactly what the digest covers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from audit.canonical import plain
from audit.refs import artifact_ref, dataset_version_ref, logged_model_ref, run_ref
from registry.mlmodel import read_mlmodel
from registry.models import CardRevision, ModelVersion
from tracking.models import RunInput
from tracking.queries import RunFacts, metric_value, model_metrics, run_facts

MAX_ENTRIES = 300
_LONG_VALUE = 500
_NOTHING = re.compile(
    r"(?:to ?do|tbd|tba|fixme|xxx+|n\.? ?/? ?a\.?|none|nil|null|unknown|placeholder|lorem ipsum|to be (?:done|defined|filled"
    r"|added|determined|written).*|(?:to ?do|tbd|fixme)\b.*|not (?:applicable|available|known|yet))",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the card; ``human`` ones are written by people and required, the others come from the run."""

    key: str
    title: str
    human: bool
    help: str


class Entry(TypedDict):
    """A field's value with where it came from."""

    value: Any
    source: str
    pointer: str


Body = dict[str, Entry]

FIELDS: tuple[Field, ...] = (
    Field("intended_use", "Intended use", human=True, help="What the model is for, and who uses its answers."),
    Field("out_of_scope", "Out-of-scope use", human=True, help="What it must not be used for."),
    Field(
        "training_data", "Training data and known biases", human=True, help="Where it came from, whom it leaves out."
    ),
    Field("evaluation_groups", "Evaluation across groups", human=True, help="How results differ between groups."),
    Field("limitations", "Limitations", human=True, help="Where its answers are weak or unsupported."),
    Field("failure_modes", "Failure modes", human=True, help="How it fails, how that shows, and what then happens."),
    Field("training", "Training run", human=False, help="The run that made it, who ran it and when."),
    Field("data", "Data", human=False, help="The dataset versions the run read."),
    Field("metrics", "Metrics", human=False, help="The latest value of each metric."),
    Field("parameters", "Parameters", human=False, help="What the run was given."),
    Field("code", "Code", human=False, help="The commit and the entry point the run was started from."),
    Field("signature", "Signature", human=False, help="The columns the model takes and gives."),
    Field("framework", "Framework", human=False, help="What made the model and what can load it."),
    Field("artifact", "Artifact", human=False, help="The digest of the model's files, pinned at registration."),
)
HUMAN_KEYS = tuple(field.key for field in FIELDS if field.human)
AUTO_KEYS = tuple(field.key for field in FIELDS if not field.human)


def first_body(version: ModelVersion) -> Body:
    """Return the body of a version's first card: automatic fields from its run, human fields empty."""
    empty: Body = {key: Entry(value="", source="human", pointer="") for key in HUMAN_KEYS}
    facts = run_facts(version.run_id) if version.run_id else None
    automatic = {**_from_run(facts, version), **_from_files(version)}
    return {**empty, **{key: _plain(automatic[key]) for key in AUTO_KEYS}}


def missing_fields(card: CardRevision, required: Iterable[str] = HUMAN_KEYS) -> list[str]:
    """Return the required fields that say nothing, in the card's order; a placeholder such as "TODO" says nothing."""
    wanted = set(required)
    return [field.key for field in FIELDS if field.key in wanted and _says_nothing(card.body.get(field.key))]


def is_placeholder(text: str) -> bool:
    """Return whether a text has no content: empty, without a letter or digit, or one of the usual stand-ins."""
    bare = text.strip().strip("-\u2013\u2014.\u2026<>[](){}*_#:!?`'\" \t\r\n")
    return not any(char.isalnum() for char in bare) or _NOTHING.fullmatch(bare) is not None


def _says_nothing(entry: Mapping[str, Any] | None) -> bool:
    value = entry.get("value") if entry else None
    return is_placeholder(value) if isinstance(value, str) else not value


def _plain(entry: Entry) -> Entry:
    return Entry(value=plain(entry["value"], shorten=False), source=entry["source"], pointer=entry["pointer"])


def _auto(value: object, pointer: str) -> Entry:
    return Entry(value=value, source="auto", pointer=pointer if value else "")


def _from_run(facts: RunFacts | None, version: ModelVersion) -> Body:
    if facts is None:
        return {key: _auto("", "") for key in ("training", "data", "metrics", "parameters", "code")}
    run, tags, here = facts.run, facts.tags, run_ref(facts.run.id)
    metrics = facts.metrics or {
        metric.key: metric_value(metric)
        for metric in (model_metrics(version.logged_model_id) if version.logged_model_id else [])
    }
    training = {
        "run_id": run.id,
        "name": run.name,
        "author": run.created_by,
        "status": run.status,
        "started_ms": run.start_ms,
        "ended_ms": run.end_ms,
    }
    code = {
        "commit": tags.get("git_commit") or tags.get("mlflow.source.git.commit", ""),
        "repository": tags.get("mlflow.source.git.repoURL", ""),
        "entry_point": tags.get("mlflow.source.name", ""),
        "triggered_by": tags.get("triggered_by", ""),
    }
    return {
        "training": _auto(training, here),
        "data": _auto(_datasets(facts), here),
        "metrics": _auto(_cut(metrics), here if facts.metrics else logged_model_ref(version.logged_model_id)),
        "parameters": _auto(_cut(facts.params), here),
        "code": _auto({key: value for key, value in code.items() if value}, here),
    }


def _datasets(facts: RunFacts) -> list[dict[str, object]]:
    """Return the datasets a run read: those it logged as inputs, and the one its tag names."""
    logged = [_dataset(used) for used in facts.datasets[:MAX_ENTRIES]]
    named = facts.tags.get("dataset_version")
    tagged: list[dict[str, object]] = [{"name": named, "role": "tag dataset_version"}] if named else []
    return [*logged, *tagged]


def _dataset(used: RunInput) -> dict[str, object]:
    return {
        "name": used.dataset.name,
        "digest": used.dataset.digest,
        "role": used.context,
        "source_type": used.dataset.source_type,
        "node": dataset_version_ref(used.dataset.name, used.dataset.digest),
    }


def _from_files(version: ModelVersion) -> Body:
    """Return what the folder says: the pinned digest, and from its MLmodel file (if it has one) signature and framework."""
    artifact = _auto(version.artifact_digest, artifact_ref(version.artifact_path))
    path = f"{version.artifact_path}/MLmodel"
    found = read_mlmodel(path) if version.artifact_path else None
    if found is None:
        return {"artifact": artifact, "signature": _auto("", ""), "framework": _auto("", "")}
    pointer = artifact_ref(path)
    return {
        "artifact": artifact,
        "signature": _auto(found.signature, pointer),
        "framework": _auto(found.framework, pointer),
    }


def _cut(values: Mapping[str, object]) -> dict[str, object]:
    """Return at most MAX_ENTRIES values, long ones shortened: the run keeps them whole and the pointer names it."""
    kept = {key: _short(value) for key, value in sorted(values.items())[:MAX_ENTRIES]}
    return kept if len(values) <= MAX_ENTRIES else {**kept, "…": f"{len(values) - MAX_ENTRIES} more in the run"}


def _short(value: object) -> object:
    return f"{value[:_LONG_VALUE]}…" if isinstance(value, str) and len(value) > _LONG_VALUE else value
