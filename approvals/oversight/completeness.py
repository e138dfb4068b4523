"""Completeness of a version's lineage: whether code, data, environment, params, evaluation and approval are known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from approvals.models.requests import RequestState, TransitionRequest
from core.refs import run_ref, version_ref
from lineage.identity.names import UNVERSIONED
from lineage.models import Edge, NodeKind, Relation
from registry.models import ModelVersion
from tracking.models import LatestMetric, Param

_APPROVED_STATES = (RequestState.APPROVED, RequestState.APPLIED)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the lineage of a version: code, data, environment, params, evaluation or approval.

    ``to_log`` is advice on recording a missing part, "" for a known one.
    """

    name: str
    is_known: bool
    detail: str
    to_log: str


_TO_LOG = {
    "code": "Set the tag git_commit on the run, and mlflow.source.git.repoURL for its repository.",
    "data": "Log the data with mlflow.log_input, or set the tag dataset_version to name_v1 on the run.",
    "environment": "Log the model with its requirements (mlflow writes requirements.txt beside the model).",
    "params": "Log the parameters of the training with mlflow.log_params.",
    "evaluation": "Log metrics with mlflow.log_metric or mlflow.evaluate.",
    "approval": "Ask for the version to be promoted under a policy with approvals.",
}


def completeness_of(version: ModelVersion) -> list[Part]:
    """Return the six parts of a version's lineage; a fixed number of queries."""
    urns = [version_ref(version.model.name, version.version), *([run_ref(version.run_id)] if version.run_id else [])]
    edges = list(Edge.objects.filter(dst__urn__in=urns).select_related("src"))
    inputs = [edge.src for edge in edges if edge.rel in (Relation.CONSUMED, Relation.INHERITED)]
    data = [node for node in inputs if node.kind == NodeKind.DATASET_VERSION]
    unversioned = [node.name for node in data if node.version == UNVERSIONED]
    versioned = [f"{node.name} {node.version}".strip() for node in data if node.version != UNVERSIONED]
    code = [edge.src.version[:12] for edge in edges if edge.rel == Relation.USED_CODE]
    environment = [edge.src.name for edge in edges if edge.rel == Relation.USED_ENV]
    params = Param.objects.filter(run_id=version.run_id).count() if version.run_id else 0
    metrics = LatestMetric.objects.filter(run_id=version.run_id).count() if version.run_id else 0
    approval = version.approved_by or _approved_request(version)
    return [
        _part("code", _listed(code)),
        _data(versioned, unversioned),
        _part("environment", _listed(environment)),
        _part("params", f"{params} params" if params else ""),
        _part("evaluation", f"{metrics} metrics" if metrics else ""),
        _part("approval", approval),
    ]


def _part(name: str, detail: str) -> Part:
    return Part(name, bool(detail), detail or "missing", "" if detail else _TO_LOG[name])


def _data(versioned: Iterable[str], unversioned: list[str]) -> Part:
    """Return the part about the data. It is missing where a dataset was logged without a version."""
    if unversioned:
        detail = f"no version of {_listed(unversioned)}"
        return Part("data", is_known=False, detail=detail, to_log="Name a version: orders_v1 or orders@2026-11-01.")
    return _part("data", _listed(versioned))


def _listed(texts: Iterable[str]) -> str:
    unique = sorted(set(texts))
    return ", ".join(unique[:3]) + (f" and {len(unique) - 3} more" if len(unique) > 3 else "")  # noqa: PLR2004 - three are shown


def _approved_request(version: ModelVersion) -> str:
    request = TransitionRequest.objects.filter(version=version, state__in=_APPROVED_STATES).order_by("-pk").first()
    return f"request {request.pk} for {request.target}" if request else ""
