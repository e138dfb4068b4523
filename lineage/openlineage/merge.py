"""Merging the events of a run, job or dataset into one state that does not depend on their order or number.

Every part of the state is a set that only grows, a smallest or greatest value, or a register that has the value with
the greatest (time, digest). So merging is commutative and associative, and the same event again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lineage.openlineage.dataset_names import clean_name, clean_namespace
from lineage.openlineage.events import LineageEvent, NamedDataset

State = dict[str, Any]
_ENDS = ("COMPLETE", "FAIL", "ABORT")
_STATES = {"COMPLETE": "COMPLETED", "FAIL": "FAILED", "ABORT": "ABORTED"}
# The greatest length of a facet in the state. A longer one, such as a Spark plan, is in the stored event only.
_LARGEST_FACET = 64_000


def merged_run(state: State, events: Iterable[LineageEvent]) -> State:
    """Return the state of a run with more events."""
    merged = json.loads(json.dumps(state)) if state else {"jobs": [], "runs": {}, "facets": {}, "in": {}, "out": {}}
    for event in events:
        _add_to_run(merged, event)
    return merged


def _add_to_run(merged: State, event: LineageEvent) -> None:
    if event.job and list(event.job) not in merged["jobs"]:
        merged["jobs"] = sorted([*merged["jobs"], list(event.job)])
    merged["first"] = min(merged.get("first", event.order), event.order)
    if event.event_type == "START":
        merged["started"] = min(merged.get("started", event.order), event.order)
    if event.event_type in _ENDS:
        merged["ended"] = max(merged.get("ended", []), [event.order, event.sha256, event.event_type])
    _set_newest(merged["runs"], event.run_facets, event)
    _set_newest(merged["facets"], event.job_facets, event, accumulate=("lineage",))
    for direction, datasets in (("in", event.inputs), ("out", event.outputs)):
        for dataset in datasets:
            stored = merged[direction].setdefault(dataset.key, {"facets": {}, "use": {}})
            _set_newest(stored["facets"], dataset.facets, event)
            _set_newest(stored["use"], dataset.use, event)


def merged_job(state: State, event: LineageEvent) -> State:
    """Return the declared state of a job with one more JobEvent.

    It has the newest of each facet, and the inputs and outputs of the newest JobEvent.
    """
    merged = json.loads(json.dumps(state)) if state else {"facets": {}, "declared": []}
    _set_newest(merged["facets"], event.job_facets, event)
    inputs, outputs = [dataset.key for dataset in event.inputs], [dataset.key for dataset in event.outputs]
    declared = [event.order, event.sha256, inputs, outputs]
    merged["declared"] = max(merged["declared"], declared)
    return merged


def merged_dataset(state: State, mentions: Iterable[tuple[NamedDataset, LineageEvent]]) -> State:
    """Return the facets of a dataset with those of more events."""
    merged = json.loads(json.dumps(state)) if state else {"facets": {}}
    for dataset, event in mentions:
        _set_newest(merged["facets"], dataset.facets, event)
    return merged


def _set_newest(
    registers: dict[str, list[Any]], facets: Mapping[str, Any], event: LineageEvent, accumulate: tuple[str, ...] = ()
) -> None:
    """Set each register to the facet of the event where that is newer; entries of ``accumulate`` are collected."""
    for key, facet in facets.items():
        is_small = len(event.text) <= _LARGEST_FACET or len(json.dumps(facet)) <= _LARGEST_FACET
        value = facet if is_small else {"_leftOut": event.sha256}
        if key in accumulate and isinstance(value.get("entries"), list):
            stored = registers.get(key, ["", "", {"entries": []}])[2]["entries"]
            entries = {json.dumps(entry, sort_keys=True): entry for entry in [*stored, *value["entries"]]}
            registers[key] = ["", "", {"entries": [entries[text] for text in sorted(entries)]}]
            continue
        register = [event.order, event.sha256, value]
        if registers.get(key, ["", ""])[:2] < register[:2]:
            registers[key] = register


def facets_of(registers: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return the newest of each facet, without those that were deleted."""
    return {key: value for key, (_, _, value) in registers.items() if not value.get("_deleted")}


def datasets_of(state: State, direction: str) -> list[NamedDataset]:
    """Return the inputs ("in") or outputs ("out") of a run, with their newest facets, sorted by name."""
    datasets = []
    for key, stored in sorted(state.get(direction, {}).items()):
        namespace, name = json.loads(key)
        datasets.append(NamedDataset(namespace, name, facets_of(stored["facets"]), facets_of(stored["use"])))
    return datasets


def run_state(state: State) -> str:
    """Return the state of a run as Marquez names it: that of its last end event, otherwise RUNNING or NEW."""
    ended = state.get("ended")
    if ended:
        return _STATES[ended[2]]
    return "RUNNING" if state.get("started") else "NEW"


def explicit_pairs(state: State) -> list[tuple[str, list[str]]] | None:
    """Return which inputs flowed into which output by an explicit lineage facet, as dataset keys; None without one."""
    facet = facets_of(state.get("facets", {})).get("lineage")
    if facet is None or not isinstance(facet.get("entries"), list):
        return None
    return [
        (_key(entry), [_key(source) for source in _datasets(entry["inputs"])])
        for entry in _datasets(facet["entries"])
        if isinstance(entry.get("inputs"), list)
    ]


def _datasets(items: Iterable[Any]) -> list[Mapping[str, Any]]:
    return [
        item
        for item in items
        if isinstance(item, dict) and item.get("type", "DATASET") == "DATASET" and item.get("name")
    ]


def _key(item: Mapping[str, Any]) -> str:
    dataset = NamedDataset(clean_namespace(str(item.get("namespace", ""))), clean_name(str(item.get("name", ""))))
    return dataset.key
