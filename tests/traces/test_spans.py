"""The kept form of spans, what other libraries call things, and what spans say of a trace."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from tests.traces.conftest import new_span
from traces.conventions import with_mlflow_attributes
from traces.spans import hex_of, plain, plain_attributes, typed
from traces.summary import Usage, preview_of, total_usage

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_a_typed_value_comes_back(value: object) -> None:
    assert plain(typed(value)) == value


def test_nan_and_what_is_too_large_have_a_form() -> None:
    assert typed(math.nan) == {"double_value": "NaN"}
    assert typed(-math.inf) == {"double_value": "-Infinity"}
    assert typed(2**70) == {"double_value": float(2**70)}
    with pytest.raises(InvalidInput):
        typed(nested(200))


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@given(st.dictionaries(st.text(max_size=5), st.text(), max_size=4))
def test_kept_json_is_json_without_nul(attributes: dict[str, str]) -> None:
    content = new_span(attributes=attributes).content()
    kept = plain_attributes(orjson.loads(content).get("attributes", {}))
    clean = {key.replace("\x00", "�"): value.replace("\x00", "�") for key, value in attributes.items()}
    assert kept == clean


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [
        ("00ff00ff00ff00ff", 8, "00ff00ff00ff00ff"),
        ("0x00FF00FF00FF00FF", 8, "00ff00ff00ff00ff"),
        ("AP8A/wD/AP8=", 8, "00ff00ff00ff00ff"),
        ("ff", 8, ""),
        ("!", 8, ""),
        ("", 8, ""),
    ],
)
def test_ids_are_read_in_either_form(text: str, size: int, expected: str) -> None:
    assert hex_of(text, size=size) == expected


def test_other_libraries_attributes_are_read_as_mlflows() -> None:
    span = new_span(
        attributes={
            "gen_ai.input.messages": '[{"role": "user"}]',
            "output.value": "{not json",
            "openinference.span.kind": "RETRIEVER",
            "llm.token_count.prompt": 3,
            "llm.token_count.completion": 4,
        }
    )
    kept = plain_attributes(with_mlflow_attributes(span).attributes)
    assert kept["mlflow.spanInputs"] == [{"role": "user"}]
    assert kept["mlflow.spanOutputs"] == "{not json"
    assert kept["mlflow.spanType"] == "RETRIEVER"
    assert kept["mlflow.chat.tokenUsage"] == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}


def test_what_mlflow_sent_is_left_as_it_is() -> None:
    attributes = {"mlflow.spanInputs": 1, "input.value": 2, "mlflow.spanType": "TOOL", "gen_ai.operation.name": "chat"}
    span = new_span(attributes=attributes)
    assert with_mlflow_attributes(span) is span


@pytest.mark.parametrize(
    ("value", "role", "expected"),
    [
        (None, "user", None),
        ("hi", "user", '"hi"'),
        ({"a": 1, "ü": [1.5]}, "user", '{"a": 1, "ü": [1.5]}'),
        ({"messages": [{"role": "user", "content": "1"}, {"role": "user", "content": "2"}]}, "user", "2"),
        ({"choices": [{"message": {"role": "assistant", "content": "yes"}}]}, "assistant", "yes"),
        ({"input": [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]}, "user", "a b"),
        ({"request": {"messages": [{"role": "system", "content": "x"}]}}, "user", "x"),
        ({"messages": "none"}, "user", '{"messages": "none"}'),
        ("x" * 2000, "user", '"' + "x" * 996 + "..."),
    ],
)
def test_a_preview_is_short_and_to_the_point(value: object, role: str, expected: str | None) -> None:
    assert preview_of(value, role=role) == expected


def test_tokens_that_a_parent_counts_count_once() -> None:
    used = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    spans = [Usage("1", "", used), Usage("2", "1", None), Usage("3", "2", used), Usage("4", "", used)]
    assert total_usage(spans) == {"input_tokens": 2, "output_tokens": 4, "total_tokens": 6}
    assert total_usage([Usage("1", "", None)]) == {}


def test_spans_in_a_circle_and_odd_counts_are_survived() -> None:
    odd = {"input_tokens": "many", "output_tokens": math.nan, "total_tokens": math.inf}
    spans = [Usage("1", "2", odd), Usage("2", "1", {"total_tokens": 2.0})]
    assert total_usage(spans) == {}
    assert total_usage([Usage("1", "9", odd)]) == {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
