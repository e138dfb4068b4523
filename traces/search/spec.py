"""The fields that a filter or an order of traces may name, in MLflow's filter language."""

from __future__ import annotations

from tracking.search.grammar import (
    ATTRIBUTE,
    INTEGER,
    LIST_OPERATORS,
    NULL_OPERATORS,
    ORDER_OPERATORS,
    TEXT_OPERATORS,
    Column,
    Kind,
    Spec,
)

_EVERY_TEXT = TEXT_OPERATORS | {"RLIKE"}
_TEXT = Column(Kind.TEXT, _EVERY_TEXT | LIST_OPERATORS)
_PAIR = Column(Kind.TEXT, _EVERY_TEXT | NULL_OPERATORS)
_CONTENT = Column(Kind.TEXT, frozenset({"LIKE", "ILIKE"}))
_ASSESSMENT = Column(Kind.TEXT_OR_FLOAT, _EVERY_TEXT | ORDER_OPERATORS | NULL_OPERATORS)
SPAN_ATTRIBUTES = "attributes."

SPEC = Spec(
    noun="trace",
    attributes={
        "request_id": _TEXT,
        "client_request_id": _TEXT,
        "status": _TEXT,
        "name": _TEXT,
        "run_id": _TEXT,
        "prompt": Column(Kind.TEXT, frozenset({"="})),
        "text": _CONTENT,
        "timestamp_ms": INTEGER,
        "execution_time_ms": INTEGER,
        "end_time_ms": INTEGER,
    },
    groups={"tag": _PAIR, "metadata": _PAIR, "span": _TEXT, "feedback": _ASSESSMENT, "expectation": _ASSESSMENT},
    prefixes={
        **dict.fromkeys(("attribute", "attributes", "trace"), ATTRIBUTE),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("metadata", "request_metadata"), "metadata"),
        **{name: name for name in ("span", "feedback", "expectation")},
    },
    aliases={"timestamp": "timestamp_ms", "execution_time": "execution_time_ms", "end_time": "end_time_ms"},
    nested=frozenset({"attributes"}),
    order_keys=frozenset({"timestamp_ms", "execution_time_ms", "end_time_ms", "status", "request_id", "name", "run_id",
                          "experiment_id"}),
    order_groups=frozenset({"tag", "metadata"}),
)  # fmt: skip
