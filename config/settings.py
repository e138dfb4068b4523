"""Django settings. Operators change them by environment variables (docs/operations.md). Reading them writes no file."""

from __future__ import annotations

from typing import Any

import dj_database_url
from django.templatetags.static import static
from django.urls import reverse_lazy

from config import env
from config.sign_in.identity_providers import identity_providers, scim_groups, trusted_issuers

VERSION = "0.1.0"
# The MLflow version whose protocol this server implements; `/version` answers it.
MLFLOW_PROTOCOL_VERSION = "3.17.2"

BASE_DIR = env.BASE_DIR
DATA_DIR = env.data_dir()
RUNTIME_DIR = env.runtime_dir(DATA_DIR)

# Empty before the first start, which makes one (config/data_directory.py). Nothing is written here.
SECRET_KEY = env.secret_key(DATA_DIR)
DEBUG = env.flag("CUSTODY_DEBUG", default=False)
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.names("CUSTODY_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = env.names("CUSTODY_TRUSTED_ORIGINS")
# The address of this server for people, in links of messages. Empty: the host of the request.
BASE_URL = env.text("CUSTODY_BASE_URL").rstrip("/")

INSTALLED_APPS = [
    "console",  # before unfold: our templates extend and replace its own
    "unfold.apps.BasicAppConfig",  # unfold's default AppConfig would replace our admin site
    "unfold.contrib.guardian",
    "config.apps.CustodyAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    "allauth",
    "allauth.account",  # only because allauth.socialaccount needs it: its tables stay empty, its pages are not served
    "allauth.socialaccount",
    "audit",
    "accounts",
    "lineage",
    "tracking",
    "traces",
    "registry",
    "validation",
    "policies",
    "approvals",
    "webhooks",
    "notices",
    "mlflow_api",
    "importing",
    "config.apps.ConfigConfig",
]

MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "config.middleware.ProbeHostMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.sign_in.provider_sessions.ProviderSessionMiddleware",
    "config.sign_in.session_use.SessionUseMiddleware",
    "config.sign_in.second_factor.SecondFactorMiddleware",
    "allauth.account.middleware.AccountMiddleware",  # allauth refuses to start without it
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.PageErrorMiddleware",
    "config.middleware.RetryReadsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- database -------------------------------------------------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'custody.sqlite3'}"


def _database(url: str) -> dict[str, Any]:
    """Return the Django DATABASES entry for ``url``, with the options each back end needs to be safe and quick."""
    conf: dict[str, Any] = dict(dj_database_url.parse(url))
    options = conf.setdefault("OPTIONS", {})
    if conf["ENGINE"].endswith("sqlite3"):
        conf["ENGINE"] = "core.sqlite3"  # transactions begin in the order in which they were asked for
        if conf["NAME"] != ":memory:":
            conf["NAME"] = str(BASE_DIR / conf["NAME"])  # a relative path is the same file for every process
        # IMMEDIATE: every transaction takes the write lock first, so none fails half way as "locked".
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
            "PRAGMA cache_size=-20000; PRAGMA mmap_size=268435456",
        }
        conf["CONN_MAX_AGE"] = None
        # Tests use a file with these same options, not SQLite's shared memory.
        conf["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    else:
        conf["ENGINE"] = "core.postgresql"
        # Frequent statements are planned once for each connection: the server binds parameters, and statements are
        # prepared. A PgBouncer that pools by transaction cannot keep prepared statements: CUSTODY_DB_PREPARE=off.
        options["server_side_binding"] = True
        options["prepare_threshold"] = 5 if env.flag("CUSTODY_DB_PREPARE", default=True) else None
        # A connection is checked before it is used (core/postgresql/base.py), because a restart of the server closes
        # connections. A server that does not answer is noticed in seconds, and used again as soon as it answers.
        conf["CONN_HEALTH_CHECKS"] = True
        size = int(env.number("CUSTODY_DB_POOL", 16))
        options["pool"] = {"min_size": 1, "max_size": size, "timeout": 3, "reconnect_timeout": 1}
        options |= {"connect_timeout": 2, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2}
        options["tcp_user_timeout"] = 3000
    return conf


DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- request bodies -------------------------------------------------------------------------------------------------
# The seconds within which a body must be complete (config/bodies/slow.py); uploads of artifacts may take longer.
BODY_SECONDS = float(env.number("CUSTODY_BODY_SECONDS", 3))

# --- limits of requests ---------------------------------------------------------------------------------------------
# How many requests one token or session, and one account, may make in a minute (config/limits/); 0: any number.
TOKEN_RATE = env.number("CUSTODY_TOKEN_RATE", 0, least=0)
ACCOUNT_RATE = env.number("CUSTODY_ACCOUNT_RATE", 0, least=0)

# --- waiting clients ------------------------------------------------------------------------------------------------
# Where the program edge listens, and where the web server asks whether it lives; port 0: none runs. `up` without the
# variable takes the port after its own.
EDGE_HOST = env.text("CUSTODY_EDGE_HOST") or "127.0.0.1"
EDGE_PORT = int(env.number("CUSTODY_EDGE_PORT", 8081, least=0))
# How many clients it takes at a time.
EDGE_CLIENTS = int(env.number("CUSTODY_EDGE_CLIENTS", 12_000, least=1))

# --- jobs -----------------------------------------------------------------------------------------------------------
VALKEY_SOCKET = RUNTIME_DIR / "valkey.sock"
REDIS_URL = env.text("REDIS_URL") or f"redis+socket://{VALKEY_SOCKET}?virtual_host=0"
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "fast"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # all log lines have one format: LOGGING below
# A web request never waits for a broker that does not answer: the outbox relay sends later.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 2,
    "socket_connect_timeout": 1,
    "visibility_timeout": 600,
    "max_retries": 0,  # otherwise a publisher sleeps 2 + 4 seconds over a refused connection
}
CELERY_TASK_PUBLISH_RETRY = False
# However beat is started: Celery's own scheduler stops when the clock is set back, and /healthz does not see it.
CELERY_BEAT_SCHEDULER = "config.schedule:MonotonicScheduler"
CELERY_BEAT_SCHEDULE = {
    "relay-outbox": {"task": "audit.tasks.relay_outbox", "schedule": 2.0},
    "resume-exports": {"task": "audit.tasks.resume_exports", "schedule": 30.0},
    "retry-missed-events": {"task": "audit.tasks.retry_missed_events", "schedule": 30.0},
    "requeue-expired-checks": {"task": "approvals.tasks.requeue_expired_checks", "schedule": 5.0},
    "apply-approved-requests": {"task": "approvals.tasks.apply_approved_requests", "schedule": 10.0},
    "expire-requests": {"task": "approvals.tasks.expire_requests", "schedule": 60.0},
    "flag-overdue": {"task": "approvals.tasks.flag_overdue", "schedule": 60.0},
    "schedule-re-reviews": {"task": "approvals.tasks.schedule_re_reviews", "schedule": 300.0},
    "freeze-packs": {"task": "approvals.tasks.freeze_packs", "schedule": 60.0},
    "suggest-edges": {"task": "lineage.tasks.suggest_edges", "schedule": 60.0},
    "sweep-quarantines": {"task": "approvals.tasks.sweep_quarantines", "schedule": 30.0},
    "archive-superseded": {"task": "approvals.tasks.archive_superseded", "schedule": 10.0},
    "prune-traces": {"task": "traces.tasks.prune_traces", "schedule": 600.0},
    "clean-uploads": {"task": "tracking.tasks.clean_uploads", "schedule": 600.0},
    "retry-deliveries": {"task": "webhooks.tasks.retry_deliveries", "schedule": 10.0},
    "forget-deliveries": {"task": "webhooks.tasks.forget_deliveries", "schedule": 3600.0},
    "remind-reviewers": {"task": "approvals.tasks.remind_reviewers", "schedule": 60.0},
    "send-notices": {"task": "notices.tasks.send_due", "schedule": 10.0},
    "forget-messages": {"task": "audit.tasks.forget_messages", "schedule": 3600.0},
    "forget-exports": {"task": "audit.tasks.forget_exports", "schedule": 3600.0},
    "forget-sessions": {"task": "accounts.tasks.forget_sessions", "schedule": 3600.0},
    "sweep-memberships": {"task": "accounts.tasks.sweep_memberships", "schedule": 60.0},
    "purge-deleted-runs": {"task": "tracking.tasks.purge_deleted_runs", "schedule": 3600.0},
    "measure-storage": {"task": "config.status.tasks.measure_storage", "schedule": 3600.0},
    "forget-notices": {"task": "notices.tasks.forget_notices", "schedule": 3600.0},
}

