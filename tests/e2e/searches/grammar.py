"""Strategies for filters and orders of MLflow's search language, with comparators that do not fit their field, too."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.e2e.searches.filled import NUMBERS, START, TEXTS

Text = SearchStrategy[str]
_ORDERINGS = st.sampled_from(["=", "!=", ">", ">=", "<", "<="])


def quoted(text: str) -> str:
    """Return a text of the language."""
    return f'"{text}"' if "'" in text else f"'{text}'"


_TEXT = st.sampled_from(TEXTS).map(quoted)
_PATTERN = st.sampled_from(["%red%", "R%", "%_b", "5_%", "%", "", "ü%", "1_", "%'b", "RUN-1%", "%MODEL%", "lane%"]).map(
    quoted
)
_EQUALITY = st.tuples(st.sampled_from(["=", "!="]), _TEXT).map(" ".join)
_LIKENESS = st.tuples(st.sampled_from(["LIKE", "ILIKE"]), _PATTERN).map(" ".join)
_NUMBER = st.tuples(_ORDERINGS, st.sampled_from(NUMBERS).map(str)).map(" ".join)
_TIME = st.tuples(_ORDERINGS, st.integers(START - 1, START + 101).map(str)).map(" ".join)
_ODD = st.sampled_from(["> 'x'", "= 1", "LIKE 1", "IS NULL", "IS NOT NULL", "IN ('red', '1')", "NOT IN ('red', '1')"])
_WORDS = _EQUALITY | _LIKENESS
ANY = _EQUALITY | _LIKENESS | _NUMBER | _ODD


def clause(names: list[str], comparison: Text) -> Text:
    """Return a strategy for comparisons of some fields."""
    return st.tuples(st.sampled_from(names), comparison).map(" ".join)


def named(names: list[str], values: list[str]) -> Text:
    """Return a strategy for comparisons of a name or a state with values that some rows have."""
    value = st.sampled_from(values).map(quoted)
    comparison = st.tuples(st.sampled_from(["=", "!=", "LIKE", "ILIKE"]), value).map(" ".join)
    several = st.lists(value, min_size=1, max_size=3).map(lambda some: f"IN ({', '.join(some)})")
    return clause(names, comparison | several)


def filters(*clauses: Text, most: int = 3) -> Text:
    """Return a strategy for filters of some clauses."""
    return st.lists(st.one_of(*clauses), max_size=most).map(" AND ".join)


def orders(*keys: str, last: str = "", most: int = 2) -> SearchStrategy[list[str]]:
    """Return a strategy for orders; ``last`` decides between rows that are equal in all else."""
    one = st.tuples(st.sampled_from(keys), st.sampled_from([" ASC", " DESC"])).map("".join)
    end = [last] if last else []
    # One key twice is refused by some searches of the other server, and taken by others.
    return st.lists(one, max_size=most, unique_by=lambda text: text.split()[0]).map(
        lambda some: some + ([] if any(key.split()[0] == last.split()[0] for key in some for last in end) else end)
    )


RUNS = filters(
    clause(["metrics.m", "metrics.`a b`", "metrics.none", 'metrics."m"', "metric.m"], _NUMBER),
    clause(["params.p", "tags.t", "tags.`a.b`", "param.p", "tag.t", "params.none", "tags.none"], ANY),
    named(["attributes.run_name", "run_name", "attribute.`Run name`"], ["run-1", "RUN-1", "run-99", "run-1%", "RUN-_"]),
    named(["status", "attributes.status"], ["FINISHED", "FAILED", "running"]),
    named(["datasets.name", "dataset.digest", "datasets.context"], ["orders1", "orders%", "d1", "train", "eval"]),
    clause(["start_time", "attributes.start_time", "end_time", "created"], _TIME),
)
RUN_ORDER = orders(
    *("metrics.m", "metrics.`a b`", "params.p", "tags.t", "attributes.status", "start_time", "attributes.end_time"),
    *("run_name", "metrics.none", "params.none"),
)
EXPERIMENTS = filters(
    named(["name", "attribute.name"], ["searched", "lane 0 red", "lane%", "LANE _ %", "%50%%"]),
    clause(["tags.t", "tag.n", "tags.none", "tags.`t`"], _WORDS),
)
EXPERIMENT_ORDER = orders("name", last="name ASC", most=1)
MODELS = filters(
    named(["name"], ["red-model", "red%", "%MODEL%", "a%", "a%b"]).filter(lambda text: " IN " not in text),
    clause(["tags.colour", "tag.n", "tags.none"], _WORDS),
)
MODEL_ORDER = orders("name", most=1)
VERSIONS = filters(
    named(["name"], ["red-model", "red%", "%MODEL%", "a%", "a%b"]).filter(lambda text: " IN " not in text),
    clause(["tags.t", "tag.t", "tags.none"], _WORDS),
    clause(["version_number"], st.sampled_from(["= 1", "> 1", "!= 2", "<= 3"])),
)
VERSION_ORDER = orders("name", "version_number", most=2).map(
    lambda some: [*some, *(key for key in ("name ASC", "version_number DESC") if key.split()[0] not in str(some))]
)
LOGGED_MODELS = filters(
    clause(["metrics.m", "metrics.none"], _NUMBER),
    clause(["params.p", "tags.t", "params.none"], _WORDS),
    named(["name", "attributes.name"], ["tree-1", "tree-%", "TREE-_"]),
    named(["model_type"], ["red", "green", "r%"]),
)
LOGGED_MODEL_ORDER = orders("metrics.m", "params.p", "name", most=1).filter(lambda some: "params" not in str(some))
TRACES = filters(
    named(["name", "trace.name", "attributes.name"], ["ask-1", "ask-%", "ASK-_"]).filter(
        lambda text: " IN " not in text
    ),
    named(["status", "trace.status"], ["OK", "ERROR"]).filter(lambda text: "LIKE" not in text),
    clause(["tags.t", "tag.t", "tags.none", "metadata.m", "request_metadata.m"], _WORDS),
    clause(
        ["execution_time_ms", "trace.execution_time_ms"],
        st.tuples(_ORDERINGS, st.sampled_from(["0", "500", "1250"])).map(" ".join),
    ),
)
TRACE_ORDER = orders("timestamp_ms", "execution_time_ms", last="timestamp_ms DESC", most=1)
