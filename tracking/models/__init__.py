"""The rows of tracking, in MLflow's terms.

Times ending in ``_ms`` are milliseconds since 1970 (the protocol's int64).
"""

from tracking.models.artifacts import Artifact, MultipartUpload, Seal, SentFile
from tracking.models.experiments import Experiment, ExperimentTag, Lifecycle
from tracking.models.grants import ExperimentGrant, ExperimentLevel, PatternGrant
from tracking.models.logged_models import LoggedModel, LoggedModelParam, LoggedModelStatus, LoggedModelTag, RunModel
from tracking.models.metrics import LatestMetric, Metric, MetricFields
from tracking.models.runs import Dataset, Param, Run, RunInput, RunStatus, RunTag, RunWriter

__all__ = [
    "Artifact",
    "Dataset",
    "Experiment",
    "ExperimentGrant",
    "ExperimentLevel",
    "ExperimentTag",
    "LatestMetric",
    "Lifecycle",
    "LoggedModel",
    "LoggedModelParam",
    "LoggedModelStatus",
    "LoggedModelTag",
    "Metric",
    "MetricFields",
    "MultipartUpload",
    "Param",
    "PatternGrant",
    "Run",
    "RunInput",
    "RunModel",
    "RunStatus",
    "RunTag",
    "RunWriter",
    "Seal",
    "SentFile",
]
