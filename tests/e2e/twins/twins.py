"""Two servers that are asked the same, and what a client would notice between their answers.

A difference is: another status, another `error_code`, or a field of upstream's answer that ours lacks or fills
otherwise. Ids, times and addresses are compared by kind; further fields of ours are allowed, since clients pass over
what they do not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.e2e.twins.asked import Asked

Json = Any
_TIME = re.compile(r".*(timestamp|_time|timestamp_ms)$")
_PLACE = re.compile(r"mlflow-artifacts:/\d+")
_FIRST_TIME = 10**11  # smaller numbers are the tests' own
# Each server's own words and numbers, and what only one of them has: the other knows no workspaces and nobody's name.
_OWN = frozenset(
    {
        "message",
        "stack_trace",
        "sqlstate",
        "error_class",
        "artifact_location",
        "creator_id",
        "workspace",
        "experiment_id",
    }
)


@dataclass
class Side:
    """One server: its address, how it knows us, and the ids it has given."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, asked: Asked) -> tuple[int, Json]:
        """Send a request with this side's own ids in it; return status and answer, as JSON where it is some."""
        options = {name: _filled(value, self.ids) for name, value in asked.options.items()}
        if "data" in options:
            options["data"] = options["data"].encode("latin-1")
        answer = requests.request(
            asked.method,
            self.url + _filled(asked.path, self.ids),
            headers={**self.headers, **options.pop("headers", {})},
            timeout=60,
            allow_redirects=False,
            **options,
        )
        try:
            return answer.status_code, json.loads(answer.content)
        except ValueError:
            return answer.status_code, answer.content

    def neutral(self, answer: Json, ignore: tuple[str, ...]) -> Json:
        """Return an answer without what must differ: ids become names, times become their kind."""
        names = {given: f"<{name}>" for name, given in self.ids.items() if len(given) > 2}
        return _neutral(answer, names, ignore)


@dataclass
class Twins:
    """Asks both with the same words; what they answer differently is collected in `differences`."""

    theirs: Side
    ours: Side
    differences: list[str] = field(default_factory=list)

    def ask(self, asked: Asked) -> None:
        """Send one request to both and compare, or hold ours against what it is meant to be instead."""
        answers = [side.ask(asked) for side in (self.theirs, self.ours)]
        for side, (_, body) in zip((self.theirs, self.ours), answers, strict=True):
            side.ids.update({name: _at(body, place) for name, place in asked.keep.items()})
        wrong = _meant(answers[1], asked.but) if asked.but else self._compared(answers[0], answers[1], asked.ignore)
        self.differences += [f"{asked.line[:240]}\n    {text}" for text in wrong]

    def _compared(self, there: tuple[int, Json], here: tuple[int, Json], ignore: tuple[str, ...]) -> list[str]:
        if there[0] != here[0]:
            return [f"status {here[0]} for {there[0]}; ours {_short(here[1])}; theirs {_short(there[1])}"]
        if isinstance(there[1], bytes) and there[0] >= 400:  # a page for people, or plain words; ours is MLflow's JSON
            return []
        return list(_missing(self.theirs.neutral(there[1], ignore), self.ours.neutral(here[1], ignore), ""))


def differences(there: Json, here: Json, names: Mapping[str, str], ignore: tuple[str, ...]) -> list[str]:
    """Return what of one answer the other lacks or fills otherwise. ``names``: a common name for each id of both."""
    return list(_missing(_neutral(there, names, ignore), _neutral(here, names, ignore), ""))


def _meant(here: tuple[int, Json], but: tuple[int, str]) -> list[str]:
    code = here[1].get("error_code", "") if isinstance(here[1], dict) else ""
    return [] if (here[0], code) == but else [f"ours is {(here[0], code)}, meant was {but}: {_short(here[1])}"]


def _missing(there: Json, here: Json, at: str) -> Iterator[str]:
    """Yield what of theirs is not in ours."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key, value in there.items():
            if key not in here:
                yield f"{at}.{key} is missing; theirs is {_short(value)}"
            else:
                yield from _missing(value, here[key], f"{at}.{key}")
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            yield from _missing(one, other, f"{at}[{number}]")
    elif there != here or type(there) is not type(here):
        yield f"{at} is {_short(here)} for {_short(there)}"


def _neutral(value: Json, names: Mapping[str, str], ignore: tuple[str, ...]) -> Json:
    if isinstance(value, dict):
        return {
            key: "<time>" if _is_time(key, inner) else _neutral(inner, names, ignore)
            for key, inner in value.items()
            if key not in _OWN and key not in ignore
        }
    if isinstance(value, list):
        items = [_neutral(item, names, ignore) for item in value]
        return sorted(items, key=_named) if _is_set(items) else items
    if isinstance(value, str):
        for given, name in names.items():
            value = value.replace(given, name)
        return _PLACE.sub("mlflow-artifacts:/N", value)
    return value


def _is_time(key: str, value: Json) -> bool:
    return isinstance(value, int) and value > _FIRST_TIME and _TIME.match(key) is not None


def _is_set(items: list[Json]) -> bool:
    """Tell whether the order of these is left open: tags, params, latest metrics, aliases, files,
    versions of a model.
    """
    return bool(items) and all(
        isinstance(item, dict) and {"key", "alias", "path", "current_stage"} & item.keys() for item in items
    )


def _named(item: Json) -> str:
    return " ".join(str(item.get(name, "")) for name in ("key", "alias", "path", "version", "run_id", "step", "value"))


def _filled(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {key: _filled(inner, ids) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, ids) for inner in value]
    return value


def _at(body: Json, path: str) -> str:
    for step in path.split("."):
        body = body.get(step, "nothing") if isinstance(body, dict) else "nothing"
    return str(body)


def _short(value: Json) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else json.dumps(value, default=str)
    return text[:300]
