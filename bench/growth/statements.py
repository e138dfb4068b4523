"""SQL that fills the tables of runs, models and requests on PostgreSQL. The server makes the rows itself."""

from __future__ import annotations

from bench.growth.size import EXPERIMENTS, POINTS_OF_A_RUN, VERSIONS_OF_A_MODEL

_RUN = "substr(md5('run' || i), 1, 32)"
_RUNS = "FROM generate_series(1, %(runs)s) i"
_MODELS = "FROM generate_series(1, %(models)s) m"
_OF_VERSION = (
    "FROM registry_modelversion v JOIN registry_registeredmodel r ON r.id = v.model_id "
    "CROSS JOIN (SELECT id FROM accounts_user WHERE username = 'ada') ada"
)

# Half of the runs are in the first of these experiments, the others are spread over all of them.
TRACKING = (
    (
        "INSERT INTO tracking_experiment (name, artifact_location, lifecycle_stage, created_ms, updated_ms, created_by) "
        f"SELECT 'experiment ' || i, '', 'active', i, i, 'ada' FROM generate_series(1, {EXPERIMENTS}) i"
    ),
    (
        "INSERT INTO tracking_run (id, experiment_id, name, user_id, created_by, status, start_ms, end_ms, "
        "lifecycle_stage, deleted_with_experiment, artifact_uri, is_registered) "
        f"SELECT {_RUN}, (SELECT min(id) FROM tracking_experiment WHERE id > 0) + "
        f"CASE WHEN i %% 2 = 0 THEN 0 ELSE (i / 2) %% {EXPERIMENTS} END, "
        "'run ' || i, 'ada', 'ada', 'FINISHED', 1700000000000 + i, 1700000001000 + i, 'active', false, "
        f"'mlflow-artifacts:/bench/' || i, false {_RUNS}"
    ),
    f"INSERT INTO tracking_param (run_id, key, value) SELECT {_RUN}, 'learning_rate', (i %% 1000)::text {_RUNS}",
    f"INSERT INTO tracking_param (run_id, key, value) SELECT {_RUN}, 'depth', (i %% 12)::text {_RUNS}",
    f"INSERT INTO tracking_runtag (run_id, key, value) SELECT {_RUN}, 'git_commit', md5(i::text) {_RUNS}",
    f"INSERT INTO tracking_runtag (run_id, key, value) SELECT {_RUN}, 'dataset_version', 'orders_v2.1' {_RUNS}",
    f"INSERT INTO tracking_runtag (run_id, key, value) SELECT {_RUN}, 'triggered_by', 'ci' {_RUNS}",
    f"INSERT INTO tracking_runtag (run_id, key, value) SELECT {_RUN}, 'shard', (i %% 1000)::text {_RUNS}",
    (
        "INSERT INTO tracking_metric (run_id, key, value, is_nan, timestamp_ms, step, model_id, dataset_name, "
        f"dataset_digest) SELECT {_RUN}, CASE WHEN step %% 5 = 0 THEN 'val_auc' ELSE 'loss' END, "
        "0.9 + ((i * 7919 + step) %% 100003) / 1100003.0, false, 1700000000000 + step, step, '', '', '' "
        f"{_RUNS} CROSS JOIN generate_series(1, {POINTS_OF_A_RUN}) step"
    ),
    (
        "INSERT INTO tracking_latestmetric (run_id, key, value, is_nan, timestamp_ms, step, model_id, dataset_name, "
        "dataset_digest) SELECT run_id, key, value, is_nan, timestamp_ms, step, model_id, dataset_name, dataset_digest "
        f"FROM tracking_metric WHERE step IN ({POINTS_OF_A_RUN}, {POINTS_OF_A_RUN - 1})"
    ),
)

