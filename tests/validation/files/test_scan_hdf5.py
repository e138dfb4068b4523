"""HDF5 files as h5py writes them, in the old and the new format: data pass, what reaches out of the file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.validation.scanning import scan

FOLDER = Path(__file__).parents[1] / "folders" / "hdf5"
UNSUPPORTED = "it has a structure that is not supported; save it with the library's defaults"
REFUSED = {
    "array_attribute": "it has an attribute that is not read here",
    "external_data": "it keeps data in other files",
    "external_link": "it links to another place",
    "shared_type": "it shares descriptions, which is not read here",
}


def content(name: str) -> bytes:
    return (FOLDER / f"{name}.h5").read_bytes()


def problems(data: bytes) -> list[str]:
    return scan("model.h5", data).problems


@pytest.mark.parametrize("name", ["old", "old_ordered", "old_many_attributes", "old_many_groups", "new", "new_ordered"])
def test_groups_arrays_filters_and_attributes_pass(name: str) -> None:
    found = scan("model.h5", content(name))
    assert (found.verdict, found.format, found.problems) == ("clean", "HDF5", [])


@pytest.mark.parametrize("version", ["old", "new"])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_reaches_out_of_the_file_is_refused(version: str, kind: str) -> None:
    assert problems(content(f"{version}_{kind}")) == [f"as an HDF5 file {REFUSED[kind]}"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("old_soft_link", "it links to another object or file"),
        ("new_soft_link", "it links to another place"),
        ("new_virtual", "it takes data from other files"),
        ("new_many_attributes", UNSUPPORTED),
        ("new_many_groups", UNSUPPORTED),
        ("newest", UNSUPPORTED),
    ],
)
def test_what_is_not_read_is_refused_with_its_reason(name: str, why: str) -> None:
    assert problems(content(name)) == [f"as an HDF5 file {why}"]


@pytest.mark.parametrize("name", ["old", "new"])
def test_a_filter_that_is_a_library_of_code_is_refused(name: str) -> None:
    data = content(name)
    lzf = data.index(b"lzf") - (6 if name == "new" else 8)
    at = data.rindex((32000).to_bytes(2, "little"), 0, lzf + 6)
    other = data[:at] + (32001).to_bytes(2, "little") + data[at + 2 :]
    assert problems(other) == ["as an HDF5 file it needs the filter 32001, a library of code"]


@pytest.mark.parametrize(
    ("at", "byte", "why"),
    [
        (8, 9, "it is of a version that is not read here"),
        (9, 3, "it does not start at its first byte, or has addresses of an unusual size"),
        (12, 1, "it does not start at its first byte, or has addresses of an unusual size"),
    ],
)
def test_a_first_block_that_is_not_read_is_refused(at: int, byte: int, why: str) -> None:
    data = bytearray(content("new"))
    data[at] = byte
    assert problems(bytes(data)) == [f"as an HDF5 file {why}"]


def test_a_driver_for_several_files_is_refused() -> None:
    data = bytearray(content("old"))
    data[24 + 3 * 8 : 24 + 4 * 8] = bytes(8)
    assert problems(bytes(data)) == ["as an HDF5 file it keeps data in other files"]


@pytest.mark.parametrize("name", ["old", "old_ordered", "new", "new_ordered"])
def test_a_file_that_is_cut_off_is_refused(name: str) -> None:
    data = content(name)
    for end in range(12, len(data) // 4, 31):  # bytes of arrays, which are not read, lie further behind
        assert problems(data[:end]), end


@pytest.mark.parametrize("name", ["old", "old_ordered", "new", "new_ordered"])
@pytest.mark.parametrize("value", [0x00, 0x01, 0xFF])
def test_no_changed_byte_breaks_the_scan(name: str, value: int) -> None:
    data = bytearray(content(name))
    refused = 0
    for at in range(8, len(data), max(1, len(data) // 250)):
        before, data[at] = data[at], value
        found = scan("model.h5", bytes(data))
        assert found.problems or found.format == "HDF5", at
        refused += bool(found.problems)
        data[at] = before
    assert refused
