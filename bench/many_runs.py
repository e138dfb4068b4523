"""Inserts a hundred thousand finished runs into the tables of both servers by SQL, to measure reading them."""

from __future__ import annotations

import psycopg

RUNS = 100_000
SHARDS = 1000
_RUN = "substr(md5('run' || i), 1, 32)"
_SOURCE = f"FROM generate_series(1, {RUNS}) i"

OURS = (
    (
        "INSERT INTO tracking_run (id, experiment_id, name, user_id, created_by, status, start_ms, end_ms, lifecycle_stage, "
        f"artifact_uri, is_registered, deleted_with_experiment) SELECT {_RUN}, %(experiment)s, 'run ' || i, 'bench', 'bench', "
        f"'FINISHED', 1700000000000 + i, 1700000001000 + i, 'active', 'mlflow-artifacts:/bench/' || i, false, false {_SOURCE}"
    ),
    f"INSERT INTO tracking_runtag (run_id, key, value) SELECT {_RUN}, 'shard', (i %% {SHARDS})::text {_SOURCE}",
    (
        "INSERT INTO tracking_latestmetric (run_id, key, value, is_nan, timestamp_ms, step, model_id, dataset_name, "
        f"dataset_digest) SELECT {_RUN}, 'auc', (i * 7919 %% 100003) / 100003.0, false, 1, 0, '', '', '' {_SOURCE}"
    ),
)
PEER = (
    (
        "INSERT INTO runs (run_uuid, experiment_id, name, user_id, status, start_time, end_time, lifecycle_stage, "
        f"artifact_uri, source_type, source_name, entry_point_name, source_version) SELECT {_RUN}, %(experiment)s, 'run ' || i, "
        "'bench', 'FINISHED', 1700000000000 + i, 1700000001000 + i, 'active', 'mlflow-artifacts:/bench/' || i, 'UNKNOWN', "
        f"'', '', '' {_SOURCE}"
    ),
    f"INSERT INTO tags (run_uuid, key, value) SELECT {_RUN}, 'shard', (i %% {SHARDS})::text {_SOURCE}",
    (
        "INSERT INTO latest_metrics (run_uuid, key, value, is_nan, timestamp, step) "
        f"SELECT {_RUN}, 'auc', (i * 7919 %% 100003) / 100003.0, false, 1, 0 {_SOURCE}"
    ),
)


def insert(database_url: str, statements: tuple[str, ...], experiment_id: str) -> None:
    """Run the statements of one server for an experiment and update the statistics of the query planner."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement, {"experiment": int(experiment_id)})
        connection.execute("VACUUM ANALYZE")
