"""Validation of model names, tags, aliases and texts, and detection of names that a reader would confuse."""

from __future__ import annotations

import json
import posixpath
import re

from core.errors import InvalidInput, TooLarge
from core.look_alikes import is_unseen, look_alike_key

# MLflow stores prompts as registered models with this tag. A version of a prompt has its text in a tag and no files;
# the client sends PROMPT_SOURCE as its source.
PROMPT_TAG = "mlflow.prompt.is_prompt"
PROMPT_SOURCE = "dummy-source"
MAX_NAME = 256
MAX_KEY = 250
MAX_TAG_VALUE = 100_000
MAX_ALIAS = 255
LATEST = "latest"
MAX_DESCRIPTION = 100_000

_ALIAS = re.compile(r"[\w-]+")
_NUMBERED = re.compile(r"v\d+", re.IGNORECASE)
_TAG_KEY = re.compile(r"[/\w.\- :]+")


def check_model_name(name: str) -> str:
    """Return the name. Raises InvalidInput or TooLarge for a name that no model may have."""
    if not name or not name.strip():
        raise InvalidInput("Registered model name cannot be empty.")
    if len(name) > MAX_NAME:
        raise TooLarge(f"A registered model name can have at most {MAX_NAME} characters.")
    if "/" in name or ":" in name:
        raise InvalidInput(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    if any(is_unseen(letter) for letter in name) or not name_key(name):
        raise InvalidInput("Invalid model name: it contains characters that cannot be seen.")
    return name


def name_key(name: str) -> str:
    """Return a name without differences that a reader could overlook.

    Two live models never share a key (CVE-2024-3099).
    """
    return look_alike_key(name)[:MAX_NAME]


def check_tag(key: str, value: str) -> tuple[str, str]:
    """Return a registry tag as a pair. Raises InvalidInput or TooLarge for a key or value that MLflow also refuses."""
    if not key:
        raise InvalidInput("Tag name cannot be empty.")
    if len(key) > MAX_KEY:
        raise TooLarge(f"'key' exceeds the maximum length of {MAX_KEY} characters: this one has {len(key)}.")
    # as in MLflow, except that MLflow's `$` also accepts a final line break
    if not _TAG_KEY.fullmatch(key) or posixpath.normpath(key) != key or key.startswith(("/", "..")) or key == ".":
        raise InvalidInput(
            f"Invalid value {json.dumps(key, ensure_ascii=False)} for parameter 'key' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), "
            "spaces ( ), colons (:) and slashes (/), and must be a plain relative path."
        )
    if len(value) > MAX_TAG_VALUE:
        raise TooLarge(f"'value' exceeds the maximum length of {MAX_TAG_VALUE} characters: this one has {len(value)}.")
    return key, check_text(value, "tag value")


def check_alias(alias: str) -> str:
    """Return the alias. Raises InvalidInput for an empty, reserved or malformed alias, TooLarge for a long one."""
    if not alias:
        raise InvalidInput("Registered model alias name cannot be empty.")
    if len(alias) > MAX_ALIAS:
        raise TooLarge(f"A registered model alias name can have at most {MAX_ALIAS} characters.")
    if not _ALIAS.fullmatch(alias):
        raise InvalidInput(
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_) and dashes (-)."
        )
    if alias.lower() == LATEST:
        raise InvalidInput("'latest' alias name (case insensitive) is reserved.")
    if _NUMBERED.fullmatch(alias):
        raise InvalidInput(f"Version alias name '{alias}' is reserved.")
    return alias


def check_text(text: str, field: str, limit: int = MAX_DESCRIPTION) -> str:
    """Return a text of at most ``limit`` characters that both databases can store. Raises InvalidInput, TooLarge."""
    if len(text) > limit:
        raise TooLarge(f"A {field} can have at most {limit} characters. This one has {len(text)}.")
    if "\x00" in text:
        raise InvalidInput(f"A {field} cannot contain a NUL byte.")
    return text
