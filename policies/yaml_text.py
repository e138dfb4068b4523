"""Reading policies as YAML, with a line number for each problem, and writing them as YAML.

Only the JSON subset of YAML 1.2 (core schema) is read: strings, integers, decimals, booleans, null, lists and mappings.
Anchors, aliases and tags are refused before any value is built, so that a small document cannot expand to a huge one
("billion laughs"). Duplicate keys and keys that are not strings are refused too. Dates such as `12-20` and `2026-12-24`
are strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from core.errors import InvalidInput, TooLarge
from policies.documents import MAX_BYTES, MAX_DEPTH, check_document
from policies.parsing import problems_of

_WORD = re.compile(r"[A-Za-z_@][\w.@-]*")
_WORDS_SEARCHED = 5


class _Loader(yaml.CSafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


_SCALARS: tuple[tuple[str, str, list[str]], ...] = (
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]{1,16}", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}\.[0-9]{0,30})([eE][-+]?[0-9]{1,3})?", list("-+.0123456789")),
)
for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)
# 010 is ten, as in YAML 1.2. PyYAML follows YAML 1.1, where it is eight.
_Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(str(node.value)))


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a document: the line (from 1; 0 if unknown), the path of the value, and a message."""

    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else ""
        return ": ".join(part for part in (", ".join(p for p in (where, self.path) if p), self.message) if part)


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a YAML text.

    ``body`` is None if the text could not be read. It is a valid policy only if there are no ``problems``.
    """

    body: dict[str, object] | None
    problems: tuple[Problem, ...]


def read_policy(text: str) -> Document:
    """Return the policy body in a YAML text, and each problem with its line. Raises TooLarge (too many values)."""
    try:
        node = _compose(text)
        lines: dict[str, int] = {}
        problems = list(_read_lines(node, "", lines)) if node is not None else []
        if problems:
            return Document(None, tuple(problems))
        body = check_document(yaml.load(text, Loader=_Loader))  # noqa: S506 - a safe loader, restricted further
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _unreadable(mark.line + 1 if mark else 0, f"not valid YAML: {error.problem or error.context}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return _unreadable(0, f"not valid YAML: {str(error).splitlines()[0]}")
    except InvalidInput as error:
        return _unreadable(0, error.message)
    return Document(body, tuple(_with_line(where, message, lines) for where, message in problems_of(body)))


def parse_yaml(text: str) -> dict[str, object]:
    """Return the body of a policy in YAML. Raises InvalidInput (its message has a line for each problem), TooLarge."""
    if len(text) > MAX_BYTES:
        raise TooLarge(f"A policy must be at most {MAX_BYTES // 1024} KiB.")
    document = read_policy(text)
    if document.problems or document.body is None:
        raise InvalidInput("\n".join(str(problem) for problem in document.problems))
    return document.body


def write_policy(body: Mapping[str, object]) -> str:
    """Return a policy body as YAML, in the usual order of keys."""
    order = ["name", "description", "applies_to", "rules", "options"]
    ordered = {key: body[key] for key in order if key in body}
    rules = ordered.get("rules")
    if isinstance(rules, list):
        ordered["rules"] = [_ordered(rule) for rule in rules]
    complete = ordered | {key: value for key, value in body.items() if key not in ordered}
    return yaml.dump(complete, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _ordered(rule: object) -> object:
    """Return a rule with its id, level and condition first."""
    if not isinstance(rule, Mapping):
        return rule
    first = [key for key in ("id", "level", "applies_if", "override") if key in rule]
    return {key: rule[key] for key in [*first, *(key for key in rule if key not in first)]}


class _Dumper(yaml.SafeDumper):
    """Writes lists of scalars on one line, and quotes strings that a reader could take for another type."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002 - PyYAML's signature
        """Indent lists inside mappings, which PyYAML does not do by default."""
        return super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Return True, so that no YAML alias is written: reading refuses them."""
        return True


def _represent_list(dumper: yaml.SafeDumper, value: list[object]) -> yaml.Node:
    flat = all(isinstance(item, str | int | float | bool) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flat)


_Dumper.add_representer(list, _represent_list)
# PyYAML quotes strings that YAML 1.1 reads as another type. Strings such as 08 are numbers only to the loader above.
for _tag, _pattern, _first in _SCALARS:
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def _compose(text: str) -> yaml.Node | None:
    """Return the node tree of a document, after checking its parse events, which builds no values."""
    if len(text) > MAX_BYTES:
        raise InvalidInput(f"must be at most {MAX_BYTES // 1024} KiB")
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if why := _forbidden(event, depth):
            raise yaml.MarkedYAMLError(problem=why, problem_mark=event.start_mark)  # type: ignore[arg-type]  # libyaml's own mark, which has the line too
    return yaml.compose(text, Loader=_Loader)


def _forbidden(event: yaml.Event, depth: int) -> str:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        return "anchors and aliases are not allowed: write the value again"
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
        return f"the tag {event.tag} is not allowed"
    return f"nested deeper than {MAX_DEPTH} levels" if depth > MAX_DEPTH else ""


def _read_lines(node: yaml.Node, path: str, lines: dict[str, int]) -> Iterator[Problem]:
    """Add the line of every path below a node to ``lines``. Yield a problem for duplicate keys and non-string keys."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value, start=1):
            yield from _read_lines(item, f"{path}[{number}]", lines)
    elif isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                yield Problem(line, path, "keys must be strings")
                continue
            key_path = f"{path}.{key.value}".lstrip(".")
            if key.value in names:
                yield Problem(line, key_path, "appears twice")
            names.add(key.value)
            lines.setdefault(key_path, line)
            yield from _read_lines(value, key_path, lines)


def _with_line(where: str, message: str, lines: Mapping[str, int]) -> Problem:
    """Return a problem with its line: that of a key among the first words of ``message``, otherwise of ``where``."""
    for word in _WORD.findall(message)[:_WORDS_SEARCHED]:
        for path in (f"{where}.{word}", f"{where}.with.{word}", f"{where}.applies_if.{word}"):
            if path in lines:
                return Problem(lines[path], path, _without_prefix(message, path))
    nearest = where
    while nearest and nearest not in lines:
        nearest = nearest.rpartition(".")[0]
    return Problem(lines.get(nearest, lines.get("", 1)), where, message)


def _without_prefix(message: str, path: str) -> str:
    """Return ``message`` without the key at its start: ``must be a number`` for ``count must be a number``."""
    first, _, remainder = message.partition(" ")
    return remainder if remainder and path.endswith(f".{first}") else message


def _unreadable(line: int, message: str) -> Document:
    return Document(None, (Problem(line, "", message),))
