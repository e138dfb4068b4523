"""Checks of the provenance of a version: tags, code, data, environment and quarantined ancestors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.errors import NotFound, TooLarge
from core.text import english_list
from lineage.identity.names import UNVERSIONED
from tracking.artifacts import folder_files, read_artifact
from tracking.dataset_versions import parse_dataset_versions
from tracking.provenance import COMMIT_KEYS, DATASET_KEY
from validation.base import CheckResult, ParamsCheck, Progress, Subject
from validation.params import Param, texts

DEFAULT_TAGS = ("dataset_version", "git_commit", "triggered_by")
_PARTS = ("code", "data", "environment")
# Files of an MLflow model that list its environment; the first one that exists is read.
_ENVIRONMENTS = ("requirements.txt", "python_env.yaml", "conda.yaml")
_MAX_REQUIREMENTS = 1_000_000
_LISTED = 10


class RequiredTags(ParamsCheck):
    """Requires a value for each of ``tags``.

    If the run has no value for a tag, the tag of the model version counts, because a version may have no run. A
    parameter of that name does not count, because lineage and search read tags; the summary says so.
    """

    code = "lineage.required_tags"
    description = "The run has each tag with a value; a tag of the version counts where the run has none."
    params = (Param("tags", "names", "The required tags.", DEFAULT_TAGS),)

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        names = texts(params, "tags")
        return f"Its run must have the tag{'s' if len(names) > 1 else ''} {english_list(names)}."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the run, and the source and value of each tag."""
        return {"run": subject.run.run_id, "values": self._values(subject, params)}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if every tag has a value."""
        values = self._values(subject, params)
        missing = [name for name, (_, value) in values.items() if not value.strip()]
        evidence = {
            "run": subject.run.run_id,
            "tags": {name: {"from": source, "value": value} for name, (source, value) in values.items()},
            "missing": missing,
        }
        if not missing:
            values_text = ", ".join(f"{name}={value}" for name, (_, value) in values.items())
            return CheckResult(passed=True, summary=f"All tags are set: {values_text}."[:1000], evidence=evidence)
        where = f"run {subject.run.run_id}" if subject.run.run_id else "the version (it names no run)"
        summary = f"Missing tag{'s' if len(missing) > 1 else ''} on {where}: {', '.join(missing)}."
        if as_params := [name for name in missing if name in subject.run.params]:
            summary += f" {', '.join(as_params)} was logged as a parameter; set it as a tag."
        return CheckResult(passed=False, summary=summary[:1000], evidence=evidence)

    def _values(self, subject: Subject, params: Mapping[str, object]) -> dict[str, tuple[str, str]]:
        """Return (source, value) of each required tag; the source is `run`, `version` or ""."""
        values: dict[str, tuple[str, str]] = {}
        for name in texts(params, "tags"):
            if subject.run.tags.get(name, "").strip():
                values[name] = ("run", subject.run.tags[name])
            else:
                values[name] = ("version", subject.tags[name]) if name in subject.tags else ("", "")
        return values


class Complete(ParamsCheck):
    """Requires that code, data and environment of the training are known, so that the training can be repeated."""

    code = "lineage.complete"
    description = "The code, the data and the environment of the training are known."
    params = (
        Param("require", "choices", "What must be known.", _PARTS, choices=_PARTS),
        Param("pinned", "flag", "Whether every requirement must name an exact version (`==`).", default=True),
    )

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        exact = ", every requirement by its exact version" if _pins(params) else ""
        return f"The {english_list(texts(params, 'require'))} of its training must be known{exact}."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the commit, the datasets and the files of the version."""
        return {
            "run": subject.run.run_id,
            "code": _commit(subject),
            "data": _datasets(subject),
            "artifact": [subject.artifact_path, subject.artifact_digest],
        }

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if every required part is known."""
        environment, problem = _environment(subject, pinned=bool(params["pinned"]))
        data = _datasets(subject)
        problems = {
            "code": "" if _commit(subject) else "no commit (tag git_commit, or mlflow.source.git.commit)",
            "data": _data_problem(data),
            "environment": problem,
        }
        required = {part: problems[part] for part in texts(params, "require")}
        evidence = {
            "run": subject.run.run_id,
            "code": _commit(subject),
            "data": [f"{name}@{version}" for name, version in data],
            "environment": environment,
            "missing": {part: why for part, why in required.items() if why},
        }
        missing = [f"{part}: {why}" for part, why in required.items() if why]
        if missing:
            return CheckResult(passed=False, summary=f"Not known: {'; '.join(missing)}."[:1000], evidence=evidence)
        return CheckResult(passed=True, summary=f"Known: {', '.join(required)}.", evidence=evidence)


def _pins(params: Mapping[str, object]) -> bool:
    return bool(params["pinned"]) and "environment" in texts(params, "require")


def _commit(subject: Subject) -> str:
    return next((subject.run.tags[key].strip() for key in COMMIT_KEYS if subject.run.tags.get(key, "").strip()), "")


def _datasets(subject: Subject) -> list[tuple[str, str]]:
    """Return (name, version) of every dataset that the run read, as in the lineage graph."""
    texts_of_key = [subject.run.tags.get(DATASET_KEY, ""), subject.run.params.get(DATASET_KEY, "")]
    in_texts = [pair for text in texts_of_key for pair in parse_dataset_versions(text)]
    return sorted({*in_texts, *((name, digest) for name, digest, _ in subject.run.datasets)})


def _data_problem(data: list[tuple[str, str]]) -> str:
    """Return the problem of the datasets of a run, "" if they are known."""
    if not data:
        return "no dataset (mlflow.log_input, or the tag dataset_version)"
    unversioned = [name for name, version in data if version in ("", UNVERSIONED)]
    return f"{', '.join(unversioned[:_LISTED])} without a version" if unversioned else ""


def _environment(subject: Subject, *, pinned: bool) -> tuple[str, str]:
    """Return the file that lists the environment of the model, "" without one, and its problem, "" without one."""
    files = {name for name, _, _ in folder_files(subject.artifact_path)} if subject.artifact_path else set()
    file = next((name for name in _ENVIRONMENTS if name in files), "")
    if not file:
        return "", f"the model has none of {', '.join(_ENVIRONMENTS)}"
    if not pinned or file != "requirements.txt":
        return file, ""
    try:
        text = read_artifact(f"{subject.artifact_path}/{file}", _MAX_REQUIREMENTS).decode("utf-8", "replace")
    except (NotFound, TooLarge) as error:
        return file, f"{file} cannot be read: {error.message.rstrip('.')}"
    unpinned = list(_unpinned(text))
    return file, f"{', '.join(unpinned[:_LISTED])} in {file} without an exact version (==)" if unpinned else ""


def _unpinned(text: str) -> Iterator[str]:
    for line in text.splitlines():
        requirement = line.partition("#")[0].partition(";")[0].strip()
        if requirement and not requirement.startswith("-") and "==" not in requirement and " @ " not in requirement:
            yield requirement[:80]


class NotQuarantined(ParamsCheck):
    """Requires that no ancestor of the version is quarantined."""

    code = "lineage.not_quarantined"
    description = "No dataset version that the version descends from is quarantined."
    named_nodes = ("quarantined",)

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        return "No dataset version that it descends from may be quarantined."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the quarantined ancestors, and whether all ancestors were read."""
        return {"quarantined": list(subject.ancestry.quarantined), "complete": subject.ancestry.complete}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if all ancestors are known and none is quarantined.

        The summary names no data: every reader of the model gets it, also in events and in answers to clients.
        """
        ancestry = subject.ancestry
        evidence = {"quarantined": list(ancestry.quarantined), "complete": ancestry.complete}
        if ancestry.quarantined:
            count = len(ancestry.quarantined)
            summary = (
                f"It descends from quarantined data. The evidence names {count} dataset version{'s' * (count > 1)}."
            )
            return CheckResult(passed=False, summary=summary, evidence=evidence)
        if not ancestry.complete:
            summary = (
                "Some datasets are quarantined. The ancestry of this version is unknown or too large to rule them out."
            )
            return CheckResult(passed=False, summary=summary, evidence=evidence)
        return CheckResult(passed=True, summary="Nothing it descends from is quarantined.", evidence=evidence)
