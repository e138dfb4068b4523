"""Reading fields by protobuf JSON rules: any JSON gives a value of the right type or a clear refusal."""

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from mlflow_api.parse import INT64_MAX, Params

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON)
def test_any_value_is_read_as_its_type_or_refused(value: Any) -> None:
    params = Params({"x": value})
    for read, kind in (
        (params.text, str),
        (params.integer, int),
        (params.number, float),
        (params.boolean, bool),
        (params.texts, list),
        (params.items, list),
    ):
        try:
            found = read("x")
        except InvalidInput:
            continue
        assert found is None or isinstance(found, kind)


def test_camel_case_is_the_same_field() -> None:
    assert Params({"experimentId": "7"}).need("experiment_id") == "7"


@pytest.mark.parametrize(
    ("given_value", "expected"), [(5, 5), ("5", 5), ("-5", -5), (5.0, 5), (INT64_MAX, INT64_MAX), (None, None)]
)
def test_integers_come_as_numbers_or_digits(given_value: object, expected: int | None) -> None:
    assert Params({"step": given_value}).integer("step") == expected


@pytest.mark.parametrize("bad", [True, "5.5", 5.5, 2**63, "\uff19" * 3, "", [], {}])
def test_what_is_no_int64_is_refused(bad: object) -> None:
    with pytest.raises(InvalidInput, match="'step'"):
        Params({"step": bad}).integer("step")


def test_doubles_may_be_words() -> None:
    values = orjson.loads(b'{"a": "NaN", "b": "-Infinity", "c": "1.5", "d": 3}')
    params = Params(values)
    assert math.isnan(params.number("a"))
    assert [params.number(key) for key in "bcd"] == [-math.inf, 1.5, 3.0]


@pytest.mark.parametrize("bad", [True, "abc", [], 10**400])
def test_what_is_no_double_is_refused(bad: object) -> None:
    with pytest.raises(InvalidInput, match="'value'"):
        Params({"value": bad}).number("value")


def test_missing_is_said_in_mlflows_words() -> None:
    with pytest.raises(InvalidInput, match="Missing value for required parameter 'name'"):
        Params({"name": ""}).need("name")


def test_nul_is_refused() -> None:
    with pytest.raises(InvalidInput, match="NUL"):
        Params({"name": "a\x00b"}).text("name")


def test_unknown_enum_names_are_dropped_and_numbers_known() -> None:
    statuses = {"RUNNING": 1, "FINISHED": 3}
    assert [Params({"status": value}).choice("status", statuses) for value in ("RUNNING", 3, "3", "BOGUS", None)] == [
        "RUNNING",
        "FINISHED",
        "FINISHED",
        "",
        "",
    ]


@pytest.mark.parametrize("unknown", [99, 0, 1.5])
def test_an_enum_number_that_stands_for_nothing_is_refused(unknown: float) -> None:
    with pytest.raises(InvalidInput, match="one of RUNNING, FINISHED"):
        Params({"status": unknown}).choice("status", {"RUNNING": 1, "FINISHED": 3})


def test_errors_inside_a_list_say_where() -> None:
    with pytest.raises(InvalidInput, match=r"'metrics\[1\].step'"):
        [item.integer("step") for item in Params({"metrics": [{"step": 1}, {"step": "x"}]}).items("metrics")]


def test_too_many_tags_are_refused_before_one_is_read() -> None:
    with pytest.raises(InvalidInput, match="at most 1000 entries"):
        Params({"tags": [{"no": "key"}] * 10_000}).tags("tags")