# For each task that a message starts, the periodic task (above) that finds its unfinished work if the message is lost.
SWEEPS = {
    "audit.tasks.build_export": "audit.tasks.resume_exports",
    "approvals.tasks.apply_request": "approvals.tasks.apply_approved_requests",
    "approvals.tasks.settle_request": "approvals.tasks.apply_approved_requests",
    "approvals.tasks.run_check": "approvals.tasks.requeue_expired_checks",
    "approvals.tasks.freeze_pack": "approvals.tasks.freeze_packs",
    "approvals.tasks.open_quarantine_findings": "approvals.tasks.sweep_quarantines",
    "approvals.tasks.close_quarantine_findings": "approvals.tasks.sweep_quarantines",
    "notices.tasks.send_due": "notices.tasks.send_due",
    "webhooks.tasks.deliver": "webhooks.tasks.retry_deliveries",
}

# --- retention ------------------------------------------------------------------------------------------------------
# Whether nothing is deleted because of its age, and no trace or stored file by hand.
LEGAL_HOLD = env.flag("CUSTODY_LEGAL_HOLD", default=False)
# For how many days rows are kept after they have served their purpose; 0 keeps them.
OUTBOX_DAYS = env.number("CUSTODY_OUTBOX_DAYS", 7, least=0)
EXPORT_DAYS = env.number("CUSTODY_EXPORT_DAYS", 365, least=0)
SESSION_DAYS = env.number("CUSTODY_SESSION_DAYS", 1, least=0)
NOTICE_DAYS = env.number("CUSTODY_NOTICE_DAYS", 180, least=0)
DELETED_RUN_DAYS = env.number("CUSTODY_DELETED_RUN_DAYS", 0, least=0)

