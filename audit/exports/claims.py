"""The claims of an export about its completeness: one for the export, and one for each filter."""

from __future__ import annotations

from typing import Any

from audit.verifier.audit_verify import (
    ASSERTED,
    COMPLETENESS,
    MODEL,
    NUMBERS,
    PROVEN,
    RANGE,
    SELECTION,
    WHOLE_LOG,
    kind_of,
)

_OVERALL = {
    WHOLE_LOG: "every event with a number below the size of the checkpoint is here: proven by the checkpoint",
    MODEL: (
        "the generations 1 to the last one here are all here: proven by the checkpoint; that no later one is below its "
        "size: asserted and signed"
    ),
    NUMBERS: "every event with a number in this range and below the size of the checkpoint is here: proven by the checkpoint",
    RANGE: (
        "every event with a number between the first and the last one here is here: proven by the checkpoint; that no "
        "event outside these numbers has a time in the range: asserted and signed"
    ),
    SELECTION: "each event here is in the log: proven by the checkpoint; that no other one matches: asserted and signed",
}
_OF_FILTER = {
    "model": "that no other event of the model is below the size of the checkpoint: asserted and signed",
    "version": "that no other event is about this version: asserted and signed",
    "object": "that no other event is about this object: asserted and signed",
    "actor": "that no other event is by this actor: asserted and signed",
    "action": "that no other event has this action: asserted and signed",
    "outcome": "that no other event has this outcome: asserted and signed",
    "request": "that no other event belongs to this request: asserted and signed",
    "since": "that no event outside the numbers here is later: asserted and signed",
    "until": "that no event outside the numbers here is earlier: asserted and signed",
    "first_seq": "that no event from this number on is missing: proven by the checkpoint",
    "last_seq": "that no event up to this number is missing: proven by the checkpoint",
}
_SELECTED = "with the other filters, that no other event matches: asserted and signed"


def claim_of(filters: dict[str, str]) -> dict[str, Any]:
    """Return the parts of the claim that do not depend on the events themselves."""
    kind = kind_of(filters)
    return {
        "kind": kind,
        "completeness": COMPLETENESS[kind],
        "says": _OVERALL[kind],
        "filters": {name: _claim_of_filter(name, kind) for name in filters},
    }


def _claim_of_filter(name: str, kind: str) -> dict[str, str]:
    if kind == MODEL:
        return {"completeness": PROVEN, "says": _OVERALL[MODEL]}
    if kind == NUMBERS:
        return {"completeness": PROVEN, "says": _OF_FILTER[name]}
    return {"completeness": ASSERTED, "says": _SELECTED if name in ("first_seq", "last_seq") else _OF_FILTER[name]}
