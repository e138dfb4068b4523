"""A path is a key: every name that MLflow's clients send is kept, and none leads elsewhere, in whatever encoding."""

import ntpath
import posixpath
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from tracking.paths import ancestors, clean_folder, clean_path, decoded, parent_of

UNSAFE = [
    "",
    "..",
    "/path",
    "../path",
    "../../path",
    "./../path",
    "path/../to/file",
    "path/../../to/file",
    "/etc/passwd",
    "/etc/passwd%00.jpg",
    "/etc/passwd%0a.jpg",
    "/././././././.",
    "file://a#/..//tmp",
    "file://a%23/..//tmp/",
    "file:///etc/passwd",
    "a/file:/etc",
    "a/./b",
    "a/",
    "a/%2e%2e/b",
    "%2e",
    "%252e%252e%252fetc",
    "%25252e%25252e/x",
    "%2525252525252525252525252525252e.",
    "..%2f..%2fetc",
    "a%2f..%2fb",
    "a\\..\\b",
    "a%5c..",
    "..\\b",
    "%5cetc",
    "\\\\server\\share\\x",
    "C:/x",
    "c%3a/x",
    "C:",
    "C:\\x",
    "sub/C:x",
    "a%5cC:",
    "a\ud800b",
    "%2Fetc",
    "a/%2Fetc",
    "a#b",
    "a%2523b",
    "x" * 1001,
]
PLAIN = [
    "path",
    "path/to/file",
    "1/m-1/artifacts/MLmodel",
    "a/b c/d.e",
    "100%/x",
    "lr%1e-3.png",
    "50%off.txt",
    "dogs%20x",
    "dog%step%100%timestamp%100",
    "dogs%step%3%timestamp%1732000000000%a1b2c3d4-0000.png",
    "ü/日本",
    "a?b+c;d=e&f",
    "a/..b",
    "...",
    "v1:2/x",
    "a\\b",
    "~/x",
    " lead and trail ",
    "%ff%zz%",
    "a%2fb",
]


@pytest.mark.parametrize("path", UNSAFE)
def test_unsafe_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid path"):
        clean_path(path)


@pytest.mark.parametrize("path", PLAIN)
def test_plain_path_is_kept(path: str) -> None:
    assert clean_path(path) == path


@pytest.mark.parametrize(
    ("path", "key"), [("a//b.txt", "a/b.txt"), ("a/b\nc", "a/b%0ac"), ("\x1f", "%1f"), ("a\x00b", "a%00b")]
)
def test_a_path_has_one_key(path: str, key: str) -> None:
    assert clean_path(path) == key == clean_path(key)


ENCODED = st.lists(
    st.sampled_from(["..", ".", "/", "\\", "a", "C:", "%", "25", "2e", "2f", "5c", "3a", "#", "\n", "é"])
)


@given(st.text() | ENCODED.map("".join), st.integers(0, 12))
def test_no_accepted_path_escapes(text: str, times: int) -> None:
    for _ in range(times):
        text = quote(text, safe="", errors="replace")[:900]
    try:
        key = clean_path(text)
    except InvalidInput:
        return
    assert clean_path(key) == key  # what a list shows may be asked for
    assert (
        clean_path(f"1/run/artifacts/{key}") == f"1/run/artifacts/{key}"
    )  # the same by the proxy and by the run's page
    for form in (key, decoded(key)):
        assert not ntpath.isabs(form)
        assert not posixpath.isabs(form)
        assert not any(ntpath.splitdrive(segment)[0] for segment in form.split("/"))
        assert ".." not in re.split(r"[/\\\\]", form)
        assert not re.search(r"[\x00-\x1f\x7f]", key)
        assert ntpath.normpath(ntpath.join("base", form)).startswith("base")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\#%:."), min_size=1, max_size=50))
def test_every_other_name_is_its_own_key(name: str) -> None:
    assert clean_path(name) == name


def test_folder_may_end_in_a_slash() -> None:
    assert [clean_folder(path) for path in ("a/b/", "a//b", "", "/")] == ["a/b", "a/b", "", ""]


def test_a_dot_is_the_folder_itself() -> None:
    assert [clean_folder(path) for path in (".", "./", "a/.", "./a")] == ["", "", "a", "a"]
    for unsafe in ("./..", "//", "/etc", "./%2e%2e"):
        with pytest.raises(InvalidInput):
            clean_folder(unsafe)


def test_ancestors_and_parent() -> None:
    assert ancestors("a/b/c") == ["a", "a/b"]
    assert (parent_of("a/b/c"), parent_of("c")) == ("a/b", "")