# The status warns when the last `manage.py backup` is older than this; 0: backups are made otherwise.
BACKUP_HOURS = env.number("CUSTODY_BACKUP_HOURS", 48, least=0)

# --- artifacts ------------------------------------------------------------------------------------------------------
ARTIFACT_URL = env.text("ARTIFACT_URL") or f"file://{DATA_DIR / 'artifacts'}"
# Whether clients may send and fetch large files directly at an S3 store, by presigned URLs, and the address of the
# store for them, where it differs from the one that this server uses.
DIRECT_TRANSFERS = env.flag("CUSTODY_DIRECT_TRANSFERS", default=True)
S3_CLIENT_URL = env.text("CUSTODY_S3_CLIENT_URL")
# Callables that say which stored bytes pruning must keep: `(digests) -> those that are in use`.
ARTIFACT_HOLDERS = [
    "approvals.check_runs.evidence.held_digests",
    "registry.queries.packs_named",
    "approvals.packs.retirement_evidence.evidence_named",
]
MAX_ARTIFACT_BYTES = int(env.number("CUSTODY_MAX_ARTIFACT_BYTES", 50 * 1024**3))
# URI prefixes from which versions may be registered, besides this server's own artifacts.
ALLOWED_SOURCES = env.names("CUSTODY_ALLOWED_SOURCES")
# How long the owner's attestation of a model is valid; 0: nobody has to attest.
ATTESTATION_DAYS = env.number("CUSTODY_ATTESTATION_DAYS", 365, least=0)
# Traces are telemetry: the largest one, the largest request with spans (after decompression), and for how many days
# they are kept; 0 keeps them.
MAX_TRACE_BYTES = int(env.number("CUSTODY_MAX_TRACE_BYTES", 10 * 1024**2, least=1))
MAX_TRACE_REQUEST_BYTES = int(env.number("CUSTODY_MAX_TRACE_REQUEST_BYTES", 20 * 1024**2, least=1))
TRACE_DAYS = env.number("CUSTODY_TRACE_DAYS", 0, least=0)
# What Django reads into memory by itself: forms of pages. The limits of routes are in core/body_limits.py.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# --- the audit log ---------------------------------------------------------------------------------------------------
# The private key of the log, in place of the file that the first start makes. CUSTODY_LOG_KEY_FILE names a mounted one.
LOG_KEY = env.text("CUSTODY_LOG_KEY")
LOG_KEY_FILE = DATA_DIR / "keys" / "audit_log"
# The private key that signs statements of approvals, likewise (docs/reference.md, Signed approvals).
STATEMENT_KEY = env.text("CUSTODY_STATEMENT_KEY")
STATEMENT_KEY_FILE = DATA_DIR / "keys" / "approval_statements"
# The name of a new log; empty: `custody/` and a random number.
LOG_ORIGIN = env.text("CUSTODY_LOG_ORIGIN")
# The folder of the last signed checkpoint and of the published files, which all hosts that run a sequencer share.
LOG_STATE = env.text("CUSTODY_LOG_STATE") or str(DATA_DIR / "audit-log")
# Witnesses of checkpoints (audit/witnesses/addresses.py); how many of them must hold a checkpoint, and within how
# many seconds.
WITNESSES = env.names("CUSTODY_WITNESSES")
WITNESS_QUORUM = int(env.number("CUSTODY_WITNESS_QUORUM", 0, least=0))
WITNESS_WITHIN = env.number("CUSTODY_WITNESS_WITHIN", 60, least=1)
# Where events are sent as they are numbered: `syslog://host`, `syslog+tcp://host`, `https://host/path`; `?format=cef`.
SIEM = env.names("CUSTODY_SIEM")
# Whether /metrics answers without a token.
PUBLIC_METRICS = env.flag("CUSTODY_PUBLIC_METRICS", default=False)
# Where traces of requests and tasks are sent, such as http://localhost:4318/v1/traces; empty: nothing is traced. The
# share of them that is kept.
TRACES_URL = env.text("CUSTODY_TRACES_URL")
TRACES_RATIO = min(1.0, env.number("CUSTODY_TRACES_RATIO", 0.1, least=0))
# Whether checkpoints and hash tiles are served without a login.
PUBLIC_LOG = env.flag("CUSTODY_PUBLIC_LOG", default=False)

