"""Checks on where a version comes from."""

from __future__ import annotations

from collections.abc import Mapping

from approvals.checks.base import CheckResult, Progress, Subject, names_param, refuse_unknown

_DEFAULT_TAGS = ("dataset_version", "git_commit", "triggered_by")


class RequiredTags:
    """The run carries each of ``tags`` with a value.

    A tag of the model version counts where the run has none (a version may have no run). A parameter of that name does
    not count: lineage and search read tags; the answer says so.
    """

    code = "lineage.required_tags"

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        refuse_unknown(params, frozenset({"tags"}))
        return {"tags": names_param(params, "tags", _DEFAULT_TAGS)}

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        return {"run": subject.run.run_id, "values": self._values(subject, params)}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        values = self._values(subject, params)
        missing = [name for name, (_, value) in values.items() if not value.strip()]
        evidence = {
            "run": subject.run.run_id,
            "tags": {name: {"from": source, "value": value} for name, (source, value) in values.items()},
            "missing": missing,
        }
        if not missing:
            said = ", ".join(f"{name}={value}" for name, (_, value) in values.items())
            return CheckResult(passed=True, summary=f"All tags are there: {said}."[:1000], evidence=evidence)
        where = f"run {subject.run.run_id}" if subject.run.run_id else "the version (it names no run)"
        summary = f"Missing tag{'s' if len(missing) > 1 else ''} on {where}: {', '.join(missing)}."
        if as_params := [name for name in missing if name in subject.run.params]:
            summary += f" {', '.join(as_params)} was logged as a parameter; set it as a tag."
        return CheckResult(passed=False, summary=summary[:1000], evidence=evidence)

    def _values(self, subject: Subject, params: Mapping[str, object]) -> dict[str, tuple[str, str]]:
        """Return (where it was found, value) of each wanted tag."""
        found: dict[str, tuple[str, str]] = {}
        for name in names_param(params, "tags", _DEFAULT_TAGS):
            if subject.run.tags.get(name, "").strip():
                found[name] = ("run", subject.run.tags[name])
            else:
                found[name] = ("version", subject.tags[name]) if name in subject.tags else ("", "")
        return found
