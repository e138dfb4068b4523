"""Import of the files of runs and logged models: each file is streamed from the source into the artifact store."""

from __future__ import annotations

from core.actors import Actor
from core.errors import DomainError
from importing.ledger import Ledger
from importing.models import ItemKind
from importing.report import Report
from importing.sources.base import Files, FilesUnreachable, Owner, SourceFile
from importing.sources.http import ServerError
from tracking.artifacts import store_artifact
from tracking.models import Artifact, LoggedModel, Run
from tracking.paths import ancestors, below, clean_path, key_of_uri


class FileImporter:
    """Imports files, and remembers incomplete folders: no version may be registered from such a folder."""

    def __init__(self, *, actor: Actor, files: Files, ledger: Ledger, report: Report) -> None:
        self._actor = actor
        self._files = files
        self._ledger = ledger
        self._report = report
        # The path in the store of each file that failed, or of an owner's folder that could not be read → why.
        self._failed: dict[str, str] = {}
        # Every folder above such a path → why.
        self._incomplete: dict[str, str] = {}

    def import_files(self, owner: Owner, target: Run | LoggedModel) -> None:
        """Import the files of an owner that are not in the store. Files that fail are reported. Raises SourceError."""
        if self._ledger.target(ItemKind.FILES, owner.id):
            return
        root = key_of_uri(target.artifact_uri).rstrip("/")
        existing = set(Artifact.objects.filter(below(root)).values_list("path", flat=True))
        complete = True
        try:
            for file in self._files.of(owner):
                complete = self._import_file(file, f"{root}/{file.path}", existing) and complete
        except (FilesUnreachable, OSError) as error:
            self._fail(f"files of {owner.kind.replace('_', ' ')}s", owner.id, root, str(error))
            return
        if complete:
            with self._ledger.importing(ItemKind.FILES, owner.id) as targets:
                targets.append(root[:300])

    def _import_file(self, file: SourceFile, path: str, existing: set[str]) -> bool:
        try:
            path = clean_path(path)
            if path in existing:  # an earlier import stored it and then failed
                self._report.existing["files"] += 1
                return True
            with file.open() as stream:
                store_artifact(actor=self._actor, path=path, stream=stream)
        except (DomainError, ServerError, FilesUnreachable, OSError) as error:
            self._fail("files", path, path, str(error)[:300])
            return False
        self._report.imported["files"] += 1
        return True

    def _fail(self, kind: str, name: str, path: str, why: str) -> None:
        self._failed[path] = why
        self._incomplete |= dict.fromkeys(ancestors(path), why)
        self._report.add_problem(kind, name[:300], why)

    def missing_below(self, folder: str) -> str:
        """Return why a file of a folder was not imported, "" where all files were imported."""
        why = self._incomplete.get(folder, "")
        return why or next((self._failed[path] for path in [*ancestors(folder), folder] if path in self._failed), "")
