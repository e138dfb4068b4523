"""Reading one OpenLineage event. Parts that cannot be read are left out with a warning.

An event without a time, or without a run, job and dataset, is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from core.errors import InvalidInput
from lineage.json_bodies import plain_text, require_depth
from lineage.openlineage.dataset_names import clean_name, clean_namespace

_TIME = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[Tt ](\d\d):?(\d\d):?(\d\d)(?:[.,](\d+))?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?(?:\[[^\]]*\])?"
)
_TYPES = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
_LONGEST = 500
Facets = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NamedDataset:
    """A dataset as an event names it, with its facets, and in ``use`` its input or output facets."""

    namespace: str
    name: str
    facets: Facets = field(default_factory=dict)
    use: Facets = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return namespace and name as JSON text: the key of the dataset."""
        return _dataset_key(self.namespace, self.name)


@lru_cache(maxsize=4096)
def _dataset_key(namespace: str, name: str) -> str:
    return json.dumps([namespace, name])


@dataclass(frozen=True, slots=True)
class LineageEvent:
    """One event.

    ``order`` sorts events by all digits of their time; ``run_id`` is "" and ``job`` None where it has none.
    """

    sha256: str
    text: str
    time: datetime
    order: str
    event_type: str
    run_id: str
    job: tuple[str, str] | None
    run_facets: Facets
    job_facets: Facets
    inputs: tuple[NamedDataset, ...]
    outputs: tuple[NamedDataset, ...]
    dataset: NamedDataset | None
    warnings: tuple[str, ...]


def read_event(data: object) -> LineageEvent:
    """Return the event that JSON data describes.

    Raises InvalidInput: no object, too deep, NaN, no eventTime, or neither run, job nor dataset.
    """
    if not isinstance(data, dict):
        raise InvalidInput("An event is a JSON object.")
    require_depth(data)
    try:
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise InvalidInput(f"The event is no JSON: {error}.") from error
    warnings: list[str] = []
    time, order = _time(data.get("eventTime"), warnings)
    run, job, dataset = (_mapping(data.get(name)) for name in ("run", "job", "dataset"))
    named = _job(job, warnings)
    run_id = _run_id(run.get("runId"), named, warnings) if run else ""
    about = _datasets([dataset], "dataset", "", warnings) if dataset and not run and not job else ()
    if not run_id and named is None and not about:
        raise InvalidInput(
            f"The event has neither a run with a runId, nor a job, nor a dataset. Its keys: {_keys(data)}."
        )
    return LineageEvent(
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
        time=time,
        order=order,
        event_type=_type(data.get("eventType"), warnings),
        run_id=run_id,
        job=named,
        run_facets=_facets(run.get("facets"), "run", warnings),
        job_facets=_facets(job.get("facets"), "job", warnings),
        inputs=_datasets(data.get("inputs"), "inputs", "inputFacets", warnings),
        outputs=_datasets(data.get("outputs"), "outputs", "outputFacets", warnings),
        dataset=about[0] if about else None,
        warnings=tuple(warnings),
    )


def _keys(data: Mapping[str, Any]) -> str:
    return ", ".join(repr(str(key)[:50]) for key in list(data)[:10]) or "none"


def _mapping(value: object) -> dict[str, Any]:
    """Return a JSON object; the object in a list of one, which some producers send; {} for everything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else {}


def _time(value: object, warnings: list[str]) -> tuple[datetime, str]:
    """Return a time in UTC, and a text with all its digits that sorts by time. Raises InvalidInput."""
    parts = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if parts is None:
        raise InvalidInput(f"The event has no eventTime that can be read: {str(value)[:100]!r}.")
    *numbers, fraction, zone = parts.groups()
    try:
        year, month, day, hour, minute, second = (int(number) for number in numbers)
        whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _offset(zone)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"The eventTime {str(value)[:100]!r} does not exist.") from error
    if zone is None:
        warnings.append("eventTime has no time zone: read as UTC")
    digits = fraction or ""
    return whole + timedelta(microseconds=int(f"{digits[:6]:0<6}")), f"{whole:%Y-%m-%dT%H:%M:%S}.{digits:0<9}"


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    digits = zone[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:4] or 0)
    return timedelta(minutes=-minutes if zone[0] == "-" else minutes)


def _type(value: object, warnings: list[str]) -> str:
    if value is None:
        return "OTHER"
    named = str(value).strip().upper()
    if named not in _TYPES:
        warnings.append(f"eventType {str(value)[:50]!r} is unknown: read as OTHER")
        return "OTHER"
    return named


def _job(job: Mapping[str, Any], warnings: list[str]) -> tuple[str, str] | None:
    name = plain_text(job.get("name"))
    if not name:
        if job:
            warnings.append("the job has no name")
        return None
    return (plain_text(job.get("namespace")) or "default")[:_LONGEST], name[:_LONGEST]


def run_uuid(value: object, job: tuple[str, str] | None) -> str:
    """Return the id of a run as a lower-case UUID. Other text becomes a UUIDv5 of the job and the text; "" for none."""
    text = plain_text(value)
    if not text:
        return ""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([*(job or ("", "")), text])))


def _run_id(value: object, job: tuple[str, str] | None, warnings: list[str]) -> str:
    run_id = run_uuid(value, job)
    if run_id and run_id.replace("-", "") != re.sub(r"urn:uuid:|[{}-]", "", plain_text(value).lower()):
        warnings.append(f"runId {plain_text(value)[:100]!r} is no UUID")
    return run_id


def _facets(value: object, where: str, warnings: list[str]) -> Facets:
    """Return facets by their names. A facet that is null is left out; one that is no object too, with a warning."""
    if value is not None and not isinstance(value, dict):
        warnings.append(f"the facets of {where} are no object")
    facets = {}
    for key, facet in _mapping(value).items():
        if isinstance(facet, dict):
            facets[str(key)] = facet
        elif facet is not None:
            warnings.append(f"the facet {str(key)[:50]!r} of {where} is no object")
    return facets


def _datasets(value: object, where: str, use: str, warnings: list[str]) -> tuple[NamedDataset, ...]:
    """Return the datasets of a list, each once with its facets merged.

    A dataset without a name is left out with a warning.
    """
    if value is not None and not isinstance(value, list):
        warnings.append(f"{where} is no list")
    datasets: dict[tuple[str, str], NamedDataset] = {}
    for item in value if isinstance(value, list) else []:
        dataset = _mapping(item)
        name = clean_name(plain_text(dataset.get("name")))[:_LONGEST]
        if not name:
            warnings.append(f"a dataset of {where} has no name")
            continue
        namespace = clean_namespace(plain_text(dataset.get("namespace")))[:_LONGEST] or "default"
        named_dataset = datasets.setdefault((namespace, name), NamedDataset(namespace, name))
        named_dataset.facets.update(_facets(dataset.get("facets"), name, warnings))
        named_dataset.use.update(_facets(dataset.get(use), name, warnings) if use else {})
    return tuple(datasets.values())
