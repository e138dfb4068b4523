"""Models of the registry."""

from registry.models.deployments import Deployment, Endpoint, ServingAttestation
from registry.models.evidence import CardRevision, FrozenPack, PackOrder, RiskAssessment
from registry.models.inventory import InventoryEntry, ModelAttestation
from registry.models.registered import ModelGroupGrant, ModelUserGrant, RegisteredModel, RegisteredModelTag
from registry.models.versions import Alias, ModelVersion, ModelVersionTag, PayloadOrigin

__all__ = [
    "Alias",
    "CardRevision",
    "Deployment",
    "Endpoint",
    "FrozenPack",
    "InventoryEntry",
    "ModelAttestation",
    "ModelGroupGrant",
    "ModelUserGrant",
    "ModelVersion",
    "ModelVersionTag",
    "PackOrder",
    "PayloadOrigin",
    "RegisteredModel",
    "RegisteredModelTag",
    "RiskAssessment",
    "ServingAttestation",
]
