"""The pages of checks: the list of checks and keys, and one run of a check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from approvals.case.loading import load_case
from approvals.check_runs.control import CANCELLABLE, RERUNNABLE
from approvals.check_runs.evidence import files_of_jobs
from approvals.check_runs.visible_facts import visible_facts
from approvals.models import UNFINISHED_CHECKS, CheckEvidence, CheckKey, CheckRun, CheckState, RequestState
from approvals.requests.queries import get_check_run
from console.shell.facts import Fact, fact
from core.actors import Actor, ActorKind
from policies.matching import LoadedPolicy, active_policies
from policies.rules import CheckRule
from registry.permissions import Level, has_level
from validation.base import inputs_digest, seconds_for
from validation.catalogue import known_checks
from validation.params import Param

_HISTORY = 25
_FINISHED = (CheckState.PASSED, CheckState.FAILED, CheckState.ERROR, CheckState.CANCELLED)


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check that a policy may name.

    ``used_by`` are the policies in force that name it, each with its rule. ``seconds`` is the time limit of a run.
    ``is_posted`` tells that an external system posts its results.
    """

    code: str
    description: str
    params: tuple[Param, ...]
    queue: str
    seconds: int
    is_posted: bool
    used_by: list[tuple[LoadedPolicy, str]]


def check_rows() -> list[CheckRow]:
    """Return every check that the settings list, in their order."""
    used: dict[str, list[tuple[LoadedPolicy, str]]] = defaultdict(list)
    for policy in sorted(active_policies(), key=lambda policy: policy.body.name):
        for rule in policy.body.rules:
            if isinstance(rule, CheckRule):
                used[rule.check].append((policy, rule.id))
    return [
        CheckRow(
            code=code,
            description=getattr(check, "description", ""),
            params=tuple(getattr(check, "params", ())),
            queue=getattr(check, "queue", "fast"),
            seconds=seconds_for(check),
            is_posted=bool(getattr(check, "posted", False)),
            used_by=used[code],
        )
        for code, check in known_checks().items()
    ]


def check_keys() -> list[CheckKey]:
    """Return the keys that may sign results, those in force first."""
    return sorted(CheckKey.objects.all(), key=lambda key: (key.revoked_at is not None, key.name))


def rules_needing_key(name: str) -> list[str]:
    """Return the rules of policies in force whose external results this key signs, as ``policy: rule``."""
    return [
        f"{policy.body.name}: {rule.id}"
        for policy in active_policies()
        for rule in policy.body.rules
        if isinstance(rule, CheckRule) and name in _keys_of(rule)
    ]


def _keys_of(rule: CheckRule) -> list[str]:
    keys = rule.params.get("keys")
    return [str(key) for key in keys] if isinstance(keys, list | tuple) else []


def may_manage_keys(actor: Actor) -> bool:
    """Return whether the actor may add and revoke keys."""
    return actor.is_superuser and actor.kind is ActorKind.USER


@dataclass(frozen=True, slots=True)
class ParamView:
    """One parameter of a run: its value, whether the policy sets it, and what it is for."""

    name: str
    value: str
    is_set: bool
    description: str


@dataclass(frozen=True, slots=True)
class CheckRunPage:
    """One run of a check.

    ``counts`` tells whether its inputs are unchanged, so that its result still counts. ``waited`` is how many seconds
    it was queued, None until it starts. ``took`` is how many seconds it ran, None until it ends.
    """

    job: CheckRun
    description: str
    params: list[ParamView]
    inputs: list[Fact]
    counts: bool
    evidence: list[Fact]
    files: list[CheckEvidence]
    history: list[CheckRun]
    waited: float | None
    took: float | None
    may_cancel: bool
    may_rerun: bool

    @property
    def is_updating(self) -> bool:
        """Return whether the run has not finished."""
        return self.job.state in UNFINISHED_CHECKS


def check_run_page(actor: Actor, check_run_id: int) -> CheckRunPage:
    """Return the page of a run. The query count does not depend on its history. Raises NotFound."""
    job = get_check_run(actor, check_run_id)
    check: Any = known_checks().get(job.check_code)
    subject = load_case(job.request).subject
    counts = check is not None and inputs_digest(check, job.params, subject) == job.inputs_digest
    read = check.inputs(subject, check.parse(job.params)) if counts else {}
    inputs, evidence = visible_facts(actor, [(job.check_code, read), (job.check_code, job.evidence)])
    may_edit = has_level(actor, job.request.version.model, Level.EDIT)
    is_open = job.request.state == RequestState.OPEN
    return CheckRunPage(
        job=job,
        description=getattr(check, "description", ""),
        params=_params(check, job.params),
        inputs=[fact(key, value) for key, value in inputs.items()] if isinstance(inputs, Mapping) else [],
        counts=counts,
        evidence=[fact(key, value) for key, value in evidence.items()] if isinstance(evidence, Mapping) else [],
        files=files_of_jobs([job]),
        history=_history(job),
        waited=_seconds(job.started_at - job.queued_at) if job.started_at else None,
        took=_seconds(job.finished_at - job.started_at) if job.started_at and job.finished_at else None,
        may_cancel=may_edit and job.state in CANCELLABLE,
        may_rerun=may_edit and is_open and counts and job.state in RERUNNABLE,
    )


def _params(check: Any, values: Mapping[str, object]) -> list[ParamView]:
    declared: tuple[Param, ...] = tuple(getattr(check, "params", ()))
    rows = [
        ParamView(
            param.name,
            _param_text(values[param.name]) if param.name in values else param.shown_default,
            param.name in values,
            param.description,
        )
        for param in declared
    ]
    declared_names = {param.name for param in declared}
    return rows + [
        ParamView(name, _param_text(value), is_set=True, description="")
        for name, value in values.items()
        if name not in declared_names
    ]


def _param_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return " · ".join(f"{key}: {item}" for key, item in value.items())
    return ", ".join(_param_text(item) for item in value) if isinstance(value, list | tuple) else str(value)


def _history(job: CheckRun) -> list[CheckRun]:
    """Return the newest other finished runs of the same rule on versions of the same model."""
    rows = CheckRun.objects.filter(
        check_code=job.check_code,
        rule=job.rule,
        state__in=_FINISHED,
        request__version__model=job.request.version.model_id,
    ).exclude(pk=job.pk)
    return list(rows.select_related("request__version__model").order_by("-pk")[:_HISTORY])


def _seconds(length: timedelta) -> float:
    return max(0.0, length.total_seconds())