# The last three versions of a model: 18 is in Production (not in every fifth model), 19 and 20 may have a request.
REGISTRY = (
    (
        "INSERT INTO registry_registeredmodel (name, name_key, description, created_by, created_ms, updated_ms, "
        "last_version) SELECT 'model-' || m, 'model-' || m, 'Scores orders of region ' || m, 'ada', m, m, "
        f"{VERSIONS_OF_A_MODEL} {_MODELS}"
    ),
    "INSERT INTO registry_registeredmodeltag (model_id, key, value) SELECT id, 'team', 'team ' || id %% 40 FROM "
    "registry_registeredmodel",
    (
        "INSERT INTO registry_modelversion (model_id, version, stage, is_current, description, source, run_id, run_link, "
        "logged_model_id, artifact_path, artifact_digest, payload_digest, created_by, created_ms, updated_ms, staged_by, "
        "staged_at, approved_by, approved_at) "
        "SELECT id, n, CASE WHEN n < 18 THEN 'Archived' WHEN n = 18 AND id %% 5 > 0 THEN 'Production' ELSE 'None' END, "
        "n = 18 AND id %% 5 > 0, '', 'runs:/' || run || '/model', run, '', '', '', "
        "'sha256:' || md5(run) || md5(run || 'b'), '', 'ada', n, n, '', "
        "CASE WHEN n <= 18 THEN now() - interval '1 day' * (19 - n) END, "
        "CASE WHEN n = 18 AND id %% 5 > 0 THEN 'bea' ELSE '' END, "
        "CASE WHEN n = 18 AND id %% 5 > 0 THEN now() - interval '1 day' END "
        "FROM (SELECT r.id, n, substr(md5('run' || 1 + ((r.id * 20 + n) %% %(runs)s)), 1, 32) AS run "
        f"FROM registry_registeredmodel r CROSS JOIN generate_series(1, {VERSIONS_OF_A_MODEL}) n ORDER BY 1, 2) rows"
    ),
    "INSERT INTO registry_modelversiontag (version_id, key, value) SELECT id, 'reviewed', 'yes' FROM "
    "registry_modelversion",
    (
        "INSERT INTO registry_alias (model_id, name, version_id) SELECT model_id, 'champion', id "
        "FROM registry_modelversion WHERE version = 18"
    ),
    (
        "INSERT INTO registry_cardrevision (version_id, number, body, digest, author, created_at) "
        "SELECT id, 1, %(card)s::jsonb, md5(id::text) || md5(id::text), 'ada', now() FROM registry_modelversion"
    ),
    "UPDATE tracking_run SET is_registered = true WHERE id IN (SELECT run_id FROM registry_modelversion)",
    "INSERT INTO registry_endpoint (name, created_at) SELECT '/predict/' || m, now() "
    "FROM generate_series(1, %(models)s / 5) m",
    (
        "INSERT INTO registry_deployment (endpoint_id, number, version_id, revision, traffic_percent, environment, "
        "deployed_by, started_at) SELECT e.id, 1, v.id, 'r1', 100, 'production', 'ada', now() "
        "FROM registry_endpoint e JOIN registry_registeredmodel r ON r.name = 'model-' || split_part(e.name, '/', 3) "
        "JOIN registry_modelversion v ON v.model_id = r.id AND v.is_current"
    ),
)

# Two closed requests a model, then the open ones.
GOVERNANCE = (
    (
        "INSERT INTO approvals_transitionrequest (version_id, source, target, kind, requester_id, comment, "
        "archive_existing, archive_left_open, policy_revision_id, subject_digest, state, state_reason, refusal_digest, "
        "opened_at, expires_at, closed_at) "
        "SELECT v.id, 'None', 'Production', 'promotion', ada.id, 'Better.', false, false, %(policy)s, '', 'applied', '', "
        f"'', now() - interval '9 days', now(), now() - interval '8 days' {_OF_VERSION} WHERE v.version IN (17, 18)"
    ),
    (
        "INSERT INTO approvals_transitionrequest (version_id, source, target, kind, requester_id, comment, "
        "archive_existing, archive_left_open, policy_revision_id, subject_digest, state, state_reason, refusal_digest, "
        "opened_at, expires_at) "
        "SELECT v.id, 'None', 'Production', 'promotion', ada.id, 'Better.', false, false, %(policy)s, '', 'open', '', '', "
        f"now(), now() + interval '14 days' {_OF_VERSION} WHERE v.version IN (19, 20) ORDER BY v.id LIMIT %(requests)s"
    ),
    (
        "INSERT INTO approvals_finding (model_id, version_id, severity, title, description, origin, cause, state, "
        "opened_by, opened_at, resolution, closed_by) SELECT v.model_id, v.id, 'low', 'Drift', '', 'person', '', 'open', "
        "'bea', now(), '', '' FROM registry_modelversion v WHERE v.version = 18 AND v.model_id %% 5 = 1"
    ),
    (
        "INSERT INTO notices_notice (person_id, event_id, topic, model_id, title, text, path, in_inbox, created_at) "
        "SELECT bea.id, gen_random_uuid(), 'review', v.model_id, 'Request', '', '/', true, now() "
        "FROM approvals_transitionrequest t JOIN registry_modelversion v ON v.id = t.version_id "
        "CROSS JOIN (SELECT id FROM accounts_user WHERE username = 'bea') bea WHERE t.state = 'open'"
    ),
)