# --- governance -----------------------------------------------------------------------------------------------------
DEFAULT_POLICIES = env.flag("CUSTODY_DEFAULT_POLICIES", default=True)
# Gates of transitions, asked in order inside the transaction of the promotion. A gate that raises refuses.
TRANSITION_GATES = ["approvals.gate.PolicyGate"]
# Functions that may refuse a new version: they take the version and return a refusal, or "". One that raises refuses.
REGISTRATION_GATES = ["policies.registration.registration_refusal"]
# Functions that say who may not release a quarantine: they take the actor and the node and return a refusal, or "".
QUARANTINE_RELEASE_GUARDS = ["approvals.oversight.quarantine_release.own_data_refusal"]
# The level of every user on a model that grants them none (registry/permissions.py). The default is that of an MLflow
# server: everybody may move versions that no policy governs.
DEFAULT_MODEL_LEVEL = env.choice(
    "CUSTODY_DEFAULT_LEVEL", ["none", "read", "edit", "manage_staging", "manage_production"], "read"
)
# What every signed-in identity may do with every experiment; grants add to it. "read" includes creating runs of one's
# own.
DEFAULT_EXPERIMENT_LEVEL = env.choice("CUSTODY_DEFAULT_EXPERIMENT_LEVEL", ["none", "read", "edit", "manage"], "read")
# Callers on behalf of model versions that were made of runs: classes with the interface of
# tracking/permissions/runs.py: Holder.
RUN_HOLDERS = ["registry.holds.RegisteredRuns"]
# Other owners of folders of files, which decide on access to them: functions that return claims
# (tracking/permissions/artifacts.py: Claim).
ARTIFACT_CLAIMS = ["traces.permissions.claims_on"]
# Validation checks that policies may name: classes with the interface of validation/base.py: Check.
CHECKS = [
    "validation.checks.lineage.RequiredTags",
    "validation.checks.lineage.Complete",
    "validation.checks.lineage.NotQuarantined",
    "validation.checks.artifact.DigestMatches",
    "validation.checks.artifact.Scan",
    "validation.checks.model.Signature",
    "validation.checks.model.Smoke",
    "validation.checks.signed.Signed",
    "validation.checks.threshold.Threshold",
    "validation.checks.metric.NoRegression",
    "validation.checks.metric.NoCumulativeDrift",
    "validation.checks.slices.Slices",
    "validation.checks.card.Complete",
    "validation.checks.external.External",
]
# The interpreter with which `model.smoke` runs a model's code in a sandbox; empty: it runs nothing
# (validation/sandbox/).
SMOKE_PYTHON = env.text("CUSTODY_SMOKE_PYTHON")
# The trusted_root.json of the Sigstore whose identities `model.signed` may accept; empty: it cannot verify them
# (validation/keyless.py).
SIGSTORE_TRUSTED_ROOT = env.text("CUSTODY_SIGSTORE_TRUSTED_ROOT")
# The temporary space of one `artifact.scan` for unpacked files, in bytes.
SCAN_TEMP_BYTES = int(env.number("CUSTODY_SCAN_TEMP_BYTES", 2 * 1024**3))
SMOKE_MAX_BYTES = int(env.number("CUSTODY_SMOKE_MAX_BYTES", 10 * 1024**3))
# Callables that find the event stream of a name: `(actor, name) -> stream`, NotFound where the actor may not read it.
AUDIT_SUBJECTS = ["registry.audit.model_subject"]
# Callables that put files of other apps into an export: `(name, log) -> files`, None for a name that is not theirs.
AUDIT_ANNEXES = ["approvals.statements.annex.dossier_annex"]
# Consumers of events, called in the transaction that records them: callables decorated with
# `@audit.consumers.consumes`.
AUDIT_CONSUMERS = [
    "webhooks.consumers.on_event",
    "notices.consumers.on_event",
    "approvals.consumers.on_alias",
    "approvals.consumers.on_promotion",
    "approvals.consumers.on_quarantine",
    "approvals.consumers.on_release",
    "registry.production.hints.on_change",
]
# Callables that return the rows with data of a person that an erasure takes: `(person) -> rows`.
PERSONAL_DATA = [
    "console.shell.personal_rows.rows_of_drafts",
    "notices.personal_rows.rows_of_notices",
    "approvals.leavers.personal_rows.rows_of_requests",
    "accounts.erasure.personal_rows.rows_of_account",
]
# Callables that say which nodes of the lineage a caller may not see: `(actor, urns) -> urns`. These are in no answer
# and no count.
LINEAGE_VISIBILITY = ["registry.audit.hidden_urns", "tracking.visibility.hidden_urns"]
# Callables that say who may declare the inputs of a node: they return a refusal or None.
LINEAGE_WRITERS = ["registry.audit.refuse_ancestry", "tracking.visibility.refuse_ancestry"]
# Callables that suggest edges from facts of higher layers, for nodes that changed: `(nodes) -> suggestions`.
LINEAGE_SUGGESTERS = [
    "registry.provenance.suggested_edges.dvc_files",
    "registry.provenance.suggested_edges.named_sources",
]
# How long an MLflow call waits for running checks before it answers (seconds).
CHECK_WAIT_SECONDS = env.number("CUSTODY_CHECK_WAIT", 8)
# How long a worker may report nothing about a check before another worker gets it (seconds).
CHECK_LEASE_SECONDS = env.number("CUSTODY_CHECK_LEASE", 30)

