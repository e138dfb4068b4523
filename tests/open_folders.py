"""As long as everybody manages every experiment, folders of nobody and runs behind versions are open to the cast as
well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from audit.actions import Action
from core.actors import Actor
from registry.holds import RegisteredRuns
from tracking.permissions.runs import Change


def is_open() -> bool:
    """Return whether a test says nothing of levels."""
    return bool(settings.DEFAULT_EXPERIMENT_LEVEL == "manage")


@dataclass(frozen=True)
class Open:
    """A claim that allows everything; those of runs, models and experiments are asked besides."""

    experiment_id: int = -1

    def may_read(self, actor: Actor) -> bool:  # noqa: ARG002 - the interface of a claim
        return True

    def refuse(self, actor: Actor, change: Change, action: Action) -> None:  # noqa: ARG002 - the interface of a claim
        return None


def claims_on(path: str) -> list[Open]:
    return [Open()] if is_open() else []


class Holders(RegisteredRuns):
    """Lets everybody change what versions were made of, while everybody manages every experiment."""

    def refuse(self, actor: Actor, run_ids: Iterable[str], model_ids: Iterable[str]) -> str:
        return "" if is_open() else super().refuse(actor, run_ids, model_ids)
