"""A source that reads an mlflow SQL database with the schema of MLflow 3.17, or an older one that lacks some tables."""

from __future__ import annotations

from collections import defaultdict
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
from importing.sources.sql import Database
from importing.sources.tables import DEFAULT_WORKSPACE, Tables
from importing.sources.trace_tables import spans_of, traces_of
from registry.services.imports import ImportedModel, ImportedVersion
from tracking.limits import Point
from tracking.services.imports.records import OldExperiment, OldLoggedModel, OldRun
from tracking.services.inputs import DatasetInput

_REQUIRED_TABLES = (
    "experiments",
    "experiment_tags",
    "runs",
    "params",
    "tags",
    "metrics",
    "registered_models",
    "model_versions",
)
_STATUSES = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}
_DELETED = "Deleted_Internal"
_PROMPT = "mlflow.prompt.is_prompt"
# Tables whose rows cannot be imported, with the names of their items.
_UNSUPPORTED = {
    "evaluation_datasets": "evaluation datasets",
    "scorers": "scorers",
    "webhooks": "webhooks",
    "endpoints": "gateway endpoints",
    "mcp_servers": "MCP servers",
}
_NOT_DELETED = "(m.current_stage IS NULL OR m.current_stage <> ?)"
# A prompt is a registered model with this tag.
_NOT_PROMPT = (
    "NOT EXISTS (SELECT 1 FROM registered_model_tags p "
    f"WHERE p.name = m.name AND p.key = '{_PROMPT}' AND LOWER(p.value) = 'true')"
)