# --- webhooks -------------------------------------------------------------------------------------------------------
WEBHOOK_ALLOW_HTTP = env.flag("CUSTODY_WEBHOOK_ALLOW_HTTP", default=False)
# Allows receivers on private and loopback addresses, but never link-local and metadata addresses.
WEBHOOK_ALLOW_PRIVATE = env.flag("CUSTODY_WEBHOOK_ALLOW_PRIVATE", default=False)
WEBHOOK_LOG_DAYS = env.number("CUSTODY_WEBHOOK_LOG_DAYS", 30, least=0)
# Time limits in seconds of a delivery, and of the test of a webhook, for which a person waits.
WEBHOOK_TIMEOUT = 10.0
WEBHOOK_TEST_TIMEOUT = 5.0

# --- e-mail ---------------------------------------------------------------------------------------------------------
# smtp://host:25, smtp+tls://user:password@host:587 (STARTTLS), smtps://user:password@host:465.
# Empty: no e-mail is sent.
_MAIL = env.mail_server(env.text("CUSTODY_EMAIL_URL"))
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _MAIL.host
EMAIL_PORT = _MAIL.port
EMAIL_HOST_USER = _MAIL.user
EMAIL_HOST_PASSWORD = _MAIL.password
EMAIL_USE_TLS = _MAIL.starttls
EMAIL_USE_SSL = _MAIL.tls
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("CUSTODY_EMAIL_FROM") or "custody@localhost"

