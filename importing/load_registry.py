"""Registered models, versions, stages and aliases: the second half of an import, once every run and file is here."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from core.errors import AlreadyExists, DomainError, InvalidInput
from importing.files import FileCarrier
from importing.load import REFUSALS, Bringing
from importing.mapping import fitting_model, fitting_version
from importing.models import ItemKind
from importing.relocation import relocated
from importing.sources.base import FoundModel, FoundVersion
from registry.models import RegisteredModel
from registry.services.aliases import set_alias
from registry.services.imports import OldVersion, import_model, import_version
from registry.services.stages import import_stages
from registry.sources import Source, resolve_source
from registry.stages import Stage, parse_stage
from tracking.artifacts import folder_files
from tracking.models import Run

_COPY = re.compile(r"models:/[^/@]+/[0-9]+")


class RegistryImport:
    """``keep_stages``: versions keep theirs, without approval. ``allow_missing``: versions come without their files, too."""

    def __init__(self, bringing: Bringing, files: FileCarrier, *, keep_stages: bool, allow_missing: bool) -> None:
        self._to = bringing
        self._files = files
        self._keep_stages = keep_stages
        self._allow_missing = allow_missing
        self._models: dict[str, RegisteredModel] = {}
        self._stages: defaultdict[str, dict[int, str]] = defaultdict(dict)

    def run(self) -> None:
        """Bring everything that has not come yet."""
        models = list(self._to.source.models())
        for found in models:
            self._model(found)
            self._to.progress.step("registered models")
        self._versions(self._to.source.versions())
        for found in models:
            if found.old.name in self._models:
                self._stages_of(self._models[found.old.name], self._stages[found.old.name])
                self._aliases(found)

    def _model(self, found: FoundModel) -> None:
        name, report = found.old.name, self._to.report
        if known := self._to.ledger.target(ItemKind.MODEL, name):
            report.here["models"] += 1
            kept = RegisteredModel.objects.filter(pk=int(known), deleted_at__isnull=True).first()
            if kept is None:
                report.trouble("models", name, "came earlier and was deleted here")
            else:
                self._models[name] = kept
            return
        try:
            with self._to.ledger.bringing(ItemKind.MODEL, name) as said:
                old = fitting_model(found.old, report)
                self._models[name] = import_model(actor=self._to.actor, old=old, origin=self._to.source.origin)
                said.append(str(self._models[name].pk))
        except AlreadyExists as error:
            report.trouble("models", name, f"the name is taken here, by a model of another origin ({error.message})")
        except REFUSALS as error:
            report.trouble("models", name, str(error))
        else:
            report.came["models"] += 1

    def _versions(self, versions: Iterable[FoundVersion]) -> None:
        """Bring the versions; copies of versions last, so that there is something to be a copy of."""
        copies = []
        for found in versions:
            if _COPY.fullmatch(found.old.source):
                copies.append(found)
            else:
                self._version(found)
        for found in sorted(copies, key=lambda copy: (copy.old.created_ms, copy.old.name, copy.old.version)):
            self._version(found)

    def _version(self, found: FoundVersion) -> None:
        old, report = found.old, self._to.report
        name = f"{old.name}/{old.version}"
        self._to.progress.step(f"versions of {old.name}")
        if old.name not in self._models:
            report.trouble("versions", name, "its model did not come")
            return
        if self._to.ledger.target(ItemKind.VERSION, name):
            report.here["versions"] += 1
            self._stages[old.name][old.version] = found.stage
            return
        try:
            standing = self._standing(fitting_version(found, report))
            # the name here: a model that came earlier may have been renamed since
            standing = replace(standing, name=self._models[old.name].name)
            with self._to.ledger.bringing(ItemKind.VERSION, name) as said:
                version = import_version(actor=self._to.actor, old=standing, origin=self._to.source.origin)
                said.append(str(version.pk))
        except REFUSALS as error:
            report.trouble("versions", name, str(error))
            return
        report.came["versions"] += 1
        self._stages[old.name][old.version] = found.stage

    def _standing(self, old: OldVersion) -> OldVersion:
        """Return the version with a source it can stand on here. Raises DomainError where there is none."""
        if old.run_id and not Run.objects.filter(pk=old.run_id).exists():
            self._to.report.trouble("versions", f"{old.name}/{old.version}", "its run is not here: it came without one")
        moved = relocated(old)
        why = self._why_not_whole(self._source_of(moved))
        if not why or self._allow_missing:
            return moved
        outside = replace(moved, source=old.source)
        if self._may_stay_outside(outside):
            return outside
        raise NotWhole(why)

    def _source_of(self, old: OldVersion) -> Source:
        """Return what the source stands for here; in a refusal say what the operator can do about it."""
        try:
            return self._resolved(old)
        except InvalidInput as error:
            scheme, mark, _ = old.source.partition(":")
            if not mark or scheme in {"models", "runs"}:
                raise
            why = f"its files lie at {scheme}:…, in no folder of a run that is here, and CUSTODY_ALLOWED_SOURCES does not allow it"
            raise NotWhole(why) from error

    def _may_stay_outside(self, old: OldVersion) -> bool:
        """Return whether the source lies under a location that CUSTODY_ALLOWED_SOURCES names; only the text is kept then."""
        try:
            return not self._resolved(old).path
        except DomainError:
            return False

    def _resolved(self, old: OldVersion) -> Source:
        return resolve_source(actor=self._to.actor, source=old.source, run_id=old.run_id, model_id="")

    def _why_not_whole(self, found: Source) -> str:
        if found.copied_from is not None or not found.path:
            return ""
        if why := self._files.missing_below(found.path):
            return f"its files are not all here: {why}"
        return "" if folder_files(found.path) else "its folder holds no files (--allow-missing-files brings it without)"

    def _stages_of(self, model: RegisteredModel, names_of_stages: Mapping[int, str]) -> None:
        wanted = {number: _stage(name) for number, name in names_of_stages.items()}
        moved = {number: stage for number, stage in wanted.items() if stage != Stage.NONE}
        if not moved or self._to.ledger.target(ItemKind.STAGES, str(model.pk)):
            return
        names = [f"{model.name}/{number} ({stage})" for number, stage in sorted(moved.items())]
        if not self._keep_stages:
            self._tell(
                "stages", names, "the version is in None now; --keep-stages keeps the stage, without an approval"
            )
            return
        try:
            with self._to.ledger.bringing(ItemKind.STAGES, str(model.pk)) as said:
                kept = import_stages(actor=self._to.actor, model=model, stages=moved, origin=self._to.source.origin)
                said.append(model.name)
        except DomainError as error:
            self._tell("stages", names, error.message)
        else:
            self._to.report.came["stages"] += len(kept)

    def _tell(self, kind: str, names: Sequence[str], why: str) -> None:
        for name in names:
            self._to.report.trouble(kind, name, why)

    def _aliases(self, found: FoundModel) -> None:
        model = self._models[found.old.name]
        if self._to.ledger.target(ItemKind.ALIASES, str(model.pk)):
            self._to.report.here["aliases"] += len(found.aliases)
            return
        whole = True
        for alias, version in found.aliases.items():
            try:
                set_alias(actor=self._to.actor, name=model.name, alias=alias, version=version)
            except DomainError as error:
                self._to.report.trouble("aliases", f"{model.name}@{alias}", error.message)
                whole = False
            else:
                self._to.report.came["aliases"] += 1
        if whole:
            with self._to.ledger.bringing(ItemKind.ALIASES, str(model.pk)) as said:
                said.append(model.name)


class NotWhole(DomainError):
    """The files of a version are not (all) here."""

    code = "not_whole"


def _stage(name: str) -> Stage:
    try:
        return parse_stage(name)
    except DomainError:
        return Stage.NONE
