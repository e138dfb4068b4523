"""What a file is, by its first bytes before its name: a renamed file is still what it is."""

from __future__ import annotations

from pathlib import PurePosixPath

PICKLE_SUFFIXES = frozenset(
    {".pkl", ".pickle", ".p", ".pck", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth", ".ckpt", ".sav"}
)
ZIP_SUFFIXES = frozenset({".zip", ".npz", ".skops", ".keras"})
CODE_SUFFIXES = frozenset(
    {
        ".py",
        ".pyc",
        ".pyd",
        ".pyx",
        ".so",
        ".dll",
        ".dylib",
        ".exe",
        ".sh",
        ".bash",
        ".bat",
        ".cmd",
        ".ps1",
        ".js",
        ".jar",
        ".class",
        ".whl",
        ".egg",
        ".rb",
        ".pl",
    }
)
# Formats that can carry code and are not looked into here: Keras and TensorFlow graphs, archives, R and MATLAB files.
OPAQUE_SUFFIXES = frozenset(
    {
        ".h5",
        ".hdf5",
        ".keras",
        ".pb",
        ".mar",
        ".tar",
        ".7z",
        ".rar",
        ".rds",
        ".rdata",
        ".mlmodel",
        ".mlpackage",
        ".nemo",
    }
)
DATA_SUFFIXES = {
    ".csv": "table",
    ".tsv": "table",
    ".parquet": "table",
    ".arrow": "table",
    ".feather": "table",
    ".json": "JSON",
    ".jsonl": "JSON",
    ".ubj": "JSON",
    ".md": "text",
    ".txt": "text",
    ".log": "text",
    ".yaml": "YAML",
    ".yml": "YAML",
    ".html": "page",
    ".png": "image",
    ".jpg": "image",
    ".jpeg": "image",
    ".svg": "image",
    ".pdf": "document",
    ".onnx": "ONNX graph",
    ".safetensors": "safetensors",
    ".gguf": "GGUF weights",
}

_CODE_MAGIC = (
    (b"\x7fELF", "a native library or program"),
    (b"MZ", "a Windows library or program"),
    (b"\xfe\xed\xfa\xce", "a native library or program"),
    (b"\xfe\xed\xfa\xcf", "a native library or program"),
    (b"\xce\xfa\xed\xfe", "a native library or program"),
    (b"\xcf\xfa\xed\xfe", "a native library or program"),
    (b"\xca\xfe\xba\xbe", "compiled code"),
    (b"#!", "a script"),
)
_OPAQUE_MAGIC = (
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"Rar!", "RAR"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x04\x22\x4d\x18", "LZ4"),
)
_COMPRESSED_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x5d\x00\x00", "lzma"),
)
_PICKLE_MARK, _ZLIB_MARK = 0x80, 0x78
_ZLIB_SECOND = frozenset({0x01, 0x5E, 0x9C, 0xDA})
_TAR_MAGIC_AT = 257
HEAD = 265
_PICKLE_PROTOCOLS = range(6)


def suffix_of(name: str) -> str:
    """Return the file name's extension, lower case."""
    return PurePosixPath(name).suffix.lower()


def is_zip(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def is_marked_pickle(head: bytes) -> bool:
    """Return whether the bytes start as a pickle of protocol 2 or later does."""
    return len(head) > 1 and head[0] == _PICKLE_MARK and head[1] in _PICKLE_PROTOCOLS


def compression_of(head: bytes, name: str) -> str:
    """Return the compression a file has; zlib (whose mark is weak) only where the name says pickle."""
    for magic, kind in _COMPRESSED_MAGIC:
        if head.startswith(magic):
            return kind
    weak = len(head) > 1 and head[0] == _ZLIB_MARK and head[1] in _ZLIB_SECOND
    return "zlib" if weak and suffix_of(name) in PICKLE_SUFFIXES | {".z", ".gz", ".zlib"} else ""


def code_in(head: bytes, name: str) -> str:
    """Return what code a file is, or "" where it does not look like any."""
    for magic, kind in _CODE_MAGIC:
        if head.startswith(magic):
            return kind
    return f"code ({suffix_of(name)})" if suffix_of(name) in CODE_SUFFIXES else ""


def opaque_in(head: bytes, name: str) -> str:
    """Return the name of a format that can carry code and is not looked into, or ""."""
    for magic, kind in _OPAQUE_MAGIC:
        if head.startswith(magic):
            return kind
    if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return "tar"
    return suffix_of(name) if suffix_of(name) in OPAQUE_SUFFIXES else ""
