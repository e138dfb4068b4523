"""The replay's own arithmetic; what it does to a server is tests/e2e/test_demo.py's business."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.client import Client, Refused
from demo.replay import batches, key_of

_CURVES = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 400), max_size=8)


@given(_CURVES)
def test_batches_hold_whole_curves_in_order(lengths: dict[str, int]) -> None:
    curves = {key: [[step, 0.5] for step in range(count)] for key, count in lengths.items()}
    sent = list(batches(curves))
    assert all(0 < len(batch) <= 1000 for batch in sent)
    assert [(point["key"], point["step"]) for batch in sent for point in batch] == [
        (key, step) for key, count in lengths.items() for step in range(count)
    ]
    for key in curves:
        assert sum(any(point["key"] == key for point in batch) for batch in sent) == 1


@pytest.mark.parametrize("uri", ["mlflow-artifacts:/1/abc/artifacts", "mlflow-artifacts:///1/abc/artifacts"])
def test_an_artifact_uri_becomes_the_proxys_path(uri: str) -> None:
    assert key_of(uri, "plots/roc.png") == "1/abc/artifacts/plots/roc.png"


@pytest.mark.parametrize("url", ["ftp://host", "file:///etc/passwd", "localhost:8080", ""])
def test_only_http_addresses_are_called(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        Client(url)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"error_code": "X", "message": "no"}', "403: no"),
        ('{"detail": "never"}', "403: never"),
        ("<html>", "403: <html>"),
        ("[1]", "403: [1]"),
        ("", "403: "),
    ],
)
def test_a_refusal_says_what_the_server_said(text: str, message: str) -> None:
    error = Refused(403, text)
    assert str(error) == message
    assert error.blocked_by == []
