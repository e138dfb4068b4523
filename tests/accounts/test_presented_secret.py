"""Reading the Authorization header, as MLflow clients and others write it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.authentication import presented_secret
from core.errors import NotAuthenticated


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("", None),
        ("Bearer cst_1", "cst_1"),
        ("bearer  cst_1 ", "cst_1"),
        (basic("ada:cst_1"), "cst_1"),
        (basic(":cst_1"), "cst_1"),
        (basic("ada:with:colons"), "with:colons"),
        (basic("ada"), ""),
    ],
)
def test_a_secret_is_found(header: str, secret: str | None) -> None:
    assert presented_secret(header) == secret


@pytest.mark.parametrize(
    "header", ["Digest x", "Basic ***", "Basic \xff\xff", "Basic " + base64.b64encode(b"\xff:x").decode(), "cst_1"]
)
def test_what_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(NotAuthenticated):
        presented_secret(header)


@given(st.sampled_from(["", "Basic ", "Bearer "]), st.text(min_size=1))
def test_no_header_breaks_it(scheme: str, header: str) -> None:
    try:
        presented_secret(scheme + header)
    except NotAuthenticated:
        return
