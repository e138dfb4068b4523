"""Checks of the model itself: its signature, and whether it can be loaded and used."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from core.errors import InvalidState
from registry.mlmodel import read_mlmodel
from validation.base import CheckResult, EvidenceFile, ParamsCheck, Progress, Subject, log_line
from validation.params import Param
from validation.sandbox.smoke import Answer, smoke_test

_LISTED = 10

Columns = dict[str, list[dict[str, str]]]


class Signature(ParamsCheck):
    """Requires a signature in the MLmodel file and, with `compatible_with`, one that callers of Production can use."""

    code = "model.signature"
    description = "The signature of the model names the columns of its inputs and outputs."
    params = (
        Param("outputs", "flag", "Whether the signature must name the outputs as well.", default=True),
        Param(
            "compatible_with",
            "choice",
            "`current_production`: it needs no column, and no type of a column, that the current Production version does not "
            "take, and it answers with the same columns.",
            "nothing",
            choices=("nothing", "current_production"),
        ),
    )

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        stays = params["compatible_with"] != "nothing"
        more = ", compatible with that of the current Production version" if stays else ""
        return (
            f"The model must have a signature that names its inputs{' and outputs' if params['outputs'] else ''}{more}."
        )

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the files of the version and, with `compatible_with`, those of the current Production version."""
        incumbent = subject.incumbent if params["compatible_with"] != "nothing" else None
        incumbent_files = [incumbent.artifact_path, incumbent.artifact_digest] if incumbent else []
        return {"artifact": [subject.artifact_path, subject.artifact_digest], "incumbent": incumbent_files}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if there is a signature and, with `compatible_with`, it is compatible."""
        signature = _signature(subject.artifact_path)
        evidence: dict[str, object] = {
            "artifact": subject.artifact_digest,
            **{part: signature[part] for part in sorted(signature)},
        }
        if problem := self._problem(subject, params, signature):
            return CheckResult(passed=False, summary=problem[:1000], evidence=evidence)
        parts = [part for part in ("inputs", "outputs", "params") if signature.get(part)]
        counts = ", ".join(f"{len(signature[part])} {part}" for part in parts)
        return CheckResult(passed=True, summary=f"The signature names {counts}.", evidence=evidence)

    def _problem(self, subject: Subject, params: Mapping[str, object], signature: Columns) -> str:
        if not signature.get("inputs"):
            return "The model has no signature that names its inputs. Log it with signature= or input_example=."
        if params["outputs"] and not signature.get("outputs"):
            return "The model's signature does not name its outputs."
        incumbent = subject.incumbent
        if params["compatible_with"] == "nothing" or incumbent is None or incumbent.version_id == subject.version_id:
            return ""
        replaced = _signature(incumbent.artifact_path)
        if not replaced.get("inputs"):
            return ""  # callers of a version without a signature cannot rely on one
        return _incompatible(signature, replaced, incumbent.number)


def _signature(folder: str) -> Columns:
    mlmodel = read_mlmodel(f"{folder}/MLmodel") if folder else None
    return dict(mlmodel.signature) if mlmodel else {}


def _incompatible(signature: Columns, replaced: Columns, number: int) -> str:
    """Return a sentence with the differences that would break callers of the replaced version, "" for none."""
    types = {column["name"]: column["type"] for column in replaced["inputs"]}
    differences = [f"needs {column['name']}" for column in signature["inputs"] if column["name"] not in types]
    differences += [
        f"takes {column['name']} as {column['type']}, not {types[column['name']]}"
        for column in signature["inputs"]
        if column["name"] in types and column["type"] != types[column["name"]]
    ]
    if replaced.get("outputs") and _name_types(signature.get("outputs", [])) != _name_types(replaced["outputs"]):
        differences.append("answers with other columns")
    if not differences:
        return ""
    more = f" and {len(differences) - _LISTED} more" if len(differences) > _LISTED else ""
    return f"Callers of version {number} would break: it {', '.join(differences[:_LISTED])}{more}."


def _name_types(columns: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(column["name"], column["type"]) for column in columns]


class Smoke(ParamsCheck):
    """Loads the model and lets it answer its own input example.

    No other check runs code of a model, which anybody may have written, and this one runs it only in the sandbox
    (validation/sandbox/). A pass shows that the model works, not that it is harmless, because its code could fake the
    answer. `artifact.scan` is the check for harmful files.
    """

    code = "model.smoke"
    description = (
        "The model loads and answers its input example, in a sandbox without network. Without a sandbox it is not run."
    )
    queue = "slow"
    seconds = 900
    params = (
        Param("seconds", "count", "Seconds that loading and answering may take.", 120, least=1, most=600),
        Param("memory_mb", "count", "Memory of each of its processes, in MiB.", 2048, least=256, most=65536),
    )

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        return "It must load and answer its input example, in a sandbox."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the folder and its registered digest."""
        return {"path": subject.artifact_path, "digest": subject.artifact_digest}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if the model answered. Raises SandboxUnavailable if this server has no sandbox."""
        evidence: dict[str, object] = {"path": subject.artifact_path, "digest": subject.artifact_digest}
        if not subject.artifact_path or not subject.artifact_digest:
            summary = "The files of the version are not in Custody's store, so they cannot be loaded."
            return CheckResult(passed=False, summary=summary, evidence=evidence)
        try:
            answer = smoke_test(
                folder=subject.artifact_path,
                seconds=int(str(params["seconds"])),
                memory_mb=int(str(params["memory_mb"])),
                progress=progress,
                log=lambda line: log_line(progress, line),
            )
        except InvalidState as error:
            return CheckResult(passed=False, summary=error.message[:1000], evidence=evidence)
        return _smoke_result(answer, evidence)


def _smoke_result(answer: Answer, evidence: dict[str, object]) -> CheckResult:
    files = (EvidenceFile("smoke.log", answer.log, "text/plain"),) if answer.log else ()
    if answer.problem:
        return CheckResult(passed=False, summary=answer.problem[:1000], evidence=evidence, files=files)
    evidence |= {"rows": answer.rows, "answer": answer.kind, "columns": list(answer.columns), "model": answer.loader}
    files = (
        EvidenceFile("answer.json", orjson.dumps(answer.facts, option=orjson.OPT_INDENT_2), "application/json"),
        *files,
    )
    summary = (
        f"Loaded in a sandbox and answered {answer.rows} row{'s' if answer.rows != 1 else ''} of its input example."
    )
    return CheckResult(passed=True, summary=summary, evidence=evidence, files=files)
