"""The second part of an import, after runs and files: registered models, versions, stages and aliases."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from core.errors import AlreadyExists, DomainError, InvalidInput
from importing.file_importer import FileImporter
from importing.load import REFUSALS, ImportContext
from importing.load_governance import GovernanceImport
from importing.mapping import storable_model, storable_version
from importing.models import ItemKind
from importing.relocation import relocated
from importing.sources.base import SourceModel, SourceVersion
from registry.models import RegisteredModel
from registry.services.aliases import set_alias
from registry.services.imports import ImportedVersion, import_model, import_version
from registry.services.stages import import_stages
from registry.sources import Source, resolve_source
from registry.stages import Stage, parse_stage
from tracking.artifacts import folder_files
from tracking.models import Run

_COPY = re.compile(r"models:/[^/@]+/[0-9]+")


class RegistryImport:
    """Imports the registry of a source.

    With ``keep_stages`` versions keep their stages without an approval. With ``allow_missing`` a version whose files
    were not imported is imported without them.
    """

    def __init__(self, context: ImportContext, files: FileImporter, *, keep_stages: bool, allow_missing: bool) -> None:
        self._context = context
        self._files = files
        self._keep_stages = keep_stages
        self._allow_missing = allow_missing
        self._models: dict[str, RegisteredModel] = {}
        self._stages: defaultdict[str, dict[int, str]] = defaultdict(dict)

    def run(self) -> None:
        """Import everything that was not imported before. Raises SourceError."""
        models = list(self._context.source.models())
        for source_model in models:
            self._model(source_model)
            self._context.progress.step("registered models")
        self._versions(self._context.source.versions())
        for source_model in models:
            if source_model.old.name in self._models:
                self._stages_of(self._models[source_model.old.name], self._stages[source_model.old.name])
                self._aliases(source_model)
        if (workspace := self._context.source.workspace) is not None:
            numbers = {name: sorted(stages) for name, stages in self._stages.items()}
            GovernanceImport(self._context, workspace).run(self._models, numbers)

    def _model(self, source: SourceModel) -> None:
        name, report = source.old.name, self._context.report
        if imported_id := self._context.ledger.target(ItemKind.MODEL, name):
            report.existing["models"] += 1
            existing = RegisteredModel.objects.filter(pk=int(imported_id), deleted_at__isnull=True).first()
            if existing is None:
                report.add_problem("models", name, "the model was imported earlier and was then deleted here")
            else:
                self._models[name] = existing
            return
        try:
            with self._context.ledger.importing(ItemKind.MODEL, name) as targets:
                old = storable_model(source.old, report)
                self._models[name] = import_model(
                    actor=self._context.actor, old=old, origin=self._context.source.origin
                )
                targets.append(str(self._models[name].pk))
        except AlreadyExists as error:
            report.add_problem(
                "models",
                name,
                f"a model of that name exists here and was not imported from this source ({error.message})",
            )
        except REFUSALS as error:
            report.add_problem("models", name, str(error))
        else:
            report.imported["models"] += 1

    def _versions(self, versions: Iterable[SourceVersion]) -> None:
        """Import the versions. Copies of versions come last, after their originals."""
        copies = []
        for source in versions:
            if _COPY.fullmatch(source.old.source):
                copies.append(source)
            else:
                self._version(source)
        for source in sorted(copies, key=lambda copy: (copy.old.created_ms, copy.old.name, copy.old.version)):
            self._version(source)

    def _version(self, source: SourceVersion) -> None:
        old, report = source.old, self._context.report
        name = f"{old.name}/{old.version}"
        self._context.progress.step(f"versions of {old.name}")
        if old.name not in self._models:
            report.add_problem("versions", name, "its model was not imported")
            return
        if self._context.ledger.target(ItemKind.VERSION, name):
            report.existing["versions"] += 1
            self._stages[old.name][old.version] = source.stage
            return
        try:
            located = self._located(storable_version(source, report))
            # A model that was imported earlier may have another name here now.
            located = replace(located, name=self._models[old.name].name)
            with self._context.ledger.importing(ItemKind.VERSION, name) as targets:
                version = import_version(actor=self._context.actor, old=located, origin=self._context.source.origin)
                targets.append(str(version.pk))
        except REFUSALS as error:
            report.add_problem("versions", name, str(error))
            return
        report.imported["versions"] += 1
        self._stages[old.name][old.version] = source.stage

    def _located(self, old: ImportedVersion) -> ImportedVersion:
        """Return the version with its source on this server. Raises DomainError where its files are missing here."""
        if old.run_id and not Run.objects.filter(pk=old.run_id).exists():
            self._context.report.add_problem(
                "versions",
                f"{old.name}/{old.version}",
                "its run does not exist here: the version was imported without a run",
            )
        moved = relocated(old)
        why = self._missing_files(self._source_of(moved))
        if not why or self._allow_missing:
            return moved
        outside = replace(moved, source=old.source)
        if self._may_stay_outside(outside):
            return outside
        raise FilesMissing(why)

    def _source_of(self, old: ImportedVersion) -> Source:
        """Return the source as a location on this server. Raises DomainError, with advice for the operator."""
        try:
            return self._resolved(old)
        except InvalidInput as error:
            scheme, mark, _ = old.source.partition(":")
            if not mark or scheme in {"models", "runs"}:
                raise
            why = (
                f"its files are at {scheme}:…, which is not the folder of an imported run, and CUSTODY_ALLOWED_SOURCES "
                "does not allow that address"
            )
            raise FilesMissing(why) from error

    def _may_stay_outside(self, old: ImportedVersion) -> bool:
        """Return whether CUSTODY_ALLOWED_SOURCES allows the location, which is then stored without its files."""
        try:
            return not self._resolved(old).path
        except DomainError:
            return False

    def _resolved(self, old: ImportedVersion) -> Source:
        return resolve_source(actor=self._context.actor, source=old.source, run_id=old.run_id, model_id="")

    def _missing_files(self, location: Source) -> str:
        if location.copied_from is not None or not location.path:
            return ""
        if why := self._files.missing_below(location.path):
            return f"some of its files were not imported: {why}"
        return (
            ""
            if folder_files(location.path)
            else "its folder has no files (--allow-missing-files imports it without files)"
        )

    def _stages_of(self, model: RegisteredModel, names_of_stages: Mapping[int, str]) -> None:
        stages = {number: _stage(name) for number, name in names_of_stages.items()}
        moved = {number: stage for number, stage in stages.items() if stage != Stage.NONE}
        if not moved or self._context.ledger.target(ItemKind.STAGES, str(model.pk)):
            return
        names = [f"{model.name}/{number} ({stage})" for number, stage in sorted(moved.items())]
        if not self._keep_stages:
            self._add_problems(
                "stages",
                names,
                "the version was imported into stage None; --keep-stages keeps the stage, without an approval",
            )
            return
        try:
            with self._context.ledger.importing(ItemKind.STAGES, str(model.pk)) as targets:
                imported = import_stages(
                    actor=self._context.actor, model=model, stages=moved, origin=self._context.source.origin
                )
                targets.append(model.name)
        except DomainError as error:
            self._add_problems("stages", names, error.message)
        else:
            self._context.report.imported["stages"] += len(imported)

    def _add_problems(self, kind: str, names: Sequence[str], why: str) -> None:
        for name in names:
            self._context.report.add_problem(kind, name, why)

    def _aliases(self, source: SourceModel) -> None:
        model = self._models[source.old.name]
        if self._context.ledger.target(ItemKind.ALIASES, str(model.pk)):
            self._context.report.existing["aliases"] += len(source.aliases)
            return
        complete = True
        for alias, version in source.aliases.items():
            try:
                set_alias(actor=self._context.actor, name=model.name, alias=alias, version=version)
            except DomainError as error:
                self._context.report.add_problem("aliases", f"{model.name}@{alias}", error.message)
                complete = False
            else:
                self._context.report.imported["aliases"] += 1
        if complete:
            with self._context.ledger.importing(ItemKind.ALIASES, str(model.pk)) as targets:
                targets.append(model.name)


class FilesMissing(DomainError):
    """Files of a version were not imported, so the version is not registered."""

    code = "files_missing"


def _stage(name: str) -> Stage:
    try:
        return parse_stage(name)
    except DomainError:
        return Stage.NONE
