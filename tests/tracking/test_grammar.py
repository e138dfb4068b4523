"""The filter language: what it reads, what it refuses, and that any text gives one or the other."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import InvalidInput
from tracking.search.grammar import Clause, Order, parse, parse_order
from tracking.search.runs import SPEC

GOOD = [
    ("", []),
    ("   ", []),
    ("metrics.acc > 0.5", [Clause("metric", "acc", ">", 0.5)]),
    ("metric.acc <= -1.5e3", [Clause("metric", "acc", "<=", -1500.0)]),
    ("metrics.m > 1e400", [Clause("metric", "m", ">", 1.7976931348623157e308)]),
    ("params.lr = '0.1'", [Clause("param", "lr", "=", "0.1")]),
    ('parameters."my key" != "x"', [Clause("param", "my key", "!=", "x")]),
    ("tags.`a/b c` LIKE '%x_'", [Clause("tag", "a/b c", "LIKE", "%x_")]),
    ("tags.mlflow.source.git.commit ilike 'AB%'", [Clause("tag", "mlflow.source.git.commit", "ILIKE", "AB%")]),
    ("tag.order = 'x' and tags.1a='y'", [Clause("tag", "order", "=", "x"), Clause("tag", "1a", "=", "y")]),
    ("params.p IS  NOT\nNULL", [Clause("param", "p", "IS NOT NULL", None)]),
    ("tags.p is null", [Clause("tag", "p", "IS NULL", None)]),
    ("run_id IN ('a', \"b\")", [Clause("attribute", "run_id", "IN", ("a", "b"))]),
    ("run_id IN ('a',)", [Clause("attribute", "run_id", "IN", ("a",))]),
    ("attributes.run_id NOT  IN ('a')", [Clause("attribute", "run_id", "NOT IN", ("a",))]),
    ("`Run name` = 'x'", [Clause("attribute", "run_name", "=", "x")]),
    ("attr.`run name` = 'x'", [Clause("attribute", "run_name", "=", "x")]),
    ("run.status='FINISHED'", [Clause("attribute", "status", "=", "FINISHED")]),
    ("created >= 12", [Clause("attribute", "start_time", ">=", 12)]),
    ("params.q = 'it''s' AND params.r = \"it's\"", [Clause("param", "q", "=", "it's"), Clause("param", "r", "=", "it's")]),
    ("dataset.name in ('d') AND datasets.context='train'",
     [Clause("dataset", "name", "IN", ("d",)), Clause("dataset", "context", "=", "train")]),
    ("params.a = 'x AND y' AND params.b = '(or)'", [Clause("param", "a", "=", "x AND y"), Clause("param", "b", "=", "(or)")]),
]  # fmt: skip

BAD = [
    "metrics.acc > 'x'",
    "metrics.acc LIKE 'x'",
    "metrics.acc > NaN",
    "metrics.acc IS NULL",
    "metrics.acc == 1",
    "params.a = b",
    "params.a = `b`",
    "params.a > 'b'",
    "params.a NOT LIKE 'b'",
    "params.a = 'b' OR params.a = 'c'",
    "NOT params.a = 'b'",
    "(params.a = 'b')",
    "params.a = 'b' AND",
    "AND params.a = 'b'",
    "params.a = 'b' params.c = 'd'",
    "params.a = 'b';",
    "params.a = 'b' -- all",
    "params.a",
    "params. a = 'b'",
    "params.a-b = 'c'",
    "params.`a`.b = 'c'",
    "nothing.a = 'b'",
    "nothing = 'b'",
    "run_id IN ()",
    "run_id IN 'a'",
    "run_id IN ('a'",
    "run_id IN ('a' 'b')",
    "run_id IN (a)",
    "status IN ('a')",
    "start_time > '12'",
    "start_time > 1.5.5",
    "start_time > 9223372036854775808",
    "start_time > 0x10",
    "dataset.source = 'x'",
    "params.a = 'unclosed",
    "'params.a' = 'b'",
    "params.a = 'x\x00'",
    "params.a = '\ud800'",
    "params.a = 'x' AND " * 101 + "params.a = 'x'",
    "a" * 16_001,
]


@pytest.mark.parametrize(("text", "clauses"), GOOD)
def test_filter_is_read(text: str, clauses: list[Clause]) -> None:
    assert parse(text, SPEC) == clauses


@pytest.mark.parametrize("text", BAD)
def test_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse(text, SPEC)


def test_unquoted_value_says_so() -> None:
    with pytest.raises(InvalidInput, match="Parameter value is either not quoted"):
        parse("params.a = b", SPEC)


WORDS = st.sampled_from(
    [
        "metrics.",
        "params.",
        "tags",
        ".",
        "`",
        '"',
        "'",
        "=",
        "!=",
        "IN",
        "(",
        ")",
        ",",
        "AND",
        "OR",
        "IS",
        "NOT",
        "NULL",
        "LIKE",
        "1",
        "-2.5",
        "'x'",
        '"y"',
        "run_id",
        "start_time",
        "--",
        "/*",
        "$a$",
        "\\",
        "ß",
    ]
)


@given(st.one_of(st.text(), st.lists(WORDS).map("".join), st.lists(WORDS).map(" ".join)))
@example("params.a = '\\'")
@example('"')
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (lambda: parse(text, SPEC), lambda: parse_order([text], SPEC)):
        with contextlib.suppress(InvalidInput):
            read()


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("start_time", Order("attribute", "start_time", ascending=True)),
        ("attributes.start_time DESC", Order("attribute", "start_time", ascending=False)),
        ("created desc", Order("attribute", "start_time", ascending=False)),
        ("metrics.`a b` ASC", Order("metric", "a b", ascending=True)),
        ('params."x" DESC', Order("param", "x", ascending=False)),
        ("tags.mlflow.user", Order("tag", "mlflow.user", ascending=True)),
    ],
)
def test_order_is_read(text: str, order: Order) -> None:
    assert parse_order([text], SPEC) == [order]


@pytest.mark.parametrize(
    "text", ["", "start_time sideways", "start_time DESC x", "dataset.name", "nothing", "metrics.a b"]
)
def test_order_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_order([text], SPEC)


def test_too_many_order_keys_are_refused() -> None:
    with pytest.raises(InvalidInput):
        parse_order(["start_time"] * 21, SPEC)