# --- people ---------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.local_passwords.LocalPasswordGate",  # first: it refuses all passwords where they are switched off
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ANONYMOUS_USER_NAME = None
GUARDIAN_RAISE_403 = False
# Passkeys belong to one host name, and are asked for on pages of these origins only.
PASSKEY_RP_ID, PASSKEY_ORIGINS = env.relying_party(
    env.text("CUSTODY_PASSKEY_RP_ID"), env.names("CUSTODY_PASSKEY_ORIGINS"), BASE_URL
)
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/"
SESSION_ENGINE = "accounts.session_store"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
HTTPS = env.flag("CUSTODY_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Decisions of the operator of the proxy and the owner of the domain, which `check --deploy` cannot see.
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for the subdomains: other services may live there
    "security.W008",  # the proxy that ends TLS redirects (deploy/nginx.conf); probes ask this server without TLS
    "security.W021",  # the browsers' preload list: removal from it takes months
]

# Identity providers of single sign-on (OpenID Connect), and whether people may sign in with a password kept here.
IDENTITY_PROVIDERS = identity_providers(env.names("CUSTODY_OIDC"))
LOCAL_PASSWORDS = env.flag("CUSTODY_LOCAL_PASSWORDS", default=True)
# The people who may decide only with a second factor, or do nothing without one.
SECOND_FACTOR = env.choice("CUSTODY_SECOND_FACTOR", ["off", "reviewers", "all"], "off")
# Issuers of identity tokens of jobs that rules may name, and for how many minutes the tokens are valid that jobs get.
TRUSTED_ISSUERS = trusted_issuers(
    env.names("CUSTODY_TRUSTED_ISSUERS", "https://token.actions.githubusercontent.com,https://gitlab.com")
)
EXCHANGED_TOKEN_MINUTES = env.number("CUSTODY_EXCHANGED_TOKEN_MINUTES", 15, least=1)
# Accounts that an identity provider makes over SCIM: the service account whose tokens may, the groups that it fills,
# and the provider of CUSTODY_OIDC at which these people sign in, with the claim that has the externalId.
SCIM_ACCOUNT = env.text("CUSTODY_SCIM_ACCOUNT")
SCIM_GROUPS = scim_groups(env.text("CUSTODY_SCIM_GROUPS"), IDENTITY_PROVIDERS)
SCIM_PROVIDER = env.choice("CUSTODY_SCIM_PROVIDER", ["", *(provider.id for provider in IDENTITY_PROVIDERS)], "")
SCIM_SUBJECT_CLAIM = env.text("CUSTODY_SCIM_SUBJECT_CLAIM") or "sub"
SOCIALACCOUNT_ADAPTER = "accounts.oidc.clients.SocialAdapter"

