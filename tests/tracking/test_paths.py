"""No path that could mean anything but a place in the tree gets in, in whatever encoding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from tracking.paths import ancestors, clean_folder, clean_path, parent_of

ODD = [
    "",
    "/etc/passwd",
    "..",
    "a/../b",
    "a/./b",
    "a//b",
    "a/",
    "a/%2e%2e/b",
    "%252e%252e%252fetc",
    "%25252e%25252e/x",
    "%2525252525252525252e",
    "..%2f..%2fetc",
    "a\\..\\b",
    "a%5c..",
    "C:/x",
    "c%3a/x",
    "a\x00b",
    "a%00b",
    "a\nb",
    "a\ud800b",
    "%2Fetc",
    "x" * 1001,
]


@pytest.mark.parametrize("path", ODD)
def test_odd_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid path"):
        clean_path(path)


@pytest.mark.parametrize("path", ["a", "1/m-1/artifacts/MLmodel", "a/b c/d.e", "100%/x", "ü/日本", "a/..b", "v1:2/x"])
def test_plain_path_is_kept(path: str) -> None:
    assert clean_path(path) == path


@given(st.text())
def test_any_text_is_a_path_or_a_refusal(text: str) -> None:
    try:
        path = clean_path(text)
    except InvalidInput:
        return
    assert ".." not in path.split("/")
    assert not path.startswith("/")


def test_folder_may_end_in_a_slash() -> None:
    assert clean_folder("a/b/") == "a/b"
    assert clean_folder("") == ""


def test_a_dot_is_the_folder_itself() -> None:
    assert [clean_folder(path) for path in (".", "./", "a/.", "./a")] == ["", "", "a", "a"]
    for odd in ("./..", "a//b", "//", "./%2e%2e"):
        with pytest.raises(InvalidInput):
            clean_folder(odd)


def test_ancestors_and_parent() -> None:
    assert ancestors("a/b/c") == ["a", "a/b"]
    assert (parent_of("a/b/c"), parent_of("c")) == ("a/b", "")