class DatabaseSource:
    """Reads one workspace of a database."""

    def __init__(self, database: Database, workspace: str = DEFAULT_WORKSPACE) -> None:
        self._db = Tables(database, workspace)

    @property
    def origin(self) -> str:
        """Return the address, without credentials."""
        return self._db.name

    def check(self) -> None:
        """Raise SourceError where this source cannot be imported."""
        if missing := [table for table in _REQUIRED_TABLES if not self._db.has(table)]:
            raise SourceError(f"{self._db.name} is not an mlflow database: it has no table {missing[0]}.")

    @property
    def workspace(self) -> None:
        """Return None: a database has no workspace calls."""
        return

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def counts(self) -> Counts:
        """Return the numbers of items. Raises SourceError."""
        experiments = f"FROM experiments e WHERE {self._db.in_workspace('e')}"
        inside = f"experiment_id IN (SELECT e.experiment_id {experiments})"
        return Counts(
            experiments=self._db.count(experiments),
            runs=self._db.count(f"FROM runs WHERE {inside}"),
            logged_models=self._db.count(f"FROM logged_models WHERE {inside}") if self._db.has("logged_models") else 0,
            models=self._db.count(f"FROM registered_models m WHERE {self._db.in_workspace('m')} AND {_NOT_PROMPT}"),
            versions=self._db.count(
                f"FROM model_versions m WHERE {self._db.in_workspace('m')} AND {_NOT_PROMPT} AND {_NOT_DELETED}",
                [_DELETED],
            ),
            traces=self._db.count(f"FROM trace_info WHERE {inside}") if self._db.has("trace_info") else 0,
        )

    def experiments(self) -> Iterator[SourceExperiment]:
        """Yield all experiments, deleted ones included. Raises SourceError."""
        sql = f"SELECT * FROM experiments e WHERE {self._db.in_workspace('e')} ORDER BY experiment_id"
        for row in self._db.rows(sql):
            number = row["experiment_id"]
            created = row.get("creation_time") or 0
            yield SourceExperiment(
                id=str(number),
                old=OldExperiment(
                    name=row["name"],
                    created_ms=created,
                    updated_ms=row.get("last_update_time") or created,
                    lifecycle=row["lifecycle_stage"] or "active",
                    tags=self._db.pairs("SELECT key, value FROM experiment_tags WHERE experiment_id = ?", number),
                ),
            )

    def runs(self, experiment_id: str) -> Iterator[SourceRun]:
        """Yield all runs of an experiment, the oldest first. Raises SourceError."""
        sql = "SELECT * FROM runs WHERE experiment_id = ? ORDER BY start_time, run_uuid"
        for row in self._db.rows(sql, int(experiment_id)):
            run_id = row["run_uuid"]
            tags = self._db.pairs("SELECT key, value FROM tags WHERE run_uuid = ?", run_id)
            yield SourceRun(
                old=OldRun(
                    id=run_id,
                    name=row["name"] or tags.get("mlflow.runName", ""),
                    user_id=row["user_id"] or "",
                    status=row["status"] or "RUNNING",
                    start_ms=row["start_time"] or 0,
                    end_ms=row["end_time"],
                    lifecycle=row["lifecycle_stage"] or "active",
                    params=self._db.pairs("SELECT key, value FROM params WHERE run_uuid = ?", run_id),
                    tags=tags,
                    datasets=list(self._datasets(run_id)),
                ),
                artifact_uri=row["artifact_uri"] or "",
            )

    def _datasets(self, run_id: str) -> Iterator[DatasetInput]:
        if not self._db.has("inputs"):
            return
        sql = (
            "SELECT i.input_uuid, d.* FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id "
            "WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?"
        )
        for row in self._db.all_rows(sql, run_id):
            yield DatasetInput(
                name=row["name"],
                digest=row["digest"],
                source_type=row["dataset_source_type"],
                source=row["dataset_source"],
                schema=row["dataset_schema"] or "",
                profile=row["dataset_profile"] or "",
                tags=self._db.pairs(
                    "SELECT name AS key, value FROM input_tags WHERE input_uuid = ?", row["input_uuid"]
                ),
            )

    def links(self, run_id: str) -> Links:
        """Return the logged models that a run read and made. Raises SourceError."""
        inputs, outputs = (self._links(run_id, f"RUN_{kind}", f"MODEL_{kind}") for kind in ("INPUT", "OUTPUT"))
        return Links([*inputs], outputs)

    def _links(self, run_id: str, source: str, destination: str) -> dict[str, int]:
        if not self._db.has("inputs"):
            return {}
        sql = "SELECT * FROM inputs WHERE source_type = ? AND source_id = ? AND destination_type = ?"
        return {
            row["destination_id"]: row.get("step") or 0 for row in self._db.all_rows(sql, source, run_id, destination)
        }

    def history(self, run: SourceRun) -> Iterator[Point]:
        """Yield every value of every metric of a run. Raises SourceError."""
        sql = "SELECT key, value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key, timestamp, step"
        for row in self._db.rows(sql, run.old.id):
            yield Point(
                key=row["key"],
                value=float("nan") if row["is_nan"] else float(row["value"]),
                timestamp_ms=row["timestamp"],
                step=row["step"],
            )

    def logged_models(self, experiment_id: str) -> Iterator[SourceLoggedModel]:
        """Yield all logged models of an experiment, the oldest first. Raises SourceError."""
        if not self._db.has("logged_models"):
            return
        sql = "SELECT * FROM logged_models WHERE experiment_id = ? ORDER BY creation_timestamp_ms, model_id"
        for row in self._db.rows(sql, int(experiment_id)):
            model_id = row["model_id"]
            params = "SELECT param_key AS key, param_value AS value FROM logged_model_params WHERE model_id = ?"
            tags = "SELECT tag_key AS key, tag_value AS value FROM logged_model_tags WHERE model_id = ?"
            yield SourceLoggedModel(
                old=OldLoggedModel(
                    id=model_id,
                    name=row["name"],
                    model_type=row["model_type"] or "",
                    source_run_id=row["source_run_id"] or "",
                    status=_STATUSES.get(row["status"], "LOGGED_MODEL_STATUS_UNSPECIFIED"),
                    created_ms=row["creation_timestamp_ms"],
                    updated_ms=row["last_updated_timestamp_ms"],
                    lifecycle=row["lifecycle_stage"] or "active",
                    params=self._db.pairs(params, model_id),
                    tags=self._db.pairs(tags, model_id),
                ),
                artifact_uri=row["artifact_location"],
                points=self._points_of_model(model_id),
            )

    def _points_of_model(self, model_id: str) -> dict[str, list[Point]]:
        points_by_run: defaultdict[str, list[Point]] = defaultdict(list)
        for row in self._db.all_rows("SELECT * FROM logged_model_metrics WHERE model_id = ?", model_id):
            value = row["metric_value"]
            points_by_run[row["run_id"]].append(
                Point(
                    key=row["metric_name"],
                    value=float("nan") if value is None else float(value),
                    timestamp_ms=row["metric_timestamp_ms"],
                    step=row["metric_step"],
                    model_id=model_id,
                    dataset_name=row["dataset_name"] or "",
                    dataset_digest=row["dataset_digest"] or "",
                )
            )
        return points_by_run

    def models(self) -> Iterator[SourceModel]:
        """Yield all registered models, without prompts. Raises SourceError."""
        sql = f"SELECT * FROM registered_models m WHERE {self._db.in_workspace('m')} AND {_NOT_PROMPT} ORDER BY name"
        highest = "SELECT MAX(version) AS n FROM model_versions m WHERE m.name = ? AND " + self._db.in_workspace("m")
        tags = "SELECT key, value FROM registered_model_tags m WHERE m.name = ? AND " + self._db.in_workspace("m")
        for row in self._db.rows(sql):
            name, created = row["name"], row["creation_time"] or 0
            yield SourceModel(
                old=ImportedModel(
                    name=name,
                    description=row["description"] or "",
                    created_ms=created,
                    updated_ms=row["last_updated_time"] or created,
                    last_version=self._db.all_rows(highest, name)[0]["n"] or 0,
                    tags=self._db.pairs(tags, name),
                ),
                aliases=self._aliases(name),
            )

    def _aliases(self, name: str) -> dict[str, int]:
        if not self._db.has("registered_model_aliases"):
            return {}
        sql = "SELECT alias, version FROM registered_model_aliases m WHERE m.name = ? AND " + self._db.in_workspace("m")
        return {row["alias"]: row["version"] for row in self._db.all_rows(sql, name)}

    def versions(self) -> Iterator[SourceVersion]:
        """Yield all versions of all models, grouped by model. Raises SourceError."""
        sql = (
            f"SELECT * FROM model_versions m WHERE {self._db.in_workspace('m')} AND {_NOT_PROMPT} AND {_NOT_DELETED} "
            "ORDER BY name, version"
        )
        tags = (
            "SELECT key, value FROM model_version_tags m WHERE m.name = ? AND m.version = ? AND "
            + self._db.in_workspace("m")
        )
        for row in self._db.rows(sql, _DELETED):
            created = row["creation_time"] or 0
            yield SourceVersion(
                old=ImportedVersion(
                    name=row["name"],
                    version=row["version"],
                    source=row["source"] or "",
                    run_id=row["run_id"] or "",
                    description=row["description"] or "",
                    run_link=row["run_link"] or "",
                    user_id=row["user_id"] or "",
                    created_ms=created,
                    updated_ms=row["last_updated_time"] or created,
                    tags=self._db.pairs(tags, row["name"], row["version"]),
                ),
                stage=row["current_stage"] or "None",
            )

    def traces(self, experiment_id: str) -> Iterator[SourceTrace]:
        """Yield all traces of an experiment with tags, metadata and assessments, the oldest first.

        Raises SourceError.
        """
        return traces_of(self._db, experiment_id)

    def spans(self, trace_id: str) -> bytes:
        """Return the spans of a trace as a JSON object; empty where they are in a file. Raises SourceError."""
        return spans_of(self._db, trace_id)

    def unsupported(self) -> Iterator[tuple[str, int]]:
        """Yield the kinds of items that cannot be imported, each with the number of items. Raises SourceError."""
        yield (
            "prompts",
            self._db.count(f"FROM registered_models m WHERE {self._db.in_workspace('m')} AND NOT ({_NOT_PROMPT})"),
        )
        for table, name in _UNSUPPORTED.items():
            if self._db.has(table):
                yield name, self._db.count(f"FROM {table}")
        if self._db.has("experiments", "workspace"):
            where = f"FROM experiments e WHERE NOT ({self._db.in_workspace('e')})"
            yield "experiments in other workspaces", self._db.count(where)
