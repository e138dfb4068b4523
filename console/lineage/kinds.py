"""The label and style of each kind of node."""

from __future__ import annotations

from dataclasses import dataclass

from lineage.models import NodeKind


@dataclass(frozen=True, slots=True)
class NodeKindLabel:
    """The style, the icon and the name of a kind of node."""

    css: str
    icon: str
    text: str


KINDS: dict[int, NodeKindLabel] = {
    NodeKind.DATASET: NodeKindLabel("data", "database", "Dataset"),
    NodeKind.DATASET_VERSION: NodeKindLabel("data", "database", "Dataset version"),
    NodeKind.CODE_VERSION: NodeKindLabel("code", "code", "Code"),
    NodeKind.ENVIRONMENT: NodeKindLabel("code", "package_2", "Environment"),
    NodeKind.RUN: NodeKindLabel("run", "model_training", "Run"),
    NodeKind.MODEL: NodeKindLabel("model", "deployed_code", "Model"),
    NodeKind.MODEL_VERSION: NodeKindLabel("model", "deployed_code", "Model version"),
    NodeKind.EVALUATION: NodeKindLabel("run", "assessment", "Evaluation"),
    NodeKind.DEPLOYMENT: NodeKindLabel("deploy", "rocket_launch", "Deployment"),
    NodeKind.ENDPOINT: NodeKindLabel("endpoint", "api", "Endpoint"),
    NodeKind.LOGGED_MODEL: NodeKindLabel("model", "package", "Logged model"),
    NodeKind.CONTENT: NodeKindLabel("data", "fingerprint", "Same bytes"),
    NodeKind.REPOSITORY: NodeKindLabel("code", "code", "Repository"),
}
