"""Formats of files by their first bytes and by their names. Renaming a file does not change its format."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

HEAD = 4096

PICKLE_SUFFIXES = frozenset(
    {".pkl", ".pickle", ".p", ".pck", ".pcl", ".joblib", ".jl", ".dill", ".cloudpickle", ".pt", ".pth", ".ckpt", ".sav"}
)
ZIP_SUFFIXES = frozenset({".zip", ".npz", ".skops", ".keras", ".pt2", ".whl", ".egg", ".jar", ".mar", ".nemo"})
CODE_SUFFIXES = frozenset(
    [
        ".bash",
        ".bat",
        ".class",
        ".cmd",
        ".cpp",
        ".cu",
        ".cuh",
        ".dll",
        ".dylib",
        ".egg",
        ".exe",
        ".jar",
        ".js",
        ".lua",
        ".mjs",
        ".ninja",
        ".pl",
        ".ps1",
        ".ptx",
        ".py",
        ".pyc",
        ".pyd",
        ".pyi",
        ".pyo",
        ".pyw",
        ".pyx",
        ".r",
        ".rb",
        ".scala",
        ".sh",
        ".so",
        ".ts",
        ".vbs",
        ".wasm",
        ".whl",
        ".zsh",
    ]
)
_CODE_NAMES = frozenset({"makefile", "dockerfile", "setup.cfg", "pyproject.toml", "conftest"})
_CODE_MAGIC = (
    (b"\x7fELF", "a native library or program"),
    (b"MZ", "a Windows library or program"),
    (b"\xfe\xed\xfa\xce", "a native library or program"),
    (b"\xfe\xed\xfa\xcf", "a native library or program"),
    (b"\xce\xfa\xed\xfe", "a native library or program"),
    (b"\xcf\xfa\xed\xfe", "a native library or program"),
    (b"\xca\xfe\xba\xbe", "compiled code"),
    (b"\x00asm", "compiled code"),
    (b"#!", "a script"),
)
_MZ_LEAST = 64
# Known formats that the scan does not read: they can contain code, or Python's standard library cannot unpack them.
_UNREAD_MAGIC = (
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!", "RAR"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x04\x22\x4d\x18", "LZ4"),
    (b"\x02\x21\x4c\x18", "LZ4"),
    (b"\xff\x06\x00\x00sNaPpY", "Snappy"),
    (b"\x1f\x9d", "compress"),
    (b"\x89LZO\x00", "LZO"),
    (b"LZIP", "lzip"),
    (b"RDX2\n", "R"),
    (b"RDX3\n", "R"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\xac\xed\x00\x05", "serialised Java objects"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office"),
    (b"MATLAB 5.0 MAT-file", "MATLAB"),
)
# Formats that contain only data: a program that reads them runs no code of theirs.
_DATA_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"%PDF-", "document"),
    (b"OggS", "sound"),
    (b"fLaC", "sound"),
    (b"ID3", "sound"),
    (b"crc\x00", "checksum"),
    (b"CBM1", "CatBoost model"),
    (b"Obj\x01", "table"),
    (b"ORC", "table"),
)
_RIFF = {b"WEBP": "image", b"WAVE": "sound"}
_CERTAIN = 4  # bytes of a mark that raw data hardly ever start with by chance
_PICKLE_MARK, _PICKLE_PROTOCOLS = 0x80, range(6)
_HDF5 = b"\x89HDF\r\n\x1a\n"


def suffix_of(name: str) -> str:
    """Return the last extension of a file name, in lower case."""
    return PurePosixPath(name).suffix.lower()


def name_on_disk(name: str) -> str:
    """Return a path as macOS and Windows compare it.

    They ignore case and the Unicode form of accents. Windows also ignores spaces and dots at the end of a name.
    """
    parts = unicodedata.normalize("NFC", name).casefold().split("/")
    return "/".join(part.rstrip(" .") or part for part in parts)


def is_marked_pickle(head: bytes) -> bool:
    """Return whether the bytes start with the opcode PROTO and a protocol from 0 to 5. Picklers write it from 2 on."""
    return len(head) > 1 and head[0] == _PICKLE_MARK and head[1] in _PICKLE_PROTOCOLS


def is_hdf5(head: bytes) -> bool:
    """Return whether the first bytes of a file have HDF5's mark, which may be at byte 0, 512, 1024 or 2048."""
    return any(head.startswith(_HDF5, offset) for offset in (0, 512, 1024, 2048))


def code_in(head: bytes, name: str) -> str:
    """Return which kind of code a file contains, by its first bytes and its name; "" if it is none."""
    for magic, kind in _CODE_MAGIC:
        if head.startswith(magic) and (magic != b"MZ" or len(head) >= _MZ_LEAST or b"\x00" in head or suffix_of(name)):
            return kind
    if suffix_of(name) in CODE_SUFFIXES:
        return f"code ({suffix_of(name)})"
    return f"code ({PurePosixPath(name).name})" if PurePosixPath(name).name.lower() in _CODE_NAMES else ""


def unread_format(head: bytes) -> str:
    """Return the name of a known format that the scan cannot read, "" for none."""
    return next((kind for magic, kind in _UNREAD_MAGIC if head.startswith(magic)), "")


def is_weak(kind: str) -> bool:
    """Return whether the mark of a format that is not read is so short that raw data may start with it by chance."""
    return any(kind == marked_kind and len(magic) < _CERTAIN for magic, marked_kind in _UNREAD_MAGIC)


def data_format(head: bytes) -> str:
    """Return the name of a format that can only hold data, "" for none."""
    if head.startswith(b"RIFF") and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    return next((kind for magic, kind in _DATA_MAGIC if head.startswith(magic)), "")
