"""The third part of an import, from a Databricks workspace: permissions, transition requests and comments.

Nothing is written in the name of somebody else. A comment is imported as a comment of the person who imports; its text
says who wrote it and when. A transition request becomes a comment too, because its reviewers have to approve it here:
the report tells the operator to open it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from functools import partial
from typing import TypeVar

from accounts.principals import PrincipalKind
from approvals.requests.comments import add_comment
from core.errors import DomainError
from core.times import from_ms
from importing.load import ImportContext
from importing.models import ItemKind
from importing.sources.governance import GovernanceSource, OldGrant, OldNote
from registry.models import RegisteredModel
from registry.permissions import Grant, Level
from registry.services.permissions import set_permissions

LEVELS = {
    "CAN_READ": Level.READ,
    "CAN_EDIT": Level.EDIT,
    "CAN_MANAGE_STAGING_VERSIONS": Level.MANAGE_STAGING,
    "CAN_MANAGE_PRODUCTION_VERSIONS": Level.MANAGE_PRODUCTION,
    "CAN_MANAGE": Level.MANAGE,
}
_UNKNOWN = "there is no account or group of that name here: create it and grant the level"
T = TypeVar("T")


class GovernanceImport:
    """Imports the permissions, transition requests and comments of imported models from a workspace."""

    def __init__(self, context: ImportContext, workspace: GovernanceSource) -> None:
        self._context = context
        self._workspace = workspace

    def run(self, models: Mapping[str, RegisteredModel], versions: Mapping[str, Sequence[int]]) -> None:
        """Import everything that was not imported before. Raises SourceError.

        ``models`` are the imported models and ``versions`` the numbers of their versions, by the name in the source.
        """
        for name, model in models.items():
            if self._context.ledger.target(ItemKind.GOVERNANCE, name):
                self._context.report.existing["workspace records"] += 1
                continue
            grants = self._workspace.grants(name)
            if grants is None:
                continue
            with self._context.ledger.importing(ItemKind.GOVERNANCE, name) as targets:
                self._grants(model, grants)
                for number in versions.get(name, ()):
                    self._notes(name, model, number)
                targets.append(str(model.pk))
            self._context.progress.step(f"permissions and comments of {name}")

    def _grants(self, model: RegisteredModel, grants: Sequence[OldGrant]) -> None:
        for old in grants:
            level = LEVELS.get(old.level)
            if level is None:
                self._problem("permissions", f"{model.name}: {old.name}", f"Custody has no level {old.level[:50]}")
                continue
            grant = Grant(PrincipalKind(old.kind), old.name, level)
            give = partial(set_permissions, actor=self._context.actor, name=model.name, grants=[grant], replace=False)
            if not self._refused("permissions", f"{model.name}: {old.name}", give, _UNKNOWN):
                self._context.report.imported["permissions"] += 1

    def _notes(self, name: str, model: RegisteredModel, number: int) -> None:
        version_name = f"{model.name}/{number}"
        comments, requests = self._workspace.comments(name, number), self._workspace.requests(name, number)
        if comments is None:
            self._problem("comments", version_name, "the source does not list comments")
        for note in comments or ():
            self._note(model, number, note, f"{note.author} wrote on {_day(note)}")
        for note in requests or ():
            title = f"{note.author} asked on {_day(note)} to move this version to {note.to_stage}"
            self._note(model, number, note, title)
            self._problem(
                "transition requests",
                f"{version_name} → {note.to_stage}",
                "it was imported as a comment: open a new request here",
            )

    def _note(self, model: RegisteredModel, number: int, note: OldNote, title: str) -> None:
        text = f"{title} ({self._context.source.origin}):\n\n{note.text}".strip()
        if not self._refused(
            "comments",
            f"{model.name}/{number}",
            lambda: add_comment(actor=self._context.actor, name=model.name, version=number, text=text),
        ):
            self._context.report.imported["comments"] += 1

    def _refused(self, kind: str, name: str, act: Callable[[], T], why: str = "") -> bool:
        try:
            act()
        except DomainError as error:
            self._problem(kind, name, why or error.message)
            return True
        return False

    def _problem(self, kind: str, name: str, why: str) -> None:
        self._context.report.add_problem(kind, name, why)


def _day(note: OldNote) -> str:
    return f"{from_ms(note.created_ms).astimezone(UTC):%Y-%m-%d}"
