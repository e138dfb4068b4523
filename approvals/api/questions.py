"""/api/v1/audit/questions: the saved questions of auditors, and exports of their answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.questions.answers import Answer, answer_json
from approvals.questions.approvals_of_version import who_approved
from approvals.questions.approvers import who_could_approve
from approvals.questions.exceptions import exceptions_of
from approvals.questions.production import in_production
from approvals.questions.service import Form, export_answer
from core.actors import Scope, actor_of
from core.rest import ApiView, accepts

_MAX_NUMBER = 2**31 - 1
_FILE = {(200, "text/csv"): OpenApiTypes.STR, (200, "application/json"): OpenApiTypes.OBJECT}


class ApprovalsQuestion(serializers.Serializer[Any]):
    """Parameters of: who approved this version, on which evidence?"""

    model = serializers.CharField(max_length=256)
    version = serializers.IntegerField(min_value=1, max_value=_MAX_NUMBER)


class ExceptionsQuestion(serializers.Serializer[Any]):
    """Parameters of: which overrides, emergencies and self-service moves had this quarter?"""

    quarter = serializers.CharField(max_length=7, help_text="Such as 2026-Q4.")
    model = serializers.CharField(max_length=256, required=False)


class ProductionQuestion(serializers.Serializer[Any]):
    """Parameters of: what was in Production on this date?"""

    date = serializers.DateField(help_text="A day in UTC.")
    model = serializers.CharField(max_length=256, required=False)


class ApproversQuestion(serializers.Serializer[Any]):
    """Parameters of: who could approve a move of this model on this date?"""

    model = serializers.CharField(max_length=256)
    date = serializers.DateField(help_text="A day in UTC. The answer is about its end.")
    target = serializers.CharField(max_length=256, required=False, help_text="By default Production.")


class _Exported(serializers.Serializer[Any]):
    form = serializers.ChoiceField(choices=[form.value for form in Form])


class ApprovalsExport(_Exported, ApprovalsQuestion):
    """Body of an export: the question, and the format."""


class ExceptionsExport(_Exported, ExceptionsQuestion):
    """Body of an export: the question, and the format."""


class ProductionExport(_Exported, ProductionQuestion):
    """Body of an export: the question, and the format."""


class ApproversExport(_Exported, ApproversQuestion):
    """Body of an export: the question, and the format."""


class _QuestionView(ApiView):
    required_scopes: ClassVar[dict[str, str]] = {"GET": Scope.AUDIT_EXPORT, "POST": Scope.AUDIT_EXPORT}
    ask: Callable[..., Answer]

    def _answer(self, request: Request) -> Response:
        return Response(answer_json(type(self).ask(actor_of(request), **self.query)))

    def _export(self, request: Request) -> HttpResponse:
        parameters = dict(self.body)
        form = Form(parameters.pop("form"))
        answer = type(self).ask(actor_of(request), **parameters)
        file = export_answer(actor=actor_of(request), answer=answer, form=form)
        headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
        return HttpResponse(file.data, content_type=file.media_type, headers=headers)


class ApprovalsQuestionView(_QuestionView):
    """GET: who approved a version, on which evidence. POST: the answer as a file."""

    ask = staticmethod(who_approved)

    @accepts(query=ApprovalsQuestion, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return the people who approved a version, and the evidence. Raises NotFound, InvalidInput."""
        return self._answer(request)

    @accepts(body=ApprovalsExport, responses=_FILE)
    def post(self, request: Request) -> HttpResponse:
        """Export the people who approved a version, and the evidence, as CSV or JSON; an event records it.

        Raises NotFound, InvalidInput.
        """
        return self._export(request)


class ExceptionsQuestionView(_QuestionView):
    """GET: the overrides, emergencies and self-service moves of a quarter. POST: the answer as a file."""

    ask = staticmethod(exceptions_of)

    @accepts(query=ExceptionsQuestion, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return the overrides, emergencies and self-service moves of a quarter.

        Raises NotFound, Denied, InvalidInput.
        """
        return self._answer(request)

    @accepts(body=ExceptionsExport, responses=_FILE)
    def post(self, request: Request) -> HttpResponse:
        """Export the overrides, emergencies and self-service moves of a quarter, as CSV or JSON; an event records it.

        Raises NotFound, Denied, InvalidInput.
        """
        return self._export(request)


class ProductionQuestionView(_QuestionView):
    """GET: the versions that were in Production on a date. POST: the answer as a file."""

    ask = staticmethod(in_production)

    @accepts(query=ProductionQuestion, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return the versions that were in Production on a date. Raises NotFound, Denied, InvalidInput."""
        return self._answer(request)

    @accepts(body=ProductionExport, responses=_FILE)
    def post(self, request: Request) -> HttpResponse:
        """Export the versions that were in Production on a date, as CSV or JSON; an event records it.

        Raises NotFound, Denied, InvalidInput.
        """
        return self._export(request)


class ApproversQuestionView(_QuestionView):
    """GET: who could approve a move of a model on a date. POST: the answer as a file."""

    ask = staticmethod(who_could_approve)

    @accepts(query=ApproversQuestion, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return the people who could approve a move of a model on a date.

        Raises NotFound, Denied, InvalidInput, InvalidState.
        """
        return self._answer(request)

    @accepts(body=ApproversExport, responses=_FILE)
    def post(self, request: Request) -> HttpResponse:
        """Export the people who could approve a move of a model on a date, as CSV or JSON; an event records it.

        Raises NotFound, Denied, InvalidInput, InvalidState.
        """
        return self._export(request)
