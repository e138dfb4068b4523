"""Serializers of checks, their runs and their keys in /api/v1. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from approvals.api.serializers import CheckRunSerializer
from approvals.check_runs.control import MAX_REASON
from approvals.check_runs.keys import MAX_NOTE
from approvals.models import CheckEvidence, CheckKey, CheckRun, CheckState
from core.ids import MAX_ROW_ID
from core.rest import PeriodQuery
from validation.base import Check, seconds_for


class EvidenceSerializer(serializers.Serializer[CheckEvidence]):
    """An evidence file that a check wrote."""

    name = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    media_type = serializers.CharField()


class CheckRunDetailSerializer(CheckRunSerializer):
    """A validation job in full."""

    request = serializers.IntegerField(source="request_id")
    model = serializers.CharField(source="request.version.model.name")
    version = serializers.IntegerField(source="request.version.version")
    artifact_digest = serializers.CharField(source="request.version.artifact_digest")
    params = serializers.JSONField()
    worker = serializers.CharField()
    log = serializers.CharField()
    files = serializers.SerializerMethodField(help_text="Evidence files; read them at …/files/NAME.")

    def get_files(self, job: CheckRun) -> list[Any]:
        """Return the evidence files of the job."""
        rows = self.context.get("files", [])
        files_of_job: Any = [row for row in rows if row.check_run_id == job.pk]
        return list(EvidenceSerializer(files_of_job, many=True).data)


class ListCheckRunsSerializer(PeriodQuery):
    """Query parameters of a list of jobs; ``since`` and ``until`` are about when they were queued."""

    request = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ROW_ID)
    rule = serializers.CharField(default="", allow_blank=True, max_length=100)
    check_code = serializers.CharField(default="", allow_blank=True, max_length=100)
    model = serializers.CharField(default="", allow_blank=True, max_length=256, trim_whitespace=False)
    state = serializers.ChoiceField(choices=CheckState.values, required=False, default="")
    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    author = serializers.CharField(required=False, max_length=150, help_text="Who posted the result.")


class CancelSerializer(serializers.Serializer[Any]):
    """Body of a cancellation: the reason."""

    reason = serializers.CharField(default="", allow_blank=True, max_length=MAX_REASON)


class EnvelopeSerializer(serializers.Serializer[Any]):
    """A DSSE envelope. docs/reference.md describes its payload."""

    payloadType = serializers.CharField(max_length=200)  # noqa: N815 - DSSE's name
    payload = serializers.CharField(max_length=600_000)
    signatures = serializers.ListField(child=serializers.DictField(), max_length=1, min_length=1)


class CheckKeySerializer(serializers.Serializer[CheckKey]):
    """A key that may sign results of external checks."""

    name = serializers.CharField()
    public_key = serializers.CharField()
    note = serializers.CharField()
    added_by = serializers.CharField()
    added_at = serializers.DateTimeField()
    revoked_by = serializers.CharField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class AddKeySerializer(serializers.Serializer[Any]):
    """A new key: Ed25519, its 32 public bytes in base64."""

    name = serializers.CharField(max_length=100)
    public_key = serializers.CharField(max_length=200)
    note = serializers.CharField(default="", allow_blank=True, max_length=MAX_NOTE)


class RevokeKeySerializer(serializers.Serializer[Any]):
    """Body of a revocation: the reason."""

    reason = serializers.CharField(default="", allow_blank=True, max_length=MAX_NOTE)


def check_json(check: Check) -> dict[str, Any]:
    """Return a check with its parameters as JSON."""
    return {
        "code": check.code,
        "description": getattr(check, "description", ""),
        "queue": "" if getattr(check, "posted", False) else getattr(check, "queue", "fast"),
        "seconds": None if getattr(check, "posted", False) else seconds_for(check),
        "params": [
            {
                "name": param.name,
                "must_be": param.must_be,
                "default": param.shown_default,
                "required": param.required,
                "description": param.description,
            }
            for param in getattr(check, "params", ())
        ],
    }
