"""Carrying files: streamed from where they lie into the store, one folder of a run or logged model after another."""

from __future__ import annotations

from core.actors import Actor
from core.errors import DomainError
from importing.ledger import Ledger
from importing.models import ItemKind
from importing.report import Report
from importing.sources.base import Files, OldFile, Owner, Unreachable
from importing.sources.http import Refused
from tracking.artifacts import store_artifact
from tracking.models import Artifact, LoggedModel, Run
from tracking.paths import ancestors, below, clean_path, key_of_uri


class FileCarrier:
    """Knows, besides, which folders are not whole: no version may stand on those."""

    def __init__(self, *, actor: Actor, files: Files, ledger: Ledger, report: Report) -> None:
        self._actor = actor
        self._files = files
        self._ledger = ledger
        self._report = report
        self._failed: dict[str, str] = {}  # path here (a file, or the whole folder of an owner) → why
        self._broken: dict[str, str] = {}  # the folders above those

    def bring(self, owner: Owner, here: Run | LoggedModel) -> None:
        """Bring the files of an owner that are not here yet."""
        if self._ledger.target(ItemKind.FILES, owner.id):
            return
        root = key_of_uri(here.artifact_uri).rstrip("/")
        known = set(Artifact.objects.filter(below(root)).values_list("path", flat=True))
        whole = True
        try:
            for file in self._files.of(owner):
                whole = self._bring_one(file, f"{root}/{file.path}", known) and whole
        except (Unreachable, OSError) as error:
            self._fail(f"files of {owner.kind.replace('_', ' ')}s", owner.id, root, str(error))
            return
        if whole:
            with self._ledger.bringing(ItemKind.FILES, owner.id) as said:
                said.append(root[:300])

    def _bring_one(self, file: OldFile, path: str, known: set[str]) -> bool:
        if path in known:  # it came before the last import broke off
            self._report.here["files"] += 1
            return True
        try:
            clean_path(path)
            with file.open() as stream:
                store_artifact(actor=self._actor, path=path, stream=stream)
        except (DomainError, Refused, Unreachable, OSError) as error:
            self._fail("files", path, path, str(error)[:300])
            return False
        self._report.came["files"] += 1
        return True

    def _fail(self, kind: str, name: str, path: str, why: str) -> None:
        self._failed[path] = why
        self._broken |= dict.fromkeys(ancestors(path), why)
        self._report.trouble(kind, name[:300], why)

    def missing_below(self, folder: str) -> str:
        """Return why something that belongs into a folder could not be brought, "" where everything could."""
        inside = self._broken.get(folder, "")
        return inside or next((self._failed[path] for path in [*ancestors(folder), folder] if path in self._failed), "")
