"""Reads YAML files with plain values only. With a tag such as !!python/object, an unsafe loader builds any object."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from validation.scanning.report import Unsafe

_PLAIN_TAG = "tag:yaml.org,2002:"
_PLAIN_KINDS = frozenset(
    [
        "binary",
        "bool",
        "float",
        "int",
        "map",
        "merge",
        "null",
        "omap",
        "pairs",
        "seq",
        "set",
        "str",
        "timestamp",
        "value",
        "yaml",
    ]
)
_MAX_ALIASES = 1000
# The parser of libyaml is about twenty times as fast. On some systems PyYAML is installed without it.
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(text: str) -> object:
    """Return the value of a document. Raises Unsafe if it is not plain YAML."""
    require_plain_yaml(text)
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, of either implementation
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise Unsafe("it is not plain YAML") from error


def require_plain_yaml(text: str) -> None:
    """Raise Unsafe if a document has a tag that YAML itself does not define, or more than _MAX_ALIASES aliases."""
    try:
        aliases = 0
        for event in _events(text):
            aliases += isinstance(event, yaml.AliasEvent)
            tag = getattr(event, "tag", None)
            if tag and not _is_plain(tag):
                raise Unsafe(f"it builds an object of {tag[:100]!r}")
            if aliases > _MAX_ALIASES:
                raise Unsafe("it repeats parts of itself too often")
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unsafe("it is not plain YAML") from error


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=_Loader)


def _is_plain(tag: str) -> bool:
    return tag in {"!", "?"} or (tag.startswith(_PLAIN_TAG) and tag.removeprefix(_PLAIN_TAG) in _PLAIN_KINDS)
