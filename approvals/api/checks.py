"""/api/v1: what checks there are, their runs and evidence, results from outside, and the keys that sign those."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

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
from approvals.models import CheckKey, CheckRun
from approvals.requests.queries import get_check_run, visible_check_runs
from registry.api import actor_of, checked, many, page
from validation.catalogue import known_checks

_FILTERS = {"request": "request_id", "rule": "rule", "check_code": "check_code", "state": "state"}


class ChecksView(APIView):
    """GET: the checks a policy may name, with their parameters."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature; everybody signed in may know
        """List the checks a policy may name, with their parameters."""
        return Response({"checks": [check_json(check) for check in known_checks().values()]})


class CheckRunsView(APIView):
    """GET: validation jobs, newest first; by request and rule, for instance."""

    @extend_schema(parameters=[ListCheckRunsSerializer], responses=CheckRunDetailSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the check jobs of the models the caller may see, newest first, filtered by the query."""
        wanted = checked(ListCheckRunsSerializer, request.query_params)
        found = visible_check_runs(actor_of(request))
        found = found.filter(**{column: wanted[name] for name, column in _FILTERS.items() if wanted.get(name)})
        if wanted["model"]:
            found = found.filter(request__version__model__name=wanted["model"])
        rows, rest = page(found, wanted)
        return Response({"check_runs": many(CheckRunDetailSerializer, rows, files=files_of_jobs(rows)), **rest})


class CheckRunView(APIView):
    """GET: one job, with its evidence, its files and its log."""

    @extend_schema(responses=CheckRunDetailSerializer)
    def get(self, request: Request, check_run_id: int) -> Response:
        """Return one job, with its evidence, its files and its log. Raises NotFound."""
        return Response(_detail(get_check_run(actor_of(request), check_run_id)))


class CancelView(APIView):
    """POST: cancel a job that waits or runs."""

    @extend_schema(request=CancelSerializer, responses=CheckRunDetailSerializer)
    def post(self, request: Request, check_run_id: int) -> Response:
        """Cancel a job that waits or runs, and return it. Raises NotFound, Denied, InvalidState (it has finished)."""
        said = checked(CancelSerializer, request.data)
        return Response(_detail(cancel_check(actor=actor_of(request), check_run_id=check_run_id, **said)))


class RerunView(APIView):
    """POST: queue a job again that failed, did not complete or was cancelled."""

    @extend_schema(request=None, responses=CheckRunDetailSerializer)
    def post(self, request: Request, check_run_id: int) -> Response:
        """Queue a job again that failed, did not complete or was cancelled. Raises NotFound, Denied, InvalidState."""
        return Response(_detail(rerun_check(actor=actor_of(request), check_run_id=check_run_id)))


class ResultView(APIView):
    """POST: the signed result of an external check."""

    @extend_schema(request=EnvelopeSerializer, responses=CheckRunDetailSerializer)
    def post(self, request: Request, check_run_id: int) -> Response:
        """Take the signed result of an external check and return the job, finished.

        Raises NotFound, InvalidInput (the envelope), Denied (the key), Conflict (the state has changed, or the result
        was sent before), InvalidState (no result is awaited).
        """
        envelope = checked(EnvelopeSerializer, request.data)
        done = post_result(actor=actor_of(request), check_run_id=check_run_id, envelope=envelope)
        return Response(_detail(done))


class FileView(APIView):
    """GET: one evidence file, always as a download."""

    @extend_schema(responses=OpenApiTypes.BINARY)
    def get(self, request: Request, check_run_id: int, name: str) -> FileResponse:
        """Return one evidence file, always as a download. Raises NotFound."""
        return file_response(*open_file(actor_of(request), check_run_id, name))


class KeysView(APIView):
    """GET: the keys that may sign results, revoked ones too. POST: add one; superusers only."""

    @extend_schema(responses=CheckKeySerializer(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature; public keys are public
        """List the keys that may sign results, with the revoked ones, by name."""
        return Response({"check_keys": many(CheckKeySerializer, list(CheckKey.objects.order_by("name")))})

    @extend_schema(request=AddKeySerializer, responses={201: CheckKeySerializer})
    def post(self, request: Request) -> Response:
        """Add a public key and return it (201); superusers only. Raises Denied, InvalidInput, AlreadyExists."""
        made = add_check_key(actor=actor_of(request), **checked(AddKeySerializer, request.data))
        return Response(CheckKeySerializer(made).data, status=status.HTTP_201_CREATED)


class RevokeKeyView(APIView):
    """POST: revoke a key; superusers only."""

    @extend_schema(request=RevokeKeySerializer, responses=CheckKeySerializer)
    def post(self, request: Request, name: str) -> Response:
        """Revoke a key and return it: no later result signed with it is accepted. Superusers only.

        Raises NotFound, InvalidState, Denied.
        """
        said = checked(RevokeKeySerializer, request.data)
        return Response(CheckKeySerializer(revoke_check_key(actor=actor_of(request), name=name, **said)).data)


def file_response(row: Any, stream: Any) -> FileResponse:
    """Return an evidence file as a download: what a check or a model wrote is never shown as a page of this site."""
    headers = {
        "Content-Length": str(row.size),
        "Content-Security-Policy": "sandbox",
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{row.sha256}"',
    }
    return FileResponse(
        stream, as_attachment=True, filename=row.name, content_type="application/octet-stream", headers=headers
    )


def _detail(job: CheckRun) -> dict[str, Any]:
    return dict(CheckRunDetailSerializer(job, context={"files": files_of_jobs([job])}).data)
