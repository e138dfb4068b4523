"""Models of validation jobs, their evidence files, and the keys that sign results of external checks."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from approvals.models.requests import TransitionRequest
from core.append_only import AppendOnlyModel


class CheckState(models.TextChoices):
    """The state of a check job.

    `waiting` is a job whose result an external system posts; no worker runs it. `failed` means that the version did not
    pass the check, `error` that the check did not complete. Neither `error` nor `cancelled` counts as passed.
    """

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    CANCELLED = "cancelled"


# Unfinished jobs are with a worker or in its queue. A job in `waiting` is neither unfinished nor finished.
UNFINISHED_CHECKS = (CheckState.QUEUED, CheckState.RUNNING)
FINISHED_CHECKS = (CheckState.PASSED, CheckState.FAILED, CheckState.ERROR, CheckState.CANCELLED)


class CheckRun(models.Model):
    """One check job of one request. The row has the state; a message in the queue only has the id of the row.

    ``inputs_digest`` identifies what the check reads (tags, metrics, card, artifact), so that an outdated result is
    recognised. ``fence`` grows with each lease: a worker may write its result only while its fence is that of the row.
    ``lease_until`` of a running job is when it is taken from a worker that reports nothing; of a queued job, when its
    message is sent again. ``ends_by`` is when a running job is stopped. ``log`` is the end of its output. ``author`` is
    the username that posted the result of an external check.
    """

    request = models.ForeignKey(TransitionRequest, on_delete=models.PROTECT, related_name="check_runs")
    rule = models.CharField(max_length=110)
    check_code = models.CharField(max_length=100)
    params = models.JSONField(default=dict, blank=True)
    inputs_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=CheckState, default=CheckState.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0)
    summary = models.CharField(max_length=1000, default="", blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    evidence_digest = models.CharField(max_length=64, default="", blank=True)
    attempts = models.PositiveIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    ends_by = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, default="", blank=True)
    author = models.CharField(max_length=150, default="", blank=True)
    log = models.TextField(default="", blank=True)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "rule", "inputs_digest"], name="approvals_checkrun_once"),
            models.CheckConstraint(condition=Q(state__in=CheckState.values), name="approvals_checkrun_state"),
        ]
        indexes = [
            models.Index(
                fields=["lease_until"], name="approvals_checkrun_lease", condition=Q(state__in=["queued", "running"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.check_code} {self.state}"


class CheckEvidence(AppendOnlyModel):
    """An evidence file of one attempt (``fence``) of a job. Its bytes are in the artifact store under their SHA-256."""

    check_run = models.ForeignKey(CheckRun, on_delete=models.PROTECT, related_name="files", db_index=False)
    fence = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=100)
    stored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["check_run", "fence", "name"], name="approvals_evidence_name"),
            models.CheckConstraint(condition=Q(size__gte=0), name="approvals_evidence_size"),
        ]

    def __str__(self) -> str:
        return self.name


class CheckKey(models.Model):
    """A public key (Ed25519, 32 bytes in base64) that verifies results of external checks. It is never deleted."""

    name = models.CharField(max_length=100, unique=True)
    public_key = models.CharField(max_length=60)
    note = models.CharField(max_length=500, default="", blank=True)
    added_by = models.CharField(max_length=150)
    added_at = models.DateTimeField(auto_now_add=True)
    revoked_by = models.CharField(max_length=150, default="", blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class ExternalResult(AppendOnlyModel):
    """A posted result of an external check: the signed payload and who posted it. Each nonce of a key is used once."""

    check_run = models.ForeignKey(CheckRun, on_delete=models.PROTECT, related_name="posted")
    key = models.ForeignKey(CheckKey, on_delete=models.PROTECT, related_name="+", db_index=False)
    nonce = models.CharField(max_length=100)
    payload = models.TextField()
    signature = models.CharField(max_length=100)
    posted_by = models.CharField(max_length=150)
    posted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "nonce"], name="approvals_external_once")]

    def __str__(self) -> str:
        return f"result of {self.check_run_id} by {self.posted_by}"
