"""Documents that are no cards, or attacks: they are refused with a reason, and soon."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DomainError, InvalidInput, TooLarge
from registry.cards.fields import EDITABLE_KEYS
from registry.cards.imports import IMPORTS, read_card

BOMB = b"---\na: &a [x,x,x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b]\n---\n## Limitations\n\nYes.\n"


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("hf", BOMB, "YAML"),
        ("hf", b"---\na: !!python/object/apply:os.system [x]\n---\n", "YAML"),
        ("hf", b"---\n[1]\n---\n", "mapping"),
        ("hf", b"---\na: [\n---\n", "YAML"),
        ("hf", b"", "nothing"),
        ("hf", b"<!DOCTYPE html><html></html>", "HTML page"),
        ("hf", b"## Limitations\n\n<ScRipt>alert(1)</script>", "script"),
        ("hf", b"## Limitations\n\n<img src=x onerror=alert(1)>", "attribute"),
        ("hf", b"## Limitations\n\n[x](javascript:alert(1))", "link"),
        ("hf", b"\xff\xfe", "UTF-8"),
        ("hf", b"a\x00b", "NUL"),
        ("mct", b"{", "JSON"),
        ("mct", b"[1]", "object"),
        ("mct", b"{}", "Toolkit"),
        ("mct", b'{"model_details": 1}', "object"),
        ("mct", b'{"considerations": {"users": {}}}', "list"),
        ("mct", b"[" * 100_000, "JSON"),
        ("cyclonedx", b"{}", "bomFormat"),
        ("cyclonedx", b'{"bomFormat": "CycloneDX"}', "modelCard"),
        ("nonsense", b"{}", "Unknown card format"),
    ],
)
def test_what_cannot_be_read_is_refused(kind: str, data: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_card(kind, data, body={})


def test_a_document_has_a_limit() -> None:
    with pytest.raises(TooLarge):
        read_card("hf", b"x" * 1_000_001, body={})


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "data", [b"<!--" * 200_000, b"#" * 900_000, b"# " + b" #" * 400_000, b"<a " * 300_000, b"|" * 900_000]
)
def test_hostile_markdown_takes_no_time(data: bytes) -> None:
    with contextlib.suppress(InvalidInput):  # that it comes back at all is the test: the time limit of a test is short
        assert set(read_card("hf", data, body={}).fields) <= {"overview"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["mct", "cyclonedx"]),
    st.dictionaries(
        st.sampled_from(
            ["model_details", "considerations", "quantitative_analysis", "model_parameters", "components", "metadata"]
        ),
        json_values
        | st.dictionaries(
            st.sampled_from(
                ["owners", "licenses", "users", "performance_metrics", "component", "modelCard", "version"]
            ),
            json_values,
            max_size=3,
        ),
    ),
)
def test_any_json_is_read_or_refused(kind: str, document: dict[str, Any]) -> None:
    try:
        found = read_card(kind, orjson.dumps({"bomFormat": "CycloneDX", **document}), body={})
    except DomainError:
        return
    assert set(found.fields) <= set(EDITABLE_KEYS)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for kind in IMPORTS:
        try:
            found = read_card(kind, text.encode("utf-8", "replace"), body={})
        except DomainError:
            continue
        assert set(found.fields) <= set(EDITABLE_KEYS)
