"""What leads out of a model's folder, in the reading of every library."""

from __future__ import annotations

import pytest

from validation.scanning.paths import is_plain_path, leads_out

OUT = [
    "/etc/passwd",
    "~/x",
    "..",
    "../x",
    "a/../../x",
    "a\\..\\..\\x",
    "\\\\host\\x",
    "C:\\x",
    "c:x",
    "s3://b/x",
    "file:x",
    "a\x00b",
]
INSIDE = ["x", "a/b.bin", "./a", "a..b", "...", "1:x"]


@pytest.mark.parametrize("path", OUT)
def test_it_leads_out(path: str) -> None:
    assert leads_out(path)
    assert not is_plain_path(path)


@pytest.mark.parametrize("path", INSIDE)
def test_it_stays_inside(path: str) -> None:
    assert not leads_out(path)


@pytest.mark.parametrize("path", ["", "  ", "a:b", "a\\b"])
def test_what_is_certainly_a_path_is_plain(path: str) -> None:
    assert not is_plain_path(path)
