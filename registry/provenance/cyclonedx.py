"""The provenance of a version as a CycloneDX 1.7 bill of materials: the model, its data, base models and packages.

It contains the elements that the G7 paper on an SBOM for AI names: name, version, producer, digest, data with digests,
packages, code, metrics. Elements that were not recorded are absent. Format: https://cyclonedx.org/docs/1.7/json/.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from core.times import from_ms, iso_utc
from lineage.graph.reads import NodeRow
from lineage.models import NodeKind
from registry.models import ModelVersion
from registry.provenance.ancestry import Ancestry, digests_of
from registry.reproduction import Reproduction
from tracking.models import LatestMetric

SCHEMA = "http://cyclonedx.org/schema/bom-1.7.schema.json"
_TYPES = {NodeKind.DATASET_VERSION: "data", NodeKind.MODEL_VERSION: "machine-learning-model"}
_ALGORITHMS = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)")
Json = dict[str, Any]


def bom_of(ancestry: Ancestry, version: ModelVersion, training: Reproduction) -> Json:
    """Return the bill of materials. The same version and ancestors give the same serial number."""
    parts = [node for node in ancestry.of_kind(_TYPES) if node.id != ancestry.root]
    packages = [package for line in training.packages if (package := _package(line))]
    root = ancestry.nodes[ancestry.root]
    data = [node.urn for node in parts if node.kind == NodeKind.DATASET_VERSION]
    urns = sorted(node.urn for node in ancestry.nodes.values())
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join([version.artifact_digest, *urns]))}",
        "version": 1,
        "metadata": {
            "timestamp": iso_utc(from_ms(version.created_ms)),
            "lifecycles": [{"phase": "post-build"}],
            "tools": {"components": [{"type": "application", "name": "Custody"}]},
            "component": _model(root, version, training, data),
        },
        "components": [*(_component(node) for node in parts), *packages],
        "dependencies": [
            {
                "ref": root.urn,
                "dependsOn": sorted({*(node.urn for node in parts), *(package["bom-ref"] for package in packages)}),
            }
        ],
    }


def _model(root: NodeRow, version: ModelVersion, training: Reproduction, data: list[str]) -> Json:
    body: Json = {
        "type": "machine-learning-model",
        "bom-ref": root.urn,
        "name": version.model.name,
        "version": str(version.version),
        "authors": [{"name": version.created_by}],
        "modelCard": {
            "modelParameters": {"datasets": [{"ref": urn} for urn in data]},
            "quantitativeAnalysis": {"performanceMetrics": _metrics(version)},
        },
        "properties": [{"name": f"custody:param:{key}", "value": value} for key, value in training.params.items()],
    }
    if version.description:
        body["description"] = version.description
    if hashes := _hashes(version.artifact_digest):
        body["hashes"] = hashes
    if training.repository and training.commit:
        comment = f"commit {training.commit}"
        body["externalReferences"] = [{"type": "vcs", "url": training.repository, "comment": comment}]
    return body


def _metrics(version: ModelVersion) -> list[Json]:
    rows = LatestMetric.objects.filter(run_id=version.run_id).order_by("key", "pk") if version.run_id else []
    return [{"type": row.key, "value": repr(row.value)} for row in rows]


def _component(node: NodeRow) -> Json:
    body: Json = {"type": _TYPES[NodeKind(node.kind)], "bom-ref": node.urn, "name": node.name, "version": node.version}
    if node.kind == NodeKind.DATASET_VERSION:
        body["data"] = [{"type": "dataset", "name": node.name}]
    if hashes := _hashes(node.digest):
        body["hashes"] = hashes
    elif node.digest:
        body["properties"] = [{"name": "custody:digest", "value": node.digest}]
    return body


def _package(line: str) -> Json | None:
    """Return a pip requirement as a component, None where it does not name an exact version of a package."""
    pinned = _PINNED.match(line.strip())
    if pinned is None:
        return None
    name, number = pinned.groups()
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{number}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": number, "purl": purl}


def _hashes(digest: str) -> list[Json]:
    return [{"alg": _ALGORITHMS[name], "content": value} for name, value in digests_of(digest).items()]
