"""Parts of MLflow's API that this server does not have: each call is refused with a message that says what to do
instead.

The status is 501, which clients do not repeat.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, re_path

from core.actors import Actor
from mlflow_api.dispatch import PREFIXES, protected
from mlflow_api.errors import error_response


@dataclass(frozen=True, slots=True)
class Unsupported:
    """One part: the feature with its verb ("Roles are"), the alternative, and its paths as regular expressions."""

    feature: str
    instead: str
    paths: tuple[str, ...]

    @property
    def message(self) -> str:
        """Return the message of the refusal."""
        return f"{self.feature} not supported by this server. {self.instead}"


_API = rf"(?:{'|'.join(PREFIXES)})"
_V2, _V3, _V4 = (rf"{_API}/{version}\.0/mlflow" for version in (2, 3, 4))

UNSUPPORTED = (
    Unsupported(
        "Roles are",
        "Use groups instead: an administrator creates them on the pages, and levels are granted to them on Access.",
        (rf"{_V3}/roles(?:/.*)?", rf"{_V3}/users/roles(?:/.*)?"),
    ),
    Unsupported(
        "Lists of permissions are",
        "Ask for one with users/permissions/get, or look at the page Access of an experiment or a model.",
        (rf"{_V3}/users/current/permissions", rf"{_V3}/users/permissions/list"),
    ),
    Unsupported(
        "Evaluation datasets are",
        "Pass a list or a DataFrame to mlflow.genai.evaluate, and log what a run read with mlflow.log_input.",
        (rf"{_V3}/datasets(?:/.*)?",),
    ),
    Unsupported(
        "Registered scorers are",
        "Keep scorers in code and pass them to mlflow.genai.evaluate; their results are stored with each trace.",
        (rf"{_V3}/scorers(?:/.*)?",),
    ),
    Unsupported(
        "Issues are",
        "Log feedback with a rationale on the trace: mlflow.log_feedback. Findings on models are on the pages.",
        (rf"{_V3}/issues(?:/.*)?",),
    ),
    Unsupported(
        "Label schemas and review queues are",
        "Log feedback of people on a trace with mlflow.log_feedback and mlflow.log_expectation.",
        (rf"{_V3}/label-schemas(?:/.*)?", rf"{_V3}/review-queues(?:/.*)?"),
    ),
    Unsupported(
        "Prompt optimization jobs are",
        "Run mlflow.genai.optimize_prompts in a process of your own and register the resulting prompt.",
        (rf"{_V3}/prompt-optimization(?:/.*)?",),
    ),
    Unsupported(
        "Statistics over traces are",
        "Read the traces with mlflow.search_traces and compute them from the DataFrame.",
        (rf"{_V3}/traces/metrics", rf"{_V3}/traces/calculate-filter-correlation"),
    ),
    Unsupported(
        "Traces in Unity Catalog and in inference tables are",
        "Send traces to an experiment of this server.",
        (rf"{_V2}/unified-traces", rf"{_V2}/get-online-trace-details", rf"{_V4}/traces(?:/.*)?"),
    ),
    Unsupported(
        "The AI gateway is",
        "Call the provider of the model itself, or a gateway of your own.",
        (rf"{_V3}/gateway(?:/.*)?", r"gateway/.*", rf"{_API}/[23]\.0/(?:gateway|endpoints)(?:/.*)?"),
    ),
    Unsupported(
        "Workspaces are",
        "Leave MLFLOW_WORKSPACE unset: this server has one workspace; who may do what is granted for each model.",
        (rf"{_V3}/workspaces(?:/.*)?",),
    ),
    Unsupported(
        "Registries of skills and of MCP servers are",
        "Keep them in version control.",
        (rf"{_V3}/skills(?:/.*)?", rf"{_V3}/mcp-servers(?:/.*)?"),
    ),
    Unsupported(
        "OpenTelemetry metrics and logs are",
        "Send traces to /v1/traces, and metrics of a run with mlflow.log_metric.",
        (r"v1/(?:metrics|logs)",),
    ),
    Unsupported("GraphQL is", "Call the REST endpoints.", (r"graphql", r"ajax-api/graphql")),
)


def _view_of(part: Unsupported) -> URLPattern:
    def refuse(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponse:  # noqa: ARG001 - a view
        return error_response(501, "NOT_IMPLEMENTED", part.message)

    return re_path(rf"^(?:{'|'.join(part.paths)})$", protected(refuse))


urlpatterns: list[URLPattern] = [_view_of(part) for part in UNSUPPORTED]
