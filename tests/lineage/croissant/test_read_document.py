"""Reading Croissant documents: those of mlcroissant's examples, other spellings, and what is refused."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DomainError, InvalidInput
from lineage.croissant.document import MOST_FILES, contents_digest, read_document
from tests.lineage.croissant.documents import digest_of, document, recorded

PASSENGERS = "c617db2c7470716250f6f001be51304c76bcc8815527ab8bae734bdca0735737"


def test_the_example_of_titanic_has_a_version_and_three_files() -> None:
    read = read_document(recorded("titanic"))
    assert (read.name, read.version, read.warnings) == ("Titanic", "1.0.0", ())
    assert [(file.name, file.size) for file in read.files] == [
        ("passengers.csv", "117743 B"),
        ("genders.csv", "117743 B"),
        ("embarkation_ports.csv", "117743 B"),
    ]
    lines = sorted(file.sha256 for file in read.files)
    assert read.digest == sha256("\n".join(lines).encode()).hexdigest()


def test_an_example_of_croissant_0_8_is_read() -> None:
    read = read_document(recorded("titanic-0.8"))
    assert [file.sha256 for file in read.files] == [PASSENGERS] * 3
    assert read.digest not in ("", PASSENGERS)  # three equal files are not one


def test_a_git_repository_with_a_placeholder_for_its_digest_has_no_known_contents() -> None:
    read = read_document(recorded("huggingface-mnist"))
    assert (read.name, read.version, read.digest) == ("mnist", "1.0.0", "")
    assert read.warnings == ("The file repo has no SHA-256 of 64 hexadecimal digits.",)


def test_file_sets_in_archives_are_covered_by_the_archives() -> None:
    read = read_document(recorded("pass-mini"))
    assert (read.version, len(read.files), read.warnings) == ("", 3, ())
    assert read.digest == contents_digest(file.sha256 for file in read.files)


def test_one_file_gives_the_contents_its_digest() -> None:
    assert read_document(document("orders", "v1", "a")).digest == digest_of("a")


def test_a_file_in_an_archive_does_not_count_beside_the_archive() -> None:
    archive = document("orders", "v1", "a")
    archive["distribution"].append({"@type": "cr:FileObject", "name": "b", "containedIn": {"@id": "0.csv"}})
    read = read_document(archive)
    assert (read.digest, read.warnings, len(read.files)) == (digest_of("a"), (), 2)


@pytest.mark.parametrize(
    "data",
    [
        {"@graph": [{"@type": "sc:Person"}, document("orders", "v1", "a")]},
        {"@type": ["Dataset"], "sc:name": "orders", "sc:version": "v1", "distribution": document("", "", "a")["distribution"][0]},
        document("orders", "V1", "a") | {"name": [{"@value": "orders", "@language": "en"}]},
        document("orders", "v1", "a") | {"name": {"fr": "commandes", "en": "orders"}},
    ],
    ids=["graph", "prefixes and no list", "values with a language", "languages"],
)  # fmt: skip
def test_other_spellings_of_one_document(data: dict[str, Any]) -> None:
    read = read_document(data)
    assert (read.name, read.version, read.digest) == ("orders", "v1", digest_of("a"))


def test_latest_is_no_version() -> None:
    read = read_document(document("orders", "latest", "a"))
    assert (read.version, read.warnings) == ("", ("The version latest names no version: the contents name it.",))


def test_a_password_in_an_address_is_dropped() -> None:
    data = document("orders", "v1", "a")
    data["distribution"][0]["contentUrl"] = "https://ada:secret@files.example.org/a.csv"
    assert read_document(data).files[0].url == "https://files.example.org/a.csv"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "JSON object"),
        ([document()], "JSON object"),
        ({}, "this one has 0"),
        ({"@graph": [document(), document()]}, "this one has 2"),
        ({"@graph": ["x"]}, "@graph is no list of objects"),
        ({"@type": "sc:Dataset"}, "no name"),
        (document("", "v1", "a"), "no name"),
        (document("n" * 256, "v1", "a"), "has 256 characters"),
        (document("orders", "1" * 256, "a"), "has 256 characters"),
        (document("orders", None), "names no version, and not every file has a sha256"),
        (document("orders", "v1") | {"distribution": "a.csv"}, "distribution is no list of objects"),
        (document("orders", "v1") | {"distribution": [{}] * (MOST_FILES + 1)}, "may list at most"),
    ],
)
def test_what_is_refused(data: object, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        read_document(data)


def test_deep_json_is_refused() -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"a": deep}
    with pytest.raises(InvalidInput, match="nested deeper"):
        read_document(deep)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["@type", "@id", "@value", "@graph", "name", "version", "distribution", "sha256", "containedIn"]
            ),
            inner | st.sampled_from(["sc:Dataset", "cr:FileObject", "cr:FileSet"]),
        )
    ),
    max_leaves=20,
)


@given(data=JSON)
def test_any_json_is_read_or_refused(data: object) -> None:
    try:
        read = read_document(data)
    except DomainError:
        return
    assert read.name
    assert read.version or read.digest


@given(contents=st.lists(st.text(), min_size=1, max_size=5), seed=st.randoms())
def test_the_digest_does_not_depend_on_names_and_order(contents: list[str], seed: Any) -> None:
    shuffled = list(contents)
    seed.shuffle(shuffled)
    digests = {read_document(document("orders", "v1", *order)).digest for order in (contents, shuffled)}
    assert len(digests) == 1
    assert digests != {read_document(document("orders", "v1", *contents, "one more")).digest}
