"""The rows of the registry."""

from registry.models.deployments import Deployment, Endpoint
from registry.models.evidence import CardRevision, FrozenPack, PackOrder, RiskAssessment
from registry.models.registered import ModelGroupGrant, ModelUserGrant, RegisteredModel, RegisteredModelTag
from registry.models.versions import Alias, ModelVersion, ModelVersionTag

__all__ = [
    "Alias",
    "CardRevision",
    "Deployment",
    "Endpoint",
    "FrozenPack",
    "ModelGroupGrant",
    "ModelUserGrant",
    "ModelVersion",
    "ModelVersionTag",
    "PackOrder",
    "RegisteredModel",
    "RegisteredModelTag",
    "RiskAssessment",
]
