"""Reading a Croissant document: the name and version of a dataset, and its files with their SHA-256.

Documents of Croissant 0.8 to 1.1 are read, with or without prefixes in their names (`sc:`, `cr:`), as mlcroissant
writes them. The rest of a document, such as its record sets, is stored and not read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import InvalidInput
from lineage.identity.names import version_key
from lineage.json_bodies import plain_text, require_depth
from lineage.openlineage.dataset_names import clean_name

MOST_FILES = 10_000
_LONGEST, _LONGEST_FILE_NAME, _LONGEST_SIZE, _LONGEST_URL = 255, 500, 50, 1000
_MOST_WARNINGS = 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PREFIXES = ("", "sc:", "cr:", "https://schema.org/", "http://schema.org/", "http://mlcommons.org/croissant/")
_PREFIX = re.compile(r".*[:/#]")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a dataset; ``sha256`` in lower case, "" where the document has none; ``size`` as the document has it.

    A file with ``is_contained`` lies in another one, such as an archive, whose SHA-256 covers it.
    """

    name: str
    sha256: str
    size: str
    url: str
    is_contained: bool


@dataclass(frozen=True, slots=True)
class Document:
    """The facts that a Croissant document states about one version of a dataset.

    ``version`` is "" for none. ``digest`` is the SHA-256 of the contents, "" where it is not known for all of them.
    """

    name: str
    version: str
    digest: str
    files: tuple[File, ...]
    warnings: tuple[str, ...]


def read_document(data: object) -> Document:
    """Return the facts of a Croissant document.

    Raises InvalidInput: no object, not one dataset with a name, or nothing that tells its versions apart.
    """
    require_depth(data)
    dataset = _dataset(data)
    name = _name(dataset)
    warnings: list[str] = []
    version = _version(dataset, warnings)
    parts = _list(_value(dataset, "distribution"), "distribution")
    if len(parts) > MOST_FILES:
        raise InvalidInput(f"distribution lists {len(parts)} files. A document may list at most {MOST_FILES}.")
    files = tuple(_file(part, number) for number, part in enumerate(parts) if "FileObject" in _types(part))
    digest = _digest(files, [part for part in parts if "FileSet" in _types(part)], warnings)
    if not version and not digest:
        raise InvalidInput(
            "The document names no version, and not every file has a sha256: nothing tells the contents of this "
            "version from those of another. Add version, or a sha256 to each file."
        )
    return Document(name, version, digest, files, tuple(warnings[:_MOST_WARNINGS]))


def contents_digest(digests: Iterable[str]) -> str:
    """Return the SHA-256 of contents made of files with these SHA-256. Of one file it is that of the file.

    Otherwise it is the SHA-256 of all of them, sorted, one a line. Names and order of files do not count.
    """
    ordered = sorted(digests)
    return ordered[0] if len(ordered) == 1 else hashlib.sha256("\n".join(ordered).encode()).hexdigest()


def _dataset(data: object) -> Mapping[str, Any]:
    """Return the one object of the document that is a dataset."""
    if not isinstance(data, dict):
        raise InvalidInput("A Croissant document is a JSON object.")
    nodes = [data] if "@graph" not in data else _list(data["@graph"], "@graph")
    datasets = [node for node in nodes if "Dataset" in _types(node)]
    if len(datasets) != 1:
        keys = ", ".join(repr(str(key)[:50]) for key in list(data)[:10]) or "none"
        raise InvalidInput(
            f"A Croissant document describes one object of @type Dataset; this one has {len(datasets)}. Its keys: {keys}."
        )
    return datasets[0]


def _types(node: Mapping[str, Any]) -> set[str]:
    """Return the types of an object without their prefixes."""
    types = node.get("@type")
    return {_PREFIX.sub("", text) for text in (types if isinstance(types, list) else [types]) if isinstance(text, str)}


def _value(node: Mapping[str, Any], key: str) -> Any:
    """Return the value of a property, under whichever prefix; None where there is none."""
    return next((node[prefix + key] for prefix in _PREFIXES if node.get(prefix + key) is not None), None)


def _list(value: object, name: str) -> list[Mapping[str, Any]]:
    """Return the objects of a property. JSON-LD writes a list of one as the object alone. Raises InvalidInput."""
    items: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(item, dict) for item in items):
        raise InvalidInput(f"{name} is no list of objects.")
    return items


def _text(value: object) -> str:
    """Return the text of a property: of several languages the English one, otherwise the first; of a list the first."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("@value", value.get("en", next(iter(value.values()), None)))
    return plain_text(value)


def _name(dataset: Mapping[str, Any]) -> str:
    name = _text(_value(dataset, "name"))
    if not name:
        raise InvalidInput("The dataset has no name.")
    if len(name) > _LONGEST:
        raise InvalidInput(f"The name of the dataset has {len(name)} characters. It may have at most {_LONGEST}.")
    return name


def _version(dataset: Mapping[str, Any], warnings: list[str]) -> str:
    version = version_key(_text(_value(dataset, "version")))
    if len(version) > _LONGEST:
        raise InvalidInput(f"The version has {len(version)} characters. It may have at most {_LONGEST}.")
    if version.casefold() == "latest":
        warnings.append("The version latest names no version: the contents name it.")
        return ""
    return version


def _file(part: Mapping[str, Any], number: int) -> File:
    name = _text(_value(part, "name")) or plain_text(part.get("@id")) or f"file {number + 1}"
    sha256 = _text(_value(part, "sha256")).lower()
    return File(
        name=name[:_LONGEST_FILE_NAME],
        sha256=sha256 if _SHA256.fullmatch(sha256) else "",
        size=_text(_value(part, "contentSize"))[:_LONGEST_SIZE],
        url=clean_name(_text(_value(part, "contentUrl")))[:_LONGEST_URL],
        is_contained=_value(part, "containedIn") is not None,
    )


def _digest(files: Sequence[File], file_sets: Iterable[Mapping[str, Any]], warnings: list[str]) -> str:
    """Return the SHA-256 of the contents, "" with a warning for each part whose contents the document does not fix."""
    whole = [file for file in files if not file.is_contained]
    unknown = [
        f"The file {file.name[:100]} has no SHA-256 of 64 hexadecimal digits." for file in whole if not file.sha256
    ]
    unknown += [
        f"The file set {_text(_value(part, 'name'))[:100]} lies in no file that has a SHA-256."
        for part in file_sets
        if _value(part, "containedIn") is None
    ]
    if not whole and not unknown:
        unknown = ["The document lists no file."]
    warnings += unknown
    return "" if unknown else contents_digest(file.sha256 for file in whole)
