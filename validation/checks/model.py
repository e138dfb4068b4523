"""Checks of the model itself: its signature, and whether it loads and answers."""

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
    """Requires a signature in the MLmodel file and, where asked, that callers of Production can call this version as
    well.
    """

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
        """Return the files of the version and, where it is compared, of the current Production version."""
        compares = params["compatible_with"] != "nothing" and subject.incumbent is not None
        other = (
            [subject.incumbent.artifact_path, subject.incumbent.artifact_digest]
            if compares and subject.incumbent
            else []
        )
        return {"artifact": [subject.artifact_path, subject.artifact_digest], "incumbent": other}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass where the signature is there and, where asked, compatible."""
        ours = _signature(subject.artifact_path)
        evidence: dict[str, object] = {
            "artifact": subject.artifact_digest,
            **{side: ours[side] for side in sorted(ours)},
        }
        if problem := self._problem(subject, params, ours):
            return CheckResult(passed=False, summary=problem[:1000], evidence=evidence)
        counts = ", ".join(f"{len(ours[side])} {side}" for side in ("inputs", "outputs", "params") if ours.get(side))
        return CheckResult(passed=True, summary=f"The signature names {counts}.", evidence=evidence)

    def _problem(self, subject: Subject, params: Mapping[str, object], ours: Columns) -> str:
        if not ours.get("inputs"):
            return "The model has no signature that names its inputs. Log it with signature= or input_example=."
        if params["outputs"] and not ours.get("outputs"):
            return "The model's signature does not name its outputs."
        incumbent = subject.incumbent
        if params["compatible_with"] == "nothing" or incumbent is None or incumbent.version_id == subject.version_id:
            return ""
        theirs = _signature(incumbent.artifact_path)
        if not theirs.get("inputs"):
            return ""  # a version without a signature has promised its callers nothing
        return _incompatible(ours, theirs, incumbent.number)


def _signature(folder: str) -> Columns:
    mlmodel = read_mlmodel(f"{folder}/MLmodel") if folder else None
    return dict(mlmodel.signature) if mlmodel else {}


def _incompatible(ours: Columns, theirs: Columns, number: int) -> str:
    """Return the differences that would break callers of the replaced version, "" for none."""
    wrong = []
    types = {column["name"]: column["type"] for column in theirs["inputs"]}
    wrong += [f"needs {column['name']}" for column in ours["inputs"] if column["name"] not in types]
    wrong += [
        f"takes {column['name']} as {column['type']}, not {types[column['name']]}"
        for column in ours["inputs"]
        if column["name"] in types and column["type"] != types[column["name"]]
    ]
    answers = [(column["name"], column["type"]) for column in ours.get("outputs", [])]
    if theirs.get("outputs") and answers != [(column["name"], column["type"]) for column in theirs["outputs"]]:
        wrong.append("answers with other columns")
    more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
    return f"Callers of version {number} would break: it {', '.join(wrong[:_LISTED])}{more}." if wrong else ""


class Smoke(ParamsCheck):
    """Loads the model and has it answer its own input example.

    This is the only check that runs the model's code, which anybody may have written: it runs inside the sandbox only
    (validation/sandbox/). A pass shows that the model works, not that it is harmless: its code could fake the answer.
    The check for harm is `artifact.scan`.
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
        """Return a pass where the model answered. Raises SandboxUnavailable where there is no sandbox to run it in."""
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
