"""A source that reads an `mlflow server` through its REST API."""

from __future__ import annotations

from collections.abc import Iterator

from importing.sources.base import (
    Counts,
    Links,
    SourceError,
    SourceExperiment,
    SourceLoggedModel,
    SourceModel,
    SourceRun,
    SourceTrace,
    SourceVersion,
)
from importing.sources.http import Server, ServerError
from importing.sources.rest_rows import (
    Json,
    integer_of,
    logged_model_of,
    pairs_of,
    point_of,
    run_of,
    text_of,
    version_of,
)
from importing.sources.trace_rows import trace_of_json
from importing.sources.workspace import Workspace
from registry.services.imports import ImportedModel
from tracking.limits import Point
from tracking.services.imports.records import OldExperiment

API = "/api/2.0/mlflow"
_TRACES_API = "/api/3.0/mlflow"
_SPANS = "/ajax-api/3.0/mlflow/get-trace-artifact"
_PAGE = 1000
_HISTORY_PAGE = 25_000
_LOGGED_MODEL_PAGE = 50
_PROMPT = "tags.`mlflow.prompt.is_prompt` = 'true'"


class RestSource:
    """Reads a server through the calls that the MLflow client uses."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def origin(self) -> str:
        """Return the address, without credentials."""
        return self._server.url

    def check(self) -> None:
        """Raise SourceError where this source cannot be imported."""
        try:
            self._server.post(f"{API}/experiments/search", {"max_results": 1, "view_type": "ALL"})
        except ServerError as error:
            raise SourceError(self._check_message(error)) from error

    def _check_message(self, error: ServerError) -> str:
        if error.status in {401, 403}:
            return (
                f"{self.origin} refuses the credentials ({error}). Set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
            )
        if error.status in {301, 302, 303, 307, 308}:
            return (
                f"{self.origin} redirects to another address ({error.status}). Import from the address that it "
                "redirects to."
            )
        return f"{self.origin} is not an MLflow server ({error})."

    @property
    def workspace(self) -> Workspace:
        """Return the calls of a Databricks workspace. Another server answers that they do not exist."""
        return Workspace(self._server)

    def close(self) -> None:
        """Do nothing: each request has its own connection."""

    def counts(self) -> Counts:
        """Return the numbers of items. Raises SourceError."""
        experiments = [experiment.id for experiment in self.experiments()]
        models = sum(1 for _ in self._get_pages("registered-models/search", "registered_models"))
        versions = sum(1 for _ in self._get_pages("model-versions/search", "model_versions"))
        runs = sum(1 for number in experiments for _ in self._raw_runs(number))
        logged = sum(1 for number in experiments for _ in self._raw_logged_models(number))
        traces = sum(1 for number in experiments for _ in self._raw_traces(number))
        return Counts(len(experiments), runs, logged, models, versions, traces)

    def experiments(self) -> Iterator[SourceExperiment]:
        """Yield all experiments, deleted ones included. Raises SourceError."""
        body = {"max_results": _PAGE, "view_type": "ALL", "order_by": ["experiment_id ASC"]}
        for item in self._post_pages("experiments/search", body, "experiments"):
            created = integer_of(item, "creation_time")
            yield SourceExperiment(
                id=str(item["experiment_id"]),
                old=OldExperiment(
                    name=text_of(item, "name"),
                    created_ms=created,
                    updated_ms=integer_of(item, "last_update_time", created),
                    lifecycle=text_of(item, "lifecycle_stage") or "active",
                    tags=pairs_of(item.get("tags")),
                ),
            )

    def runs(self, experiment_id: str) -> Iterator[SourceRun]:
        """Yield all runs of an experiment, the oldest first. Raises SourceError."""
        return map(run_of, self._raw_runs(experiment_id))

    def _raw_runs(self, experiment_id: str) -> Iterator[Json]:
        # The oldest run first, so that runs that are added during the import are on later pages.
        body = {
            "experiment_ids": [experiment_id],
            "run_view_type": "ALL",
            "max_results": _PAGE,
            "order_by": ["attributes.start_time ASC"],
        }
        return self._post_pages("runs/search", body, "runs")

    def logged_models(self, experiment_id: str) -> Iterator[SourceLoggedModel]:
        """Yield all logged models of an experiment, the oldest first. Raises SourceError."""
        return map(logged_model_of, self._raw_logged_models(experiment_id))

    def _raw_logged_models(self, experiment_id: str) -> Iterator[Json]:
        body = {
            "experiment_ids": [experiment_id],
            "max_results": _LOGGED_MODEL_PAGE,
            "order_by": [{"field_name": "creation_timestamp", "ascending": True}],
        }
        try:
            yield from self._post_pages("logged-models/search", body, "models")
        except ServerError as error:
            if error.status != 404:  # noqa: PLR2004 - servers before MLflow 3 have no logged models
                raise

    def history(self, run: SourceRun) -> Iterator[Point]:
        """Yield every value of every metric of a run. Raises SourceError."""
        for key in run.metric_keys:
            query = {"run_id": run.old.id, "metric_key": key, "max_results": _HISTORY_PAGE}
            for item in self._get_pages("metrics/get-history", "metrics", query):
                yield point_of(item, key)

    def links(self, run_id: str) -> Links:
        """Return the logged models that a run read and made. Raises SourceError."""
        # A search does not return the model inputs.
        run = self._server.get(f"{API}/runs/get", {"run_id": run_id})["run"]
        read, written = run.get("inputs", {}).get("model_inputs", ()), run.get("outputs", {}).get("model_outputs", ())
        return Links(
            inputs=[text_of(model, "model_id") for model in read],
            outputs={text_of(model, "model_id"): integer_of(model, "step") for model in written},
        )

    def models(self) -> Iterator[SourceModel]:
        """Yield all registered models, without prompts. Raises SourceError."""
        highest: dict[str, int] = {}
        for version in self.versions():
            highest[version.old.name] = max(version.old.version, highest.get(version.old.name, 0))
        for listed in self._get_pages("registered-models/search", "registered_models"):
            name = text_of(listed, "name")
            item = self._server.get(f"{API}/registered-models/get", {"name": name}).get("registered_model", listed)
            created = integer_of(item, "creation_timestamp")
            yield SourceModel(
                old=ImportedModel(
                    name=name,
                    description=text_of(item, "description"),
                    created_ms=created,
                    updated_ms=integer_of(item, "last_updated_timestamp", created),
                    last_version=highest.get(name, 0),
                    tags=pairs_of(item.get("tags")),
                ),
                aliases={text_of(alias, "alias"): integer_of(alias, "version") for alias in item.get("aliases", ())},
            )

    def versions(self) -> Iterator[SourceVersion]:
        """Yield all versions of all models, grouped by model. Raises SourceError."""
        query = {"max_results": _PAGE, "order_by": ["name ASC", "version_number ASC"]}
        return map(version_of, self._get_pages("model-versions/search", "model_versions", query))

    def unsupported(self) -> Iterator[tuple[str, int]]:
        """Yield the kinds of items that cannot be imported, each with the number of items. Raises SourceError."""
        yield "prompts", self._count("registered-models/search", "registered_models", {"filter": _PROMPT})
        yield "webhooks", self._count("webhooks", "webhooks", {})

    def _count(self, path: str, key: str, query: Json) -> int:
        try:
            return sum(1 for _ in self._get_pages(path, key, {"max_results": 100, **query}))
        except ServerError:  # not every server supports or allows the call
            return 0

    def traces(self, experiment_id: str) -> Iterator[SourceTrace]:
        """Yield all traces of an experiment with tags, metadata and assessments, the oldest first.

        Raises SourceError.
        """
        return map(trace_of_json, self._raw_traces(experiment_id))

    def _raw_traces(self, experiment_id: str) -> Iterator[Json]:
        location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
        body = {"locations": [location], "max_results": 100, "order_by": ["timestamp_ms ASC"]}
        try:
            yield from self._post_pages("traces/search", body, "traces", api=_TRACES_API)
        except ServerError as error:
            if error.status not in {404, 405, 501}:  # servers before MLflow 3 do not have this search
                raise

    def spans(self, trace_id: str) -> bytes:
        """Return the spans of a trace as a JSON object, b"" where the server has none.

        Raises ServerError, SourceError.
        """
        try:
            with self._server.open(_SPANS, {"request_id": trace_id}) as answer:
                return answer.read()
        except ServerError as error:
            if error.status >= 500 or error.status == 404:  # noqa: PLR2004 - the answers for a trace without spans
                return b""
            raise

    def _post_pages(self, path: str, body: Json, key: str, api: str = API) -> Iterator[Json]:
        token = ""
        while True:
            answer = self._server.post(f"{api}/{path}", {**body, **({"page_token": token} if token else {})})
            yield from answer.get(key, ())
            token = str(answer.get("next_page_token") or "")
            if not token:
                return

    def _get_pages(self, path: str, key: str, query: Json | None = None) -> Iterator[Json]:
        token = ""
        while True:
            answer = self._server.get(f"{API}/{path}", {**(query or {}), "page_token": token})
            yield from answer.get(key, ())
            token = str(answer.get("next_page_token") or "")
            if not token:
                return