# --- API ------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.api_auth.TokenAuthentication", "config.api_auth.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["config.api_auth.IsAuthenticatedWithScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api_parse.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.api_operations.Schema",
    "EXCEPTION_HANDLER": "config.api_errors.problem_response",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_PAGINATION_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,  # `format` is a parameter like any other: the views that take it declare it
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Custody",
    "VERSION": VERSION,
    "DESCRIPTION": "Custody's own API. Authorize takes an API token, which you make on your account page.",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "ModelLevelEnum": ["read", "edit", "manage_staging", "manage_production", "manage"],
        "ExperimentLevelEnum": ["read", "edit", "manage"],
        "StatusStateEnum": ["ok", "warning", "critical"],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "/static/custody/favicon.svg",
    "SERVE_PERMISSIONS": ["config.api_auth.IsAuthenticatedWithScope"],
    "SERVE_AUTHENTICATION": ["config.api_auth.TokenAuthentication", "config.api_auth.SessionAuthentication"],
}

# --- pages ----------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = ["config.formats"]  # times on the pages of tables look as on every other page
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"  # `collectstatic` is optional: without it files are served from their folders
WHITENOISE_USE_FINDERS = True
# django-unfold's Alpine needs 'unsafe-eval' and inline styles; our own pages have no inline scripts or styles.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
    },
}
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Custody",
    "SITE_HEADER": "Custody",
    "SITE_SUBHEADER": "Model registry",
    "SITE_SYMBOL": "verified_user",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("custody/favicon.svg")},
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda _request: static("custody/custody.css")],
    # Not deferred, so that the components are there when Alpine starts.
    "SCRIPTS": [lambda _request: static("custody/alpine-components.js")],
    "SIDEBAR": {"show_search": False},  # the links are in config/navigation.py
    "LOGIN": {"form": "console.shell.sign_in.SignInForm"},
    "ACCOUNT": {
        "navigation": [
            {"title": "Notification settings", "link": reverse_lazy("console:notification_settings")},
            {"title": "Delegations", "link": reverse_lazy("console:delegations")},
            {"title": "API tokens", "link": reverse_lazy("console:tokens")},
            *(
                [{"title": "Identity providers", "link": reverse_lazy("console:identities")}]
                if IDENTITY_PROVIDERS
                else []
            ),
            {"title": "Sessions", "link": reverse_lazy("console:sessions")},
            *([{"title": "Second factor", "link": reverse_lazy("console:second_factor")}] if LOCAL_PASSWORDS else []),
            {"title": "Passkeys", "link": reverse_lazy("console:passkeys")},
            *([{"title": "Change password", "link": reverse_lazy("admin:password_change")}] if LOCAL_PASSWORDS else []),
        ],
    },
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 274)",
            "100": "oklch(94% .028 274)",
            "200": "oklch(88.5% .056 274)",
            "300": "oklch(80.5% .095 274)",
            "400": "oklch(71% .14 274)",
            "500": "oklch(62% .17 274)",
            "600": "oklch(52.5% .185 274)",
            "700": "oklch(46% .17 274)",
            "800": "oklch(40% .145 274)",
            "900": "oklch(34.5% .115 274)",
            "950": "oklch(26% .085 274)",
        },
    },
}

# One line of key=value for people, or one JSON object a line for a log collector.
LOG_FORMAT = env.choice("CUSTODY_LOG_FORMAT", ("text", "json"), "text")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"text": {"()": "config.logs.LogLine"}, "json": {"()": "config.logs.JsonLine"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"django.request": {"level": "ERROR"}},
}
