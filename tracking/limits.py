"""Limits of MLflow servers: lengths, characters and counts.

Long values of params and run tags are cut, not refused.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from typing import NamedTuple

from core.errors import InvalidInput

MAX_KEY = 250
MAX_PARAM_VALUE = 6000
MAX_TAG_VALUE = 8000
MAX_EXPERIMENT_NAME = 500
MAX_EXPERIMENT_TAG_VALUE = 20_000
MAX_RUN_NAME = MAX_TAG_VALUE  # the name is a tag too
MAX_BATCH_METRICS = 1000
MAX_BATCH_PARAMS = 100
MAX_BATCH_TAGS = 100
MAX_BATCH = 1000
MAX_DATASETS = 1000
MAX_USERNAME = 150
MAX_SOURCE_TYPE = 500
_LARGEST = 1.7976931348623157e308
_INT64 = 2**63
_KEY = re.compile(r"[/\w.\- :]*")
_MODEL_NAME_FORBIDDEN = "/:.%\"'"

Pair = tuple[str, str]


class Point(NamedTuple):
    """One value of a metric as a client logs it; ``value`` may be NaN or infinite.

    Times are milliseconds since 1970.
    """

    key: str
    value: float
    timestamp_ms: int
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""

    @property
    def is_nan(self) -> bool:
        """Return whether the value is NaN."""
        return self.value != self.value

    @property
    def stored_value(self) -> float:
        """Return the stored value: 0 for NaN (which has a flag), infinities as the largest doubles."""
        if -_LARGEST <= self.value <= _LARGEST:
            return self.value
        return 0.0 if self.is_nan else max(-_LARGEST, min(_LARGEST, self.value))


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:100] + "…")  # noqa: PLR2004 - for messages


def _quoted(text: str) -> str:
    """Return a value as MLflow's servers show one in a message: as JSON."""
    return json.dumps(text if len(text) <= 100 else text[:100] + "…", ensure_ascii=False)  # noqa: PLR2004 - for messages


def checked_text(value: str, *, field: str, limit: int, where: str = "") -> str:
    """Return text of at most ``limit`` characters that both databases can keep; ``where`` is for the message.

    Raises InvalidInput.
    """
    if len(value) > limit:
        raise InvalidInput(f"'{field}' exceeds the maximum length of {limit} characters" + (where and f" in {where}"))
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise InvalidInput(f"'{field}' holds a NUL character or half of a surrogate pair.")
    return value


def checked_key(key: str, *, field: str) -> str:
    """Return the key of a param, metric or tag: 1 to 250 of letters, digits, ``_ - . space : /``, and a clean path.

    Raises InvalidInput.
    """
    if not key:
        raise InvalidInput(f"Missing value for required parameter '{field}'.")
    checked_text(key, field=field, limit=MAX_KEY)
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            f"Invalid value {_quoted(key)} for parameter '{field}' supplied: Names may only contain alphanumerics, "
            "underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )
    clean = posixpath.normpath(key)
    if clean != key or clean == "." or clean.startswith(("..", "/")):
        raise InvalidInput(
            f"Invalid value {_quoted(key)} for parameter '{field}' supplied: Names may be treated as files in certain "
            f"cases, and must not resolve to other names when treated as such. This name would resolve to {_excerpt(clean)}"
        )
    return key


def checked_param(key: str, value: str, *, where: str = "") -> Pair:
    """Return a param, its value cut to 6000 characters; ``where`` says in messages which of many it is.

    Raises InvalidInput.
    """
    checked_key(key, field=f"{where}key")
    return key, checked_text(value[:MAX_PARAM_VALUE], field=f"{where}value", limit=MAX_PARAM_VALUE)


def checked_params(params: Sequence[Pair]) -> dict[str, str]:
    """Return params by key. Raises InvalidInput: one key twice."""
    checked: dict[str, str] = {}
    for number, pair in enumerate(params):
        key, checked_value = checked_param(*pair, where=f"params[{number}].")
        if key in checked:
            _refuse_twice(key)
        checked[key] = checked_value
    return checked


def checked_model_pairs(pairs: Sequence[Pair], *, field: str) -> dict[str, str]:
    """Return params or tags of a logged model by key; the last of equal keys wins.

    Unlike those of a run they may have any characters and any length, as on MLflow's servers: autologging names a
    param of a pipeline after its step, as in ``scale (std)``. Raises InvalidInput: text that the databases cannot
    keep.
    """
    for key, value in pairs:
        checked_text(key, field=f"{field}.key", limit=len(key))
        checked_text(value, field=f"{field}.value", limit=len(value))
    return dict(pairs)


def checked_model_params(params: Sequence[Pair]) -> dict[str, str]:
    """Return params of a logged model by key. Raises InvalidInput: one key twice, or as `checked_model_pairs`."""
    checked = checked_model_pairs(params, field="params")
    if len(checked) < len(params):
        keys = [key for key, _ in params]
        _refuse_twice(next(key for number, key in enumerate(keys) if key in keys[:number]))
    return checked


