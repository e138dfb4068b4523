"""Provenance as an unsigned in-toto statement with the SLSA predicate (https://slsa.dev/spec/v1.0/provenance)."""

from __future__ import annotations

from typing import Any

from core.errors import InvalidState
from core.times import from_ms, iso_utc
from lineage.graph.reads import NodeRow
from lineage.models import NodeKind
from registry.models import ModelVersion
from registry.provenance.ancestry import Ancestry, digests_of
from registry.reproduction import Reproduction
from tracking.models import Run

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:custody:training:v1"
_DEPENDENCIES = (NodeKind.DATASET_VERSION, NodeKind.ENVIRONMENT, NodeKind.LOGGED_MODEL, NodeKind.MODEL_VERSION)
Json = dict[str, Any]


def statement_of(ancestry: Ancestry, version: ModelVersion, training: Reproduction) -> Json:
    """Return the statement. Raises InvalidState for a version whose files have no digest."""
    digests = digests_of(version.artifact_digest)
    if not digests:
        raise InvalidState("The files of this version have no digest, so a statement cannot name them.")
    return {
        "_type": STATEMENT,
        "subject": [{"name": f"{version.model.name}/{version.version}", "digest": digests}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "repository": training.repository,
                    "command": list(training.command),
                    "params": dict(training.params),
                    "seed": training.seed,
                },
                "resolvedDependencies": [
                    *_code(training),
                    *(_dependency(node) for node in ancestry.of_kind(_DEPENDENCIES) if node.id != ancestry.root),
                ],
            },
            "runDetails": {"builder": {"id": "urn:custody:run"}, "metadata": _metadata(version)},
        },
    }


def _code(training: Reproduction) -> list[Json]:
    if not training.commit:
        return []
    return [{"uri": f"git+{training.repository}@{training.commit}", "digest": {"gitCommit": training.commit}}]


def _dependency(node: NodeRow) -> Json:
    body: Json = {"uri": f"urn:custody:{node.urn}", "name": f"{node.name} {node.version}".strip()}
    digests = digests_of(node.digest)
    if digests:
        body["digest"] = digests
    elif node.digest:
        body["annotations"] = {"digest": node.digest}
    return body


def _metadata(version: ModelVersion) -> Json:
    run = Run.objects.filter(pk=version.run_id).first() if version.run_id else None
    if run is None:
        return {}
    times = {"startedOn": run.start_ms, "finishedOn": run.end_ms}
    return {"invocationId": run.pk} | {name: _time(ms) for name, ms in times.items() if ms}


def _time(ms: int) -> str:
    return iso_utc(from_ms(ms))
