"""/api/v1: checks, their runs and evidence, external results, and the keys that sign external results."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api.check_serializers import (
    AddKeySerializer,
    CancelSerializer,
    CheckKeySerializer,
    CheckRunDetailSerializer,
    EnvelopeSerializer,
    ListCheckRunsSerializer,
    RevokeKeySerializer,
    check_json,
)
from approvals.check_runs.control import cancel_check, rerun_check
from approvals.check_runs.evidence import files_of_jobs, open_file
from approvals.check_runs.external_results import post_result
from approvals.check_runs.keys import add_check_key, revoke_check_key
from approvals.check_runs.visible_facts import visible_evidence
from approvals.models import CheckKey, CheckRun
from approvals.requests.queries import get_check_run, visible_check_runs
from core.rest import ApiView, accepts, filters, listed, page
from registry.api.views import actor_of, many
from validation.catalogue import known_checks

_FILTERS = {
    "request": "request_id",
    "rule": "rule",
    "check_code": "check_code",
    "state": "state",
    "model": "request__version__model__name",
    "version": "request__version__version",
    "author": "author",
    "since": "queued_at__gte",
    "until": "queued_at__lt",
}


class ChecksView(ApiView):
    """GET: the checks a policy may name, with their parameters."""

    @accepts(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature; everybody signed in may see
        """List the checks a policy may name, with their parameters."""
        return Response({"checks": [check_json(check) for check in known_checks().values()]})


class CheckRunsView(ApiView):
    """GET: validation jobs, newest first, filtered by request, rule, state and others."""

    @accepts(query=ListCheckRunsSerializer, responses=listed("check_runs", CheckRunDetailSerializer))
    def get(self, request: Request) -> Response:
        """List the check jobs of the models the caller may see, newest first, filtered by the query."""
        query = self.query
        check_runs = visible_check_runs(actor_of(request)).filter(**filters(query, _FILTERS))
        rows, paging = page(check_runs, query)
        context = {"files": files_of_jobs(rows), "evidence": visible_evidence(actor_of(request), rows)}
        return Response({"check_runs": many(CheckRunDetailSerializer, rows, **context), **paging})


class CheckRunView(ApiView):
    """GET: one job, with its evidence, its files and its log."""

    @accepts(responses=CheckRunDetailSerializer)
    def get(self, request: Request, check_run_id: int) -> Response:
        """Return one job, with its evidence, its files and its log. Raises NotFound."""
        return Response(_detail(request, get_check_run(actor_of(request), check_run_id)))


class CancelView(ApiView):
    """POST: cancel a job that waits or runs."""

    @accepts(body=CancelSerializer, responses=CheckRunDetailSerializer)
    def post(self, request: Request, check_run_id: int) -> Response:
        """Cancel a job that waits or runs, and return it. Raises NotFound, Denied, InvalidState (it has finished)."""
        body = self.body
        return Response(_detail(request, cancel_check(actor=actor_of(request), check_run_id=check_run_id, **body)))


class RerunView(ApiView):
    """POST: queue a job again that failed, did not complete or was cancelled."""

    @accepts(responses=CheckRunDetailSerializer)
    def post(self, request: Request, check_run_id: int) -> Response:
        """Queue a job again that failed, did not complete or was cancelled. Raises NotFound, Denied, InvalidState."""
        return Response(_detail(request, rerun_check(actor=actor_of(request), check_run_id=check_run_id)))


class ResultView(ApiView):
    """POST: the signed result of an external check."""

    @accepts(body=EnvelopeSerializer, responses=CheckRunDetailSerializer)
    def post(self, request: Request, check_run_id: int) -> Response:
        """Store the signed result of an external check and return the finished job.

        Raises NotFound, InvalidInput (the envelope), Denied (the key), Conflict (the state has changed, or the result
        was sent before), InvalidState (no result is awaited).
        """
        envelope = self.body
        done = post_result(actor=actor_of(request), check_run_id=check_run_id, envelope=envelope)
        return Response(_detail(request, done))


class FileView(ApiView):
    """GET: one evidence file, always as a download."""

    @accepts(responses={(200, "*/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, check_run_id: int, name: str) -> FileResponse:
        """Return one evidence file, always as a download. Raises NotFound."""
        return file_response(*open_file(actor_of(request), check_run_id, name))


class KeysView(ApiView):
    """GET: the keys that sign external results, with the revoked ones. POST: add one; superusers only."""

    @accepts(responses=listed("check_keys", CheckKeySerializer, paged=False))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature; public keys are public
        """List the keys that sign external results, with the revoked ones, by name."""
        return Response({"check_keys": many(CheckKeySerializer, list(CheckKey.objects.order_by("name")))})

    @accepts(body=AddKeySerializer, responses={201: CheckKeySerializer})
    def post(self, request: Request) -> Response:
        """Add a public key and return it (201); superusers only. Raises Denied, InvalidInput, AlreadyExists."""
        key = add_check_key(actor=actor_of(request), **self.body)
        return Response(CheckKeySerializer(key).data, status=status.HTTP_201_CREATED)


class RevokeKeyView(ApiView):
    """POST: revoke a key; superusers only."""

    @accepts(body=RevokeKeySerializer, responses=CheckKeySerializer)
    def post(self, request: Request, name: str) -> Response:
        """Revoke a key and return it: no later result signed with it is accepted. Superusers only.

        Raises NotFound, InvalidState, Denied, InvalidInput.
        """
        body = self.body
        return Response(CheckKeySerializer(revoke_check_key(actor=actor_of(request), name=name, **body)).data)


def file_response(row: Any, stream: Any) -> FileResponse:
    """Return an evidence file as a download, so that no browser shows what a check wrote as a page of this site."""
    headers = {
        "Content-Length": str(row.size),
        "Content-Security-Policy": "sandbox",
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{row.sha256}"',
    }
    return FileResponse(
        stream, as_attachment=True, filename=row.name, content_type="application/octet-stream", headers=headers
    )


def _detail(request: Request, job: CheckRun) -> dict[str, Any]:
    context = {"files": files_of_jobs([job]), "evidence": visible_evidence(actor_of(request), [job])}
    return dict(CheckRunDetailSerializer(job, context=context).data)