def _refuse_twice(key: str) -> None:
    raise InvalidInput(
        f"Duplicate parameter keys have been submitted: [{_excerpt(key)}]. "
        "Please ensure the request contains only one param value per param key."
    )


def checked_tag(key: str, value: str, *, where: str = "") -> Pair:
    """Return a run tag, its value cut to 8000 characters; ``where`` says in messages which of many it is.

    Raises InvalidInput.
    """
    checked_key(key, field=f"{where}key")
    return key, checked_text(value[:MAX_TAG_VALUE], field=f"{where}value", limit=MAX_TAG_VALUE)


def checked_tags(tags: Sequence[Pair]) -> dict[str, str]:
    """Return run tags by key; the last of equal keys wins."""
    return dict(checked_tag(*pair, where=f"tags[{number}].") for number, pair in enumerate(tags))


def checked_first_tags(tags: Sequence[Pair]) -> dict[str, str]:
    """Return the tags that a run begins with by key; the last of equal keys wins.

    Their keys may have any characters, as on MLflow's servers, which apply the rules of `checked_key` only to tags
    that are set later. Raises InvalidInput.
    """
    checked: dict[str, str] = {}
    for number, (key, value) in enumerate(tags):
        checked_text(key, field=f"tags[{number}].key", limit=MAX_KEY)
        checked[key] = checked_text(value[:MAX_TAG_VALUE], field=f"tags[{number}].value", limit=MAX_TAG_VALUE)
    return checked


def checked_points(points: Sequence[Point], *, where: str = "metrics[{}].") -> list[Point]:
    """Return metrics without repetitions, each within its limits; ``where`` says in messages which of many it is.

    Raises InvalidInput.
    """
    checked_texts: set[tuple[str, str, str, str]] = set()  # a batch repeats the same texts many times
    for number, point in enumerate(points):
        texts = (point.key, point.model_id, point.dataset_name, point.dataset_digest)
        if texts not in checked_texts:
            _check_texts(point, where.format(number))
            checked_texts.add(texts)
        if not 0 <= point.timestamp_ms < _INT64 or not -_INT64 <= point.step < _INT64:
            raise InvalidInput(
                f"Invalid value {point.timestamp_ms} for parameter '{where.format(number)}timestamp' supplied: timestamps "
                "are nonnegative 64-bit integers, steps 64-bit integers."
            )
    unique = {(p.key, p.stored_value, p.is_nan, p.timestamp_ms, p.step, p.model_id): p for p in points}
    return list(unique.values())


def _check_texts(point: Point, where: str) -> None:
    checked_key(point.key, field=f"{where}key")
    checked_text(point.model_id, field=f"{where}model_id", limit=40)
    checked_text(point.dataset_name, field=f"{where}dataset_name", limit=500)
    checked_text(point.dataset_digest, field=f"{where}dataset_digest", limit=64)


def check_batch(metrics: int, params: int, tags: int) -> None:
    """Refuse a batch with too many entities. Raises InvalidInput."""
    limits = (
        ("metrics", MAX_BATCH_METRICS, metrics),
        ("params", MAX_BATCH_PARAMS, params),
        ("tags", MAX_BATCH_TAGS, tags),
        ("metrics, params, and tags", MAX_BATCH, metrics + params + tags),
    )
    for field, limit, count in limits:
        if count > limit:
            raise InvalidInput(
                f"A batch logging request can contain at most {limit} {field}. Got {count} {field}. "
                f"Please split up {field} across multiple requests and try again."
            )


def checked_experiment_name(name: str) -> str:
    """Return the name of an experiment: 1 to 500 characters. Raises InvalidInput."""
    if not name.strip():
        raise InvalidInput(f"Invalid experiment name: {_excerpt(name)}")
    return checked_text(name, field="name", limit=MAX_EXPERIMENT_NAME)


def checked_model_name(name: str) -> str:
    """Return the name of a logged model; it may not hold any of ``/ : . % " '``. Raises InvalidInput."""
    if any(char in name for char in _MODEL_NAME_FORBIDDEN) or not name.strip():
        raise InvalidInput(
            f"Invalid model name ({_excerpt(name)}) provided. Model name must be a non-empty string and cannot contain the "
            "following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )
    return checked_text(name, field="name", limit=500)


def checked_run_name(name: str) -> str:
    """Return the name of a run, cut to 8000 characters: it is the tag `mlflow.runName` too. Raises InvalidInput."""
    return checked_text(name[:MAX_RUN_NAME], field="run_name", limit=MAX_RUN_NAME)


def check_times(*times: int) -> None:
    """Raise InvalidInput for a time that is not milliseconds since 1970 in 63 bits."""
    if invalid := next((time for time in times if not 0 <= time < _INT64), None):
        raise InvalidInput(f"{invalid} is not a time: milliseconds since 1970 in 63 bits are expected.")
