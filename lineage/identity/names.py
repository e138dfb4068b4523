"""The spellings of a dataset name, version, digest or repository address that mean the same thing."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

UNVERSIONED = "unversioned"
# How the names of unnamed versions begin.
READ_BY, WRITTEN_BY = "read by ", "written by "
# The beginning of the name of a repository whose address is unknown.
UNKNOWN_REPOSITORY = "unknown repository"
# Names that clients give to a dataset without a name. The same name in another experiment is another dataset.
DEFAULT_NAMES = frozenset({"dataset"})
# Systems by the schemes of OpenLineage namespaces: names of tables that do not differ in case alone, and namespaces
# without an address whose names are paths, keys or topics, or differ in case.
_FOLDED = frozenset(
    {
        "awsathena",
        "db2",
        "duckdb",
        "hive",
        "oracle",
        "redshift",
        "snowflake",
        "sqlite",
        "teradata",
        "trino",
        "unitycatalog",
    }
)
_EXACT = frozenset(
    {
        "abfs",
        "abfss",
        "bigquery",
        "dbfs",
        "file",
        "gcs",
        "gs",
        "hdfs",
        "inmemory",
        "kafka",
        "pubsub",
        "s3",
        "s3a",
        "wasb",
        "wasbs",
    }
)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/{1,3}[^/]")
_NUMBERED = re.compile(r"[vV]\d[\w.-]*")
_ALGORITHM = re.compile(r"(?:sha256|sha512|sha1|md5|gitsha|blake3):", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{32,}")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Variation selectors and fillers: Unicode's Default_Ignorable_Code_Point beyond the format characters.
_IGNORABLE = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10)}
    | set(range(0xE0100, 0xE01F0))
)
# The MD5, SHA-1 and SHA-256 of an empty file: two empty files do not mean that two datasets are the same.
_EMPTY = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
)


def is_uri(name: str) -> bool:
    """Return whether a dataset's name is an address such as ``s3://bucket/key``."""
    return _URI.match(name) is not None


def readable_name(name: str) -> str:
    """Return a name in NFKC without invisible characters, repeated spaces and outer punctuation; a URI unchanged."""
    if is_uri(name):
        return name
    visible = "".join(letter for letter in unicodedata.normalize("NFKC", name) if not _is_ignorable(letter))
    plain = " ".join(visible.split())
    start, end = 0, len(plain)
    while start < end and _is_outer(plain[start]):
        start += 1
    while end > start and _is_outer(plain[end - 1]):
        end -= 1
    return plain[start:end] or plain or name


def folds_case(scope: str) -> bool:
    """Return whether names within a scope, an experiment or an OpenLineage namespace, differ by more than their case.

    Paths, keys and topics are case sensitive, so names fold only in databases whose names do. A scope that names no
    kind of system is a name that a team gave, in which names fold as they do without a scope.
    """
    scheme, has_address, _ = scope.partition("://")
    if has_address:
        return scheme.casefold() in _FOLDED
    return scope.partition(":")[0].casefold() not in _EXACT


def dataset_key(name: str, scope: str = "") -> str:
    """Return the key that all spellings of a dataset's name share within a scope. A URI is its own key."""
    if is_uri(name):
        return name
    if not folds_case(scope):
        return readable_name(name)
    folded = unicodedata.normalize("NFKC", readable_name(name).casefold())
    return readable_name(folded)


def version_key(version: str) -> str:
    """Return the key that all spellings of a version such as ``V2`` share: ``v2``. Other versions are unchanged."""
    visible = "".join(letter for letter in unicodedata.normalize("NFKC", version) if not _is_ignorable(letter)).strip()
    numbered = visible.rstrip(".,;:-_")
    return numbered.casefold() if _NUMBERED.fullmatch(numbered) else version


def is_named_version(version: str) -> bool:
    """Return whether a version of a dataset has a name that somebody gave, or the name of its digest."""
    return version not in ("", UNVERSIONED) and not version.startswith((READ_BY, WRITTEN_BY))


def digest_hex(digest: str) -> str:
    """Return a digest in lower case without the name of its algorithm."""
    return _ALGORITHM.sub("", digest.strip(), count=1).casefold()


def is_full_digest(digest: str) -> bool:
    """Return whether equal digests mean equal bytes: at least 128 bits, and not the digest of an empty file."""
    plain = digest_hex(digest)
    return _HEX.fullmatch(plain) is not None and plain not in _EMPTY


def repository_key(url: str) -> str:
    """Return the address of a repository without user, password, ``.git`` and trailing slashes.

    Scheme and host are in lower case. A text that is no URI keeps its case and user.
    """
    text = url.strip()
    if not is_uri(text):
        return text.rstrip("/").removesuffix(".git")
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    host = parts.netloc.rpartition("@")[2].casefold()
    return f"{parts.scheme.casefold()}://{host}{parts.path.rstrip('/').removesuffix('.git')}"


def _is_ignorable(letter: str) -> bool:
    return (unicodedata.category(letter) in _INVISIBLE and letter not in "\t\n\r") or ord(letter) in _IGNORABLE


def _is_outer(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter)[0] == "P"
