"""Keys of tags, metadata and span attributes that MLflow's clients and servers agree on."""

from __future__ import annotations

# tags
NAME = "mlflow.traceName"
ARTIFACT_LOCATION = "mlflow.artifactLocation"
SPANS_LOCATION = "mlflow.trace.spansLocation"
IN_THIS_SERVER = "TRACKING_STORE"
# Set by this server; values that a client sends are ignored.
SERVER_TAGS = frozenset({ARTIFACT_LOCATION, SPANS_LOCATION})
# metadata
SOURCE_RUN = "mlflow.sourceRun"
SESSION = "mlflow.trace.session"
USER = "mlflow.trace.user"
TOKEN_USAGE = "mlflow.trace.tokenUsage"  # noqa: S105 - tokens of a language model
SIZE_STATS = "mlflow.trace.sizeStats"
# attributes of spans
INPUTS = "mlflow.spanInputs"
OUTPUTS = "mlflow.spanOutputs"
SPAN_TYPE = "mlflow.spanType"
SPAN_USAGE = "mlflow.chat.tokenUsage"
TAG_PREFIX = "mlflow.traceTag."
TRACE_ID = "mlflow.traceRequestId"
