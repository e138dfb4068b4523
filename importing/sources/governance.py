"""Permissions, transition requests and comments of a Databricks workspace, and the interface that reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OldGrant:
    """A level that was granted on a model itself, not inherited. ``kind`` is `user`, `group` or `service`."""

    kind: str
    name: str
    level: str


@dataclass(frozen=True, slots=True)
class OldNote:
    """A comment on a version, or an open transition request, which has a ``to_stage``."""

    author: str
    text: str
    created_ms: int
    to_stage: str = ""


class GovernanceSource(Protocol):
    """Reads permissions, requests and comments. Every method may raise SourceError."""

    def grants(self, name: str) -> list[OldGrant] | None:
        """Return the grants on a model, None where the server has no such calls or refuses them."""

    def requests(self, name: str, version: int) -> list[OldNote] | None:
        """Return the open transition requests of a version, None where the server has no such calls or refuses them."""

    def comments(self, name: str, version: int) -> list[OldNote] | None:
        """Return the comments on a version, the oldest first. None as for `requests`."""
